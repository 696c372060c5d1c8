// Controls that are tied to an address: what the hand does is sent, what anybody does is shown.
//
// Each is a native element or has its role, can be reached and moved by keyboard, and has a name:
// `name` for those who hear it ("Deck 1 gain"), where `label` alone ("Gain") says too little. Ranges
// come from the table. What can be dragged is in slide.js.

import { make, shown } from "./dom.js";
import { follow, hear, known, send } from "./link.js";
import { slide, wayOf } from "./slide.js";
import { describe, range } from "./table.js";

export { paced, wayOf } from "./slide.js";

/** What a control bears that belongs to an address: so it is known by what it does. */
export const marks = (address) => ({ "data-address": address, title: describe(address) });

/** A button that sends a trigger. A `quick` one acts when it is touched, not when it is let go. */
export function trigger({ address, label, name = label, text = label, args = [], kind = "", quick = false }) {
  const button = make("button", {
    class: `trigger ${kind}`.trim(), type: "button", "aria-label": name, text,
    ...marks(address),
  });
  return onPress(button, () => send(address, ...args), quick);
}

/** Call `act` when a button is pressed: by finger, mouse or keyboard. */
export function onPress(button, act, quick = true) {
  if (quick)
    button.addEventListener("pointerdown", (event) => event.button === 0 && !button.disabled && act());
  // A click with no count of presses came by keyboard, or from what reads the page to people.
  button.addEventListener("click", (event) => (!quick || event.detail === 0) && act());
  return button;
}

/** A button that is on or off. */
export function toggle({ address, label, name = label, text = label, kind = "" }) {
  const button = make("button", {
    class: `toggle ${kind}`.trim(), type: "button", "aria-label": name, text,
    "aria-pressed": "false", ...marks(address),
  });
  follow(address, (on) => button.setAttribute("aria-pressed", String(Boolean(on))));
  return onPress(button, () => send(address, button.getAttribute("aria-pressed") !== "true"), false);
}

/** A choice among the words that the table allows. */
export function choice({ address, label, name = label }) {
  const words = range(address).choices || [];
  return pick({ address, label: name, options: words.map((word) => [word, [word]]) });
}

/** A choice among some of an address's values: `options` are [text, arguments]; any other value that
 * somebody sets is shown as `text(...arguments)`. */
export function pick({ address, label, options, text = (...args) => args.join(" ") }) {
  const select = make("select", { class: "choice", "aria-label": label, ...marks(address) });
  const offer = ([words, args]) => {
    select.append(make("option", { text: words }));
    return args;
  };
  const offered = options.map(offer);
  select.addEventListener("change", () => send(address, ...offered[select.selectedIndex]));
  follow(address, (...args) => {
    const same = (each) => each.every((value, i) => plain(value) === plain(args[i]));
    const place = offered.findIndex(same);
    select.selectedIndex = place >= 0 ? place : offered.push(offer([text(...args), args])) - 1;
  });
  return select;
}

const plain = (value) => value?.whole ?? value;

/** A text field that takes effect on Enter or when it is left, and never while somebody types.
 *
 * `read(...arguments)` is its text; `write(text)` the arguments, or null if they make no sense, which
 * brings the old text back. It is not overwritten by others while it is edited. */
export function field({ address, label, read = String, write = (text) => [text], kind = "", ...more }) {
  const element = make("input", {
    class: `field ${kind}`.trim(), type: "text", "aria-label": label, ...marks(address),
    autocomplete: "off", spellcheck: "false", ...more,
  });
  hear("/error", (refused) => refused === address && element.show());
  return edited(element, {
    read: () => read(...(known(address) || [""])),
    write: (text) => {
      const args = write(text);
      if (args) send(address, ...args);
      return Boolean(args);
    },
    follow: (show) => follow(address, show),
  });
}

/** Makes a native text element behave as `field` does. `write` tells whether it took the text. */
export function edited(element, { read, write, follow: begin }) {
  let shownText = "";
  const show = () => {
    if (document.activeElement === element && element.value !== shownText) return;
    element.value = shownText = read();
  };
  const leave = () => {
    const changed = element.value !== shownText;
    const took = changed && write(element.value.trim());
    shownText = element.value = took ? element.value.trim() : read();
  };
  element.addEventListener("blur", leave);
  element.addEventListener("keydown", (event) => {
    if (event.key === "Escape") element.value = shownText = read();
    if (event.key !== "Enter" && event.key !== "Escape") return event.stopPropagation();
    event.preventDefault();
    element.blur();
  });
  begin(show);
  element.show = show;
  return element;
}

/** A knob: drag up and down (Shift: finely), wheel, arrow keys; double click or Delete: `normal`. */
export function knob({ address, label, name = label, normal, digits = 2, unit = "" }) {
  const way = wayOf(address);
  const value = make("span", { class: "knob-value", "aria-hidden": "true" });
  const face = make("div", { class: "knob-face", "aria-hidden": "true" }, value);
  const element = make(
    "div",
    { class: "knob", ...slider(address, name, way) },
    face, make("span", { class: "knob-label", text: label, "aria-hidden": "true" }),
  );
  const show = (number) => {
    face.style.setProperty("--turn", way.position(number));
    value.textContent = shown(number, way.whole ? 0 : digits) + unit;
    say(element, number, value.textContent);
  };
  slide(element, way, show, { address, normal, axis: "y" });
  return element;
}

/** A fader, upright or lying. */
export function fader({ address, label, name = label, normal, lying = false, digits = 1, unit = "" }) {
  const way = wayOf(address);
  const fill = make("div", { class: "fader-fill", "aria-hidden": "true" });
  const value = make("span", { class: "fader-value", "aria-hidden": "true" });
  const element = make(
    "div",
    {
      class: lying ? "fader lying" : "fader", ...slider(address, name, way),
      "aria-orientation": lying ? "horizontal" : "vertical",
    },
    fill, value,
  );
  const show = (number) => {
    element.style.setProperty("--share", way.position(number));
    value.textContent = shown(number, digits);
    say(element, number, value.textContent + unit);
  };
  slide(element, way, show, { address, normal, axis: lying ? "x" : "y" });
  return element;
}

function slider(address, name, way) {
  return {
    role: "slider", tabindex: "0", "aria-label": name, ...marks(address),
    "aria-valuemin": way.min, "aria-valuemax": way.max, "aria-valuenow": way.min,
  };
}

function say(element, number, words) {
  element.setAttribute("aria-valuenow", shown(number, 3));
  element.setAttribute("aria-valuetext", words);
}
