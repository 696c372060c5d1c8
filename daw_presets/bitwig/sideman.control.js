// sideman in Bitwig Studio 5 or later: tempo, transport, prompts and clips, over OSC.
//
// All connections must be made in init() there, so where sideman is stands here and not in the
// settings.

loadAPI(18);
host.setShouldFailOnDeprecatedUse(true);
host.defineController(
  "sideman", "sideman", "1.0", "6b0f5a3e-0d3c-4c0e-9a55-2f5d6f1f7c11", "sideman");

const HOST = "127.0.0.1";
const PORT = 9740;
/** Where sideman tells us of changes. */
const OUR_PORT = 9743;
const DECKS = 4;

/** Tempos this close are the same: they travel as 32-bit floats. */
const SAME_BPM = 0.01;
/** So often it is seen whether sideman is there. */
const LOOK_MS = 1000;
/** With `--clock osc` sideman wants our place 10 to 50 times a second. */
const PLACE_MS = 40;

let sideman = null;
let transport = null;

/** What we know of sideman, and what Bitwig said last. */
const state = {
  clock: "internal",
  heard: false,
  asked: false,
  metTempo: false,
  metPlay: false,
  bpm: null,
  playing: false,
  placeBeats: 0,
  placeToldMs: 0,
  meter: [4, 4],
};

/** What was just taken over from sideman, so that it is not sent back. */
const taken = { bpm: null, playing: null };

function init() {
  const osc = host.getOscModule();
  sideman = osc.connectToUdpServer(HOST, PORT, osc.createAddressSpace());
  try {
    osc.createUdpServer(OUR_PORT, listen(osc.createAddressSpace()));
  } catch (error) {
    notice("UDP port " + OUR_PORT + " is taken, so nothing comes back");
  }
  transport = host.createTransport();
  followTransport();
  for (let deck = 1; deck <= DECKS; deck++) {
    addDeck(deck);
  }
  addClips();
  look();
}

function flush() {}

function exit() {
  send("/unsubscribe", OUR_PORT);
}

function send(address, ...values) {
  sideman.sendMessage(address, ...values);
}

function notice(text) {
  host.showPopupNotification("sideman: " + text);
}

// --- whether sideman is there -------------------------------------------------------------------

/** Subscribes whenever sideman has been silent: it may not have been started yet, or be started
 *  anew. One that answers after it did not is met for the first time: Bitwig's tempo holds then. */
function look() {
  if (!state.heard) {
    if (state.asked) {
      state.metTempo = state.metPlay = false;
    }
    state.asked = true;
    send("/subscribe", OUR_PORT);
  }
  state.heard = false;
  host.scheduleTask(look, LOOK_MS);
}

function listen(space) {
  const on = (address, does) =>
    space.registerMethod(address, "*", address, (source, message) => {
      hear();
      does(message);
    });
  on("/clock", (message) => { state.clock = message.getString(0); });
  on("/tempo", (message) => takeTempo(message.getFloat(0)));
  on("/play", (message) => takePlaying(message.getInt(0) === 1));
  on("/clip/done", (message) => notice(message.getString(1) + " is in the clips folder"));
  on("/clip/failed", (message) => notice("no clip: " + message.getString(1)));
  on("/error", (message) => notice(message.getString(0) + ": " + message.getString(1)));
  space.registerDefaultMethod(hear);
  return space;
}

function hear() {
  state.heard = true;
  state.asked = false;
}

// --- tempo and transport ------------------------------------------------------------------------

/** If a MIDI clock or Link leads sideman, the transports are left to that. */
function ours() {
  return state.clock === "internal" || state.clock === "osc";
}

function followTransport() {
  transport.tempo().value().addRawValueObserver(tempoChanged);
  transport.isPlaying().addValueObserver(playingChanged);
  transport.playPosition().addValueObserver(placeChanged);
  const meter = transport.timeSignature();
  meter.numerator().addValueObserver((value) => meterChanged(value, state.meter[1]));
  meter.denominator().addValueObserver((value) => meterChanged(state.meter[0], value));
}

function tempoChanged(bpm) {
  const same = taken.bpm !== null && Math.abs(bpm - taken.bpm) < SAME_BPM;
  taken.bpm = null;
  state.bpm = bpm;
  if (!same && ours()) {
    send("/tempo", bpm);
  }
}

function playingChanged(playing) {
  const same = playing === taken.playing || playing === state.playing;
  taken.playing = null;
  state.playing = playing;
  if (!same && ours()) {
    tellPlaying();
  }
}

function tellPlaying() {
  if (state.playing) {
    send("/position", Math.max(0, state.placeBeats));
    send("/play");
  } else {
    send("/stop");
  }
}

function placeChanged(beats) {
  state.placeBeats = beats;
  const nowMs = Date.now();
  if (state.clock === "osc" && state.playing && nowMs - state.placeToldMs >= PLACE_MS) {
    state.placeToldMs = nowMs;
    send("/position", Math.max(0, beats));
  }
}

function meterChanged(numerator, denominator) {
  state.meter = [numerator, denominator];
  send("/signature", numerator, denominator);
}

function takeTempo(bpm) {
  const met = state.metTempo;
  state.metTempo = true;
  if (state.bpm === null || Math.abs(bpm - state.bpm) < SAME_BPM) {
    return;
  }
  if (!met) {
    if (ours()) {
      send("/tempo", state.bpm);
    }
    send("/signature", state.meter[0], state.meter[1]);
  } else if (state.clock === "internal") {
    // Over `osc` sideman measures our tempo, and to take that over would make it drift.
    taken.bpm = bpm;
    transport.tempo().value().setRaw(bpm);
  }
}

function takePlaying(playing) {
  const met = state.metPlay;
  state.metPlay = true;
  if (playing === state.playing || !ours()) {
    return;
  }
  if (!met) {
    if (state.playing) {
      tellPlaying();
    }
    return;
  }
  taken.playing = playing;
  if (playing) {
    transport.play();
  } else {
    transport.stop();
  }
}

// --- the panel beside the project ---------------------------------------------------------------

function addDeck(deck) {
  const panel = host.getDocumentState();
  const category = "Deck " + deck;
  const path = "/deck/" + deck;
  panel.getStringSetting("Prompt", category, 200, "").addValueObserver((prompt) => {
    if (prompt) {
      send(path + "/prompt", prompt);
    }
  });
  const button = (label, word, ...values) =>
    panel.getSignalSetting(label, category, label)
      .addSignalObserver(() => send(path + word, ...values));
  button("Play", "/play");
  button("Stop", "/stop");
  button("Hold", "/hold");
  button("Capture 4 bars", "/capture", 4);
}

function addClips() {
  const panel = host.getDocumentState();
  const prompt = panel.getStringSetting("Prompt", "Clip", 200, "");
  const bars = panel.getNumberSetting("Bars", "Clip", 1, 64, 1, "bars", 4);
  prompt.markInterested();
  bars.markInterested();
  panel.getSignalSetting("Render", "Clip", "Render").addSignalObserver(() => {
    if (prompt.get()) {
      send("/clip/render", prompt.get(), Math.round(bars.getRaw()));
    } else {
      notice("type a prompt for the clip first");
    }
  });
}
