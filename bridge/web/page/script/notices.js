// Words to the user: what was refused, what has happened, what stands.

import { make } from "./dom.js";
import { hear } from "./link.js";

const SHOWN_MS = 6000;
const place = () => document.getElementById("notices");

/** Say something for a few seconds; with `undo`, offer to take it back. */
export function notice(words, { kind = "", undo = null } = {}) {
  const line = make("div", { class: `notice ${kind}`.trim() }, make("span", { text: words }));
  const away = () => line.remove();
  if (undo)
    line.append(make("button", { type: "button", text: "Undo", onclick: () => (undo(), away()) }));
  line.append(
    make("button", { type: "button", class: "quiet", "aria-label": "Dismiss", text: "×", onclick: away }),
  );
  place().append(line);
  setTimeout(away, SHOWN_MS);
}

/** Something that stands until it is over: returns a function that shows it, with other words if
 * there are any, or hides it. */
export function standing(words) {
  const line = make("div", { class: "notice standing", role: "alert" });
  return (on, other) => {
    line.textContent = other || words;
    if (on) place().prepend(line);
    else line.remove();
  };
}

hear("/error", (address, message) => notice(`${address}: ${message}`, { kind: "error" }));
hear("/late", (address, ms) => notice(`${address} came ${Math.round(ms)} ms late`, { kind: "warn" }));
