// "Listen here": the master in this browser, for a server without a sound card or in another room.
//
// A switch, a volume and a count of gaps. Off until somebody wants it; nothing is fetched before.

import { make } from "./dom.js";
import { socketAt } from "./link.js";
import { notice } from "./notices.js";
import { Ring } from "./listen-ring.js";

const SVG = "http://www.w3.org/2000/svg";
const HEAD_BYTES = 8; // the number of the first sample, before the samples
const LIKELY_RATE = 48000; // of the server; at another the ring makes up for it
const FADE_S = 0.02;
const BLOCK_SAMPLES = 1024;
const AGAIN_MS = 1000;
const FULL = 1013; // the server's code for: enough listen already

let now = null; // the session that is on: { context, volume, socket, node, take, next, missed }

/** What plays here, for who draws or measures it: `{ context, volume, next, missed }`; null if off. */
export const listening = () => now;

/** The control, for the page's header. */
export function makeListen() {
  const button = make("button", {
    type: "button", class: "toggle listen-switch", "aria-label": "Listen here",
    "aria-pressed": "false", title: "Listen here: play the master in this browser, too",
  }, headphones());
  const volume = make("input", {
    type: "range", class: "listen-volume", min: "0", max: "1", step: "0.01", value: "0.9",
    "aria-label": "Volume here",
  });
  const gaps = make("output", { class: "listen-gaps", "aria-label": "Gaps heard here", title: "gaps heard here" });
  const below = make("div", { class: "listen-below", hidden: true }, volume);
  const show = (on) => {
    button.setAttribute("aria-pressed", String(on));
    below.hidden = !on;
    gaps.textContent = "";
  };
  const tell = (count) => {
    const words = count ? String(count) : "";
    if (gaps.textContent !== words) gaps.textContent = words;
  };
  button.addEventListener("click", () => {
    if (now) end();
    else begin({ tell, off: () => show(false) }, loudnessOf(volume));
    show(Boolean(now));
  });
  volume.addEventListener("input", () => now && turn(now, loudnessOf(volume)));
  return make("div", { class: "listen", role: "group", "aria-label": "Listen here" }, button, gaps, below);
}

function headphones() {
  const picture = document.createElementNS(SVG, "svg");
  picture.setAttribute("viewBox", "0 0 24 24");
  picture.setAttribute("aria-hidden", "true");
  const line = document.createElementNS(SVG, "path");
  line.setAttribute("d", "M4 19v-6a8 8 0 0 1 16 0v6M4 14h3v6H5a1 1 0 0 1-1-1zm16 0h-3v6h2a1 1 0 0 0 1-1z");
  picture.append(line);
  return picture;
}

/** The ear hears loudness by ratios, and the middle of a fader should sound like one. */
const loudnessOf = (volume) => Number(volume.value) ** 2;

/** In the hand's own moment: browsers start no sound later. */
function begin(panel, loudness) {
  const context = new AudioContext({ sampleRate: LIKELY_RATE, latencyHint: "interactive" });
  const volume = new GainNode(context, { gain: 0 });
  volume.connect(context.destination);
  now = { panel, context, volume, next: null, missed: 0 };
  turn(now, loudness);
  context.resume();
  listen(now);
}

function turn({ volume, context }, loudness) {
  volume.gain.setTargetAtTime(loudness, context.currentTime, FADE_S);
}

function end() {
  const { context, socket } = now;
  now = null;
  socket.close();
  context.close();
}

/** Open the stream and play it; if it ends, look for it again until it is switched off. */
function listen(mine) {
  mine.socket = new WebSocket(socketAt("/console/listen"));
  mine.socket.binaryType = "arraybuffer";
  mine.socket.onmessage = ({ data }) => {
    if (mine !== now) return;
    if (typeof data === "string") join(mine, JSON.parse(data).rate);
    else take(mine, data);
  };
  mine.socket.onclose = ({ code, reason }) => {
    if (mine !== now) return;
    if (code !== FULL) {
      setTimeout(() => mine === now && listen(mine), AGAIN_MS);
      return;
    }
    notice(`Not here: ${reason}`, { kind: "warn" });
    mine.panel.off();
    end();
  };
}

function take(mine, data) {
  const at = Number(new DataView(data).getBigUint64(0, true));
  if (mine.next !== null && at > mine.next) mine.missed += at - mine.next;
  const pcm = data.slice(HEAD_BYTES);
  mine.next = at + pcm.byteLength / 4;
  mine.take?.(pcm);
}

/** A stream begins, at `rate`; the one before it may have had another. */
async function join(mine, rate) {
  const source = mine.context.audioWorklet ? fromWorklet : fromPage;
  const { node, write } = await source(mine.context, rate, mine.panel.tell);
  if (mine !== now) return;
  mine.node?.disconnect();
  mine.node = node;
  mine.next = null;
  mine.take = write;
  node.connect(mine.volume);
}

async function fromWorklet(context, rate, tell) {
  await context.audioWorklet.addModule(new URL("listen-worklet.js", import.meta.url));
  const node = new AudioWorkletNode(context, "listening", {
    numberOfInputs: 0, outputChannelCount: [2], processorOptions: { rate },
  });
  node.port.onmessage = ({ data }) => tell(data);
  return { node, write: (pcm) => node.port.postMessage(pcm, [pcm]) };
}

/** Browsers keep worklets from pages that came over plain HTTP from another machine, as a tablet's
 * does: there the page itself fills the blocks. */
async function fromPage(context, rate, tell) {
  const ring = new Ring(rate, context.sampleRate);
  const node = context.createScriptProcessor(BLOCK_SAMPLES, 0, 2);
  node.onaudioprocess = ({ outputBuffer }) => {
    ring.read(outputBuffer.getChannelData(0), outputBuffer.getChannelData(1));
    tell(ring.underruns);
  };
  return { node, write: (pcm) => ring.write(new Int16Array(pcm)) };
}
