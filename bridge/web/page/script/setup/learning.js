// Learning: while it lasts, a click on a control of the page names it, and the next MIDI control that
// is moved drives it. Every element that has data-address can be clicked.

import { make } from "../dom.js";
import { followLink, hear, send } from "../link.js";
import { notice } from "../notices.js";
import { showTab } from "../tabs.js";
import { isLearnable, wordsOf } from "./words.js";

const BEGIN = "Click a control that glows. The tabs work as ever.";
const PRESSES = ["pointerdown", "click", "dblclick"];
const watchers = new Set();
let bar = null; // while learning lasts
let wanted = null; // the element and address that wait for a control

/** Call whenever a control was learnt, here or by another client. */
export const followLearnt = (call) => watchers.add(call);

hear("/midi/learnt", (address, control) => {
  if (wanted?.address === address) {
    want(null);
    bar.say(`${control} drives ${wordsOf(address)}. Click the next, or be done.`);
  } else notice(`${control} drives ${wordsOf(address)}`);
  for (const call of watchers) call(address, control);
});

hear("/midi/activity", (input, control, position) => bar?.heard(`${control} = ${position}`));

/** Begin on the Play view. */
export function startLearning() {
  if (bar) return;
  bar = makeBar();
  document.body.append(bar.element);
  document.body.classList.add("learning");
  for (const element of document.querySelectorAll("[data-address]"))
    if (isLearnable(element.dataset.address)) element.dataset.learn = "can";
  for (const kind of PRESSES) document.addEventListener(kind, onPress, true);
  document.addEventListener("keydown", onKey, true);
  showTab("play");
  bar.done.focus();
}

/** The end of it. What waits for a control waits no longer. */
export function stopLearning() {
  if (!bar) return;
  if (wanted) send("/midi/forget", wanted.address);
  wanted = null;
  for (const element of document.querySelectorAll("[data-learn]")) delete element.dataset.learn;
  document.body.classList.remove("learning");
  for (const kind of PRESSES) document.removeEventListener(kind, onPress, true);
  document.removeEventListener("keydown", onKey, true);
  bar.element.remove();
  bar = null;
}

followLink((up) => up || stopLearning());

function makeBar() {
  const words = make("span", { class: "learn-words", role: "status", text: BEGIN });
  const moved = make("span", { class: "figures soft" });
  const done = make("button", { type: "button", text: "Done", onclick: stopLearning });
  return {
    element: make("div", { class: "learn-bar", role: "group", "aria-label": "MIDI learn" }, words, moved, done),
    done,
    say: (text) => (words.textContent = text),
    heard: (text) => (moved.textContent = text),
  };
}

/** A press means the control, and does not do what it does otherwise. */
function onPress(event) {
  const element = event.target.closest?.("[data-learn]");
  if (!element) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  if (event.type === "click") want(element);
}

function onKey(event) {
  const named = event.target.closest?.("[data-learn]");
  if (event.key === "Escape") stopLearning();
  else if (named && (event.key === "Enter" || event.key === " ")) want(named);
  else return;
  event.preventDefault();
  event.stopImmediatePropagation();
}

function want(element) {
  if (wanted) wanted.element.dataset.learn = "can";
  wanted = element && { element, address: element.dataset.address };
  if (!wanted) return;
  element.dataset.learn = "wanted";
  send("/midi/learn", wanted.address);
  bar.say(`Now move a knob or press a pad for ${wordsOf(wanted.address)}.`);
}
