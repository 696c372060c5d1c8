// What there is to see of a deck: its waveform, how far it is made ahead, its level.

import { make, shown } from "../dom.js";
import { Canvas } from "./canvas.js";
import { meter } from "./meter.js";
import { drawScope } from "./scope.js";
import { picture, sight } from "./sight.js";

export { meter };

const FIGURE_MS = 250;
const LITTLE_S = 0.5; // made ahead: the engine is hardly faster than the ear

/** The picture of deck `number`. */
export function deckLook(number) {
  const canvas = new Canvas("scope-picture");
  const figure = make("span", {
    class: "scope-headroom figures", "aria-hidden": "true", title: "Made ahead of the ear",
  });
  const scope = make("div", { class: "scope" }, canvas.element, figure);
  let figure_ms = 0;
  picture(scope, [number], (now_ms) => {
    if (!canvas.width) return;
    drawScope(canvas, number, now_ms);
    canvas.say(now_ms, () => words(number));
    if (now_ms - figure_ms < FIGURE_MS) return;
    figure_ms = now_ms;
    showHeadroom(figure, sight.decks.get(number));
  });
  return make("div", { class: `look deck-${number}` }, scope, meter(number));
}

function showHeadroom(figure, deck) {
  const text = deck?.sounds ? `${deck.headroom_s.toFixed(1)} s` : "";
  if (figure.textContent !== text) figure.textContent = text;
  figure.classList.toggle("little", Boolean(deck?.sounds) && deck.headroom_s < LITTLE_S);
}

function words(number) {
  const deck = sight.decks.get(number);
  if (!deck?.sounds) return `Waveform of deck ${number}: silent`;
  const held = deck.holds ? ", the last bars go round" : "";
  return `Waveform of deck ${number}: ${shown(deck.headroom_s, 1)} seconds are made ahead${held}`;
}
