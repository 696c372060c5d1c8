// The pads: sixteen of the 128 slots, which light as the pads of a MIDI controller do, and the scenes.
//
// Both show the server's own state, /slot/N/state and /scene/N/state, which lights controllers, too.

import { make } from "./dom.js";
import { BANKS, PADS, followHand, setHand, slotOf, turnBank } from "./hand.js";
import { toggleHelp } from "./help.js";
import { PAD_CODES, learnNames, nameOf } from "./key_names.js";
import { followLink } from "./link.js";
import { makePad } from "./pad.js";
import { hearStored, storeButton } from "./pressing.js";
import { rove } from "./rove.js";
import { makeScenes } from "./scenes.js";
import { decks } from "./table.js";

const COLUMNS = 4;

/** Fill `place` with pads and scenes. */
export function makePads(place) {
  const pads = PAD_CODES.map((code) => makePad(nameOf(code)));
  learnNames().then(() => pads.forEach((pad, i) => pad.name(nameOf(PAD_CODES[i]))));
  place.classList.add("pads-and-scenes");
  place.append(
    make("section", { class: "pads", "aria-label": "Pads" }, makeBar(), makeGrid(pads)),
    makeScenes(),
  );
  showSlots(pads);
  followHand(({ storing }) => place.classList.toggle("storing", storing));
}

function makeGrid(pads) {
  const buttons = pads.map((pad) => pad.button);
  const cells = buttons.map((button) => make("div", { class: "pad-cell", role: "gridcell" }, button));
  const rows = [0, 1, 2, 3].map((row) =>
    make("div", { class: "pad-row", role: "row" }, ...cells.slice(row * COLUMNS, (row + 1) * COLUMNS)),
  );
  const grid = make("div", { class: "pad-grid", role: "grid", "aria-label": "Pads" }, ...rows);
  rove(grid, buttons, COLUMNS);
  return grid;
}

/** Have the pads stand for the slots of the bank; a new link begins with all of them empty. */
function showSlots(pads) {
  let bank = -1;
  const show = () => pads.forEach((pad, i) => pad.show(slotOf(i)));
  followHand((now) => {
    if (now.bank !== bank) show((bank = now.bank));
    else pads.forEach((pad) => pad.label());
  });
  followLink((up) => up && show());
  hearStored((slot, prompt) => pads.find((pad) => pad.slot() === slot)?.stored(prompt));
}

function makeBar() {
  const store = make("button", {
    type: "button", class: "store", text: "Store", "aria-pressed": "false",
    title: "Then press a pad or a scene; or hold it and press several (Shift with a pad's key)",
  });
  storeButton(store);
  followHand(({ storing }) => store.setAttribute("aria-pressed", String(storing)));
  return make(
    "div", { class: "pads-bar" },
    makeTarget(), store, makeBanks(),
    make("button", {
      type: "button", class: "quiet", text: "?", "aria-label": "Keyboard shortcuts",
      title: "Keyboard shortcuts", onclick: toggleHelp,
    }),
  );
}

/** Which deck the pads play on, or store from. */
function makeTarget() {
  const buttons = Array.from({ length: decks() }, (_, i) =>
    make("button", {
      type: "button", role: "radio", class: `target deck-${i + 1} figures`, text: i + 1,
      "aria-label": `Pads play on deck ${i + 1}`,
      onclick: () => setHand({ deck: i + 1 }),
    }),
  );
  const group = make("div", { class: "targets", role: "radiogroup", "aria-label": "Pads play on" }, ...buttons);
  const stop = rove(group, buttons, 1, (at) => setHand({ deck: at + 1 }));
  const label = make("span", { class: "soft", role: "status" });
  followHand(({ deck, storing }) => {
    buttons.forEach((each, i) => each.setAttribute("aria-checked", String(i + 1 === deck)));
    stop(deck - 1);
    label.textContent = storing ? "Store deck" : "Pads to deck";
  });
  return make("div", { class: buttons.length > 4 ? "pads-target many" : "pads-target" }, label, group);
}

function makeBanks() {
  const shown = make("span", { class: "pads-bank figures", role: "status" });
  followHand(() => (shown.textContent = `${slotOf(0)}–${slotOf(PADS - 1)}`));
  const turn = (by, text, label) =>
    make("button", {
      type: "button", class: "quiet", text, "aria-label": label, title: `${label} (${BANKS} banks)`,
      onclick: () => turnBank(by),
    });
  return make(
    "div", { class: "pads-banks" },
    turn(-1, "◀", "Previous bank"), shown, turn(1, "▶", "Next bank"),
  );
}
