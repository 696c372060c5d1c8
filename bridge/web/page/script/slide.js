// What can be dragged along a way: knobs, faders, and whatever else is a number with two ends.

import { clamp } from "./dom.js";
import { follow, known, send } from "./link.js";
import { whole } from "./osc.js";
import { node, range } from "./table.js";

const LOG_FROM_RATIO = 100; // as bridge/midi/targets.py lays out a knob's way
const SENT_HZ = 30;
const SHORTEST_PX = 140; // of a drag from end to end: a small knob must not be a nervous one
const STEPS = { ArrowUp: 1, ArrowRight: 1, ArrowDown: -1, ArrowLeft: -1, PageUp: 10, PageDown: -10 };

/** `call` at most `hz` times a second: at once, then with the last arguments that came meanwhile. */
export function paced(call, hz = SENT_HZ) {
  let latest = null;
  let timer = 0;
  const go = () => {
    timer = 0;
    if (!latest) return;
    timer = setTimeout(go, 1000 / hz);
    const args = latest;
    latest = null;
    call(...args);
  };
  return (...args) => {
    latest = args;
    if (!timer) go();
  };
}

/** How a control's way 0..1 lies over an address's range. */
export function wayOf(address) {
  const { min = 0, max = 1 } = range(address);
  const log = min > 0 && max / min >= LOG_FROM_RATIO;
  const isWhole = node(address).TYPE === "i";
  return {
    min, max, whole: isWhole,
    position: (number) =>
      clamp(log ? Math.log(number / min) / Math.log(max / min) : (number - min) / (max - min), 0, 1),
    value: (position) => {
      const number = log ? min * (max / min) ** position : min + (max - min) * position;
      return isWhole ? Math.round(number) : number;
    },
  };
}

/** Pointer, wheel and keys move `element` along `way`; `show(number)` draws it. What others do is
 * shown, save while the hand is on it. */
export function slide(element, way, show, { address, normal, axis }) {
  const slider = new Slider(way, show, address);
  drag(element, slider, axis);
  element.addEventListener("dblclick", () => normal !== undefined && slider.set(normal));
  element.addEventListener(
    "wheel",
    (event) => {
      event.preventDefault();
      slider.move(-Math.sign(event.deltaY) * (event.shiftKey ? 0.002 : 0.02));
    },
    { passive: false },
  );
  element.addEventListener("keydown", (event) => {
    if (event.key in STEPS) slider.step(STEPS[event.key]);
    else if (event.key === "Home") slider.set(way.min);
    else if (event.key === "End") slider.set(way.max);
    else if (event.key === "Delete" && normal !== undefined) slider.set(normal);
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
}

class Slider {
  constructor(way, show, address) {
    this.way = way;
    this.show = show;
    this.address = address;
    this.held = false;
    this.now = way.min;
    this.send = paced((number) => send(address, way.whole ? whole(number) : number));
    follow(address, (number) => this.held || this.take(number));
  }

  take(number) {
    this.now = number;
    this.show(number);
  }

  set(number) {
    this.take(clamp(number, this.way.min, this.way.max));
    this.send(this.now);
  }

  move(share) {
    this.set(this.way.value(clamp(this.way.position(this.now) + share, 0, 1)));
  }

  step(steps) {
    if (!this.way.whole) return this.move(steps * 0.01);
    const wide = this.way.max - this.way.min > 50;
    const next = this.way.value(clamp(this.way.position(this.now) + steps * 0.01, 0, 1));
    this.set(wide && next !== this.now ? next : this.now + steps);
  }

  release() {
    this.held = false;
    const latest = known(this.address);
    if (latest && !this.moved) this.take(latest[0]);
  }
}

function drag(element, slider, axis) {
  let last = null;
  let position = 0;
  element.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    element.setPointerCapture(event.pointerId);
    element.focus({ preventScroll: true });
    last = event;
    position = slider.way.position(slider.now);
    slider.held = true;
    slider.moved = false;
    event.preventDefault();
  });
  element.addEventListener("pointermove", (event) => {
    if (!last) return;
    const moved = axis === "x" ? event.clientX - last.clientX : last.clientY - event.clientY;
    last = event;
    if (!moved) return;
    const length = axis === "x" ? element.clientWidth : Math.max(SHORTEST_PX, element.clientHeight);
    position = clamp(position + (moved / length) * (event.shiftKey ? 0.1 : 1), 0, 1);
    slider.moved = true;
    slider.set(slider.way.value(position));
  });
  for (const end of ["pointerup", "pointercancel"])
    element.addEventListener(end, () => {
      if (last) slider.release();
      last = null;
    });
}
