// The keys, as `?` shows them: made from the list that the keys themselves go by.

import { make } from "./dom.js";
import { nameOf } from "./key_names.js";

const ROW = 4; // keys side by side, as the pads are

let bindings = [];

/** The list of what keys do, see keys.js. */
export const setHelp = (list) => (bindings = list);

/** Open the help, or close it. A modal dialog: the focus stays in it, and Escape closes it. */
export function toggleHelp() {
  const open = document.querySelector("dialog.help");
  if (open) {
    open.close();
    return;
  }
  const dialog = make("dialog", { class: "help", "aria-label": "Keyboard shortcuts" }, head(), groups());
  dialog.addEventListener("close", () => dialog.remove());
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  dialog.addEventListener("keydown", (event) => {
    if (event.key === "?") dialog.close();
    if (event.key === "Tab") event.preventDefault(); // there is one thing to be on, and it is
  });
  document.body.append(dialog);
  dialog.showModal();
}

const head = () =>
  make(
    "div", { class: "help-head" },
    make("h2", { text: "Keyboard" }),
    make("button", {
      type: "button", class: "quiet", text: "×", "aria-label": "Close",
      onclick: (event) => event.target.closest("dialog").close(),
    }),
  );

function groups() {
  const names = [...new Set(bindings.map((each) => each.group))];
  return make("div", { class: "help-groups" }, ...names.map(group));
}

function group(name) {
  const lines = bindings.filter((each) => each.group === name).flatMap((each) => [
    make("dt", {}, ...keysOf(each)),
    make("dd", { text: each.does }),
  ]);
  return make("section", { class: "help-group" }, make("h3", { text: name }), make("dl", {}, ...lines));
}

/** The keys of a binding as they are printed. Those of a second binding of the same keys are not
 * shown once more. */
function keysOf({ key, codes = [], shift, twice }) {
  const prefix = shift ? [kbd("Shift"), " + "] : [];
  if (key) return [kbd(key)];
  if (shift && codes.length > 1) return [...prefix, "the same"];
  const names = codes.map((code) => kbd(nameOf(code)));
  if (codes.length > ROW) return [make("span", { class: "help-keys" }, ...names)];
  return twice ? [...names, " ", ...names.map((each) => each.cloneNode(true))] : [...prefix, ...spaced(names)];
}

const kbd = (text) => make("kbd", { text });

const spaced = (elements) => elements.flatMap((each, i) => (i ? [" ", each] : [each]));
