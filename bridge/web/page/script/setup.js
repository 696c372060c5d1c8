// Set up: where the sound goes, what may play it, what makes it. What needs a restart says so, and
// nothing here resets anything by itself.

import { make } from "./dom.js";
import { followLink } from "./link.js";
import { makeAbout, makeFolder, makeReach } from "./setup/about.js";
import { makeMidi } from "./setup/midi.js";
import { makeModels } from "./setup/models.js";
import { makeOutput } from "./setup/output.js";
import { fetchSettings } from "./setup/settings.js";

/** Fill the section. What takes a look at devices or disks is fetched when it is shown. */
export function makeSetup(place) {
  const panels = [makeOutput(), makeMidi(), makeModels(), makeFolder(), makeAbout()];
  const [output, midi, models, folder, about] = panels.map((each) => each.element);
  const column = (...parts) => make("div", { class: "setup-column" }, ...parts);
  place.append(column(output, folder), column(midi, models), column(makeReach(), about));
  let up = false;
  const refresh = async () => {
    if (!up || place.hidden) return;
    await fetchSettings();
    await Promise.all(panels.map((each) => each.refresh()));
  };
  place.addEventListener("shown", refresh);
  followLink((now) => ((up = now), refresh()));
}
