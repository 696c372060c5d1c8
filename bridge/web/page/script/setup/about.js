// Where clips go, how other programs reach this server, and what it is.

import { make } from "../dom.js";
import { ask, hear } from "../link.js";
import { copyable, line, makeFigures, panel, restartMark, size } from "./panel.js";
import { followSettings } from "./settings.js";

/** The clips folder. */
export function makeFolder() {
  const path = make("div", {});
  const figures = makeFigures();
  const refresh = async () => {
    const [folder, freeMb, clips] = await ask("/clip/folder");
    path.replaceChildren(copyable(folder, "the path of the clips folder"));
    figures.show([[String(clips), clips === 1 ? "clip" : "clips"], [size(freeMb), "free on that disk"]]);
  };
  for (const event of ["/clip/done", "/record/done"]) hear(event, refresh);
  const files = make("div", { class: "also" });
  followSettings((settings) => {
    const bits = (settings.get("bits") || [""])[0];
    const master = (settings.get("master") || [""])[0];
    files.replaceChildren(line("Files", `WAV, ${bits} bit`), line("Mastered", master));
  });
  const element = panel(
    "clips", "Clips folder", "Loops, captures and recordings land here.",
    path, figures.element, files,
    make("p", { class: "soft" }, restartMark(), make("span", { text: " Another folder: sideman serve --clips FOLDER" })),
  );
  return { element, refresh };
}

const NAMES = {
  osc: "OSC over UDP", tcp: "OSC over TCP", http: "This page, OSCQuery", dialect: "Dialect",
  remember: "Remembers", decks: "Decks",
};

/** How a DAW reaches it. */
export function makeReach() {
  const typed = make("div", {});
  const lines = make("div", { class: "also" });
  followSettings((settings) => {
    const [osc] = settings.get("osc") || [];
    if (!osc) return;
    const [host, port] = split(osc);
    const figures = makeFigures();
    figures.show([[host === "0.0.0.0" ? location.hostname : host, "host"], [port, "port"]]);
    typed.replaceChildren(figures.element);
    const shown = Object.keys(NAMES).flatMap((name) =>
      (settings.get(name) || []).map((value) => line(NAMES[name], value)));
    lines.replaceChildren(...shown);
  });
  return panel("reach", "DAW and controllers", "Type this into whatever sends OSC.", typed, lines);
}

function split(where) {
  const at = where.lastIndexOf(":");
  return [where.slice(0, at), where.slice(at + 1)];
}

const DOCS = [
  ["docs/quickstart.md", "begin here"], ["docs/osc.md", "every address"], ["docs/midi.md", "controllers"],
  ["docs/models.md", "models and licences"], ["docs/latency.md", "what is late, and why"],
];

/** What it is. */
export function makeAbout() {
  const version = make("div", { class: "also" });
  const refresh = async () => {
    const [number, protocol] = await ask("/version");
    version.replaceChildren(line("Version", number), line("Protocol", protocol));
  };
  const docs = DOCS.map(([file, what]) => line(file, make("span", { class: "soft", text: what }), "doc"));
  const element = panel("about", "About", "sideman: the player who follows your tempo.", version, make("div", { class: "also" }, ...docs));
  return { element, refresh };
}
