// How the server is: two lines in the header, and behind them everything.

import { make, shown } from "../dom.js";
import { ask, followLink, known } from "../link.js";
import { decks } from "../table.js";
import { errorTrace } from "./trace.js";

const ASK_MS = 1000;
const LITTLE_S = 0.5; // made ahead
const FRESH_MS = 30_000; // a gap is news for so long
const SLOW = 1; // times as fast as the music: under this the engine cannot keep up
const SOUNDING = ["playing", "holding", "looping", "stopping"];
const XRUNS = 8; // its place in /status
const PARTS = ["mix", "block", "limiter", "device"]; // of /latency

/** The readout for the header, with the panel that it opens. */
export function health() {
  const dot = make("span", { class: "health-dot", "aria-hidden": "true" });
  const first = make("span", { class: "figures" });
  const second = make("span", { class: "figures soft" });
  const panel = new Panel();
  const button = make(
    "button",
    { class: "quiet health-button", type: "button", popovertarget: panel.element.id, "aria-label": "Health" },
    dot, make("span", { class: "health-lines" }, first, second),
  );
  const show = (status) => {
    const { state, words } = judge(status);
    dot.dataset.state = state;
    first.textContent = state === "bad" ? status.device : status.sounds ? `${status.headroom_s.toFixed(1)} s` : "idle";
    second.textContent = status.xruns ? count(status.xruns) : pace(status);
    button.setAttribute("aria-label", `Health: ${words}`);
    button.title = words;
    panel.show(status, words);
  };
  const unknown = () => {
    dot.dataset.state = "unknown";
    first.textContent = second.textContent = "–";
    button.setAttribute("aria-label", "Health: no connection");
  };
  unknown();
  watch(show, unknown);
  return make("div", { class: "health-look" }, button, panel.element);
}

/** Ask once a second while the page is seen: these are measurements, and no state that changes. */
function watch(show, unknown) {
  let linked = false;
  const gaps = freshGaps();
  const look = async () => {
    if (document.hidden || !linked) return;
    const answers = await Promise.all([ask("/status"), ask("/latency")]).catch(() => null);
    if (answers) show({ ...named(...answers), fresh: gaps(answers[0][XRUNS]) });
  };
  setInterval(look, ASK_MS);
  document.addEventListener("visibilitychange", look);
  followLink((up) => {
    linked = up;
    if (up) look();
    else unknown();
  });
}

/** Tells of each count of xruns whether it has just become that. */
function freshGaps() {
  let known = null;
  let grown_ms = -Infinity;
  return (xruns) => {
    if (known !== null && xruns > known) grown_ms = performance.now();
    known = xruns;
    return performance.now() - grown_ms < FRESH_MS;
  };
}

function named(status, latency_ms) {
  const [engine, model, device, , , , headroom_s, realtime, xruns] = status;
  const sounds = Array.from({ length: decks() }, (_, i) => known(`/deck/${i + 1}/state`)?.[0])
    .some((state) => SOUNDING.includes(state));
  return { engine, model, device, headroom_s, realtime, xruns, sounds, latency_ms };
}

/** The worst there is to say. */
function judge({ device, sounds, headroom_s, realtime, xruns, fresh }) {
  if (device === "starting" || device === "restarting")
    return { state: "bad", words: `the engine is ${device}` };
  if (sounds && headroom_s < LITTLE_S)
    return { state: "warn", words: `only ${headroom_s.toFixed(1)} s are made ahead` };
  if (sounds && realtime > 0 && realtime < SLOW)
    return { state: "warn", words: "the engine is slower than the music" };
  if (fresh) return { state: "warn", words: `a gap was heard: ${count(xruns)} since the start` };
  return { state: "good", words: "all is well" };
}

const count = (xruns) => (xruns === 1 ? "1 xrun" : `${xruns} xruns`);
const pace = ({ sounds, realtime }) => (sounds && realtime > 0 ? `${shown(realtime, realtime < 10 ? 1 : 0)}×` : "0 xruns");

/** Everything, in a sheet that the button opens. */
class Panel {
  constructor() {
    this.verdict = make("p", { class: "health-verdict" });
    this.rows = new Map();
    this.list = make("dl", { class: "health-list" });
    for (const name of ["Engine", "Model", "Runs on", "Speed", "Made ahead", "Xruns", "Latency"]) {
      const value = make("dd", { class: "figures" });
      this.rows.set(name, value);
      this.list.append(make("dt", { text: name }), value);
    }
    this.parts = PARTS.map((name) => make("span", { class: `latency-part ${name}` }));
    const told = make("span", { class: "soft figures" });
    this.element = make(
      "div", { class: "health-panel", id: "health", popover: "auto", "aria-label": "Health" },
      make("h2", { text: "Health" }), this.verdict, this.list,
      make("div", { class: "latency-bar", "aria-hidden": "true" }, ...this.parts),
      make("div", { class: "trace-head" }, make("h3", { text: "Beat error" }), told),
      errorTrace(told),
    );
  }

  show(status, words) {
    const { latency_ms } = status;
    const total_ms = latency_ms.reduce((sum, part_ms) => sum + part_ms, 0);
    const parts = PARTS.map((name, i) => `${name} ${shown(latency_ms[i], 1)}`).join(" + ");
    this.verdict.textContent = words[0].toUpperCase() + words.slice(1);
    this.put("Engine", status.engine);
    this.put("Model", status.model || "none");
    this.put("Runs on", status.device);
    this.put("Speed", status.sounds && status.realtime > 0 ? `${shown(status.realtime, 1)} times the music's` : "nothing plays");
    this.put("Made ahead", `${shown(status.headroom_s, 2)} s`);
    this.put("Xruns", status.xruns);
    this.put("Latency", `${shown(total_ms, 1)} ms: ${parts}`);
    this.parts.forEach((part, i) => (part.style.flexGrow = latency_ms[i]));
  }

  put(name, text) {
    const value = this.rows.get(name);
    if (value.textContent !== String(text)) value.textContent = text;
  }
}
