// What is being made: a chip per job with its progress, which can be cancelled, and which stays to
// say why if nothing came of it.

import { make } from "../dom.js";
import { followLink, hear, send } from "../link.js";
import { whole } from "../osc.js";
import { icon } from "./icons.js";

const CANCELLED = "cancelled"; // as the server gives the reason: no news to whoever pressed it

/** The place where jobs are seen; empty, it takes no room. */
export function makeJobs() {
  const place = make("div", { class: "jobs", role: "group", "aria-label": "Being made" });
  const jobs = new Map(); // by id
  const job = (id, prompt) => {
    if (!jobs.has(id)) {
      jobs.set(id, new Job(id, prompt, () => jobs.delete(id)));
      place.append(jobs.get(id).element);
    }
    return jobs.get(id);
  };
  hear("/clip/accepted", (id, prompt) => job(id, prompt));
  hear("/clip/progress", (id, done) => job(id, "a loop").progress(done));
  hear("/clip/done", (id) => jobs.get(id)?.leave());
  hear("/clip/failed", (id, reason) => {
    if (reason === CANCELLED) jobs.get(id)?.leave();
    else job(id, "a loop").fail(reason);
  });
  followLink((up) => up || [...jobs.values()].forEach((each) => each.leave()));
  return place;
}

class Job {
  constructor(id, prompt, forget) {
    this.forget = forget;
    this.bar = make("div", {
      class: "job-bar", role: "progressbar", "aria-label": prompt,
      "aria-valuemin": 0, "aria-valuemax": 100, "aria-valuenow": 0,
    });
    this.words = make("span", { class: "job-state figures", text: "waiting" });
    this.button = make(
      "button",
      { class: "quiet", type: "button", "aria-label": `Cancel ${prompt}`, title: "Cancel",
        onclick: () => send("/clip/cancel", whole(id)) },
      icon("close"),
    );
    this.element = make(
      "div", { class: "job" },
      this.bar, make("span", { class: "job-prompt", text: prompt, title: prompt }), this.words,
      this.button,
    );
  }

  progress(done) {
    const percent = Math.round(done * 100);
    this.bar.style.setProperty("--done", done);
    this.bar.setAttribute("aria-valuenow", percent);
    this.words.textContent = `${percent} %`;
  }

  fail(reason) {
    this.element.classList.add("failed");
    this.element.setAttribute("role", "alert");
    this.words.textContent = reason;
    const dismiss = this.button.cloneNode(true);
    dismiss.setAttribute("aria-label", "Dismiss");
    dismiss.title = "Dismiss";
    dismiss.addEventListener("click", () => this.leave());
    this.button.replaceWith(dismiss);
  }

  leave() {
    this.forget();
    this.element.remove();
  }
}
