// A canvas that is as sharp as the screen, and says in words what it shows.

import { make } from "../dom.js";

const WORDS_MS = 1000;

/** A canvas with its 2D context `pen`; `width` and `height` are those of the layout. */
export class Canvas {
  constructor(kind) {
    this.element = make("canvas", { class: kind, role: "img" });
    this.pen = this.element.getContext("2d");
    this.width = this.height = 0;
    this.told_ms = -Infinity;
    new ResizeObserver(() => this.fit()).observe(this.element);
  }

  fit() {
    const scale = window.devicePixelRatio || 1;
    this.width = this.element.clientWidth;
    this.height = this.element.clientHeight;
    this.element.width = Math.round(this.width * scale);
    this.element.height = Math.round(this.height * scale);
    this.pen.setTransform(scale, 0, 0, scale, 0, 0);
    this.styles = getComputedStyle(this.element);
    this.fitted = true;
  }

  /** Whether its size has changed since this was asked last. */
  get isNew() {
    const fitted = this.fitted;
    this.fitted = false;
    return fitted;
  }

  /** A colour of the style sheet. */
  colour = (name) => this.styles.getPropertyValue(name).trim();

  /** What a person hears who does not see it: `words()`, at most once a second. */
  say(now_ms, words) {
    if (now_ms - this.told_ms < WORDS_MS) return;
    this.told_ms = now_ms;
    const said = words();
    if (said !== this.element.getAttribute("aria-label"))
      this.element.setAttribute("aria-label", said);
  }
}
