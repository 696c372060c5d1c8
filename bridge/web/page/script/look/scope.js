// A deck's waveform: it scrolls under a play head that stands. Left of it is what was heard, right
// of it, as an outline, what is made ahead, as far as it goes; bar lines and beats lie beneath.

import { known } from "../link.js";
import { eachBeat } from "./bars.js";
import { ear, sight } from "./sight.js";

const SPAN_S = 7;
const HEAD_SHARE = 0.7; // of the width is the past: what is ahead is at most two seconds
const QUIET_GAIN_DB = -60;
const HEIGHTS = Array.from({ length: 256 }, (_, i) => {
  const level = (i - 128) / 127;
  return Math.sign(level) * Math.abs(level) ** 0.7; // so that what is quiet is seen, too
});

/** Draw deck `number` as it is at `now_ms`. */
export function drawScope(canvas, number, now_ms) {
  const { pen, width, height } = canvas;
  const deck = sight.decks.get(number);
  const now = ear(now_ms);
  const perPixel = (SPAN_S * sight.rate) / width;
  const head = Math.round(HEAD_SHARE * width);
  const view = {
    canvas, width, height, head, now,
    x: (sample) => head + (sample - now) / perPixel,
    first: now - head * perPixel,
    last: now + (width - head) * perPixel,
  };
  pen.clearRect(0, 0, width, height);
  if (deck?.sounds) drawMade(view, deck);
  drawBeats(view);
  if (deck) drawWaves(view, deck, number);
  pen.fillStyle = canvas.colour("--text");
  pen.fillRect(head - 1, 0, 2, height);
}

/** The ground of what is made already. */
function drawMade({ canvas, head, height, width, x }, deck) {
  const end = Math.min(width, x(deck.end));
  if (end <= head) return;
  canvas.pen.fillStyle = canvas.colour("--raised");
  canvas.pen.fillRect(head, 0, end - head, height);
}

function drawBeats({ canvas, height, first, last, x }) {
  const { pen } = canvas;
  pen.font = `10px ${canvas.colour("--figures")}`;
  pen.textBaseline = "top";
  eachBeat(sight, first, last, (sample, bar) => {
    const at = Math.round(x(sample));
    pen.fillStyle = canvas.colour(bar ? "--bar-line" : "--line");
    pen.fillRect(at, bar ? 0 : height * 0.3, 1, bar ? height : height * 0.4);
    if (!bar) return;
    pen.fillStyle = canvas.colour("--soft");
    pen.fillText(bar, at + 3, 2);
  });
}

function drawWaves(view, deck, number) {
  const { canvas, first, last, now } = view;
  const { pen } = canvas;
  const grain = sight.columnSamples;
  const column = (sample) => Math.floor(sample / grain);
  const split = Math.min(column(now), deck.heard.end);
  pen.fillStyle = canvas.colour("--deck");
  outline(view, deck.heard, column(first) - 1, split, 1);
  pen.fill();
  if (!deck.sounds) return;
  const [gain_db] = known(`/deck/${number}/gain`) || [0];
  const gain = gain_db <= QUIET_GAIN_DB ? 0 : 10 ** (gain_db / 20);
  outline(view, deck.ahead, split - 1, Math.min(column(last) + 1, column(deck.end)), gain);
  pen.fillStyle = pen.strokeStyle = canvas.colour(deck.holds ? "--soft" : "--deck");
  pen.globalAlpha = 0.22;
  pen.fill();
  pen.globalAlpha = deck.holds ? 0.4 : 0.8;
  pen.stroke();
  pen.globalAlpha = 1;
}

/** The path around columns `from <= number < to` of a strip. */
function outline({ canvas, height, x }, strip, from, to, gain) {
  const { pen } = canvas;
  const middle = height / 2;
  const y = (level) => middle - HEIGHTS[Math.max(-127, Math.min(127, Math.round(level * gain))) + 128] * (middle - 1);
  const at = (number) => x((number + 0.5) * sight.columnSamples);
  const [begin, end] = [Math.max(from, strip.first), Math.min(to, strip.end)];
  pen.beginPath();
  for (let number = begin; number < end; number += 1) pen.lineTo(at(number), y(strip.high(number)) - 0.5);
  for (let number = end - 1; number >= begin; number -= 1) pen.lineTo(at(number), y(strip.low(number)) + 0.5);
  pen.closePath();
}
