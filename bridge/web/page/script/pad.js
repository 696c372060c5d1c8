// One pad: a slot's prompt, and how it is: empty, stored, armed or playing, on which decks.

import { carry } from "./carry.js";
import { make } from "./dom.js";
import { hand } from "./hand.js";
import { follow } from "./link.js";
import { clearSlot, onTouch, pressSlot, words } from "./pressing.js";

const AT_REST = ["empty", 0];

/** Makes a pad for a key. `show(slot)` says which slot it stands for, `label()` writes its name anew,
 * `name(key)` that of its key, `stored(prompt)` shows what was just stored. */
export function makePad(key) {
  const number = make("span", { class: "pad-number figures" });
  const text = make("span", { class: "pad-words" });
  const decks = make("span", { class: "pad-decks figures" });
  const name = make("kbd", { class: "pad-key", text: key, "aria-hidden": "true" });
  const button = make("button", { type: "button", class: "pad" }, number, text, decks, name);
  const pad = { button, slot: 0, prompt: [""], state: AT_REST };
  let ends = [];

  const show = (slot) => {
    for (const end of ends) end();
    number.textContent = pad.slot = slot;
    button.dataset.address = `/slot/${slot}/launch`;
    [pad.prompt, pad.state] = [[""], AT_REST];
    draw();
    ends = [
      follow(`/slot/${slot}/prompt`, (...prompt) => draw((pad.prompt = prompt))),
      follow(`/slot/${slot}/state`, (...state) => draw((pad.state = state))),
    ];
  };
  const label = () => {
    const name = `Slot ${pad.slot}, ${said(pad)}`;
    button.setAttribute("aria-label", hand().storing ? `Store in ${name}` : name);
  };
  const draw = () => {
    const [state, deck] = pad.state;
    const armed = pad.state.includes("armed");
    button.className = ["pad", state, deck ? `deck-${deck}` : "", armed ? "waits" : ""].join(" ");
    text.textContent = state === "empty" ? "" : words(pad.prompt);
    button.title = text.textContent;
    decks.replaceChildren(...places(pad.state).map(badge));
    label();
  };
  pressing(button, number, pad);
  return {
    button, show, label,
    name: (now) => (name.textContent = now),
    stored: (prompt) => draw((pad.prompt = prompt)),
    slot: () => pad.slot,
  };
}

/** `[[state, deck], ...]` of the decks that the slot is on. */
function places(state) {
  const found = [];
  for (let i = 0; i < state.length; i += 2) if (state[i + 1]) found.push([state[i], state[i + 1]]);
  return found;
}

const badge = ([state, deck]) => make("span", { class: `pad-deck deck-${deck} ${state}`, text: deck });

function said({ prompt, state }) {
  if (state[0] === "empty") return "empty";
  const where = places(state).map(([how, deck]) => `${how} on deck ${deck}`);
  return [words(prompt), ...(where.length ? where : ["stored"])].join(", ");
}

/** Only the number waits until it is let go: from there a pad can be carried to a deck. */
function pressing(button, number, pad) {
  const press = (event, options = {}) => {
    pressSlot(pad.slot, event.shiftKey ? { ...options, store: true } : options);
  };
  onTouch(button, (event) => {
    if (event.target !== number || hand().storing || pad.state[0] === "empty") press(event);
    else carry(event, button, words(pad.prompt), (deck) => press(event, deck ? { deck } : {}));
  });
  button.addEventListener("keydown", (event) => {
    if (event.key === "Delete") clearSlot(pad.slot);
  });
}
