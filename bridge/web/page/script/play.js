// The view that is played on: a strip for each deck, below them the pads and the master's picture.

import { makeDeck } from "./deck.js";
import { make } from "./dom.js";
import { deckLook } from "./look/deck.js";
import { masterLook } from "./look/master.js";
import { makePads } from "./pads.js";
import { decks } from "./table.js";

/** Fill the section. */
export function makePlay(place) {
  const numbers = Array.from({ length: decks() }, (_, i) => i + 1);
  const strips = make("div", { class: "decks" });
  strips.style.setProperty("--count", numbers.length);
  for (const number of numbers)
    strips.append(makeDeck(number, make("div", { class: "deck-look" }, deckLook(number))));
  const pads = make("div", { class: "pads-place" });
  makePads(pads);
  const master = make("div", { class: "master-place" }, masterLook());
  place.append(strips, make("div", { class: "below" }, pads, master));
}
