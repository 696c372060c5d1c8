"""Writes docs/osc.md from the protocol table, so that the page cannot lag behind the program.

python docs/build_osc.py
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

PAGE = Path(__file__).with_name("osc.md")
sys.path.insert(0, str(PAGE.parent.parent))  # a clone that is not installed

from bridge import PROTOCOL  # noqa: E402
from bridge.addresses import MAX_DECKS, ROWS, SCENES, SLOTS  # noqa: E402
from bridge.agenda import LIMIT as MAX_TIMED  # noqa: E402
from bridge.clips.jobs import WAITING  # noqa: E402
from bridge.decks.words import MODES  # noqa: E402
from bridge.dispatch import MAX_AHEAD_S, MAX_REQUESTS  # noqa: E402
from bridge.mirror import POSITION_HZ  # noqa: E402
from bridge.osc.feedback import DEFAULT_HZ, MAX_SUBSCRIBERS, SETTLE_S  # noqa: E402
from bridge.osc.packet import MAX_ARGS, MAX_DEPTH  # noqa: E402
from bridge.osc.server import MAX_CONNECTIONS  # noqa: E402
from bridge.row import MAX_TEXT, Access, Arg, Row  # noqa: E402
from engine.api import RECORDING_S  # noqa: E402


@dataclass(frozen=True, slots=True)
class Section:
    title: str
    prefixes: tuple[str, ...]
    intro: str
    example: str


SECTIONS = (
    Section(
        "Talking to the server",
        ("/ping", "/version", "/status", "/latency", "/sync", "/subscribe", "/unsubscribe"),
        "Replies go to the address and port that a message came from. `/subscribe` sends the "
        "whole state once and then every change; the port is only needed where a program listens "
        "on another port than it sends from (0 is the one it sends from).\n\n"
        f"- A value is told {DEFAULT_HZ:.0f} times a second at most, or `max_hz`, and always the "
        f"latest one; `/position` {POSITION_HZ:.0f} times while the transport plays. Beats, jobs, "
        "`/late` and `/error` are told each and at once. `/status` is never told, ask for it.\n"
        "- Whoever sets a value is told nothing about its address for "
        f"{SETTLE_S:g} s after that, and then the latest value, so that a fader does not fight "
        "the finger.\n"
        "- A TCP client that is gone is forgotten at once. That a UDP client is gone only Linux "
        f"tells; elsewhere it is kept until `/unsubscribe`, or until {MAX_SUBSCRIBERS} others "
        "have come.\n"
        "- A server that was started anew knows nobody: subscribe again.",
        "/ping 7                 ->  /pong 7\n"
        "/subscribe              ->  /tempo 120.0, /deck/1/level ..., and so on\n"
        "/sync 42                ->  /synced 42, when all sent before has taken effect",
    ),
    Section(
        "Transport and tempo",
        (
            *("/panic", "/tempo", "/play", "/stop", "/continue"),
            *("/position", "/signature", "/clock", "/beat", "/grid", "/key", "/prompt"),
        ),
        "A beat is a quarter note, whatever the signature.\n\n"
        "- `/play` starts where the transport was last placed: the beginning, or the last "
        "`/position`. `/continue` starts where it stopped. Both take along the decks that were "
        "playing when it stopped, and no others; both do nothing while it plays.\n"
        "- `/panic` stops every deck and drops all that waits for the grid. The transport goes "
        "on; start the decks again with `/deck/N/play`.\n"
        "- `/tempo/tap` sets the tempo from the second tap on; three seconds without a tap begin "
        "a new count.\n"
        "- The denominator of a signature is 1, 2, 4, 8, 16 or 32.\n"
        "- A model keeps no time of its own: what it is told of tempo and key are words, `120 bpm, "
        "A minor`, added to every prompt that is not empty. `/prompt/words` 0 leaves the prompts "
        "as they were typed (`serve --as-typed`). `groove` plays at the tempo to the sample, and "
        "takes the key from these words where a prompt names none. A key is a note `A` to `G`, "
        "with `#` or `b`, and " + ", ".join(MODES[:-1]) + f" or {MODES[-1]}.",
        "/tempo 174\n/play\n/position               ->  /position 17.25",
    ),
    Section(
        "Decks",
        ("/deck",),
        "A deck is a player with its own prompt. Starts, stops and resets wait for the launch "
        "grid (`none` is at once), and a deck that starts takes the transport along if that is "
        "stopped. Settings, the prompt among them, change at once; to change a prompt on the "
        "grid, launch a slot. Subscribers are told 1 and 0 on `/play` and `/deck/N/play`.\n\n"
        "`/deck/N/continue` reads the last "
        f"{RECORDING_S:.0f} s of a WAV file and begins a new stream with what follows them, on the "
        "grid; a silent deck starts. Only a model can do that: `groove` answers `/error`.\n\n"
        "A deck without a prompt plays what the engine likes. Without an argument "
        "`/deck/N/mute` and `solo` toggle, so only subscribers learn how they stand.",
        '/deck/1/prompt "lofi hip hop, dusty drums"     turns that way at once\n'
        '/deck/1/prompt "house" 2 "jazz piano" 1        two thirds house, one third jazz\n'
        "/deck/1/play                                   on the next line of the default grid\n"
        "/deck/1/play none                              at once\n"
        "/deck/*/mute 1                                 all decks",
    ),
    Section(
        "Slots and scenes",
        ("/slot", "/scene"),
        "A slot stores a prompt; a scene stores the state of all decks: every setting of each, "
        "and whether it plays, but not the tempo. Both are launched on the default grid, and the "
        "launch of a slot starts its deck. All are empty when the server starts, and nothing of "
        "them is kept when it ends: let a client send them.",
        '/slot/3/prompt "dub techno, no drums"\n/slot/3/launch 2         on deck 2\n/scene/1/store',
    ),
    Section(
        "Clips and recording",
        ("/clip", "/audition", "/master", "/record"),
        "A clip is rendered in the background, faster than it would play, at the tempo and "
        "signature of the moment it is asked for. Names are names inside the clips folder, never "
        "paths: `<prompt>_<bpm>bpm_<bars>bars_<seed>.wav`, and `master_<date>_<time>.wav` for a "
        "recording, which `/clip/list` leaves out. A job's life is told to the one who asked, the "
        "end of a recording to the one who began it, and both to every subscriber. A job that is "
        "cancelled ends with `/clip/failed`. What else is done with clips is on [a page of its "
        "own](clips.md#keeping-them).",
        '/clip/render "reggae, C minor" 8   ->  /clip/accepted 1 "reggae, C minor"\n'
        "                                       /clip/progress 1 0.5\n"
        "                                       /clip/done 1 <file> <seconds> <bpm> 8\n"
        "/record 1 ... /record 0            ->  /record/done <file> <seconds>",
    ),
    Section(
        "MIDI",
        ("/midi",),
        "What is learnt is kept by port, channel and number, and said in the server's terminal. "
        "See [midi.md](midi.md).",
        '/midi/learn "/deck/1/level"        then move the fader\n'
        '                                   ->  /midi/learnt "/deck/1/level" '
        '"CC 74 on channel 1 of X"',
    ),
    Section(
        "Setting up",
        ("/output", "/engine", "/model", "/clips", "/setting"),
        "Another output plays as soon as it is open, at the server's rate; while it is opened the "
        "old one plays on. Rate, block, engine and model are chosen when the server starts: "
        "`/setting/list` has its command line, without secrets. One model is downloaded at a time, "
        "in a process of its own; how it goes is told to the one who asked and to every "
        "subscriber. Of paths outside the clips folder, only the folder itself and the command "
        "line are ever told, with `~` for the home folder.",
        '/output "jack"              ->  /output/state "jack" 48000 1024 42.7, to subscribers\n'
        '/model/download "small"     ->  /model/progress "facebook/musicgen-small" 0.5 1176\n'
        '                                /model/done "facebook/musicgen-small"',
    ),
    Section(
        "Sent by the server only",
        ("/pong", "/synced", "/late", "/error"),
        "",
        '/deck/9/gain 0          ->  /error "/deck/9/gain" "there is no deck 9: ..."',
    ),
)

AHEAD = f"{MAX_AHEAD_S / 3600:g} h"

HEAD = f"""# The OSC protocol

