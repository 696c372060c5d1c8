// A clip's outline on a canvas, with bar lines, drawn once it is seen.
//
// One observer watches all of them: what scrolls into view fetches its peaks, and gives up if it is
// gone before they came, so that a long list asks only for what is looked at.

import { make } from "../dom.js";
import { peaksAt } from "./library.js";

const COLUMNS = 320;
const AHEAD_PX = 300; // fetched before they are seen, so that scrolling shows no empty ones
const MAX_BAR_LINES = 32;

const waves = new WeakMap(); // by canvas
const seen = new IntersectionObserver(
  (entries) => entries.forEach((entry) => waves.get(entry.target).see(entry.isIntersecting)),
  { rootMargin: `${AHEAD_PX}px` },
);
const sized = new ResizeObserver((entries) =>
  entries.forEach((entry) => waves.get(entry.target).draw()),
);

export class Wave {
  constructor(clip) {
    this.clip = clip;
    this.peaks = null;
    this.fetching = null;
    this.element = make("canvas", { class: "wave", "aria-hidden": "true" });
    waves.set(this.element, this);
    seen.observe(this.element);
    sized.observe(this.element);
  }

  see(visible) {
    if (!visible) this.fetching?.abort();
    else if (!this.peaks && !this.fetching) this.load();
  }

  async load() {
    this.fetching = new AbortController();
    try {
      const answer = await fetch(peaksAt(this.clip.file, COLUMNS), { signal: this.fetching.signal });
      if (answer.ok) this.peaks = await answer.json();
      this.draw();
    } catch (error) {
      if (error.name !== "AbortError") throw error;
    } finally {
      this.fetching = null;
    }
  }

  /** Draw what is known at the size that the canvas has. */
  draw() {
    const canvas = this.element;
    const scale = window.devicePixelRatio || 1;
    const [width, height] = [canvas.clientWidth * scale, canvas.clientHeight * scale];
    if (!this.peaks || !width || !height) return;
    canvas.width = width;
    canvas.height = height;
    const pen = canvas.getContext("2d");
    pen.fillStyle = getComputedStyle(canvas).color;
    drawBarLines(pen, this.clip.bars, width, height, scale);
    drawPeaks(pen, this.peaks, width, height, scale);
  }

  forget() {
    this.fetching?.abort();
    seen.unobserve(this.element);
    sized.unobserve(this.element);
  }
}

function drawBarLines(pen, bars, width, height, scale) {
  if (bars < 2 || bars > MAX_BAR_LINES) return;
  pen.globalAlpha = 0.22;
  for (let bar = 1; bar < bars; bar++)
    pen.fillRect(Math.round((bar / bars) * width), 0, scale, height);
  pen.globalAlpha = 1;
}

/** One upright stroke per column; silence is a thin line. */
function drawPeaks(pen, peaks, width, height, scale) {
  const step = width / peaks.length;
  const stroke = Math.max(scale, step * 0.62);
  peaks.forEach(([low, high], column) => {
    const top = (0.5 - high / 2) * height;
    const tall = Math.max(scale, ((high - low) / 2) * height);
    pen.fillRect(column * step, Math.min(top, height / 2), stroke, tall);
  });
}
