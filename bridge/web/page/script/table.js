// What the server's protocol table says of an address: ranges and meanings, from its own OSCQuery
// tree, so that a control never knows better than the server.

import { at } from "./link.js";

let tree = null;

/** Fetch the table. To be awaited once before any control is made. */
export async function loadTable() {
  const answer = await fetch(at("/"), { headers: { Accept: "application/json" } });
  tree = await answer.json();
}

/** The node of an address: TYPE, RANGE, DESCRIPTION, ... */
export function node(address) {
  let found = tree;
  for (const part of address.split("/").slice(1)) found = found && found.CONTENTS?.[part];
  return found || {};
}

/** `{min, max, choices}` of an address's first argument. */
export function range(address) {
  const first = (node(address).RANGE || [])[0] || {};
  return { min: first.MIN, max: first.MAX, choices: first.VALS };
}

export const describe = (address) => node(address).DESCRIPTION || "";

/** How many decks this server has. */
export const decks = () => Object.keys(node("/deck").CONTENTS || {}).length;
