// What the server was started with: fetched when the view is shown, for all panels at once.

import { listed } from "./panel.js";

const watchers = new Set();
let settings = new Map();

/** Call with a map of name -> [values], now and whenever it is fetched anew. */
export function followSettings(call) {
  watchers.add(call);
  call(settings);
}

export async function fetchSettings() {
  settings = new Map();
  for (const [name, value] of await listed("/setting/list", "/setting/item"))
    settings.set(name, [...(settings.get(name) || []), value]);
  for (const call of watchers) call(settings);
}
