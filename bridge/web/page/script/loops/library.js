// The clips in the server's folder, as this page knows them, and what can be done with one.
//
// The list is fetched once per connection, and again when something is said of a clip: a job that is
// done, a recording in place, a star or a new name from any client. Several words within a moment
// make one fetch.

import { at, followLink, hear, send } from "../link.js";
import { notice } from "../notices.js";

const TOGETHER_MS = 60;
const CHANGES = ["/clip/done", "/record/done", "/clip/changed"];

const RENAMED = "renamed";

const watchers = new Set();
let clips = []; // newest first
let loaded = false;
let waiting = null;
let asked = 0; // how often: an answer that was overtaken is not shown

/** Call `call(clips)` with all clips, newest first, now if they are known, and at every change. */
export function followClips(call) {
  watchers.add(call);
  if (loaded) call(clips);
}

/** Call `call(file, now)` when a clip has another name. */
export const followNames = (call) =>
  hear("/clip/changed", (file, what, now) => what === RENAMED && call(file, now));

export const clip = (file) => clips.find((each) => each.file === file);

/** Where a clip is fetched. */
export const clipAt = (file) => at(`/clips/${encodeURIComponent(file)}`);

/** Where several are, as one zip file. */
export function zipAt(files) {
  const url = at("/clips.zip");
  for (const file of files) url.searchParams.append("name", file);
  return url;
}

/** Where the outline of a clip is, in so many columns. */
export const peaksAt = (file, columns) =>
  at(`/clips/${encodeURIComponent(file)}/peaks`, { columns });

export const star = (file, on) => send("/clip/star", file, on);

export function rename(file, name) {
  if (name && name !== file) send("/clip/rename", file, name);
}

/** To the trash, with the offer to take it back. */
export function remove(files) {
  for (const file of files) send("/clip/delete", file);
  const what = files.length === 1 ? files[0] : `${files.length} loops`;
  notice(`${what} deleted`, {
    undo: () => files.forEach((file) => send("/clip/restore", file)),
  });
}

/** Begin to follow the server's folder. */
export function beginLibrary() {
  followLink((up) => up && load());
  for (const address of CHANGES) hear(address, soon);
}

function soon() {
  waiting ??= setTimeout(load, TOGETHER_MS);
}

async function load() {
  waiting = null;
  const mine = ++asked;
  const answer = await fetch(at("/clips"));
  if (!answer.ok) throw new Error(`the list of clips: ${answer.status} ${answer.statusText}`);
  const list = await answer.json();
  if (mine !== asked) return;
  clips = list.map(withoutMaster).sort((one, other) => order(other, one));
  loaded = true;
  for (const call of watchers) call(clips);
}

/** A capture of the master bears its name for a prompt: there is none that could be used again. */
const withoutMaster = (clip) =>
  clip.kind === "capture" && clip.prompt === "master" ? { ...clip, prompt: "" } : clip;

/** By the time of making; text sorts as time does. */
const order = (one, other) =>
  one.created < other.created ? -1 : Number(one.created > other.created) || one.file.localeCompare(other.file);
