// MIDI: which inputs are open, what moves there, and which control drives what.

import { make } from "../dom.js";
import { follow, hear, send } from "../link.js";
import { wordsOf } from "./words.js";
import { followLearnt, startLearning } from "./learning.js";
import { line, listed, panel } from "./panel.js";
import { followSettings } from "./settings.js";

const LIT_MS = 150;

/** The panel, and what fetches what is learnt. */
export function makeMidi() {
  const learnt = makeLearnt();
  const learn = make("button", {
    type: "button", class: "learn-begin", text: "Learn a control", onclick: () => startLearning(),
  });
  const element = panel(
    "midi", "MIDI", "Controllers are found while sideman runs. A light shows what is moved.",
    makeInputs(), makeMaps(),
    make("div", { class: "learn-line" }, learn,
      make("span", { class: "soft", text: "Click it, click a control on the page, move a knob." })),
    learnt.element,
  );
  followLearnt(learnt.refresh);
  hear("/midi/forgotten", learnt.refresh);
  return { element, refresh: learnt.refresh };
}

/** The inputs with their lights, and what was moved last. */
function makeInputs() {
  const place = make("ul", { class: "inputs" });
  const lights = new Map();
  let problem = "";
  let names = [];
  const show = () => {
    lights.clear();
    place.replaceChildren(...(names.length ? names.map((name) => input(name, lights)) : [none(problem)]));
  };
  follow("/midi/inputs", (...now) => ((names = now), show()));
  followSettings((settings) => ((problem = (settings.get("midi") || [""])[0]), show()));
  hear("/midi/activity", (name, control, position) => lights.get(name)?.(control, position));
  return place;
}

const none = (problem) => make("li", { class: "soft", text: problem || "No input yet. Plug a controller in." });

function input(name, lights) {
  const light = make("span", { class: "light", "aria-hidden": "true" });
  const moved = make("span", { class: "moved figures soft", text: "" });
  let out = 0;
  lights.set(name, (control, position) => {
    const words = control.replace(` of ${name}`, "");
    moved.textContent = words === "clock" ? "clock" : `${words} = ${position}`;
    light.classList.add("lit");
    clearTimeout(out);
    out = setTimeout(() => light.classList.remove("lit"), LIT_MS);
  });
  const own = name === "sideman" ? "sideman (for other programs to connect to)" : name;
  return make("li", { class: "input" }, light, make("span", { class: "input-name", text: own }), moved);
}

/** The controllers that have maps of their own, and the output that is sent a clock. */
function makeMaps() {
  const place = make("div", { class: "also" });
  followSettings((settings) => {
    const maps = (settings.get("midi-map") || []).map((name) => line("Map", name));
    const clocks = (settings.get("clock-out") || []).map((name) => line("Clock out", name));
    place.hidden = !(maps.length + clocks.length);
    place.replaceChildren(...maps, ...clocks);
  });
  return place;
}

/** What is learnt, each with a way to forget it. */
function makeLearnt() {
  const place = make("ul", { class: "learnt", "aria-label": "Learnt controls" });
  const refresh = async () => {
    const items = await listed("/midi/learnt/list", "/midi/learnt/item");
    place.replaceChildren(...items.map(([address, control]) =>
      make("li", { class: "learnt-item" },
        make("div", { class: "learnt-words" },
          make("span", { text: wordsOf(address), title: address }), make("span", { class: "soft", text: control })),
        make("button", {
          type: "button", class: "quiet", text: "Forget", "aria-label": `Forget ${control} for ${wordsOf(address)}`,
          onclick: () => send("/midi/forget", address),
        }))));
    place.hidden = !items.length;
  };
  return { element: place, refresh };
}
