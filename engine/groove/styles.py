"""What a style family is: drums, parts and harmony as data, read by `score`.

Patterns are strings of sixteenths, sixteen to a 4/4 bar; `meter` lays them out in other bars.
- drums: `X` accent, `x` normal, `o` soft, `-` ghost, `.` rest.
- bass: `R` `r` root (strong, soft), `3` `5` `7` chord tones, `8` octave, `a` a step to the next
  chord's root, `-` hold, `.` rest.
- chords: `X` `x` `o` strike, `-` hold, `.` rest.
- arp: digits are chord tones counted upwards from the lowest, `-` hold, `.` rest.
- lead: rhythms only, `x` a note, `-` hold, `.` rest; the pitches are made up.
"""

from __future__ import annotations

from dataclasses import dataclass, field

GENERIC_MAJOR = ("I V vi IV", "I vi IV V", "vi IV I V", "I IV vi V", "IV V iii vi")
GENERIC_MINOR = ("i bVI bIII bVII", "i bVII bVI bVII", "i iv bVI v", "i bIII bVII iv", "i iv i v")


@dataclass(frozen=True, slots=True)
class Part:
    """One player: `role` is `bass`, `chords`, `pad`, `arp`, `lead` or `texture`."""

    role: str
    sound: str
    patterns: tuple[str, ...] = ("x---------------",)
    center: int = 60
    """MIDI pitch around which it plays."""
    level_db: float = 0.0
    pan: int = 0
    """-3 (left) .. 3 (right)."""
    voices: int = 4
    density: float = 1.0
    """How much of the time it takes part, 0..1; the arrangement drops it in and out."""
    echo: tuple[float, float, int] | None = None
    """Beats between repeats, gain of each to the one before, how many."""


@dataclass(frozen=True, slots=True)
class Style:
    """A family. `grooves` and `fills` map a voice of the kit to alternatives."""

    name: str
    tempo_bpm: float
    mode: str
    kit: str
    grooves: dict[str, tuple[str, ...]]
    parts: tuple[Part, ...]
    fills: tuple[dict[str, str], ...]
    ghosts: tuple[str, str] = ("rim", "shaker")
    """The kit's voices for ornaments."""
    optional: tuple[str, ...] = ("shaker", "conga_hi", "conga_lo", "open", "ride", "cowbell")
    """Voices that come and go with the arrangement."""
    swing: tuple[float, float] = (0.5, 0.5)
    """Unit in beats that is divided in two, and where its second half begins, 0.5 is straight."""
    major: tuple[str, ...] = GENERIC_MAJOR
    minor: tuple[str, ...] = GENERIC_MINOR
    bluesy: bool = False
    space: str = "room"
    duck: float = 0.0
    """How far the kick pushes the sustained parts down, 0..1."""
    drums_db: float = 0.0
    level_db: float = 0.0
    crash: bool = True
    extra: dict[str, Part] = field(default_factory=dict)


FILL_ACOUSTIC: tuple[dict[str, str], ...] = (
    {"snare": "....oxxX", "tom_hi": "xx......", "tom_lo": "..xx...."},
    {"tom_hi": "x.x.....", "tom_mid": "...xx...", "tom_lo": "......xX"},
    {"snare": "x-o-x-xX", "kick": "x...x..."},
    {"snare": "..x..x.X", "tom_mid": "....x.x.", "kick": "x..x...."},
)
FILL_ELECTRO: tuple[dict[str, str], ...] = (
    {"clap": "....x.xX", "kick": "x......."},
    {"snare": "o-o-oxxX", "kick": "x...x..."},
    {"tom_hi": "x..x....", "tom_lo": "....x.xx", "kick": "x......."},
    {"snare": "....oxox", "clap": ".......X", "kick": "x..x...."},
)
FILL_SOFT: tuple[dict[str, str], ...] = (
    {"rim": "..o..o.x", "kick": "x......."},
    {"snare": "....-o-x", "kick": "x..o...."},
    {"tom_lo": "....o.oo", "rim": "x......."},
)
FILL_BREAK: tuple[dict[str, str], ...] = (
    {"snare": "x.oxx.xX", "kick": ".x...x.."},
    {"snare": "oooxxxXX", "kick": "x......."},
    {"snare": "x--x--x-", "kick": "x..x..x.", "open": ".......x"},
)
FILL_ORCHESTRA: tuple[dict[str, str], ...] = (
    {"tom_lo": "o-oxoxXX", "kick": "x......."},
    {"tom_lo": "x..x..xx", "snare": "--oooxxX"},
    {"snare": "-o-o-oxX"},
)
