"""The protocol as a table. Dispatch, validation, feedback, the OSC page in `docs/` and the checks
of the presets are all derived from it; nothing else in the project spells an address out twice.

A row's path has `N` where a number stands (`/deck/N/gain`).
"""

from __future__ import annotations

from bridge.row import Access, Arg, Row

MAX_DECKS = 8
SLOTS = 128
SCENES = 16
GRIDS = ("none", "beat", "bar", "2bars", "4bars", "8bars")
CLOCKS = ("internal", "osc", "midi", "link")


def _value(path: str, does: str, *args: Arg, **more: object) -> Row:
    return Row(path, Access.VALUE, does, args, **more)  # type: ignore[arg-type]


def _switch(path: str, does: str, **more: object) -> Row:
    args = (Arg("on", "switch", optional=True),)
    return Row(path, Access.SWITCH, does, args, **more)  # type: ignore[arg-type]


def _trigger(path: str, does: str, *args: Arg, **more: object) -> Row:
    return Row(path, Access.TRIGGER, does, args, **more)  # type: ignore[arg-type]


def _read(path: str, does: str, *args: Arg, **more: object) -> Row:
    return Row(path, Access.READ, does, args, **more)  # type: ignore[arg-type]


def _out(path: str, does: str, *reply: Arg) -> Row:
    return Row(path, Access.OUT, does, reply=reply)


_GRID = Arg("grid", "str", choices=GRIDS, optional=True)
_PROMPT = (Arg("prompt", "str"), Arg("weight", "float", 0, 1000, optional=True))
_BARS = Arg("bars", "int", 1, 64)
_SEED = Arg("seed", "int", -1, 2**31 - 1)
_JOB = Arg("id", "int")
_FILE = Arg("file", "str")

