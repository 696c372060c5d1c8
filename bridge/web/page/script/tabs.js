// The tabs Play, Loops and Set up: one section of the page at a time, named in the address (#loops).

import { make } from "./dom.js";

const TABS = [["play", "Play"], ["loops", "Loops"], ["setup", "Set up"]];
const tabs = new Map();

/** The row of tabs. Each belongs to the section with its name, and shows the address's at first. */
export function makeTabs() {
  const row = make("div", { class: "tabs", role: "tablist", "aria-label": "View" });
  for (const [name, words] of TABS) {
    const tab = make("button", {
      type: "button", role: "tab", id: `tab-${name}`, "aria-controls": name, text: words,
      onclick: () => showTab(name),
    });
    tabs.set(name, tab);
    row.append(tab);
    const section = document.getElementById(name);
    section.setAttribute("role", "tabpanel");
  }
  row.addEventListener("keydown", walk);
  window.addEventListener("hashchange", fromAddress);
  fromAddress();
  return row;
}

/** Show `play`, `loops` or `setup`. A section that is shown or hidden gets the event `shown`. */
export function showTab(name) {
  for (const [each, tab] of tabs) {
    const section = document.getElementById(each);
    const changes = section.hidden === (each === name);
    section.hidden = each !== name;
    tab.setAttribute("aria-selected", String(each === name));
    tab.tabIndex = each === name ? 0 : -1;
    if (changes) section.dispatchEvent(new CustomEvent("shown", { detail: each === name }));
  }
  if (location.hash.slice(1) !== name) history.pushState(null, "", `#${name}`);
}

function fromAddress() {
  const name = location.hash.slice(1);
  showTab(tabs.has(name) ? name : "play");
}

function walk(event) {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!step) return;
  const names = [...tabs.keys()];
  const at = names.findIndex((name) => tabs.get(name) === document.activeElement);
  const next = names[(at + step + names.length) % names.length];
  showTab(next);
  tabs.get(next).focus();
  event.preventDefault();
  event.stopPropagation();
}
