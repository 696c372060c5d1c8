// The header: transport, tempo, position, clock, grid, key, signature, recording, the tabs, panic.
//
// It also gives the page its pulse: `data-beat` of the root is `on` for the first half of every beat
// that is heard, so that whatever blinks does so with the music.

import { edited, paced, pick, toggle, trigger } from "./controls.js";
import { clamp, make, shown } from "./dom.js";
import { follow, hear, known, send } from "./link.js";
import { health } from "./look/health.js";
import { makeListen } from "./listen.js";
import { notice } from "./notices.js";
import { whole } from "./osc.js";
import { describe, range } from "./table.js";
import { makeTabs } from "./tabs.js";

const SIGNATURES = [[2, 4], [3, 4], [4, 4], [5, 4], [6, 8], [7, 8], [12, 8]];
const NOTES = ["C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B"];
const DRAG_PX_PER_BPM = 4;
const DRAG_FROM_PX = 4;
const SENT_HZ = 20;

/** Fill the header. */
export function makeTransport(place) {
  place.append(
    make("div", { class: "moves", role: "group", "aria-label": "Transport" },
      mover("/play", "Play", "▶"), mover("/stop", "Stop", "■"), mover("/continue", "Continue", "❙▶")),
    position(),
    make("div", { class: "tempo" }, tempo(),
      trigger({ address: "/tempo/tap", label: "Tap tempo", text: "Tap", quick: true })),
    labelled("Signature", signature()),
    labelled("Key", key()),
    labelled("Grid", grid()),
    clock(),
    record(),
    makeListen(),
    makeTabs(),
    make("div", { class: "health" }, health()),
    trigger({ address: "/panic", label: "Panic: all decks silent", text: "PANIC", kind: "panic", quick: true }),
  );
  keepPulse();
}

function mover(address, label, text) {
  const button = trigger({ address, label, text, quick: true });
  if (address === "/continue") return button;
  const lit = address === "/play" ? 1 : 0;
  follow("/play", (playing) => button.classList.toggle("lit", Number(playing) === lit));
  return button;
}

const labelled = (words, control) =>
  make("label", { class: "labelled" }, make("span", { text: words, "aria-hidden": "true" }), control);

/** `bar.beat`: as the beats come while it plays, and where it rests when it does not. */
function position() {
  const figures = make("span", { class: "figures" });
  const element = make(
    "div", { class: "position", role: "timer", "aria-label": "Position, bar and beat" }, figures,
  );
  let told = false;
  const rest = () => {
    if (told) return;
    const [beats] = known("/position") || [0];
    const [numerator, denominator] = known("/signature") || [4, 4];
    const barBeats = (numerator * 4) / denominator;
    const bar = Math.floor(beats / barBeats + 1e-6);
    const words = `${bar + 1}.${Math.floor(beats - bar * barBeats + 1e-6) + 1}`;
    if (figures.textContent !== words) figures.textContent = words;
  };
  follow("/play", () => ((told = false), rest()));
  follow("/position", rest);
  follow("/signature", rest);
  hear("/beat/str", (words) => {
    told = true;
    figures.textContent = words;
  });
  return element;
}

function keepPulse() {
  const root = document.documentElement;
  const off = () => (root.dataset.beat = "off");
  let timer = 0;
  hear("/beat/str", () => {
    root.dataset.beat = "on";
    clearTimeout(timer);
    timer = setTimeout(off, 30000 / (known("/tempo") || [120])[0]);
  });
  follow("/play", (playing) => {
    root.dataset.playing = playing ? "yes" : "no";
    clearTimeout(timer);
    if (!playing) root.dataset.beat = "on"; // what waits at rest is lit, and does not blink
  });
}

