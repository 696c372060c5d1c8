// What a press of a pad or a scene does: launch it, or store into it. Fingers and keys come here.

import { hand, setHand } from "./hand.js";
import { known, send } from "./link.js";
import { notice } from "./notices.js";
import { whole } from "./osc.js";

const hearers = new Set();
let held = false; // the Store button, as a second finger holds it
let used = false; // while it was held

/** A prompt as people read it: `house + jazz` for a blend. */
export const words = (prompt) => prompt.filter((each) => typeof each === "string").join(" + ");

/** How a slot is: `[state, deck, state, deck, ...]`. */
export const slotState = (slot) => known(`/slot/${slot}/state`) || ["empty", 0];

/** Call `call(slot, prompt)` when this page stores: the server tells it only a moment later what it
 * has just said itself. */
export const hearStored = (call) => hearers.add(call);

export function pressSlot(slot, { deck = hand().deck, store = hand().storing } = {}) {
  if (store) storeSlot(slot);
  else if (slotState(slot)[0] === "empty")
    notice(`Pad ${slot} is empty. Press Store, then the pad: it keeps the prompt of deck ${deck}.`);
  else send(`/slot/${slot}/launch`, whole(deck));
}

export function clearSlot(slot) {
  if (slotState(slot)[0] !== "empty") keep(slot, [""], `Pad ${slot} is empty now.`);
}

function storeSlot(slot) {
  const { deck } = hand();
  const prompt = known(`/deck/${deck}/prompt`) || [""];
  if (!words(prompt)) {
    notice(`Deck ${deck} has no prompt yet, so there is nothing to store: type one into it first.`);
    return;
  }
  keep(slot, prompt, `Pad ${slot} keeps “${words(prompt)}”.`);
  doneStoring();
}

function keep(slot, prompt, said) {
  const before = known(`/slot/${slot}/prompt`) || [""];
  const tell = (what) => {
    if (!send(`/slot/${slot}/prompt`, ...what)) return false;
    for (const call of hearers) call(slot, what);
    return true;
  };
  if (tell(prompt)) notice(said, { undo: () => tell(before) });
}

export function pressScene(scene, store = hand().storing) {
  if (store) {
    if (send(`/scene/${scene}/store`)) notice(`Scene ${scene} keeps all decks as they are now.`);
    doneStoring();
  } else if (!known(`/scene/${scene}/state`))
    notice(`Scene ${scene} is empty. Press Store, then the scene: it keeps all decks as they are.`);
  else send(`/scene/${scene}/launch`);
}

/** Call `press(event)` when a button is touched, as an instrument plays, and not when it is let go; or
 * when it is pressed by key, or by what reads the screen. */
export function onTouch(button, press) {
  let touched = false;
  button.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    touched = true;
    press(event);
  });
  button.addEventListener("click", (event) => {
    if (!event.detail || !touched) press(event); // no count of clicks: by key
    touched = false;
  });
}

/** The Store button as hardware has it: hold it and press as many pads as you like, or tap it and
 * press one, so that a stage is never left in a state where a press overwrites. */
export function storeButton(button) {
  let was = false;
  let byPointer = false;
  button.addEventListener("pointerdown", (event) => {
    button.setPointerCapture(event.pointerId);
    [was, held, used, byPointer] = [hand().storing, true, false, true];
    setHand({ storing: true });
  });
  button.addEventListener("lostpointercapture", () => {
    held = false;
    if (used || was) setHand({ storing: false });
  });
  button.addEventListener("click", (event) => {
    if (!event.detail || !byPointer) setHand({ storing: !hand().storing });
    byPointer = false;
  });
}

function doneStoring() {
  used = true;
  if (!held) setHand({ storing: false });
}
