// Which engine plays, and the models that could.

import { make } from "../dom.js";
import { ask, hear, send } from "../link.js";
import { notice } from "../notices.js";
import { copyable, line, listed, panel, restartMark, size } from "./panel.js";
import { makeRestart } from "./restart.js";
import { followSettings } from "./settings.js";

/** The panel, and what fetches its list. */
export function makeModels() {
  const now = make("div", { class: "engine-now" });
  const list = make("ul", { class: "models", "aria-label": "Models" });
  const restart = makeRestart();
  const remedy = make("div", { class: "remedy", hidden: true });
  let installed = true;
  let playing = ["", ""];
  const refresh = async () => {
    playing = await ask("/engine");
    now.replaceChildren(...engineNow(playing));
    const items = await listed("/model/list", "/model/item");
    const rows = items.map((item) => modelRow(item, playing, installed, restart));
    list.replaceChildren(grooveRow(playing, restart), ...rows);
  };
  followSettings((settings) => {
    const [words] = settings.get("musicgen") || [];
    installed = !words;
    remedy.hidden = installed;
    if (words)
      remedy.replaceChildren(
        make("p", { text: "The models need an extra that is not installed here. Get it, then restart:" }),
        copyable(words, "the command that installs it"),
      );
  });
  hear("/model/done", (model) => (notice(`${model} is on disk. It plays after a restart.`), refresh()));
  hear("/model/failed", (model, reason) => (reason === "cancelled" || notice(reason, { kind: "error" }), refresh()));
  hear("/model/progress", (model, done, cameMb) => {
    const bar = list.querySelector(`[data-model="${CSS.escape(model)}"] progress`);
    if (bar) showProgress(bar, done, cameMb);
    else refresh();
  });
  const element = panel(
    "engine", "Engine and model", "What makes the music. It is chosen when sideman starts.",
    now, remedy, list,
    make("p", { class: "soft", text: "CC-BY-NC-4.0 is not for commercial use: of the weights, and so of what they play." }),
    restart.element,
  );
  return { element, refresh };
}

function engineNow([engine, model, device, precision, contextS, notice_]) {
  const facts = [device, precision, contextS ? `${Math.round(contextS)} s of context` : ""].filter(Boolean);
  return [
    make("div", { class: "engine-name" },
      make("strong", { text: engine }), make("span", { text: model === notice_ ? "" : model })),
    line("Runs on", facts.join(", ")),
    notice_ && line("Note", make("span", { class: "notice-line", text: notice_ })),
  ].filter(Boolean);
}

function grooveRow([engine], restart) {
  const state = engine === "groove" ? plays() : use({ engine: "groove", model: "" }, "groove", restart);
  return row("groove", "groove", "A synthesiser, no AI. Always here.", state);
}

function modelRow([model, licence, sizeMb, state], [, playing], installed, restart) {
  const name = model.replace("facebook/musicgen-", "MusicGen ");
  const facts = [sizeMb ? size(sizeMb) : "", licence || "licence: see where it comes from"].filter(Boolean).join(" · ");
  return row(model, name, facts, modelState(model, name, state, model === playing, installed, restart));
}

function modelState(model, name, state, playsNow, installed, restart) {
  if (playsNow) return plays();
  if (state === "downloading") return downloading(model, name);
  if (state === "cached") return use({ engine: "musicgen", model }, name, restart);
  return make("button", {
    type: "button", text: "Download", "aria-label": `Download ${name}`, disabled: !installed,
    onclick: () => send("/model/download", model),
  });
}

function row(model, name, facts, state) {
  return make("li", { class: "model", "data-model": model },
    make("div", { class: "model-words" },
      make("span", { class: "model-name", text: name }), make("span", { class: "soft", text: facts })),
    state);
}

const plays = () => make("span", { class: "badge on", text: "Plays" });

function use(options, name, restart) {
  return make("div", { class: "with-mark" },
    restartMark(),
    make("button", {
      type: "button", text: "Use", "aria-label": `Use ${name} after a restart`, onclick: () => restart.wish(options),
    }));
}

function downloading(model, name) {
  const bar = make("progress", { max: "1", value: "0", "aria-label": `Download of ${name}` });
  return make("div", { class: "download" },
    bar, make("span", { class: "figures download-came", text: "begins" }),
    make("button", { type: "button", text: "Cancel", "aria-label": `Cancel the download of ${name}`, onclick: () => send("/model/cancel", model) }));
}

function showProgress(bar, done, cameMb) {
  bar.value = done;
  bar.nextElementSibling.textContent = done ? `${Math.floor(100 * done)} %, ${size(cameMb)}` : cameMb ? size(cameMb) : "begins";
}
