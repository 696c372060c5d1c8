// What can be made of a clip: its prompt and seed into the bar at the top or a deck, or the music
// that follows it on a deck. One menu for all cards.

import { make } from "../dom.js";
import { send } from "../link.js";
import { notice } from "../notices.js";
import { whole } from "../osc.js";
import { decks } from "../table.js";

let close = () => {};

/** Open the menu of `clip` beside `button`; `reuse(clip)` puts it into the bar at the top. */
export function openMenu(clip, button, reuse) {
  close();
  const menu = make(
    "div", { class: "use-menu", role: "menu", "aria-label": `Use ${clip.prompt || clip.file}` },
    make("button", {
      type: "button", role: "menuitem", text: "Put it into the bar above",
      disabled: !clip.prompt, onclick: () => done(() => reuse(clip)),
    }),
    onDecks("Its prompt and seed on deck", clip.prompt, (n) => done(() => play(clip, n))),
    onDecks("Go on from its end on deck", true, (n) => done(() => goOn(clip, n))),
  );
  const done = (does) => (close(), does());
  const outside = (event) => menu.contains(event.target) || close();
  const scrolled = () => close(); // it would stay where its card is no more
  close = () => {
    close = () => {};
    document.removeEventListener("scroll", scrolled, true);
    document.removeEventListener("pointerdown", outside, true);
    const hadFocus = menu.contains(document.activeElement);
    menu.remove();
    button.setAttribute("aria-expanded", "false");
    if (hadFocus) button.focus({ preventScroll: true });
  };
  document.addEventListener("pointerdown", outside, true);
  menu.addEventListener("keydown", (event) => steer(event, menu));
  document.addEventListener("scroll", scrolled, true);
  button.closest("section").append(menu);
  button.setAttribute("aria-expanded", "true");
  put(menu, button.getBoundingClientRect());
  items(menu)[0]?.focus();
}

function onDecks(label, can, does) {
  const numbers = Array.from({ length: decks() }, (_, index) => index + 1);
  const buttons = numbers.map((n) =>
    make("button", {
      type: "button", role: "menuitem", class: `deck-${n}`, text: n, disabled: !can,
      "aria-label": `${label} ${n}`, onclick: () => does(n),
    }),
  );
  return make(
    "div", { class: "use-decks", role: "group", "aria-label": label },
    make("span", { class: "soft", text: label, "aria-hidden": "true" }), make("div", {}, ...buttons),
  );
}

function play(clip, n) {
  send(`/deck/${n}/seed`, whole(clip.seed));
  send(`/deck/${n}/prompt`, clip.prompt);
  notice(`Deck ${n} has its prompt and seed`);
}

function goOn(clip, n) {
  send(`/deck/${n}/continue`, clip.file);
}

const items = (menu) => [...menu.querySelectorAll("button:not(:disabled)")];

function steer(event, menu) {
  event.stopPropagation();
  const all = items(menu);
  const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
  if (step) all.at((all.indexOf(document.activeElement) + step) % all.length).focus();
  else if (event.key === "Escape" || event.key === "Tab") close();
  else return;
  event.preventDefault();
}

/** Above or below the button, within the window. */
function put(menu, button) {
  const { width, height } = menu.getBoundingClientRect();
  const below = button.bottom + 6 + height < window.innerHeight;
  const left = Math.min(button.left, window.innerWidth - width - 8);
  menu.style.left = `${Math.max(8, left)}px`;
  menu.style.top = `${Math.max(8, below ? button.bottom + 6 : button.top - 6 - height)}px`;
}