<!-- Written by docs/build_osc.py from bridge/addresses.py. Edit those, then run `make docs`. -->

Version {PROTOCOL}. sideman listens on UDP port 9740 and on TCP port 9742 (OSC 1.0 with a length
before each packet, and OSC 1.1 SLIP, told apart by the first byte), for programs on the same
machine. `serve --osc HOST:PORT` names another UDP port; TCP is two above it. `--osc 0.0.0.0:9740`
lets other machines in, a tablet say. There is no password, so do that only in a network you trust.

- `i` and `f` are interchangeable where a number is meant. Switches take `T` `F` `1` `0`
  (`sideman send` takes `true` and `false`, too) and nothing else.
- A *value* is set with arguments and answered on its own address without. A *switch* without an
  argument toggles, so it cannot be asked for: subscribe. A *trigger* acts; a lone 1 is a
  button that is pressed, a lone 0 its release, which is ignored; a lone `N` or `I` counts as no
  argument. *Read* is only asked for. *Out* is only ever sent by the server, and ignored without a
  word if a client sends it. [OSCQuery](oscquery.md) tells all of this to programs.
- `N` is a number: decks 1 to 4 (`serve --decks`, up to {MAX_DECKS}), slots 1 to {SLOTS}, scenes 1
  to {SCENES}.
