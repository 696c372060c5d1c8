// The view that is played on: a strip for each deck, below them the pads and the master's picture.

import { make } from "./dom.js";
import { decks } from "./table.js";
import { makeDeck } from "./deck.js";

/** Fill the section. */
export function makePlay(place) {
  const numbers = Array.from({ length: decks() }, (_, i) => i + 1);
  const strips = make("div", { class: "decks" });
  strips.style.setProperty("--count", numbers.length);
  for (const number of numbers) {
    const look = make("div", { class: "deck-look" });
    import("./look/deck.js").then((module) => look.append(module.deckLook(number)), () => {});
    strips.append(makeDeck(number, look));
  }
  const pads = make("div", { class: "pads-place" });
  const master = make("div", { class: "master-place" });
  import("./pads.js").then((module) => module.makePads(pads), () => {});
  import("./look/master.js").then((module) => master.append(module.masterLook()), () => {});
  place.append(strips, make("div", { class: "below" }, pads, master));
}
