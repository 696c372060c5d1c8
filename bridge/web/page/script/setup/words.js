// Addresses in words, and which of them a MIDI control can drive.

import { node } from "../table.js";

/** `Deck 1 top k` for /deck/1/top_k. */
export function wordsOf(address) {
  const words = address.slice(1).replaceAll("/", " ").replaceAll("_", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** As bridge/midi/targets.py decides: switches, triggers without arguments, one number in a range. */
export function isLearnable(address) {
  const { TAGS = [], TYPE, RANGE } = node(address);
  if (TAGS.includes("switch")) return true;
  if (TAGS.includes("trigger")) return TYPE === "I";
  const [range] = RANGE || [];
  return TAGS.includes("value") && /^[if]$/.test(TYPE) && range?.MIN !== undefined && range.MAX !== undefined;
}
