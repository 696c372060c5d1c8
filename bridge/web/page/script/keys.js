// The keyboard: one list of bindings, which is what the keys do and what the help shows.
//
// Keys are told by their place (`event.code`), so that the pads lie in a block on every layout. While
// something is typed, a dialog is open, or Ctrl, Alt or Cmd is held, none of this is done.

import { hand, setHand, slotOf, turnBank } from "./hand.js";
import { setHelp, toggleHelp } from "./help.js";
import { PAD_CODES, SCENE_CODES } from "./key_names.js";
import { known, send } from "./link.js";
import { pressScene, pressSlot } from "./pressing.js";
import { decks } from "./table.js";

const TWICE_MS = 700;
const PRESSED = "button, a, summary, [role=button]";
const TYPED_INTO = "input, textarea, select, [contenteditable]";

const digits = () => Array.from({ length: decks() }, (_, i) => `Digit${i + 1}`);

/** All that keys do. `act(i)` gets the place of the code in `codes`; `play`: only while the decks are
 * seen, since what is not seen must not be pressed by mistake. */
const bindings = () => [
  { group: "Transport", codes: ["Space"], does: "Play or stop", act: playOrStop },
  { group: "Transport", codes: ["KeyT"], does: "Tap the tempo", act: () => send("/tempo/tap") },
  {
    group: "Transport", codes: ["Escape"], twice: true,
    does: "Panic: all decks silent at once", act: () => send("/panic"),
  },
  { group: "Decks", codes: digits(), does: "Play or stop the deck", play: true, act: playOrStopDeck },
  { group: "Decks", codes: digits(), shift: true, does: "Mute the deck", play: true, act: mute },
  {
    group: "Decks", codes: ["KeyH"], does: "Hold the last bar of the pads’ deck; again: go on", play: true,
    act: () => send(`/deck/${hand().deck}/hold`),
  },
  { group: "Pads", codes: PAD_CODES, does: "Press a pad", play: true, act: (i) => pressSlot(slotOf(i)) },
  {
    group: "Pads", codes: PAD_CODES, shift: true, does: "Store the deck’s prompt in it", play: true,
    act: (i) => pressSlot(slotOf(i), { store: true }),
  },
  {
    group: "Pads", codes: ["Delete"], does: "Empty the pad that has the focus", // pad.js does it
  },
  { group: "Pads", codes: ["KeyG"], does: "Pads to the next deck", play: true, act: () => nextDeck(1) },
  {
    group: "Pads", codes: ["BracketLeft", "BracketRight"], does: "Previous, next bank", play: true,
    act: (i) => turnBank(i ? 1 : -1),
  },
  { group: "Scenes", codes: SCENE_CODES, does: "Launch scenes 1 to 8", play: true, act: (i) => pressScene(i + 1) },
  {
    group: "Scenes", codes: SCENE_CODES, shift: true, does: "Store all decks in it", play: true,
    act: (i) => pressScene(i + 1, true),
  },
  { group: "This page", key: "?", does: "Show these keys", act: toggleHelp },
];

/** Take the keys of the whole page. */
export function listenToKeys() {
  const all = bindings();
  setHelp(all);
  let byPointer = false; // how the focus came to where it is
  let escaped = -Infinity;
  addEventListener("pointerdown", () => (byPointer = true), true);
  addEventListener("keydown", (event) => event.key === "Tab" && (byPointer = false), true);

  const act = (event) => {
    const since = event.timeStamp - escaped;
    escaped = -Infinity; // something else in between, and the two are not in a row
    if (!isForUs(event, byPointer) || stopsStoring(event)) return;
    const found = all.find((each) => each.act && fits(each, event));
    if (!found) return;
    event.preventDefault();
    if (found.twice && since > TWICE_MS) escaped = event.timeStamp;
    else found.act(found.codes ? found.codes.indexOf(event.code) : 0);
  };
  addEventListener("keydown", act);
  // A button that was clicked has the focus still; Space would press it again when it is let go.
  addEventListener("keyup", (event) => event.code === "Space" && isForUs(event, byPointer) && event.preventDefault());
}

function isForUs(event, byPointer) {
  if (event.defaultPrevented || event.repeat || event.ctrlKey || event.altKey || event.metaKey) return false;
  if (document.querySelector("dialog[open]") || event.target.closest?.(TYPED_INTO)) return false;
  // Who moves by keyboard presses with Space what has the focus.
  return event.code !== "Space" || byPointer || !event.target.closest?.(PRESSED);
}

function stopsStoring(event) {
  const stops = event.code === "Escape" && hand().storing;
  if (stops) setHand({ storing: false });
  return stops;
}

function fits(binding, event) {
  if (binding.play && document.getElementById("play").hidden) return false;
  if (binding.key) return event.key === binding.key;
  return binding.codes.includes(event.code) && Boolean(binding.shift) === event.shiftKey;
}

function playOrStop() {
  const [plays] = known("/play") || [0];
  send(plays ? "/stop" : "/play");
}

function playOrStopDeck(at) {
  const [state] = known(`/deck/${at + 1}/state`) || ["stopped"];
  const [plays] = known("/play") || [0];
  const sounds = ["playing", "holding", "looping"].includes(state) || (state === "armed" && plays);
  send(`/deck/${at + 1}/${sounds ? "stop" : "play"}`);
}

function mute(at) {
  const [on] = known(`/deck/${at + 1}/mute`) || [0];
  send(`/deck/${at + 1}/mute`, !on);
}

function nextDeck(by) {
  setHand({ deck: ((hand().deck - 1 + by + decks()) % decks()) + 1 });
}
