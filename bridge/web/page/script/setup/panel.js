// What the panels of the set-up view are made of, and lists as the server tells them.

import { make } from "../dom.js";
import { notice } from "../notices.js";
import { ask, hear } from "../link.js";

const asked = new Map(); // address -> the list that is on its way

/** The items of a list: [[values], ...]. Rejects with the server's words. */
export function listed(address, item) {
  if (!asked.has(address)) asked.set(address, fetched(address, item));
  return asked.get(address);
}

async function fetched(address, item) {
  const items = [];
  const end = hear(item, (...values) => items.push(values));
  try {
    await ask(address, [], `${address}/end`);
    return items;
  } finally {
    end();
    asked.delete(address);
  }
}

/** A panel with a heading. `hint` says in one line what it is for. */
export function panel(name, title, hint, ...parts) {
  return make(
    "section", { class: `panel panel-${name}`, "aria-labelledby": `panel-${name}` },
    make("h2", { id: `panel-${name}`, text: title }),
    hint && make("p", { class: "hint", text: hint }),
    ...parts,
  );
}

/** A name beside what belongs to it: an element or text. One that `restarts` is marked so. */
export function line(name, value, kind = "") {
  const held = typeof value === "string" ? make("span", { class: "figures", text: value }) : value;
  const mark = kind === "restarts" ? restartMark() : null;
  return make(
    "div", { class: `line ${kind}`.trim() },
    make("span", { class: "line-name" }, make("span", { text: name }), mark), held,
  );
}

/** A few large figures in a row: `show([[figure, unit], ...])`. */
export function makeFigures() {
  const element = make("div", { class: "big-figures" });
  const figure = ([value, unit]) =>
    make("div", { class: "big-figure" }, make("span", { class: "figures", text: value }), make("small", { text: unit }));
  return { element, show: (pairs) => element.replaceChildren(...pairs.map(figure)) };
}

/** Marks what only holds after a restart. */
export const restartMark = () => make("span", { class: "restart-mark", text: "needs a restart" });

/** Text to take away; a command line breaks before an option, not within. */
export function copyable(text, label) {
  const parts = text.split(/(?<= )(?=--)/).map((part) => make("span", { text: part }));
  const shown = make("code", { class: "copy-text" }, ...parts);
  const button = make("button", { type: "button", class: "copy", text: "Copy", "aria-label": `Copy ${label}` });
  button.addEventListener("click", () => copy(shown, button));
  return make("div", { class: "copyable" }, shown, button);
}

async function copy(shown, button) {
  try {
    await navigator.clipboard.writeText(shown.textContent);
    button.textContent = "Copied";
    setTimeout(() => (button.textContent = "Copy"), 1500);
  } catch {
    // A page that came over plain HTTP from another machine may not touch the clipboard.
    getSelection().selectAllChildren(shown);
    notice("It is selected: copy it with the keyboard.");
  }
}

/** 2.4 GB, 350 MB. */
export function size(megabytes) {
  return megabytes >= 950 ? `${(megabytes / 1000).toFixed(1)} GB` : `${Math.round(megabytes)} MB`;
}
