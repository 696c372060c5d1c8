// Where the sound goes: another device at once, another rate or block after a restart.

import { make, shown } from "../dom.js";
import { follow, hear, known, send } from "../link.js";
import { describe } from "../table.js";
import { line, listed, makeFigures, panel } from "./panel.js";
import { makeRestart } from "./restart.js";
import { followSettings } from "./settings.js";

const RATES_HZ = [44100, 48000, 88200, 96000];
const BLOCKS = [64, 128, 256, 512, 1024, 2048];
const ALWAYS = [["default", "The system's default", "", 0, 0]];
const PATIENCE_MS = 12000;

/** The panel, and what fetches its devices. */
export function makeOutput() {
  const said = make("p", { class: "said", role: "status", hidden: true });
  const say = (words, kind = "") => {
    said.className = `said ${kind}`.trim();
    said.textContent = words;
    said.hidden = !words;
  };
  const devices = makeDevices(say);
  const figures = makeFigures();
  follow("/output/state", (name, rateHz, block, latencyMs) => {
    figures.show([
      [shown(rateHz / 1000, 1), "kHz"],
      [String(block), `samples, ${shown((1000 * block) / rateHz, 1)} ms`],
      [shown(latencyMs, 1), "ms in the device"],
    ]);
    sayIfLost(name, say);
  });
  const restart = makeRestart();
  const element = panel(
    "output", "Sound", "Another output plays as soon as it is open. If it cannot be opened, this one plays on.",
    devices.element, said, figures.element,
    line("Sample rate", startChoice("rate", "Sample rate", RATES_HZ, restart, (hz) => `${hz} Hz`), "restarts"),
    line("Block", startChoice("block", "Block", BLOCKS, restart, (n) => `${n} samples`), "restarts"),
    restart.element, makeSends(),
  );
  return { element, refresh: devices.refresh };
}

function sayIfLost(name, say) {
  const asked = (known("/output") || ["null"])[0];
  if (name === "null" && asked !== "null")
    say("No sound: the device is not there. The music goes on in time, and the device is looked for.", "warn");
  else say("");
}

/** The choice of a device. It shows what plays, whoever has chosen it. */
function makeDevices(say) {
  const select = make("select", { "aria-label": "Output device", title: describe("/output") });
  let items = ALWAYS;
  const show = () => {
    const [asked] = known("/output") || [""];
    const all = items.some(([output]) => output === asked) ? items : [...items, [asked, asked, "", 0, 0]];
    select.replaceChildren(...all.map(([output, name, driver]) =>
      make("option", { value: output, text: driver ? `${name} (${driver})` : name })));
    select.value = asked;
    select.disabled = false;
  };
  let late = 0;
  select.addEventListener("change", () => {
    say(`Opening ${select.selectedOptions[0].text} ...`);
    select.disabled = true;
    clearTimeout(late);
    late = setTimeout(show, PATIENCE_MS);
    send("/output", select.value);
  });
  follow("/output", () => (clearTimeout(late), say(""), show()));
  hear("/error", (address, words) => address === "/output" && (clearTimeout(late), show(), say(words, "bad")));
  const refresh = async () => {
    try {
      items = [...ALWAYS, ...(await listed("/output/list", "/output/item"))];
    } catch (error) {
      say(error.message, "bad");
    }
    show();
  };
  return { element: select, refresh };
}

/** A choice of what the server is started with. */
function startChoice(name, label, values, restart, text) {
  const select = make("select", { "aria-label": `${label} after a restart` });
  const place = name === "rate" ? 1 : 2;
  let now = 0;
  follow("/output/state", (...state) => {
    if (state[place] === now) return;
    now = state[place];
    const all = [...new Set([...values, now])].sort((a, b) => a - b);
    select.replaceChildren(...all.map((value) => make("option", { value, text: text(value) })));
    select.value = now;
    restart.wish({ [name]: null });
  });
  select.addEventListener("change", () =>
    restart.wish({ [name]: Number(select.value) === now ? null : select.value }));
  return select;
}

/** Where audio is sent beside the device. */
function makeSends() {
  const place = make("div", { class: "also" });
  followSettings((settings) => {
    const sends = settings.get("send") || [];
    place.hidden = !sends.length;
    place.replaceChildren(...sends.map((label) => line("Sent to", label)));
  });
  return place;
}
