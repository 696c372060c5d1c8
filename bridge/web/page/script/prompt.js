// A deck's prompts: one large field, and with two to four of them a pad to blend on.
//
// The field edits the prompt that is chosen on the pad. It takes effect on Enter or when it is left;
// emptied, it takes its prompt out of the blend. `+` begins another one.

import { BlendPad } from "./blend.js";
import { edited, paced } from "./controls.js";
import { make } from "./dom.js";
import { follow, followLink, hear, known, send } from "./link.js";

const MOST = 4;
const ASKED_HZ = 4;
const hint = { rule: "", example: "" };

/** Field, hint and pad of deck `number`. */
export function makePrompt(number) {
  return new Prompt(number).element;
}

class Prompt {
  constructor(number) {
    this.address = `/deck/${number}/prompt`;
    const name = `Deck ${number}`;
    this.texts = [""];
    this.weights = [1];
    this.chosen = 0; // texts.length: the one that `+` has begun
    this.pad = new BlendPad(name, {
      moved: (shares) => this.set(this.texts, shares),
      choose: (i) => this.choose(i),
    });
    this.line = make("p", { class: "prompt-hint", id: `hint-${number}` });
    this.more = make("button", {
      type: "button", class: "more", "aria-label": `${name} add a prompt to blend`,
      title: "Blend with another prompt", text: "+", onclick: () => this.begin(),
    });
    this.field = this.makeField(name, `hint-${number}`);
    this.element = make("div", { class: "prompt" },
      make("div", { class: "prompt-row" }, this.field, this.more),
      make("div", { class: "hint-place" }, this.line),
      this.pad.element);
    this.show();
  }

  makeField(name, described) {
    const field = make("textarea", {
      class: "prompt-text", rows: "2", "data-address": this.address,
      "aria-label": `${name} prompt`, "aria-describedby": described,
      spellcheck: "false", autocomplete: "off", autocapitalize: "off", enterkeyhint: "done",
    });
    this.check = paced(() => this.askHint(), ASKED_HZ);
    field.addEventListener("input", this.check);
    hear("/prompt/hint", (text, words) => this.judged(text, words));
    hear("/error", (refused) => refused === this.address && this.take(known(refused) || [""]));
    followLink((up) => up && send("/prompt/hint"));
    edited(field, {
      read: () => this.texts[this.chosen] ?? "",
      write: (text) => this.write(text),
      follow: (show) => {
        this.showField = show;
        follow(this.address, (...values) => this.take(values));
      },
    });
    field.addEventListener("blur", () => this.leave()); // once what was written is taken
    return field;
  }

  /** What is wrong with what the field says; of an empty one, what would be right. */
  askHint() {
    const text = this.field.value.trim();
    send("/prompt/hint", ...(text ? [text] : []));
  }

  /** What anybody has set. */
  take(values) {
    const wasNew = this.chosen === this.texts.length;
    this.texts = values.filter((_, i) => i % 2 === 0);
    this.weights = this.texts.map((_, i) => values[2 * i + 1] ?? 1);
    this.chosen = wasNew ? this.texts.length : Math.min(this.chosen, this.texts.length - 1);
    this.show();
  }

  /** What the field says now: another text, a new prompt, or one fewer. */
  write(text) {
    const texts = [...this.texts];
    const weights = [...this.weights];
    if (!text && texts.length > 1) {
      texts.splice(this.chosen, 1);
      weights.splice(this.chosen, 1);
      this.chosen = 0;
    } else {
      const usual = weights.reduce((sum, each) => sum + each, 0) / texts.length;
      if (this.chosen === texts.length) weights.push(usual);
      texts[this.chosen] = text;
    }
    this.set(texts, weights);
    return false; // the field shows what is kept here
  }

  set(texts, weights) {
    this.texts = texts;
    this.weights = weights;
    const blend = texts.flatMap((text, i) => [text, weights[i]]);
    send(this.address, ...(texts.length > 1 ? blend : texts));
    this.show();
  }

  begin() {
    this.chosen = this.texts.length;
    this.show();
    this.field.focus();
  }

  choose(i) {
    this.chosen = i;
    this.show();
    this.check();
  }

  /** A new prompt that was left empty is none. */
  leave() {
    if (this.chosen < this.texts.length) return;
    this.chosen = this.texts.length - 1;
    this.show();
  }

  show() {
    this.pad.show(this.texts, this.weights, this.chosen);
    this.more.disabled = this.texts.length >= MOST || !this.texts[0];
    this.showField?.();
    if (this.field && this.field.value.trim() !== this.judgedText) this.check();
  }

  judged(text, words) {
    if (!text && this.learn(words)) this.field.setAttribute("placeholder", hint.example);
    if (text !== this.field.value.trim()) return;
    this.judgedText = text;
    this.line.textContent = this.line.title = text ? words : hint.rule;
  }

  /** The hint in general: a rule, and an example in quotation marks. */
  learn(words) {
    const [, rule, example] = /^(.*?):\s*'(.*)'$/.exec(words) || [];
    return example && Object.assign(hint, { rule, example });
  }
}

