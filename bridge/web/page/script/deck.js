// The strip of one deck.

import { fader, field, knob, marks, onPress, pick, toggle, trigger } from "./controls.js";
import { make } from "./dom.js";
import { ask, follow, hear, known, send } from "./link.js";
import { notice } from "./notices.js";
import { whole } from "./osc.js";
import { makePrompt } from "./prompt.js";
import { describe } from "./table.js";

const NORMAL = { temperature: 0.85, top_k: 250, guidance: 3, gain: 0 };
const BARS = [1, 2, 4, 8, 16];
const MORPH_BEATS = [0, 1, 2, 4, 8, 16, 32];
const SOUNDING = ["playing", "holding", "looping"];
const LOCKS = {
  none: "", exact: "exact", waiting: "finding the beat", locked: "locked", free: "free", off: "lock off",
};
const kept = (number) => `sideman.seed-lock.${number}`;

/** The strip of deck `number`; `look` is the picture of its sound. */
export function makeDeck(number, look) {
  const at = (name) => `/deck/${number}/${name}`;
  const named = (words) => `Deck ${number} ${words}`;
  const knobOf = (label, word, digits) =>
    knob({ address: at(word), label, name: named(word.replace("_", " ")), normal: NORMAL[word], digits });
  return make(
    "section",
    { class: `deck deck-${number}`, "aria-label": `Deck ${number}` },
    make("div", { class: "deck-head" },
      make("span", { class: "deck-number", text: number, "aria-hidden": "true" }),
      playButton(number),
      toggle({ address: at("mute"), label: "M", name: named("mute"), kind: "mute" }),
      toggle({ address: at("solo"), label: "S", name: named("solo"), kind: "solo" })),
    makePrompt(number),
    make("div", { class: "deck-sound" }, look,
      fader({ address: at("gain"), label: "Gain", name: named("gain"), normal: NORMAL.gain, unit: " dB" })),
    make("div", { class: "deck-knobs" },
      knobOf("temp.", "temperature"), knobOf("top k", "top_k"), knobOf("guidance", "guidance", 1),
      morph(at("morph"), named("morph, beats"))),
    seedRow(number),
    make("div", { class: "deck-bars" }, hold(number), capture(number)),
  );
}

/** Starts and stops on the grid, and says what the deck does. */
function playButton(number) {
  const word = make("span", { class: "state-word" });
  const lock = make("span", { class: "lock-word" });
  const sign = make("span", { class: "state-sign", "aria-hidden": "true" });
  const button = make(
    "button", { type: "button", class: "deck-play", "data-address": `/deck/${number}/play` },
    sign, make("span", { class: "state" }, word, lock),
  );
  let next = "play";
  const show = () => {
    const [state] = known(`/deck/${number}/state`) || ["stopped"];
    const rests = !Number((known("/play") || [0])[0]);
    next = SOUNDING.includes(state) || (state === "armed" && !rests) ? "stop" : "play";
    if (button.dataset.state !== state) button.dataset.state = state;
    word.textContent = state === "armed" && rests ? "ready" : state;
    sign.textContent = next === "stop" ? "■" : "▶";
    button.title = describe(`/deck/${number}/${next}`);
    button.setAttribute("aria-label", `Deck ${number} ${next}, ${word.textContent}`);
  };
  follow(`/deck/${number}/state`, show);
  follow("/play", show);
  follow(`/deck/${number}/lock`, (state) => (lock.textContent = LOCKS[state] ?? state));
  show();
  return onPress(button, () => send(`/deck/${number}/${next}`));
}

const under = (text) => make("span", { class: "knob-label", text, "aria-hidden": "true" });

function morph(address, name) {
  const text = (beats) => (beats ? String(Number(beats.toFixed(2))) : "cut");
  const options = MORPH_BEATS.map((beats) => [text(beats), [beats]]);
  return make("label", { class: "deck-morph" },
    pick({ address, label: name, options, text }), under("morph"));
}

/** The seed, a new one, a lock, and reset. The lock is this page's own and keeps the seed from its
 * hands: no prompt ever changes a seed, so that is all there is to keep it from. */
function seedRow(number) {
  const address = `/deck/${number}/seed`;
  const text = field({
    address, label: `Deck ${number} seed`, kind: "figures", inputmode: "numeric",
    write: (typed) => (/^-?\d+$/.test(typed) ? [whole(Number(typed))] : null),
  });
  const reroll = trigger({
    address, args: [whole(-1)], label: "New seed", name: `Deck ${number} new seed`, text: "↻",
  });
  const lock = make("button", {
    type: "button", class: "toggle seed-lock", "aria-label": `Deck ${number} lock the seed`,
    title: "Keep this seed from being changed on this page", text: "🔒\ufe0e",
  });
  const show = (on) => {
    lock.setAttribute("aria-pressed", String(on));
    reroll.disabled = text.disabled = on;
  };
  const turn = () => {
    const on = lock.getAttribute("aria-pressed") !== "true";
    if (on) localStorage.setItem(kept(number), "on");
    else localStorage.removeItem(kept(number));
    show(on);
  };
  show(localStorage.getItem(kept(number)) === "on");
  return make("div", { class: "deck-seed" },
    make("label", { class: "seed-field" }, under("seed"), text),
    reroll, onPress(lock, turn, false),
    trigger({ address: `/deck/${number}/reset`, label: "Reset", name: `Deck ${number} reset`, kind: "reset" }));
}

const barsOf = (name, normal) => {
  const select = make("select", { class: "bars", "aria-label": name, title: "Bars" });
  for (const bars of BARS) select.append(make("option", { text: bars, selected: bars === normal }));
  return select;
};

/** Loop the last bars; again goes on; another number while it loops takes those. */
function hold(number) {
  const address = `/deck/${number}/hold`;
  const bars = barsOf(`Deck ${number} bars to hold`, 1);
  const button = make("button", {
    type: "button", class: "toggle hold", text: "Hold", "aria-label": `Deck ${number} hold`,
    "aria-pressed": "false", ...marks(address),
  });
  const holds = () => button.getAttribute("aria-pressed") === "true";
  const begin = () => send(address, whole(bars.value));
  follow(`/deck/${number}/state`, (state) => button.setAttribute("aria-pressed", String(state === "holding")));
  bars.addEventListener("change", () => holds() && begin());
  return make("div", { class: "with-bars" }, onPress(button, () => (holds() ? send(address) : begin())), bars);
}

function capture(number) {
  const address = `/deck/${number}/capture`;
  const bars = barsOf(`Deck ${number} bars to capture`, 4);
  const button = make("button", {
    type: "button", class: "capture", text: "Capture", "aria-label": `Deck ${number} capture`,
    ...marks(address),
  });
  const mine = new Set();
  const take = async () => {
    button.classList.add("busy");
    try {
      const [job] = await ask(address, [whole(bars.value)], "/clip/accepted");
      mine.add(job);
    } catch (error) {
      button.classList.remove("busy");
      if (["no answer", "not connected"].includes(error.message)) notice(`Capture: ${error.message}`);
    }
  };
  const over = (job, words) => {
    if (!mine.delete(job)) return;
    button.classList.toggle("busy", mine.size > 0);
    if (words) notice(words);
  };
  hear("/clip/done", (job, file) => over(job, `Captured ${file}`));
  hear("/clip/failed", (job, reason) => over(job, `Capture: ${reason}`));
  return make("div", { class: "with-bars" }, onPress(button, take, false), bars);
}
