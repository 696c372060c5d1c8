// A meter: RMS as a bar, the peak as a lighter one above it, its hold as a line, left and right.

import { make } from "../dom.js";
import { Canvas } from "./canvas.js";
import { HIGHEST_DB, LOWEST_DB, Needle, place, shownDb } from "./level.js";
import { picture, sight } from "./sight.js";

const MARKS_DB = [0, -6, -12, -24, -40];
const HOT_DB = -6;
const FIGURE_MS = 250;
const GAP_PX = 2;
const SCALE_PX = 18;

/** The meter of a deck, or of the master (0). With a figure of the highest peak at its head. */
export function meter(number = 0) {
  const canvas = new Canvas("meter-picture");
  const figure = make("span", { class: "meter-figure figures", "aria-hidden": "true" });
  const element = make("div", { class: number ? "meter" : "meter master" }, figure, canvas.element);
  picture(element, number ? [number] : [], drawer(number, canvas, figure));
  return element;
}

function drawer(number, canvas, figure) {
  const needles = [new Needle(), new Needle()];
  const levels = () => (number ? sight.decks.get(number)?.levels : sight.levels);
  let seen = 0;
  let figure_ms = 0;
  return (now_ms) => {
    if (!canvas.height) return;
    if (seen !== sight.version && levels()) {
      seen = sight.version;
      needles.forEach((needle, i) => needle.take(levels().peak[i], levels().rms[i], now_ms));
    }
    needles.forEach((needle) => needle.move(now_ms));
    draw(canvas, needles);
    const hold_db = Math.max(...needles.map((needle) => needle.hold_db));
    if (now_ms - figure_ms > FIGURE_MS) {
      figure_ms = now_ms;
      figure.textContent = shownDb(hold_db);
      figure.classList.toggle("over", hold_db > 0);
    }
    canvas.say(now_ms, () => `${number ? `Deck ${number}` : "Master"} level: peak ${shownDb(hold_db)} dB`);
  };
}

function draw(canvas, needles) {
  const { pen, width, height } = canvas;
  const y = (db) => Math.round((1 - place(db)) * height);
  const scale = width > 40 ? SCALE_PX : 0;
  const bar = (width - scale - GAP_PX) / 2;
  pen.clearRect(0, 0, width, height);
  needles.forEach((needle, i) => drawBar(canvas, needle, i * (bar + GAP_PX), bar, y));
  pen.font = `10px ${canvas.colour("--figures")}`;
  pen.textAlign = "right";
  pen.textBaseline = "middle";
  for (const db of MARKS_DB) {
    pen.fillStyle = canvas.colour(db ? "--ground" : "--text");
    pen.fillRect(0, y(db), width - scale, 1);
    pen.fillStyle = canvas.colour("--soft");
    if (scale) pen.fillText(db ? -db : 0, width, Math.max(6, y(db)));
  }
}

function drawBar({ pen, height, colour }, needle, x, width, y) {
  pen.fillStyle = colour("--raised");
  pen.fillRect(x, 0, width, height);
  const parts = [[LOWEST_DB, HOT_DB, colour("--level")], [HOT_DB, 0, colour("--warn")], [0, HIGHEST_DB, colour("--stop")]];
  for (const [from_db, to_db, shade] of parts) {
    pen.fillStyle = shade;
    for (const [db, share] of [[needle.peak_db, 0.4], [needle.rms_db, 1]]) {
      if (db <= from_db) continue;
      pen.globalAlpha = share;
      pen.fillRect(x, y(Math.min(db, to_db)), width, y(from_db) - y(Math.min(db, to_db)));
    }
    pen.globalAlpha = 1;
    if (needle.hold_db > Math.max(from_db, LOWEST_DB) && needle.hold_db <= to_db)
      pen.fillRect(x, y(needle.hold_db), width, 2);
  }
}
