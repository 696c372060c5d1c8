// By how much the transport is behind the clock that it follows, and how the decks lie on the grid,
// over the last minute.

import { follow } from "../link.js";
import { decks } from "../table.js";
import { Canvas } from "./canvas.js";
import { picture } from "./sight.js";

const SPAN_MS = 60_000;
const LEAST_MS = 5; // of error that the picture spans: a clock that is followed well looks calm
const LOCK_PX = 5; // a deck's line
const DRAW_MS = 200;
const STATES = { locked: "--play", exact: "--play", waiting: "--armed", free: "--soft" };

/** What happened at an address in the last minute: each value with the time from which it held. */
class History {
  constructor(address) {
    this.values = [];
    follow(address, (...args) => this.values.push({ at_ms: performance.now(), args }));
  }

  /** The stretches of one value since `first_ms`. */
  since(first_ms, now_ms) {
    while (this.values.length > 1 && this.values[1].at_ms < first_ms) this.values.shift();
    return this.values.map(({ at_ms, args }, i) => ({
      args, from_ms: Math.max(first_ms, at_ms), until_ms: this.values[i + 1]?.at_ms ?? now_ms,
    }));
  }
}

/** The picture, with its words beside it in `told`. */
export function errorTrace(told) {
  const canvas = new Canvas("trace-picture");
  const clock = new History("/clock/state");
  const locks = Array.from({ length: decks() }, (_, i) => new History(`/deck/${i + 1}/lock`));
  let drawn_ms = -Infinity;
  picture(canvas.element, [], (now_ms) => {
    if (now_ms - drawn_ms < DRAW_MS && !canvas.isNew) return;
    drawn_ms = now_ms;
    const parts = clock.since(now_ms - SPAN_MS, now_ms);
    const stretches = parts.filter(({ args }) => args[0] === "following");
    draw(canvas, stretches, locks, now_ms);
    told.textContent = words(parts.at(-1)?.args, stretches);
    canvas.say(now_ms, () => `Beat error of the last minute: ${told.textContent}`);
  });
  return canvas.element;
}

function draw(canvas, stretches, locks, now_ms) {
  const { pen, width, height, colour } = canvas;
  const x = (at_ms) => width * (1 - (now_ms - at_ms) / SPAN_MS);
  const floor = height - locks.length * LOCK_PX - 4;
  const most_ms = Math.max(LEAST_MS, ...stretches.map(({ args }) => Math.abs(args[2])));
  const y = (error_ms) => (floor / 2) * (1 - error_ms / most_ms);
  pen.clearRect(0, 0, width, height);
  pen.fillStyle = colour("--line");
  pen.fillRect(0, Math.round(floor / 2), width, 1);
  pen.strokeStyle = colour("--play");
  pen.lineWidth = 1.5;
  pen.beginPath();
  for (const { args, from_ms, until_ms } of stretches) {
    pen.lineTo(x(from_ms), y(args[2]));
    pen.lineTo(x(until_ms), y(args[2]));
  }
  pen.stroke();
  pen.fillStyle = colour("--soft");
  pen.font = `10px ${colour("--figures")}`;
  pen.textBaseline = "top";
  pen.fillText(`±${most_ms.toFixed(0)} ms`, 2, 2);
  locks.forEach((lock, i) => drawLock(canvas, lock, x, floor + 4 + i * LOCK_PX, now_ms));
}

function drawLock({ pen, colour }, lock, x, y, now_ms) {
  for (const { args, from_ms, until_ms } of lock.since(now_ms - SPAN_MS, now_ms)) {
    if (!STATES[args[0]]) continue;
    pen.fillStyle = colour(STATES[args[0]]);
    pen.fillRect(x(from_ms), y, x(until_ms) - x(from_ms), LOCK_PX - 2);
  }
}

function words(now, stretches) {
  if (!now || now[0] === "internal") return "sideman leads, nothing is followed";
  if (now[0] !== "following") return `clock ${now[0]}`;
  const most_ms = Math.max(...stretches.map(({ args }) => Math.abs(args[2])));
  return `${now[2].toFixed(1)} ms now, ${most_ms.toFixed(1)} ms at most`;
}
