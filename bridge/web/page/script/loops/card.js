// One clip: its outline, what it was made of, and what can be done with it.

import { make, shown } from "../dom.js";
import { audition } from "./audition.js";
import { carry, download } from "./drag.js";
import { icon } from "./icons.js";
import { rename, star } from "./library.js";
import { openMenu } from "./menu.js";
import { Wave } from "./wave.js";

const ENDING = ".wav";
const KINDS = { capture: "captured", recording: "recorded" }; // the others were asked for

export class Card {
  /** `list` answers chosen(file) with the files that are meant, takes picked(), and has reuse(). */
  constructor(clip, list) {
    this.clip = clip;
    this.list = list;
    this.state = "";
    this.wave = new Wave(clip);
    this.line = make("div", { class: "wave-line", "aria-hidden": "true" });
    this.play = button("play", "Audition", () => audition(this.file));
    this.kind = make("span", { class: "clip-kind" });
    this.star = button("star", "Star", () => star(this.clip.file, !this.clip.starred));
    this.pick = make("input", {
      type: "checkbox", "aria-label": "Select",
      onchange: () => list.picked(this, this.pick.checked),
    });
    this.title = make("div", { class: "clip-prompt" });
    this.figures = make("div", { class: "clip-figures" });
    this.name = make("div", { class: "clip-name soft", title: "Rename: double click, or F2" });
    this.name.addEventListener("dblclick", () => this.edit());
    this.element = make(
      "li", { class: "clip", tabindex: -1, draggable: "true" },
      make(
        "div", { class: "clip-sound", onclick: (event) => this.press(event) },
        this.wave.element, this.line, this.kind,
      ),
      make("label", { class: "clip-pick" }, this.pick),
      this.title, this.figures, this.name, this.tools(),
    );
    this.element.addEventListener("dragstart", (event) => this.drag(event));
    this.show(clip);
    this.reach(false);
  }

  get file() {
    return this.clip.file;
  }

  tools() {
    const use = button("use", "Use", () => openMenu(this.clip, use, this.list.reuse), {
      "aria-haspopup": "menu", "aria-expanded": "false", title: "Use its prompt, or go on from it",
    });
    this.use = use;
    return make(
      "div", { class: "clip-tools" },
      this.play, this.star, use,
      button("rename", "Rename", () => this.edit()),
      button("save", "Download", () => download([this.file])),
      button("remove", "Delete", () => this.list.remove([this.file])),
    );
  }

  /** Show what is known of the clip now. */
  show(clip) {
    this.clip = clip;
    this.wave.clip = clip;
    this.title.textContent = clip.prompt || clip.file.replace(ENDING, "");
    this.title.title = this.title.textContent;
    this.figures.replaceChildren(figuresOf(clip), make("span", { class: "soft", text: seedOf(clip) }));
    this.kind.textContent = KINDS[clip.kind] || "";
    this.kind.hidden = !this.kind.textContent;
    this.name.textContent = clip.file;
    this.star.setAttribute("aria-pressed", Boolean(clip.starred));
    this.element.dataset.file = clip.file;
    this.element.setAttribute("aria-label", `${this.title.textContent}, ${spoken(clip)}`);
    this.words = `${clip.prompt} ${clip.file} ${this.kind.textContent} ${figuresOf(clip)}`.toLowerCase();
  }

  /** Whether the tab key goes through its buttons: it does in the card that has the focus. */
  reach(on) {
    this.element.tabIndex = on ? 0 : -1;
    for (const each of this.element.querySelectorAll("button, input")) each.tabIndex = on ? 0 : -1;
  }

  /** Show that it is heard: `armed`, `playing`, or empty. */
  mark(state) {
    if (state === this.state) return;
    this.state = state;
    this.element.classList.toggle("armed", state === "armed");
    this.element.classList.toggle("heard", state === "playing");
    this.play.replaceChildren(icon(state ? "stop" : "play"));
    this.play.setAttribute("aria-pressed", state !== "");
    this.wave.draw();
  }

  /** Where the line stands, 0..1. */
  moveLine(share) {
    this.line.style.transform = `translateX(${share * this.wave.element.clientWidth}px)`;
  }

  press(event) {
    if (event.target.closest("button")) return;
    if (event.shiftKey || event.ctrlKey || event.metaKey) this.list.pickBy(this, event.shiftKey);
    else audition(this.file);
  }

  drag(event) {
    if (this.element.querySelector("input[type=text]")) return event.preventDefault();
    carry(event, this.list.chosen(this.file), this.wave.element);
  }

  /** Put a field in the place of the name. */
  edit() {
    const field = make("input", {
      class: "clip-field", type: "text", "aria-label": "Name", value: this.file.replace(ENDING, ""),
      spellcheck: "false", maxlength: 200,
    });
    let over = false;
    const end = (keep) => {
      if (over) return;
      over = true;
      const name = field.value.trim();
      const hadFocus = document.activeElement === field;
      field.replaceWith(this.name);
      if (keep && name) rename(this.file, name.endsWith(ENDING) ? name : name + ENDING);
      if (hadFocus) this.element.focus();
    };
    field.addEventListener("keydown", (event) => {
      event.stopPropagation();
      if (event.key === "Enter") end(true);
      if (event.key === "Escape") end(false);
    });
    field.addEventListener("blur", () => end(true));
    this.name.replaceWith(field);
    field.focus();
    field.select();
  }

  leave() {
    this.wave.forget();
    this.element.remove();
  }
}

function button(picture, label, does, more = {}) {
  return make(
    "button",
    { class: "quiet", type: "button", "aria-label": label, title: label, onclick: does, ...more },
    icon(picture),
  );
}

function figuresOf(clip) {
  const parts = [];
  if (clip.bars) parts.push(`${shown(clip.bpm, 2)} BPM`, barsOf(clip));
  parts.push(lengthOf(clip.seconds));
  return parts.join(" · ");
}

const barsOf = (clip) => (clip.bars === 1 ? "1 bar" : `${clip.bars} bars`);

const seedOf = (clip) => (clip.prompt && clip.seed >= 0 ? ` · seed ${clip.seed}` : "");

const spoken = (clip) =>
  [KINDS[clip.kind], clip.starred && "starred", (figuresOf(clip) + seedOf(clip)).replaceAll(" · ", ", ")]
    .filter(Boolean)
    .join(", ");

function lengthOf(seconds) {
  if (seconds < 60) return `${shown(seconds, 1)} s`;
  const whole = Math.round(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}
