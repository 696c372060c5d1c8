// A blend of prompts as a pad: the prompts in its corners, and a point whose nearness to each is that
// one's share.

import { paced } from "./controls.js";
import { clamp, make } from "./dom.js";

const SENT_HZ = 20;
const LEAST_SHARE = 0.01; // the server forgets a prompt without any, and it would leave the pad
const SAME_SHARE = 0.015;
const DRAG_FROM_PX = 5;
const KEY_STEP = 0.05;
const KEYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const CORNERS = {
  1: [[0.5, 0.5]],
  2: [[0, 0.5], [1, 0.5]],
  3: [[0, 0], [1, 0], [0.5, 1]],
  4: [[0, 0], [1, 0], [0, 1], [1, 1]],
};

/** Where `count` prompts lie, each [x, y] in 0..1; more than four in a ring, as other clients may
 * blend them. */
export function cornersOf(count) {
  if (CORNERS[count]) return CORNERS[count];
  const angle = (i) => (2 * Math.PI * (i - 0.5)) / count - Math.PI / 2;
  return Array.from({ length: count }, (_, i) => [
    0.5 + 0.5 * Math.cos(angle(i)), 0.5 + 0.5 * Math.sin(angle(i)),
  ]);
}

/** The shares of `count` prompts at a point: by the inverse of the distance between two, and of its
 * square among more, where the far ones would have too much to say. They sum to 1. */
export function sharesAt([x, y], count) {
  const power = count === 2 ? 1 : 2;
  const near = cornersOf(count).map(([a, b]) => 1 / Math.max(1e-3, Math.hypot(x - a, y - b)) ** power);
  return normal(near.map((each) => Math.max(each / sum(near), LEAST_SHARE)));
}

/** The point whose shares come nearest to these weights. */
export function pointOf(weights) {
  const wanted = normal(weights);
  const miss = (point) => sum(sharesAt(point, wanted.length).map((each, i) => (each - wanted[i]) ** 2));
  let best = [0.5, 0.5];
  for (let reach = 0.5; reach > 0.002; reach /= 3) {
    const [x, y] = best;
    for (let i = -4; i <= 4; i++)
      for (let j = wanted.length === 2 ? 0 : -4; j <= (wanted.length === 2 ? 0 : 4); j++) {
        const tried = [clamp(x + (i / 4) * reach, 0, 1), clamp(y + (j / 4) * reach, 0, 1)];
        if (miss(tried) < miss(best)) best = tried;
      }
  }
  return best;
}

const sum = (numbers) => numbers.reduce((total, each) => total + each, 0);
const normal = (weights) => weights.map((each) => each / sum(weights));

/** The pad. `moved(shares)` is called while the hand moves the point, `choose(i)` when a prompt is
 * touched. `show(texts, weights, chosen)` draws it. */
export class BlendPad {
  constructor(name, { moved, choose }) {
    this.texts = [];
    this.shares = [1];
    this.point = [0.5, 0.5];
    this.held = false;
    this.dot = make("div", { class: "dot", "aria-hidden": "true" });
    this.plane = make("div", {
      class: "plane", role: "slider", tabindex: "0", "aria-label": `${name} blend`,
      "aria-valuemin": 0, "aria-valuemax": 100, "aria-valuenow": 50,
    }, this.dot);
    this.corners = make("div", { class: "corners" });
    this.element = make(
      "div", { class: "blend", role: "group", "aria-label": `${name} blend of prompts` },
      this.plane, this.corners,
    );
    this.name = name;
    this.choose = choose;
    this.tell = paced(() => moved(this.shares), SENT_HZ);
    this.plane.addEventListener("keydown", (event) => this.key(event));
    this.listen();
  }

  show(texts, weights, chosen) {
    const count = texts.length;
    if (!this.held && count > 1) this.settle(normal(weights));
    if (this.texts.join("\n") !== texts.join("\n")) this.lay(texts);
    this.element.hidden = count < 2;
    this.element.dataset.count = count;
    [...this.corners.children].forEach((each, i) => each.setAttribute("aria-pressed", String(i === chosen)));
    this.draw();
  }

  /** Place the point for these shares, unless it lies there already. */
  settle(shares) {
    this.shares = shares;
    const here = sharesAt(this.point, shares.length);
    const near = here.every((each, i) => Math.abs(each - shares[i]) < SAME_SHARE);
    if (!near || shares.length !== this.texts.length) this.point = pointOf(shares);
  }

  lay(texts) {
    this.texts = texts;
    const places = cornersOf(texts.length);
    this.corners.replaceChildren(...texts.map((text, i) => {
      const corner = make(
        "button",
        {
          type: "button", class: "corner", "aria-pressed": "false",
          "aria-label": `${this.name} edit prompt ${i + 1}: ${text}`, onclick: () => this.choose(i),
        },
        make("span", { class: "share figures" }), make("span", { class: "words", text }),
      );
      const [x, y] = places[i];
      corner.classList.add(x < 0.4 ? "west" : x > 0.6 ? "east" : "centre");
      corner.style.left = `${x * 100}%`;
      corner.style.top = `${y * 100}%`;
      corner.style.translate = `${-x * 100}% ${-y * 100}%`;
      return corner;
    }));
  }

  draw() {
    const [x, y] = this.point;
    this.dot.style.left = `${x * 100}%`;
    this.dot.style.top = `${y * 100}%`;
    if (this.texts.length < 2) return;
    const shares = this.shares.map((each) => Math.round(each * 100));
    [...this.corners.children].forEach((each, i) => (each.firstChild.textContent = shares[i]));
    this.plane.setAttribute("aria-valuenow", Math.round(x * 100));
    const words = this.texts.map((text, i) => `${shares[i]} % ${text}`);
    this.plane.setAttribute("aria-valuetext", words.join(", "));
  }

  move(x, y) {
    this.point = [clamp(x, 0, 1), this.texts.length === 2 ? 0.5 : clamp(y, 0, 1)];
    this.shares = sharesAt(this.point, this.texts.length);
    this.draw();
    this.tell();
  }

  key(event) {
    const step = KEYS[event.key];
    if (!step) return;
    const far = event.shiftKey ? KEY_STEP / 5 : KEY_STEP;
    this.move(this.point[0] + step[0] * far, this.point[1] + step[1] * far);
    event.preventDefault();
    event.stopPropagation();
  }

  /** A press on the plane moves the point there; one on a prompt only once it is drawn away. */
  listen() {
    let from = null;
    const to = (event) => {
      const box = this.plane.getBoundingClientRect();
      this.move((event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height);
    };
    this.element.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      from = event;
      this.held = event.target === this.plane;
      if (!this.held) return;
      this.plane.setPointerCapture(event.pointerId);
      this.plane.focus({ preventScroll: true });
      event.preventDefault();
      to(event);
    });
    this.element.addEventListener("pointermove", (event) => {
      if (!from) return;
      const far = Math.hypot(event.clientX - from.clientX, event.clientY - from.clientY);
      if (!this.held && far > DRAG_FROM_PX) {
        this.held = true;
        this.plane.setPointerCapture(event.pointerId);
      }
      if (this.held) to(event);
    });
    for (const end of ["pointerup", "pointercancel"])
      this.element.addEventListener(end, () => {
        from = null;
        this.held = false;
      });
  }
}