- Patterns address many nodes at once: `*` `?` `[1-3]` `{{play,stop}}` within one part of the
  address, `//` across parts. If one node refuses the arguments, none is changed. A pattern without
  arguments is no question: `/deck/1/*` asks for the values, but also toggles the switches and
  pulls the triggers, save those that cannot do without an argument.
- The messages of a bundle are applied together, or none of them is: an unknown address, a wrong
  argument, an empty slot refuses all. Only what a worker says later (the queue of jobs is full, no
  control can be learnt for an address) is refused alone.
- A time tag in the future, up to {AHEAD}, is met to the sample; one in the past is applied at once,
  and its sender told `/late "#bundle"`. A launch that comes too late is told to all subscribers.
- Whatever is wrong with a message is answered, to its sender alone, with `/error`: the address and
  one line. That message changed nothing. What goes wrong later, in the engine or on the disk, is
  told to all subscribers as `/error "engine"` and `/error "/record"`.
"""

LIMITS = f"""## Limits

| of | at most |
|---|---|
| subscribers | {MAX_SUBSCRIBERS}; one more, and the oldest goes |
| TCP connections | {MAX_CONNECTIONS} |
| characters in a string | {MAX_TEXT} |
| arguments of a message | {MAX_ARGS} |
| bundles within bundles | {MAX_DEPTH} |
| addresses that one bundle reaches, patterns resolved | {MAX_REQUESTS} |
| time tags ahead | {AHEAD} |
| bundles that wait for their time | {MAX_TIMED} |
| clip jobs that wait | {WAITING} |
| a recording | 4 GiB, four hours at 48 kHz |
"""


def argument(arg: Arg) -> str:
    """One argument for people: name, kind, range."""
    tag = {"int": "i", "float": "f", "str": "s", "switch": "T/F", "any": "any"}[arg.kind]
    text = f"{tag}:{arg.name}" if tag != arg.name else tag
    if arg.choices:
        text += " (" + " ".join(arg.choices) + ")"
    elif arg.low is not None and arg.high is not None:
        text += f" ({arg.low:.10g}..{arg.high:.10g})"
    return f"[{text}]" if arg.optional else text


def arguments(row: Row) -> str:
    words = [argument(arg) for arg in (row.reply if row.access is Access.OUT else row.args)]
    if row.repeat:
        words.append("...")
    return "`" + " ".join(words) + "`" if words else ""


def does(row: Row) -> str:
    text = row.does
    if row.reply and row.access is not Access.OUT:
        text += " → `" + " ".join([row.path, *map(argument, row.reply)]) + "`"
    return text


def table(rows: list[Row]) -> str:
    lines = ["| address | kind | arguments | does |", "|---|---|---|---|"]
    for row in rows:
        cells = (f"`{row.path}`", row.access.value, arguments(row), does(row))
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines)


def under(path: str, prefixes: tuple[str, ...]) -> bool:
    return any(path == prefix or path.startswith(prefix + "/") for prefix in prefixes)


def page() -> str:
    """The whole page. Raises ValueError if a row of the table has no section."""
    parts = [HEAD]
    for section in SECTIONS:
        rows = [row for row in ROWS if under(row.path, section.prefixes)]
        intro = f"\n{section.intro}\n" if section.intro else ""
        parts.append(f"## {section.title}\n{intro}\n{table(rows)}\n\n```\n{section.example}\n```\n")
    everywhere = tuple(prefix for section in SECTIONS for prefix in section.prefixes)
    lost = [row.path for row in ROWS if not under(row.path, everywhere)]
    if lost:
        raise ValueError(f"no section of docs/osc.md takes {' '.join(lost)}: add it to SECTIONS")
    return "\n".join([*parts, LIMITS])


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8", newline="\n")
