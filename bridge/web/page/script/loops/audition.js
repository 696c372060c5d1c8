// Listening to a clip before it is used: through the server's output, where it begins on the grid and
// everybody hears it, or in this browser alone.
//
// The server says what it plays, whoever asked; so a clip is marked on all pages. In the browser a
// loop is a WebAudio buffer, which goes round without a gap; a long recording streams.

import { follow, known, send } from "../link.js";
import { clip, clipAt, followNames } from "./library.js";

const PLACE = "sideman.audition"; // where this browser keeps the choice

const watchers = new Set();
let heard = { file: "", since_s: 0, end: () => {} }; // in this browser
let served = { file: "", state: "stopped", since_s: 0, beat: 0 };
let told = { beats: 0, at_s: 0 }; // the transport's position, and when it was told
let inBrowser = localStorage.getItem(PLACE) === "browser";
let gain_db = 0;
let context = null;

/** Call `call()` whenever another clip is heard, or none. */
export const followAudition = (call) => watchers.add(call);

/** The file that is heard, or empty. */
export const auditioned = () => heard.file || served.file;

export const isInBrowser = () => inBrowser;

export function setInBrowser(on) {
  stop();
  inBrowser = on;
  localStorage.setItem(PLACE, on ? "browser" : "server");
}

/** Begin to listen to a file, or end it if it is heard. */
export function audition(file) {
  const ends = auditioned() === file;
  stop();
  if (ends) return;
  if (inBrowser) hearHere(file);
  else send("/clip/audition", file);
}

export function stop() {
  heard.end();
  if (served.file) send("/clip/audition/stop");
}

/** `armed` until the clip that is wanted begins, then `playing`; empty: none. */
export function auditionState() {
  if (heard.file) return heard.since_s ? "playing" : "armed";
  if (!served.file) return "";
  return served.state === "playing" ? "playing" : "armed";
}

/** How far the line has come in the clip that is heard, 0..1. */
export function share() {
  const found = clip(auditioned());
  if (!found || auditionState() !== "playing") return 0;
  const since_s = now_s() - (heard.file ? heard : served).since_s;
  if (heard.file || !found.bars || !isRunning()) return (since_s / found.seconds) % 1;
  const beats = (found.bars * found.numerator * 4) / found.denominator;
  return (((position() - served.beat) / beats) % 1 + 1) % 1;
}

/** Begin to follow what the server plays. */
export function beginAudition() {
  follow("/position", (beats) => (told = { beats, at_s: now_s() }));
  follow("/clip/audition/state", (file, state) => {
    // It lies on a line of the grid, which was just passed; while the transport stands on bar 1.
    const beat = isRunning() ? Math.round(position()) : 0;
    served = { file, state, since_s: now_s(), beat };
    tell();
  });
  followNames((file, now) => {
    for (const each of [heard, served]) if (each.file === file) each.file = now;
  });
  follow("/audition/gain", (db) => (gain_db = db));
}

const isRunning = () => Boolean(known("/play")?.[0]);

/** The transport's position now, in beats. */
function position() {
  const [bpm] = known("/tempo") || [120];
  return told.beats + (isRunning() ? ((now_s() - told.at_s) * bpm) / 60 : 0);
}

const now_s = () => performance.now() / 1000;

const tell = () => watchers.forEach((call) => call());

async function hearHere(file) {
  let over = false;
  let end = () => {};
  heard = {
    file, since_s: 0,
    end: () => {
      over = true;
      end();
      heard = { file: "", since_s: 0, end: () => {} };
      tell();
    },
  };
  tell();
  const mine = heard;
  try {
    end = clip(file)?.bars ? await loop(file, () => over) : await stream(file, mine);
  } catch (error) {
    if (!over) mine.end();
    throw error;
  }
  if (over) return end();
  mine.since_s = now_s();
  tell();
}

/** A loop that goes round; returns what ends it. */
async function loop(file, over) {
  context ??= new AudioContext();
  await context.resume();
  const answer = await fetch(clipAt(file));
  if (!answer.ok) throw new Error(`${file}: ${answer.status} ${answer.statusText}`);
  const buffer = await context.decodeAudioData(await answer.arrayBuffer());
  if (over()) return () => {};
  const source = new AudioBufferSourceNode(context, { buffer, loop: true });
  const gain = new GainNode(context, { gain: 10 ** (gain_db / 20) });
  source.connect(gain).connect(context.destination);
  source.start();
  return () => source.stop();
}

/** A recording, once; returns what ends it. */
async function stream(file, mine) {
  const sound = new Audio(clipAt(file));
  sound.volume = Math.min(1, 10 ** (gain_db / 20));
  sound.addEventListener("ended", () => mine.end());
  await sound.play();
  return () => sound.pause();
}
