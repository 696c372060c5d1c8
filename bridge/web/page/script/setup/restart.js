// What a restart would change: the command line to start with, put together from what is picked. It
// changes nothing by itself.

import { make } from "../dom.js";
import { copyable } from "./panel.js";
import { followSettings } from "./settings.js";

/** A place that shows the command line once something is wished for that the server is not:
 * `wish({ rate: 44100 })`; null takes a wish back. */
export function makeRestart() {
  const element = make("div", { class: "restart", hidden: true, role: "status" });
  const wishes = new Map();
  let command = "sideman serve";
  const show = () => {
    element.hidden = !wishes.size;
    element.replaceChildren(
      make("p", { text: "Nothing changes until you restart. End sideman where it runs (Ctrl-C), then:" }),
      copyable(commandWith(command, wishes), "the command line"),
    );
  };
  followSettings((settings) => {
    command = settings.get("command")?.[0] || command;
    show();
  });
  const wish = (options) => {
    for (const [name, value] of Object.entries(options))
      if (value === null) wishes.delete(name);
      else wishes.set(name, String(value));
    show();
  };
  return { element, wish };
}

/** A command line with these options instead of those it has. */
export function commandWith(command, options) {
  let line = command;
  for (const [name, value] of options) {
    const there = new RegExp(` --${name}(=| )('[^']*'|"[^"]*"|\\S+)`, "g");
    line = line.replace(there, "");
    if (value !== "") line += ` --${name} ${/^[\w./:@%+-]+$/.test(value) ? value : `'${value}'`}`;
  }
  return line;
}
