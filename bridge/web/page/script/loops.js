// Loops: make them, listen to them, keep the good ones, and drag them out.

import { make } from "./dom.js";
import { fader } from "./controls.js";
import { describe } from "./table.js";
import { beginAudition, isInBrowser, setInBrowser } from "./loops/audition.js";
import { Cards } from "./loops/cards.js";
import { download } from "./loops/drag.js";
import { makeJobs } from "./loops/jobs.js";
import { beginLibrary, followClips, star } from "./loops/library.js";
import { makeRender } from "./loops/render.js";

const EXAMPLES = [
  "dusty breakbeat, upright bass, warm electric piano",
  "four on the floor, rubber bass, bright stabs",
  "slow ambient pads, soft mallets, no drums",
  "fast breakbeat, deep sub bass, airy lead",
];

export function makeLoops(place) {
  const render = makeRender();
  const empty = makeEmpty(render.example);
  const picked = makePicked(() => cards);
  const none = make("p", { class: "loops-none soft", text: "No loop fits the filter.", hidden: true });
  const filter = makeFilter((wanted) => cards.filter(wanted));
  const cards = new Cards(render.reuse, () => {
    const count = cards.shown.length;
    filter.tell(count, cards.cards.size);
    none.hidden = count > 0 || !cards.cards.size;
    picked.tell(cards.picks.size);
  });
  place.append(
    make("div", { class: "loops-top" }, render.element, makeJobs()),
    filter.element, picked.element, empty, none, cards.element,
  );
  followClips((clips) => {
    empty.hidden = clips.length > 0;
    filter.element.hidden = !clips.length;
    cards.sync(clips);
  });
  beginLibrary();
  beginAudition();
}

/** What to type, for whoever has made none yet. */
function makeEmpty(example) {
  const tries = EXAMPLES.map((words) =>
    make("button", { type: "button", text: words, onclick: () => example(words) }),
  );
  return make(
    "div", { class: "loops-empty", hidden: true },
    make("h2", { text: "No loops yet" }),
    make("p", {
      class: "soft",
      text: "Say what to play, in words with commas between: a style, a mood, the instruments. Then"
        + " Make. The loop has whole bars at the tempo above, and drags onto a track in time.",
    }),
    make("div", { class: "loops-tries", role: "group", "aria-label": "Examples" }, ...tries),
    make("p", {
      class: "soft", text: "What you capture from a deck, and recordings of the master, appear here too.",
    }),
  );
}

/** What to show of them, and how to listen. */
function makeFilter(changed) {
  const wanted = { words: [], starred: false };
  const search = make("input", {
    type: "search", class: "loops-search", "aria-label": "Find loops", placeholder: "Find",
    oninput: () => {
      wanted.words = search.value.toLowerCase().split(/[\s,]+/).filter(Boolean);
      changed(wanted);
    },
  });
  search.addEventListener("keydown", (event) => event.stopPropagation());
  const starred = make("button", {
    type: "button", class: "toggle", "aria-pressed": "false", text: "Starred",
    onclick: () => {
      wanted.starred = !wanted.starred;
      starred.setAttribute("aria-pressed", wanted.starred);
      changed(wanted);
    },
  });
  const count = make("span", { class: "soft figures", role: "status" });
  const element = make(
    "div", { class: "loops-filter", role: "group", "aria-label": "Filter", hidden: true },
    search, starred, count, make("span", { class: "loops-space" }), makeListening(),
  );
  const tell = (shown, all) =>
    (count.textContent =
      (shown === all ? "" : `${shown} of `) + (all === 1 ? "1 loop" : `${all} loops`));
  return { element, tell };
}

/** Where a loop is heard before it is used, and how loud. */
function makeListening() {
  const here = make("button", {
    type: "button", class: "toggle", text: "In this browser", "aria-pressed": isInBrowser(),
    title: "Listen to loops in this browser alone, instead of through the server's output in time",
    onclick: () => {
      setInBrowser(!isInBrowser());
      here.setAttribute("aria-pressed", isInBrowser());
    },
  });
  const gain = describe("/audition/gain")
    ? fader({ address: "/audition/gain", label: "Audition gain", normal: 0, lying: true, unit: " dB" })
    : null;
  return make(
    "div", { class: "loops-listening", role: "group", "aria-label": "Audition" },
    make("span", { class: "soft", text: "Audition", "aria-hidden": "true" }), gain, here,
  );
}

/** What can be done with several at once; away while none is picked. */
function makePicked(cards) {
  const count = make("span", { role: "status" });
  const act = (text, does) =>
    make("button", { type: "button", text, onclick: () => does(cards().chosen([...cards().picks][0])) });
  const element = make(
    "div", { class: "loops-picked", role: "group", "aria-label": "Selected loops", hidden: true },
    count,
    act("Download", download),
    act("Star", (files) => files.forEach((file) => star(file, true))),
    act("Delete", (files) => cards().remove(files)),
    make("button", { type: "button", class: "quiet", text: "Select none",
      onclick: () => cards().pickAll(false) }),
  );
  const tell = (number) => {
    element.hidden = number === 0;
    count.textContent = `${number} selected`;
  };
  return { element, tell };
}
