// What there is to see of the master: its level, and a spectrogram of the last seconds.

import { make } from "../dom.js";
import { Canvas } from "./canvas.js";
import { meter } from "./meter.js";
import { picture, sight } from "./sight.js";

const HISTORY = 512; // frames that are kept
const FRAME_PX = 2;
const MARKS_HZ = [100, 1000, 10000];
/** From silence to full scale: at these shares of the way, red, green, blue. */
const SHADES = [[0, 14, 16, 19], [0.3, 27, 42, 66], [0.5, 38, 110, 122], [0.68, 88, 199, 182], [0.84, 242, 193, 78], [1, 255, 246, 224]];

/** The picture of the master. */
export function masterLook() {
  const canvas = new Canvas("spectrum-picture");
  const marks = make("div", { class: "spectrum-marks figures", "aria-hidden": "true" });
  const frames = new Frames();
  const scope = make("div", { class: "spectrum" }, canvas.element, marks);
  picture(scope, [], (now_ms) => {
    if (!marks.children.length) mark(marks);
    if (frames.take() || canvas.isNew) frames.draw(canvas);
    canvas.say(now_ms, words);
  });
  return make("div", { class: "look master-look" }, scope, meter(0));
}

/** The past spectra, in a small picture of a column for each that is written round and round. */
class Frames {
  constructor() {
    this.store = make("canvas", { width: HISTORY });
    this.next = 0;
    this.seen = 0;
  }

  /** Whether a new one has come. */
  take() {
    const { version, bands } = sight;
    if (version === this.seen || !bands.length) return false;
    this.seen = version;
    if (this.store.height !== bands.length) this.store.height = bands.length;
    const pen = this.store.getContext("2d");
    const column = pen.createImageData(1, bands.length);
    bands.forEach((level, band) => {
      column.data.set(PALETTE.subarray(4 * level, 4 * level + 4), 4 * (bands.length - 1 - band));
    });
    pen.putImageData(column, this.next % HISTORY, 0);
    this.next += 1;
    return true;
  }

  draw({ pen, width, height }) {
    const count = Math.min(HISTORY, this.next, Math.ceil(width / FRAME_PX));
    const end = this.next % HISTORY || HISTORY;
    const right = Math.min(count, end);
    pen.clearRect(0, 0, width, height);
    this.copy(pen, end - right, right, width, height);
    if (count > right) this.copy(pen, HISTORY - (count - right), count - right, width - right * FRAME_PX, height);
  }

  /** Columns `from .. from + count`, the last of them ending at `right` on the screen. */
  copy(pen, from, count, right, height) {
    const width = count * FRAME_PX;
    if (count) pen.drawImage(this.store, from, 0, count, this.store.height, right - width, 0, width, height);
  }
}

const PALETTE = palette();

function palette() {
  const out = new Uint8ClampedArray(4 * 256).fill(255);
  for (let level = 0; level < 256; level += 1) {
    const share = level / 255;
    const above = Math.max(1, SHADES.findIndex(([at]) => at >= share));
    const [low, high] = [SHADES[above - 1], SHADES[above]];
    const part = (share - low[0]) / (high[0] - low[0]);
    for (let i = 0; i < 3; i += 1) out[4 * level + i] = low[i + 1] + part * (high[i + 1] - low[i + 1]);
  }
  return out;
}

/** Frequencies beside the picture. */
function mark(place) {
  const hz = sight.bandsHz;
  if (!hz.length) return;
  const way = (f) => Math.log(f / hz[0]) / Math.log(hz.at(-1) / hz[0]);
  for (const f of MARKS_HZ) {
    const label = make("span", { text: f < 1000 ? f : `${f / 1000}k` });
    label.style.bottom = `${100 * way(f)}%`;
    place.append(label);
  }
}

function words() {
  const { bands, bandsHz } = sight;
  const loudest = bands.indexOf(Math.max(...bands));
  if (!bands.length || bands[loudest] === 0) return "Spectrum of the master: silent";
  return `Spectrum of the master: loudest about ${Math.round(bandsHz[loudest])} hertz`;
}
