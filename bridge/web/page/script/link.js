// The page's link with the server: what is known of its state, what is asked of it.
//
// It speaks OSC over the WebSocket that OSCQuery clients use, so a page does nothing that any other
// client could not do, and sees what they do. When the server goes away the link says so, looks for
// it again, and begins with the full state.

import { decode, encode } from "./osc.js";

const AGAIN_MS = 500;
const PATIENCE_MS = 2000;

const state = new Map();
const watchers = new Map(); // address -> functions that follow its value
const listeners = new Map(); // address -> functions that hear every message there
const followers = new Set(); // of the link itself
const waiting = []; // questions without an answer yet
let socket = null;
let up = false;
let refusal = ""; // the server's words, while it does not let this page in

/** The query string that lets this page in: the token of the address it was opened with. */
export const token = new URLSearchParams(location.search).get("token") || "";

/** The address of a WebSocket or file of this server, with the token if there is one. */
export function at(path, query = {}) {
  const url = new URL(path, location.origin);
  if (token) url.searchParams.set("token", token);
  for (const [name, value] of Object.entries(query)) url.searchParams.append(name, value);
  return url;
}

export function socketAt(path) {
  const url = at(path);
  url.protocol = url.protocol.replace("http", "ws");
  return url;
}

/** Send one message. Lost if there is no link: what is not heard now is not wanted later. */
export function send(address, ...args) {
  if (!up) return false;
  socket.send(encode(address, args));
  return true;
}

/** The last known arguments of an address, or undefined. */
export const known = (address) => state.get(address);

/** Call `follow(...args)` with what is known of an address and at every change. Returns a function
 * that ends it. */
export function follow(address, call) {
  const end = added(watchers, address, call);
  if (state.has(address)) call(...state.get(address));
  return end;
}

/** Call `call(...args)` at every message with this address: events such as /clip/done. */
export const hear = (address, call) => added(listeners, address, call);

/** Call `call(up, refusal)` now and whenever the link comes or goes. */
export function followLink(call) {
  followers.add(call);
  call(up, refusal);
  return () => followers.delete(call);
}

/** Send a message, and wait for the answer at `answer` (its own address if none is given). Rejects
 * with the server's words if it is refused, and after a while without an answer. */
export function ask(address, args = [], answer = address) {
  return new Promise((resolve, reject) => {
    const question = { address, answer, resolve, reject };
    question.timer = setTimeout(() => done(question, reject, new Error("no answer")), PATIENCE_MS);
    waiting.push(question);
    if (!send(address, ...args)) done(question, reject, new Error("not connected"));
  });
}

function done(question, settle, value) {
  clearTimeout(question.timer);
  const place = waiting.indexOf(question);
  if (place >= 0) waiting.splice(place, 1);
  settle(value);
}

function added(map, address, call) {
  if (!map.has(address)) map.set(address, new Set());
  map.get(address).add(call);
  return () => map.get(address).delete(call);
}

function take(address, args) {
  state.set(address, args);
  for (const call of watchers.get(address) || []) call(...args);
  for (const call of listeners.get(address) || []) call(...args);
  const answered = waiting.filter((each) => each.answer === address);
  for (const question of answered) done(question, question.resolve, args);
  if (address !== "/error") return;
  const refused = waiting.find((each) => each.address === args[0]);
  if (refused) done(refused, refused.reject, new Error(args[1]));
}

function become(now, why = "") {
  if (up === now && refusal === why) return;
  up = now;
  refusal = why;
  for (const call of followers) call(up, refusal);
}

/** Why the server does not let this page in; empty if it does, or is not there. A socket that is
 * refused does not say. */
async function reason() {
  try {
    const answer = await fetch(at("/", { HOST_INFO: "" }));
    return answer.ok ? "" : (await answer.text()).trim();
  } catch {
    return "";
  }
}

/** Open the link, and keep it. */
export function connect() {
  socket = new WebSocket(socketAt("/"));
  socket.binaryType = "arraybuffer";
  socket.onopen = () => {
    state.clear();
    become(true);
    send("/subscribe", 0, 30);
  };
  socket.onmessage = (message) => {
    if (typeof message.data === "string") return;
    for (const [address, args] of decode(message.data)) take(address, args);
  };
  socket.onclose = async () => {
    if (up) become(false);
    else become(false, await reason());
    setTimeout(connect, AGAIN_MS);
  };
}
