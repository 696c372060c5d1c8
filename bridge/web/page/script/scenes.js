// Scenes: the state of all decks under one button.

import { make } from "./dom.js";
import { followHand, hand } from "./hand.js";
import { follow, followLink } from "./link.js";
import { onTouch, pressScene } from "./pressing.js";
import { rove } from "./rove.js";

const SCENES = 16;
const COLUMNS = 4;

export function makeScenes() {
  const scenes = Array.from({ length: SCENES }, (_, i) => makeScene(i + 1));
  const buttons = scenes.map((scene) => scene.button);
  const block = make("div", { class: "scenes-block", role: "group", "aria-label": "Scenes" }, ...buttons);
  rove(block, buttons, COLUMNS);
  followHand(() => scenes.forEach((scene) => scene.label()));
  followLink((up) => up && scenes.forEach((scene) => scene.show("empty")));
  return make("section", { class: "scenes", "aria-label": "Scenes" }, make("h2", { text: "Scenes" }), block);
}

function makeScene(number) {
  const button = make("button", {
    type: "button", text: number, title: "All decks at once", "data-address": `/scene/${number}/launch`,
  });
  onTouch(button, (event) => pressScene(number, hand().storing || event.shiftKey));
  let state = "empty";
  const label = () => {
    const name = `Scene ${number}, ${state}`;
    button.setAttribute("aria-label", hand().storing ? `Store in ${name}` : name);
  };
  const show = (now) => {
    state = now;
    button.className = `scene figures ${state}`;
    label();
  };
  follow(`/scene/${number}/state`, show);
  return { button, label, show };
}
