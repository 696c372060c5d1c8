// Carrying a pad to a deck, by mouse, pen or finger: its strip takes it, or its number beside the pads.

import { make } from "./dom.js";

const FAR_PX = 6; // less is a press
const TAKERS = ".deck, .target"; // each has its number in its class, deck-N

/** Follow the pointer of `event`, a pointerdown on `source`, until it is let go; then call
 * `drop(deck)`, with null if it was not moved. Let go elsewhere, or with Escape, nothing is done. */
export function carry(event, source, words, drop) {
  const ghost = make("div", { class: "carried", text: words, "aria-hidden": "true" });
  let over = null;
  let moved = false;
  const point = (to) => {
    if (over !== to) over?.classList.remove("takes-pad");
    over = to;
    over?.classList.add("takes-pad");
  };
  const move = (at) => {
    moved ||= Math.hypot(at.clientX - event.clientX, at.clientY - event.clientY) > FAR_PX;
    if (!moved) return;
    if (!ghost.isConnected) document.body.append(ghost);
    ghost.style.translate = `${at.clientX}px ${at.clientY}px`;
    point(document.elementFromPoint(at.clientX, at.clientY)?.closest(TAKERS) ?? null);
  };
  const end = () => {
    ghost.remove();
    const deck = Number(/\bdeck-(\d)/.exec(over?.className)?.[1]) || null;
    point(null);
    for (const stop of stops) stop();
    return deck;
  };
  const up = () => {
    const deck = end();
    if (deck || !moved) drop(deck);
  };
  const stops = [
    listen(source, "pointermove", move),
    listen(source, "pointerup", up),
    listen(source, "pointercancel", end),
    listen(window, "keydown", (key) => key.key === "Escape" && end()),
  ];
  source.setPointerCapture(event.pointerId);
}

function listen(element, name, call) {
  element.addEventListener(name, call);
  return () => element.removeEventListener(name, call);
}