ROWS: tuple[Row, ...] = (
    _read("/ping", "answers `/pong` with the same arguments", Arg("any", "any", optional=True), repeat=1),
    _read("/version", "the server's version and the protocol's",
          reply=(Arg("version", "str"), Arg("protocol", "str"))),
    _read("/status", "how the server is", reply=(
        Arg("engine", "str"), Arg("model", "str"), Arg("device", "str"), Arg("tempo_bpm", "float"),
        Arg("playing", "int"), Arg("position_beats", "float"), Arg("headroom_s", "float"),
        Arg("realtime_factor", "float"), Arg("xruns", "int"),
        Arg("locks", "str"))),
    _read("/latency", "from a command to the ear, by part: how far the mix is ahead of the device, a block of it, what"
          " the limiter looks ahead, the device's own buffers as far as it knows",
          reply=(Arg("mix_ms", "float"), Arg("block_ms", "float"), Arg("limiter_ms", "float"),
                 Arg("output_ms", "float"))),
    _read("/sync", "answers `/synced` once every earlier command from this sender has taken effect",
          Arg("id", "int")),
    _trigger("/subscribe", "the full state once, then every change, to this port (or back to the sender)",
             Arg("port", "int", 0, 65535, optional=True), Arg("max_hz", "float", 0.1, 1000, optional=True)),
    _trigger("/unsubscribe", "ends it", Arg("port", "int", 0, 65535, optional=True)),
    _trigger("/panic", "all decks silent at once"),
    _value("/tempo", "tempo in BPM", Arg("bpm", "float", 20, 400)),
    _value("/tempo/raw", "the same, as REAPER names it", Arg("bpm", "float", 20, 400)),
    _trigger("/tempo/tap", "tap the tempo"),
    _trigger("/play", "start the transport where it was last placed"),
    _trigger("/stop", "stop the transport; the decks fall silent and go on with the next start"),
    _trigger("/continue", "start the transport where it stopped"),
    _value("/position", "position in beats (quarter notes) from the start", Arg("beats", "float", 0, 1e6)),
    _value("/signature", "time signature", Arg("numerator", "int", 1, 32), Arg("denominator", "int", 1, 32)),
    _value("/clock", "who leads the tempo", Arg("source", "str", choices=CLOCKS)),
    _read("/clock/state", "how it is followed: `internal`, `waiting` (not heard yet), `following`, or `lost` (the tempo"
          " is held); and by how much the transport is behind it",
          reply=(Arg("state", "str"), Arg("tempo_bpm", "float"), Arg("error_ms", "float"))),
    _out("/beat/str", "`bar.beat`, both from 1, on every beat", Arg("position", "str")),
    _value("/grid", "default launch grid", Arg("grid", "str", choices=GRIDS)),
    _value("/key", "the key of what is played, like `A minor` or `F# dorian`; empty: the engine's own",
           Arg("key", "str")),
    _switch("/prompt/words", "tempo and key are added to the prompts of an engine that reads them: on at first"),
    _read("/prompt/hint", "what a model may make little of in a prompt, with the remedy; empty: nothing. Without one, what"
          " makes a good prompt", Arg("prompt", "str", optional=True), reply=(Arg("prompt", "str"), Arg("hint", "str"))),
    _value("/deck/N/prompt", "one prompt, or a blend of prompts with weights", *_PROMPT, repeat=2),
    _value("/deck/N/morph", "beats that a change of prompt takes (0 = at once)", Arg("beats", "float", 0, 1024)),
    _trigger("/deck/N/play", "start on the grid", _GRID),
    _trigger("/deck/N/stop", "stop on the grid", _GRID),
    _read("/deck/N/state", "`stopped` `armed` `playing` `stopping` `holding` or `looping` (bridging a late engine)",
          reply=(Arg("state", "str"),)),
    _value("/deck/N/gain", "gain in dB; -60 is off", Arg("db", "float", -60, 6)),
    _value("/deck/N/level", "the same for faders: 0 is -60 dB (off), 1 is +6 dB", Arg("level", "float", 0, 1)),
    _switch("/deck/N/mute", "silence this deck; it plays on unheard"),
    _switch("/deck/N/solo", "only soloed decks are heard"),
    _switch("/deck/N/warp", "keep an engine that keeps no time on the grid: on at first"),
    _read("/deck/N/lock", "how the deck lies on the grid: `none` (nothing plays), `exact` (the engine keeps time itself),"
          " `waiting`, `locked`, `free` (no clear beat: left alone) or `off`", reply=(Arg("state", "str"),)),
    _value("/deck/N/temperature", "how freely the model draws", Arg("temperature", "float", 0.05, 2)),
    _value("/deck/N/top_k", "from how many candidates it draws", Arg("top_k", "int", 1, 2048)),
    _value("/deck/N/guidance", "how closely it follows the prompt", Arg("guidance", "float", 1, 10)),
    _value("/deck/N/seed", "where its random numbers begin; -1 draws one and reports it", _SEED),
    _trigger("/deck/N/reset", "forget the musical context, on the grid"),
    _trigger("/deck/N/hold", "loop the last whole bars (1) in time; again, or with the same number, goes on",
             Arg("bars", "int", 1, 64, optional=True)),
    _trigger("/deck/N/capture", "the last whole bars as a clip", _BARS),
    _trigger("/deck/N/continue", "go on from the end of a WAV file in the clips folder, on the grid", Arg("clip", "str")),
    _value("/slot/N/prompt", "store a prompt or a blend; an empty one empties it", *_PROMPT, repeat=2, blank=("",)),
    _read("/slot/N/state", "`empty` `stored` `armed` (waits for the grid) or `playing`, and on which deck (0: on none);"
          " then the same for each further deck",
          reply=(Arg("state", "str"), Arg("deck", "int")), blank=("empty", 0)),
    _trigger("/slot/N/launch", "to the deck (1 if none is named), on the grid",
             Arg("deck", "int", 1, MAX_DECKS, optional=True)),
    _trigger("/scene/N/store", "store the state of all decks"),
    _trigger("/scene/N/launch", "bring all decks to it at once, on the grid"),
    _read("/scene/N/state", "`empty` or `stored`", reply=(Arg("state", "str"),), blank=("empty",)),
    _trigger("/clip/render", "render a loop in the background", Arg("prompt", "str"), _BARS,
             Arg("seed", "int", -1, 2**31 - 1, optional=True)),
    _trigger("/clip/batch", "several prompts in one pass of the model, a job each", _BARS,
             Arg("prompt", "str"), repeat=1),
    _trigger("/clip/variations", "one prompt so many times in one pass, each with a seed of its own, a job each",
             Arg("prompt", "str"), _BARS, Arg("count", "int", 1, 8)),
    _trigger("/clip/cancel", "end a job", _JOB),
    _read("/clip/list", "answers `/clip/item` for each finished clip, then `/clip/list/end`"),
    _out("/clip/item", "a finished clip", Arg("file", "str"), Arg("seconds", "float"),
         Arg("bpm", "float"), Arg("bars", "int")),
    _out("/clip/list/end", "the list is complete", Arg("count", "int")),
    _out("/clip/accepted", "a job has begun", _JOB, Arg("prompt", "str")),
    _out("/clip/progress", "how far it is, 0..1", _JOB, Arg("done", "float")),
    _out("/clip/done", "the clip is in the folder", _JOB, Arg("file", "str"), Arg("seconds", "float"),
         Arg("bpm", "float"), Arg("bars", "int")),
    _out("/clip/failed", "the job ended without a clip", _JOB, Arg("reason", "str")),
    _trigger("/clip/star", "give a clip a star, or take it; without a switch the other way round", _FILE,
             Arg("on", "switch", optional=True)),
    _trigger("/clip/rename", "give a clip another name, with or without `.wav`", _FILE, Arg("name", "str")),
    _trigger("/clip/delete", "put a clip into the trash, a folder inside the clips folder", _FILE),
    _trigger("/clip/restore", "take the clip that was deleted last under this name out of the trash; if the name is"
             " taken, under the next free one", _FILE),
    _out("/clip/changed", "a file in the folder `came`, is `gone`, was `renamed`, `restored`, `starred` or"
         " `unstarred`; and its name by now, empty if it is gone", _FILE, Arg("what", "str"), Arg("now", "str")),
    _trigger("/clip/audition", "hear a clip in the master, from the grid on: a loop goes round in time, a recording is"
             " played once; while the transport stands, at once and at its own tempo", _FILE, _GRID),
    _trigger("/clip/audition/stop", "end it"),
    _read("/clip/audition/state", "the file, and `reading`, `armed` (waits for the grid) or `playing`; no file and"
          " `stopped`", reply=(Arg("file", "str"), Arg("state", "str"))),
    _value("/audition/gain", "gain of auditions in dB; -60 is off", Arg("db", "float", -60, 6)),
    _trigger("/master/capture", "the last whole bars of the master as a clip", _BARS),
    _switch("/record", "the master output into the clips folder, in place when it stops"),
    _out("/record/done", "the recording is in the folder", Arg("file", "str"), Arg("seconds", "float")),
    _read("/midi/inputs", "the MIDI inputs that are open; `sideman` is our own", reply=(Arg("input", "str"),)),
    _out("/midi/activity", "a control was moved, with its position 0..127; at most 20 a second from each input",
         Arg("input", "str"), Arg("control", "str"), Arg("position", "int")),
    _trigger("/midi/learn", "the next control moved drives this address", Arg("address", "str")),
    _trigger("/midi/forget", "undo what was learnt for it", Arg("address", "str")),
    _out("/midi/learnt", "this control drives this address from now on", Arg("address", "str"), Arg("control", "str")),
    _out("/midi/forgotten", "what was learnt for this address is undone", Arg("address", "str")),
    _read("/midi/learnt/list", "answers `/midi/learnt/item` for each control that was learnt, then"
          " `/midi/learnt/list/end`"),
    _out("/midi/learnt/item", "a control that was learnt", Arg("address", "str"), Arg("control", "str")),
    _out("/midi/learnt/list/end", "the list is complete", Arg("count", "int")),
    _value("/output", "where the sound goes: `default`, `jack`, `null`, a device's number or a part of its name; if it"
           " cannot be opened, that is an error and the old one plays on", Arg("output", "str")),
    _read("/output/state", "the output that plays: `null` while a device that was lost is looked for", reply=(
        Arg("output", "str"), Arg("rate", "int"), Arg("block", "int"), Arg("latency_ms", "float"))),
    _read("/output/list", "answers `/output/item` for each that can be had, then `/output/list/end`"),
    _out("/output/item", "what `/output` takes for it, and what it is; 0: its own choice", Arg("output", "str"),
         Arg("name", "str"), Arg("driver", "str"), Arg("channels", "int"), Arg("rate", "int")),
    _out("/output/list/end", "the list is complete", Arg("count", "int")),
    _read("/engine", "the engine that plays; what must be known of it, such as its licence, is the notice", reply=(
        Arg("engine", "str"), Arg("model", "str"), Arg("device", "str"), Arg("precision", "str"),
        Arg("context_s", "float"), Arg("notice", "str"))),
    _read("/model/list", "answers `/model/item` for each model that could play, then `/model/list/end`"),
    _out("/model/item", "a model; its state is `cached`, `absent` or `downloading`", Arg("model", "str"),
         Arg("licence", "str"), Arg("size_mb", "float"), Arg("state", "str")),
    _out("/model/list/end", "the list is complete", Arg("count", "int")),
    _trigger("/model/download", "fetch a model, by its hub id or a name such as `small`", Arg("model", "str")),
    _trigger("/model/cancel", "give a download up; what came whole is kept", Arg("model", "str")),
    _out("/model/progress", "how far a download is, 0..1", Arg("model", "str"), Arg("done", "float"),
         Arg("came_mb", "float")),
    _out("/model/done", "the model is on disk", Arg("model", "str")),
    _out("/model/failed", "a download ended without the model", Arg("model", "str"), Arg("reason", "str")),
    _read("/clip/folder", "where clips are, MB that are free there, and how many there are",
          reply=(Arg("folder", "str"), Arg("free_mb", "float"), Arg("clips", "int"))),
    _read("/setting/list", "answers `/setting/item` for what the server was started with, then `/setting/list/end`"),
    _out("/setting/item", "a setting that a restart can change", Arg("name", "str"), Arg("value", "str")),
    _out("/setting/list/end", "the list is complete", Arg("count", "int")),
    _out("/pong", "answer to `/ping`", Arg("any", "any")),
    _out("/synced", "answer to `/sync`", Arg("id", "int")),
    _out("/late", "a launch or a time-tagged bundle came too late, by so many ms",
         Arg("address", "str"), Arg("ms", "float")),
    _out("/error", "what was wrong with a message; nothing was changed",
         Arg("address", "str"), Arg("message", "str")),
)  # fmt: skip