/** Type, or drag up and down, wheel, arrow keys (Shift: tenths). */
function tempo() {
  const { min, max } = range("/tempo");
  const element = make("input", {
    class: "figures", type: "text", inputmode: "decimal", autocomplete: "off", spellcheck: "false",
    "aria-label": "Tempo in BPM", title: `${describe("/tempo")}: type, or drag up and down`,
  });
  let now = 120;
  const tell = paced((bpm) => send("/tempo", bpm), SENT_HZ);
  const set = (bpm) => {
    now = clamp(Math.round(bpm * 100) / 100, min, max);
    element.value = shown(now);
    tell(now);
  };
  const write = (text) => {
    const bpm = Number(text.replace(",", "."));
    if (!text || Number.isNaN(bpm)) return false;
    send("/tempo", (now = bpm));
    return true;
  };
  const refused = (address) => {
    if (address !== "/tempo") return;
    [now] = known("/tempo") || [now];
    element.show();
  };
  const drag = dragged(element, () => now, set);
  edited(element, {
    read: () => shown(now),
    write,
    follow: (show) => follow("/tempo", (bpm) => drag.on || ((now = bpm), show())),
  });
  hear("/error", refused);
  const turn = (event) => (event.preventDefault(), set(now - Math.sign(event.deltaY)));
  element.addEventListener("wheel", turn, { passive: false });
  element.addEventListener("keydown", (event) => {
    const steps = { ArrowUp: 1, ArrowDown: -1 }[event.key];
    if (!steps) return;
    event.preventDefault();
    set(now + steps * (event.shiftKey ? 0.1 : 1));
  });
  return labelled("Tempo", element);
}

/** A field that is dragged by whole steps, and edited by a press that does not move. */
function dragged(element, read, set) {
  const drag = { on: false };
  let from = null;
  element.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || document.activeElement === element) return;
    element.setPointerCapture(event.pointerId);
    from = { y: event.clientY, value: read() };
    event.preventDefault();
  });
  element.addEventListener("pointermove", (event) => {
    if (!from) return;
    const moved = from.y - event.clientY;
    drag.on ||= Math.abs(moved) > DRAG_FROM_PX;
    const step = event.shiftKey ? 0.1 : 1;
    if (drag.on) set(from.value + Math.round(moved / DRAG_PX_PER_BPM) * step);
  });
  const end = (event) => {
    if (from && !drag.on && event.type === "pointerup") element.select(), element.focus();
    from = null;
    drag.on = false;
  };
  element.addEventListener("pointerup", end);
  element.addEventListener("pointercancel", end);
  return drag;
}

const signature = () =>
  pick({
    address: "/signature", label: "Signature", text: (over, under) => `${over}/${under}`,
    options: SIGNATURES.map((each) => [each.join("/"), each.map(whole)]),
  });

function key() {
  const named = (mode) => NOTES.map((note) => `${note} ${mode}`);
  const words = [...named("minor"), ...named("major")];
  return pick({
    address: "/key", label: "Key",
    options: [["open", [""]], ...words.map((word) => [word, [word]])],
  });
}

const grid = () => {
  const words = range("/grid").choices || [];
  const text = (word) => word.replace(/^(\d)/, "$1 ");
  return pick({ address: "/grid", label: "Launch grid", options: words.map((word) => [text(word), [word]]) });
};

/** Who leads, and how well it is followed: a word, and how many ms we are beside it. */
function clock() {
  const words = range("/clock").choices || [];
  const select = pick({ address: "/clock", label: "Clock", options: words.map((word) => [word, [word]]) });
  const word = make("span", { class: "clock-health", role: "status" });
  follow("/clock/state", (state, _bpm, errorMs) => {
    word.dataset.state = state;
    const beside = state === "following" ? ` ${errorMs > 0 ? "+" : ""}${shown(errorMs, 1)} ms` : "";
    word.textContent = state === "internal" ? "Clock" : state + beside;
  });
  return make("label", { class: "labelled clock" }, word, select);
}

function record() {
  hear("/record/done", (file, seconds) => notice(`Recorded ${file}, ${shown(seconds, 1)} s`));
  return toggle({ address: "/record", label: "Record the master", text: "●", kind: "record" });
}
