"""What the demo plays: which messages, on which beat. Data only; the client's process reads it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from bridge.row import Value

BARS = 16
FIRST_BPM = 124.0
LAST_BPM = 132.0
KICK, DRUMS = "house, kick only", "house, drums only"
KEYS = "deep house, warm electric piano in A minor, no drums"
LOOPS = ("funk", "8-bit chiptune", "jazz piano")
LOOP_BARS = 4

Effect = Literal["", "sound", "silence"]


@dataclass(frozen=True, slots=True)
class Cue:
    """One message, sent when the server tells that `bar.beat` is heard (both from 1)."""

    bar: int
    beat: int
    address: str
    args: tuple[Value, ...] = ()
    says: str = ""
    """What it does, in a few words."""
    effect: Effect = ""
    """Where the master is silent before, or falls silent by it: that can be timed exactly."""

    @property
    def place(self) -> tuple[int, int]:
        return self.bar, self.beat


@dataclass(frozen=True, slots=True)
class Passage:
    """Beats on which only the kick is struck: from `first` until just before `end`."""

    first: tuple[int, int]
    end: tuple[int, int]
    bpm: float
    beats: int


OPENING = (
    Cue(0, 0, "/tempo", (FIRST_BPM,)),
    Cue(0, 0, "/deck/1/prompt", (KICK,)),
    Cue(0, 0, "/deck/2/prompt", (KEYS,)),
    Cue(0, 0, "/deck/2/gain", (-4.0,)),
    Cue(0, 0, "/slot/1/prompt", (DRUMS,)),
    Cue(0, 0, "/slot/2/prompt", (KICK,)),
    Cue(0, 0, "/record", (1,), "the master, into a file"),
)
"""Before anything sounds."""

START = Cue(1, 1, "/deck/1/play", ("none",), "a kick, from silence", "sound")

CUES = (
    Cue(2, 3, "/slot/1/launch", (1,), "all drums, on bar 3"),
    Cue(4, 1, "/clip/batch", (LOOP_BARS, *LOOPS), "three loops, behind the music"),
    Cue(4, 3, "/deck/2/play", (), "electric piano, on bar 5"),
    Cue(7, 3, "/scene/1/store", (), "to come back to"),
    Cue(8, 3, "/tempo", (LAST_BPM,), "in mid-bar"),
    Cue(9, 1, "/deck/2/morph", (8.0,)),
    Cue(9, 1, "/deck/2/prompt", ("dark synthwave in A minor, no drums",), "over two bars"),
    Cue(10, 3, "/slot/2/launch", (1,), "a break, on bar 11"),
    Cue(10, 3, "/deck/2/stop"),
    Cue(12, 3, "/deck/2/prompt", ("synthwave, pad only, in A minor",)),
    Cue(13, 1, "/panic", (), "silence", "silence"),
    Cue(13, 2, "/deck/2/play", ("none",), "a pad, from silence", "sound"),
    Cue(13, 3, "/scene/1/launch", (1,), "all back, on bar 14"),
    Cue(BARS + 1, 1, "/panic", (), "the end", "silence"),
    Cue(BARS + 1, 2, "/record", (0,)),
    Cue(BARS + 1, 2, "/stop"),
)

PASSAGES = (
    # From the second beat on: a deck's start fades in, and a break's first beat has tails on it.
    Passage((1, 2), (3, 1), FIRST_BPM, 7),
    Passage((11, 2), (13, 1), LAST_BPM, 7),
)
