// The bar at the top: what to make, how long, how many of it.
//
// Its seed is drawn by the server unless a loop's was taken over ("reuse"): then one loop is made,
// the same again.

import { make, shown } from "../dom.js";
import { follow, known, send } from "../link.js";
import { whole } from "../osc.js";
import { icon } from "./icons.js";

const BARS = [1, 2, 4, 8, 16];
const MAX_VARIATIONS = 8; // as many as the model makes in one pass
const EXAMPLE = "dusty breakbeat, upright bass, warm electric piano";

/** The bar; `reuse(clip)` puts a clip's prompt, bars and seed into it, `example(prompt)` a prompt. */
export function makeRender() {
  const wanted = { bars: 4, variations: 1, seed: null };
  const prompt = make("input", {
    class: "render-prompt", type: "text", "aria-label": "Prompt of the loop", maxlength: 1000,
    placeholder: `Style, mood, instruments: ${EXAMPLE}`, autocomplete: "off", spellcheck: "false",
    enterkeyhint: "go",
  });
  const count = stepper(wanted);
  const bars = barsChoice(wanted, () => tellLength());
  const seed = seedChip(wanted, () => count.allow(wanted.seed === null));
  const length = make("span", { class: "render-length figures soft" });
  const tellLength = () => (length.textContent = lengthOf(wanted.bars));
  const go = () => begin(prompt, wanted);
  const button = make("button", { class: "render-go", type: "button", text: "Make", onclick: go });
  prompt.addEventListener("keydown", (event) => {
    event.stopPropagation();
    if (event.key === "Enter" && !event.isComposing) go();
  });
  for (const address of ["/tempo", "/signature"]) follow(address, tellLength);
  const element = make(
    "div", { class: "render", role: "group", "aria-label": "Make loops" },
    prompt, seed.element, bars.element, count.element, button, length,
  );
  const example = (words) => {
    prompt.value = words;
    prompt.focus();
  };
  const reuse = (clip) => {
    if (clip.bars) bars.set(clip.bars);
    seed.set(clip.seed);
    example(clip.prompt);
  };
  return { element, reuse, example };
}

function begin(prompt, { bars, variations, seed }) {
  const words = prompt.value.trim();
  if (!words) {
    prompt.focus();
    return;
  }
  if (seed !== null) send("/clip/render", words, whole(bars), whole(seed));
  else if (variations === 1) send("/clip/render", words, whole(bars));
  else send("/clip/variations", words, whole(bars), whole(variations));
  prompt.select();
}

/** How long so many bars are at the transport's tempo: "120 BPM · 8 s". */
function lengthOf(bars) {
  const [bpm] = known("/tempo") || [];
  const [numerator, denominator] = known("/signature") || [4, 4];
  if (!bpm) return "";
  const length_s = (bars * numerator * (4 / denominator) * 60) / bpm;
  return `${shown(bpm, 1)} BPM · ${shown(length_s, 1)} s`;
}

/** One of several numbers of bars. A number that a clip brought along joins them. */
function barsChoice(wanted, changed) {
  const element = make("div", { class: "segments", role: "radiogroup", "aria-label": "Bars" });
  const set = (bars) => {
    wanted.bars = bars;
    if (![...element.children].some((each) => Number(each.value) === bars)) add(bars);
    for (const each of element.children) {
      const isIt = Number(each.value) === bars;
      each.setAttribute("aria-checked", isIt);
      each.tabIndex = isIt ? 0 : -1;
    }
    changed();
  };
  const add = (bars) => {
    const after = [...element.children].find((each) => Number(each.value) > bars);
    const button = make("button", {
      type: "button", role: "radio", value: bars, text: bars,
      "aria-label": bars === 1 ? "1 bar" : `${bars} bars`, onclick: () => set(bars),
    });
    element.insertBefore(button, after || null);
  };
  element.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    event.stopPropagation();
    const all = [...element.children];
    const next = all.at((all.indexOf(document.activeElement) + step) % all.length);
    set(Number(next.value));
    next.focus();
  });
  BARS.forEach(add);
  queueMicrotask(() => set(wanted.bars));
  return { element: labelled("bars", element), set };
}

/** How many variations: − n +. */
function stepper(wanted) {
  const value = make("output", { class: "figures", "aria-live": "polite" });
  const step = (by, text, label) =>
    make("button", {
      type: "button", text, "aria-label": label,
      onclick: () => show(Math.min(MAX_VARIATIONS, Math.max(1, wanted.variations + by))),
    });
  const fewer = step(-1, "−", "Fewer variations");
  const more = step(1, "+", "More variations");
  const show = (count) => {
    wanted.variations = count;
    value.textContent = count;
    fewer.disabled = count === 1;
    more.disabled = count === MAX_VARIATIONS;
  };
  show(wanted.variations);
  const group = make("div", { class: "segments stepper" }, fewer, value, more);
  const element = labelled("variations", group);
  return { element, allow: (on) => (element.hidden = !on) };
}

/** The seed that was taken over, and a way to let it go. */
function seedChip(wanted, changed) {
  const words = make("span", { class: "figures" });
  const element = make(
    "span", { class: "seed-chip", hidden: true },
    words,
    make(
      "button",
      { class: "quiet", type: "button", "aria-label": "Draw a new seed", title: "Draw a new seed",
        onclick: () => set(null) },
      icon("close"),
    ),
  );
  const set = (seed) => {
    wanted.seed = seed;
    element.hidden = seed === null;
    words.textContent = `seed ${seed}`;
    changed();
  };
  return { element, set };
}

const labelled = (label, control) =>
  make(
    "div", { class: "labelled" },
    control, make("span", { class: "soft", text: label, "aria-hidden": "true" }),
  );
