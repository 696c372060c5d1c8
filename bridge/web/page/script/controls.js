// Controls that are tied to an address: what the hand does is sent, what anybody does is shown.
//
// Each is a native element or has its role, can be reached and moved by keyboard, and has a name. All
// take { address, label }. Ranges come from the table.

import { clamp, make, shown } from "./dom.js";
import { follow, send } from "./link.js";
import { whole } from "./osc.js";
import { describe, node, range } from "./table.js";

const LOG_FROM_RATIO = 100; // as bridge/midi/targets.py lays out a knob's way

/** A button that sends a trigger. */
export function trigger({ address, label, text = label, args = [], kind = "" }) {
  return make("button", {
    class: `trigger ${kind}`.trim(), type: "button", "aria-label": label, text,
    title: describe(address), onclick: () => send(address, ...args),
  });
}

/** A button that is on or off. */
export function toggle({ address, label, text = label, kind = "" }) {
  const button = make("button", {
    class: `toggle ${kind}`.trim(), type: "button", "aria-label": label, text,
    "aria-pressed": "false", title: describe(address),
    onclick: () => send(address, button.getAttribute("aria-pressed") !== "true"),
  });
  follow(address, (on) => button.setAttribute("aria-pressed", String(Boolean(on))));
  return button;
}

/** A choice among the words that the table allows. */
export function choice({ address, label }) {
  const select = make("select", {
    class: "choice", "aria-label": label, title: describe(address),
    onchange: () => send(address, select.value),
  });
  for (const word of range(address).choices || []) select.append(make("option", { text: word }));
  follow(address, (word) => (select.value = word));
  return select;
}

/** A knob: drag up and down (Shift: finely), wheel, arrow keys, double click for `normal`. */
export function knob({ address, label, normal, digits = 2, unit = "" }) {
  const way = wayOf(address);
  const face = make("div", { class: "knob-face", "aria-hidden": "true" });
  const value = make("span", { class: "knob-value", "aria-hidden": "true" });
  const element = make(
    "div",
    {
      class: "knob", role: "slider", tabindex: "0", "aria-label": label, title: describe(address),
      "aria-valuemin": way.min, "aria-valuemax": way.max,
    },
    face, value, make("span", { class: "knob-label", text: label, "aria-hidden": "true" }),
  );
  const show = (number) => {
    element.dataset.value = number;
    face.style.setProperty("--turn", way.position(number));
    value.textContent = shown(number, way.whole ? 0 : digits) + unit;
    element.setAttribute("aria-valuenow", number);
    element.setAttribute("aria-valuetext", value.textContent);
  };
  slide(element, way, show, { address, normal, axis: "y" });
  follow(address, show);
  return element;
}

/** A fader, upright or lying. */
export function fader({ address, label, normal, lying = false }) {
  const way = wayOf(address);
  const fill = make("div", { class: "fader-fill" });
  const element = make(
    "div",
    {
      class: lying ? "fader lying" : "fader", role: "slider", tabindex: "0", "aria-label": label,
      "aria-orientation": lying ? "horizontal" : "vertical", title: describe(address),
      "aria-valuemin": way.min, "aria-valuemax": way.max,
    },
    fill,
  );
  const show = (number) => {
    element.dataset.value = number;
    fill.style.setProperty("--share", way.position(number));
    element.setAttribute("aria-valuenow", shown(number, 3));
  };
  slide(element, way, show, { address, normal, axis: lying ? "x" : "y" });
  follow(address, show);
  return element;
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

/** Pointer, wheel and keys move `element` along `way`. */
function slide(element, way, show, { address, normal, axis }) {
  const now = () => Number(element.dataset.value ?? way.min);
  const set = (number) => {
    const held = clamp(number, way.min, way.max);
    show(held);
    send(address, way.whole ? whole(held) : held);
  };
  const move = (share) => set(way.value(clamp(way.position(now()) + share, 0, 1)));
  let from = null;
  element.addEventListener("pointerdown", (event) => {
    element.setPointerCapture(event.pointerId);
    element.focus();
    from = { x: event.clientX, y: event.clientY, position: way.position(now()) };
    event.preventDefault();
  });
  element.addEventListener("pointermove", (event) => {
    if (!from) return;
    const length = axis === "x" ? element.clientWidth : Math.max(120, element.clientHeight);
    const moved = axis === "x" ? event.clientX - from.x : from.y - event.clientY;
    const share = (moved / length) * (event.shiftKey ? 0.1 : 1);
    set(way.value(clamp(from.position + share, 0, 1)));
  });
  for (const end of ["pointerup", "pointercancel"])
    element.addEventListener(end, () => (from = null));
  element.addEventListener("dblclick", () => normal !== undefined && set(normal));
  element.addEventListener(
    "wheel",
    (event) => {
      event.preventDefault();
      move(-Math.sign(event.deltaY) * 0.02);
    },
    { passive: false },
  );
  element.addEventListener("keydown", (event) => {
    const steps = { ArrowUp: 1, ArrowRight: 1, ArrowDown: -1, ArrowLeft: -1, PageUp: 10, PageDown: -10 };
    if (event.key in steps) {
      if (way.whole && Math.abs(way.max - way.min) > 50) move(steps[event.key] * 0.02);
      else if (way.whole) set(now() + steps[event.key]);
      else move(steps[event.key] * 0.01);
    } else if (event.key === "Home") set(way.min);
    else if (event.key === "End") set(way.max);
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
}
