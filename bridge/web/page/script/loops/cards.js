// The clips as a field of cards: which are shown, which has the focus, which are picked.
//
// Arrow keys go from card to card; one card at a time lets the tab key through its buttons. Of what
// is out of sight the browser lays out nothing (content-visibility), so that hundreds scroll well.

import { make } from "../dom.js";
import { audition, auditioned, auditionState, followAudition, share, stop } from "./audition.js";
import { Card } from "./card.js";
import { followNames, remove, star } from "./library.js";

export class Cards {
  /** `reuse(clip)` puts it into the render bar; `changed()` is called when what is shown or picked
   * is another. */
  constructor(reuse, changed) {
    this.reuse = reuse;
    this.changed = changed;
    this.cards = new Map(); // by file, newest first
    this.picks = new Set(); // files
    this.wanted = { words: [], starred: false };
    this.current = null;
    this.moving = false;
    this.element = make("ul", { class: "clips", role: "list", "aria-label": "Loops" });
    this.element.addEventListener("keydown", (event) => this.key(event));
    this.element.addEventListener("focusin", (event) => this.reach(this.at(event.target)));
    followAudition(() => this.markHeard());
    followNames((file, now) => this.rename(file, now));
  }

  /** Show these clips, newest first, moving no card that stays. */
  sync(clips) {
    const isFirst = !this.cards.size;
    const before = this.cards;
    const place = this.shown.indexOf(this.current);
    this.cards = new Map();
    for (const clip of clips) {
      const card = before.get(clip.file) || new Card(clip, this);
      if (before.delete(clip.file)) card.show(clip);
      else card.element.classList.toggle("new", !isFirst);
      this.cards.set(clip.file, card);
    }
    const focus = [...before.values()].some((card) => card.element.contains(document.activeElement));
    for (const [file, card] of before) {
      card.leave();
      this.picks.delete(file);
    }
    this.order();
    this.filter(this.wanted);
    this.markHeard();
    if (focus) this.shown.at(Math.min(Math.max(place, 0), this.shown.length - 1))?.element.focus();
  }

  /** The card goes on under another name, with the focus if it has it. */
  rename(file, now) {
    const card = this.cards.get(file);
    if (!card || this.cards.has(now)) return;
    const entries = [...this.cards].map(([key, each]) => [key === file ? now : key, each]);
    this.cards = new Map(entries);
    if (this.picks.delete(file)) this.picks.add(now);
    card.show({ ...card.clip, file: now });
  }

  order() {
    let next = this.element.firstElementChild;
    for (const { element } of this.cards.values()) {
      if (element === next) next = next.nextElementSibling;
      else this.element.insertBefore(element, next);
    }
  }

  /** The cards that the filter lets through. */
  get shown() {
    return [...this.element.children]
      .filter((element) => !element.hidden)
      .map((element) => this.cards.get(element.dataset.file))
      .filter(Boolean);
  }

  /** Show those with all of `words`, and only starred ones if `starred`. */
  filter(wanted) {
    this.wanted = wanted;
    for (const card of this.cards.values()) {
      const fits = wanted.words.every((word) => card.words.includes(word));
      card.element.hidden = !fits || (wanted.starred && !card.clip.starred);
    }
    if (!this.current || this.current.element.hidden || !this.cards.has(this.current.file))
      this.reach(this.shown[0]);
    this.changed();
  }

  at(element) {
    return this.cards.get(element.closest(".clip")?.dataset.file);
  }

  reach(card) {
    if (card === this.current) return;
    this.current?.reach(false);
    this.current = card || null;
    card?.reach(true);
  }

  /** The files that are meant with this one: all picked ones if it is among them. */
  chosen(file) {
    return this.picks.has(file) ? [...this.cards.keys()].filter((each) => this.picks.has(each)) : [file];
  }

  picked(card, on) {
    card.pick.checked = on;
    card.element.classList.toggle("picked", on);
    if (on) this.picks.add(card.file);
    else this.picks.delete(card.file);
    this.lastPick = card;
    this.element.classList.toggle("picking", this.picks.size > 0);
    this.changed();
  }

  /** With a modifier: this one more or less, or all from the last one to it. */
  pickBy(card, isRange) {
    if (!isRange || !this.lastPick) return this.picked(card, !card.pick.checked);
    const shown = this.shown;
    const ends = [shown.indexOf(this.lastPick), shown.indexOf(card)].sort((one, other) => one - other);
    for (const each of shown.slice(Math.max(0, ends[0]), ends[1] + 1)) this.picked(each, true);
  }

  pickAll(on) {
    for (const card of on ? this.shown : [...this.cards.values()]) this.picked(card, on);
  }

  remove(files) {
    if (files.includes(auditioned())) stop();
    remove(files);
    this.pickAll(false);
  }

  key(event) {
    const card = this.current;
    if (!card || event.altKey) return;
    const isOnCard = event.target === card.element;
    const does = this.does(event, card, isOnCard);
    if (!does) return;
    event.preventDefault();
    event.stopPropagation();
    does();
  }

  does(event, card, isOnCard) {
    const command = event.ctrlKey || event.metaKey;
    const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: this.columns, ArrowUp: -this.columns };
    if (command) return event.key === "a" ? () => this.pickAll(true) : null;
    if (event.key in step) return () => this.go(step[event.key]);
    if (event.key === "F2") return () => card.edit();
    if (event.key === "Delete") return () => this.remove(this.chosen(card.file));
    if (event.key === "s") return () => star(card.file, !card.clip.starred);
    if (event.key === "x") return () => this.picked(card, !card.pick.checked);
    if (event.key === "Escape" && this.picks.size) return () => this.pickAll(false);
    if (!isOnCard) return null; // of a button within: what follows is its own
    if (event.key === " ") return () => audition(card.file);
    if (event.key === "Enter") return () => card.use.click();
    if (event.key === "Home") return () => this.go(-this.cards.size);
    if (event.key === "End") return () => this.go(this.cards.size);
    return null;
  }

  get columns() {
    const shown = this.shown;
    const second = shown.findIndex((card) => card.element.offsetTop !== shown[0].element.offsetTop);
    return second < 0 ? shown.length : second;
  }

  go(by) {
    const shown = this.shown;
    const place = shown.indexOf(this.current) + by;
    const next = shown[place] || shown.at(by < 0 ? 0 : -1);
    next?.element.focus();
    next?.element.scrollIntoView({ block: "nearest" });
  }

  markHeard() {
    const file = auditioned();
    for (const card of this.cards.values()) card.mark(card.file === file ? auditionState() : "");
    if (file && !this.moving) this.move();
  }

  /** The line of the card that is heard, as long as one is. */
  move() {
    const card = this.cards.get(auditioned());
    this.moving = Boolean(card);
    if (!card) return;
    if (card.element.checkVisibility?.() !== false) card.moveLine(share());
    requestAnimationFrame(() => this.move());
  }
}
