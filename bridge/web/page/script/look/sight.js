// What is seen of the music: one socket for all pictures of the page, and one loop that draws them.
//
// Nothing is asked of the server while no picture is on the screen. Between two frames time goes on
// by the page's own clock, so that what scrolls scrolls smoothly.

import { socketAt } from "../link.js";
import { decode } from "./frame.js";
import { Strip } from "./strip.js";

const FPS = 30;
const AGAIN_MS = 1000;
const ACKNOWLEDGE_FRAMES = 8;
const FOLLOW_SHARE = 0.06; // of the distance to what a frame says, a frame: its way takes now longer, now less
const JUMP_S = 0.15;

/** The newest there is to see; `version` counts the frames. */
export const sight = {
  version: 0, up: false, rate: 48000, columnSamples: 960, full: 127, bandsHz: [], floorDb: -84,
  playing: false, stopped: 0, bar: { beat: 0, beats: 4, number: 0 }, anchors: [],
  levels: { peak: [0, 0], rms: [0, 0] }, bands: new Uint8Array(), decks: new Map(),
};

const pictures = new Map(); // element -> { decks, draw, visible }
let socket = null;
let unseen = 0;
let lead = null; // the ear's samples before the page's clock, in samples
let drawing = false;

/** Call `draw(now_ms)` before the screen is painted, for as long as `element` is on it; it shows
 * these decks. */
export function picture(element, decks, draw) {
  pictures.set(element, { decks, draw, visible: false });
  observer.observe(element);
}

/** The sample at the ear, when the page's clock says `now_ms`. */
export const ear = (now_ms) => (lead === null ? 0 : lead + (now_ms / 1000) * sight.rate);

const observer = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) pictures.get(target).visible = isIntersecting;
  look();
});

document.addEventListener("visibilitychange", () => look());

const visible = () =>
  document.hidden ? [] : [...pictures.values()].filter((each) => each.visible);

/** Ask for what is on the screen, and draw it. */
function look() {
  const shown = visible();
  if (shown.length && !socket) connect();
  const decks = [...new Set(shown.flatMap((each) => each.decks))].sort();
  tell({ fps: shown.length ? FPS : 0, decks });
  if (!shown.length || drawing) return;
  drawing = true;
  requestAnimationFrame(drawAll);
}

function drawAll(now_ms) {
  const shown = visible();
  drawing = shown.length > 0;
  if (!drawing) return;
  for (const each of shown) each.draw(now_ms);
  requestAnimationFrame(drawAll);
}

function tell(words) {
  if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify(words));
}

function connect() {
  socket = new WebSocket(socketAt("/console/look"));
  socket.binaryType = "arraybuffer";
  socket.onopen = () => {
    unseen = 0;
    lead = null;
    look();
  };
  socket.onmessage = ({ data }) => {
    if (typeof data === "string") begin(JSON.parse(data));
    else take(decode(data));
  };
  socket.onclose = () => {
    socket = null;
    sight.up = false;
    setTimeout(look, AGAIN_MS);
  };
}

/** What the numbers mean, of a server that may be another than before. */
function begin({ decks, ...meaning }) {
  Object.assign(sight, meaning, { up: true });
  sight.decks = new Map(decks.map((number) => [number, { heard: new Strip(), ahead: new Strip() }]));
}

function take({ ear: heard, decks, ...rest }) {
  Object.assign(sight, rest);
  for (const { heard: past, ahead, ...of } of decks) {
    const deck = Object.assign(sight.decks.get(of.number), of);
    deck.heard.put(past);
    deck.ahead.put(ahead);
  }
  sight.version += 1;
  keepTime(heard);
  unseen += 1;
  if (unseen < ACKNOWLEDGE_FRAMES) return;
  tell({ seen: unseen });
  unseen = 0;
}

function keepTime(heard) {
  const said = heard - (performance.now() / 1000) * sight.rate;
  const far = lead === null || Math.abs(said - lead) > JUMP_S * sight.rate;
  lead = far ? said : lead + (said - lead) * FOLLOW_SHARE;
}
