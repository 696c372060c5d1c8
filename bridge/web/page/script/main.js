// Puts the page together once the table is known.

import { connect, followLink } from "./link.js";
import { loadTable } from "./table.js";
import { notice, standing } from "./notices.js";
import { makeTransport } from "./transport.js";
import { makePlay } from "./play.js";
import { makeLoops } from "./loops.js";
import { makeSetup } from "./setup.js";
import { listenToKeys } from "./keys.js";

const AGAIN_MS = 500;

async function begin() {
  try {
    await loadTable();
  } catch {
    setTimeout(begin, AGAIN_MS);
    return;
  }
  makeTransport(document.getElementById("transport"));
  makePlay(document.getElementById("play"));
  makeLoops(document.getElementById("loops"));
  makeSetup(document.getElementById("setup"));
  listenToKeys();
  const gone = standing("No connection to sideman: looking for it. The music goes on without this page.");
  followLink((up, refusal) => gone(!up, refusal));
  connect();
}

window.addEventListener("unhandledrejection", (event) => {
  notice(event.reason?.message || String(event.reason));
  event.preventDefault();
});

begin();
