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
from bridge.addresses import MAX_DECKS, MAX_TEXT, ROWS, SCENES, SLOTS, Access, Arg, Row  # noqa: E402


@dataclass(frozen=True, slots=True)
class Section:
    title: str
    prefixes: tuple[str, ...]
    intro: str
    example: str


SECTIONS = (
    Section(
        "Talking to the server",
        ("/ping", "/version", "/status", "/sync", "/subscribe", "/unsubscribe"),
        "Replies go to the address and port that a message came from. `/subscribe` sends the "
        "whole state once and then every change; the port is only needed where a program listens "
        "on another port than it sends from.",
        "/ping 7                 ->  /pong 7\n"
        "/subscribe              ->  /tempo 120.0, /deck/1/level ..., and so on\n"
        "/sync 42                ->  /synced 42, when all sent before has taken effect",
    ),
    Section(
        "Transport and tempo",
        (
            *("/panic", "/tempo", "/play", "/stop", "/continue"),
            *("/position", "/signature", "/clock", "/beat", "/grid"),
        ),
        "A beat is a quarter note, whatever the signature.",
        "/tempo 174\n/play\n/position               ->  /position 17.25",
    ),
    Section(
        "Decks",
        ("/deck",),
        "A deck is a player with its own prompt. Starts, stops and resets wait for the launch "
        "grid (`none` is at once), and a deck that starts takes the transport along if that is "
        "stopped. Settings, the prompt among them, change at once; to change a prompt on the "
        "grid, launch a slot. Subscribers are told 1 and 0 on `/play` and `/deck/N/play`.",
        '/deck/1/prompt "lofi hip hop, dusty drums"     turns that way at once\n'
        '/deck/1/prompt "house" 2 "jazz piano" 1        two thirds house, one third jazz\n'
        "/deck/1/play                                   on the next line of the default grid\n"
        "/deck/1/play none                              at once\n"
        "/deck/*/mute 1                                 all decks",
    ),
    Section(
        "Slots and scenes",
        ("/slot", "/scene"),
        "A slot stores a prompt; a scene stores the state of all decks. Both are launched on the "
        "grid.",
        '/slot/3/prompt "dub techno, no drums"\n/slot/3/launch 2         on deck 2\n/scene/1/store',
    ),
    Section(
        "Clips and recording",
        ("/clip", "/record"),
        "A clip is rendered in the background, faster than it would play, at the tempo and "
        "signature of the moment it is asked for. Names are names inside the clips folder, never "
        "paths. A job's life is told to the one who asked and to every subscriber.",
        '/clip/render "reggae, C minor" 8   ->  /clip/accepted 1 "reggae, C minor"\n'
        "                                       /clip/progress 1 0.5\n"
        "                                       /clip/done 1 <file> <seconds> <bpm> 8\n"
        "/record 1 ... /record 0            ->  /record/done <file> <seconds>",
    ),
    Section(
        "MIDI learn",
        ("/midi",),
        "What is learnt is kept by port, channel and number. See [midi.md](midi.md).",
        '/midi/learn "/deck/1/level"        then move the fader',
    ),
    Section(
        "Sent by the server only",
        ("/pong", "/synced", "/late", "/error"),
        "",
        '/deck/9/gain 0          ->  /error "/deck/9/gain" "there is no deck 9: ..."',
    ),
)

HEAD = f"""# The OSC protocol

<!-- Written by docs/build_osc.py from bridge/addresses.py. Edit those, then run `make docs`. -->

Version {PROTOCOL}. sideman listens on UDP port 9740 and on TCP port 9742 (OSC 1.0 with a length
before each packet, and OSC 1.1 SLIP, told apart by the first byte), on the loopback address unless
`serve --osc HOST:PORT` says otherwise.

- `i` and `f` are interchangeable where a number is meant. Switches take `T` `F` `1` `0`.
- A *value* is set with arguments and answered on its own address without. A *switch* without an
  argument toggles. A *trigger* acts, and ignores a lone 0, the release of a button. *Read* is only
  asked for, *out* is only ever sent by the server.
- `N` is a number: decks 1 to 4 (`serve --decks`, up to {MAX_DECKS}), slots 1 to {SLOTS}, scenes 1
  to {SCENES}.
- Patterns address many nodes at once: `*` `?` `[1-3]` `{{play,stop}}` within one part of the
  address, `//` across parts. If one node refuses the arguments, none is changed.
- The messages of a bundle are applied together or not at all. A time tag in the future is met to
  the sample; one in the past is applied at once and reported with `/late`.
- Whatever is wrong with a message is answered, to its sender alone, with `/error`: the address and
  one line. Nothing was changed then.
- A string has at most {MAX_TEXT} characters.
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
    return f"{text}. **Not available yet**: {row.later}" if row.later else text


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
    return "\n".join(parts)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8", newline="\n")
