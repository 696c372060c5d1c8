"""How patient to be with an engine: one that is hardly faster than the ear needs time.

A *pace* is how many seconds of each playing deck's music an engine makes in one second; 0 while
that is not known.
"""

from __future__ import annotations

from engine.api import EngineHandle

_COMFORT_S = 0.06
"""On the bare first chunks of ever new changes, the next hiccup would be heard."""
_PATIENCE_S = 0.05
_MOST_PATIENCE_S = 1.0
_PAUSES = 4
"""Between the chunks of an engine that is 1.3 times as fast as the ear, until what it makes anew
has replaced the old: so much of the old must be there."""

MOST_FILLING_S = 8.0
"""The longest that a deck loops to let a slow engine get ahead again."""
_SLOWEST = 1e-3


def pace_of(engine: EngineHandle | None, playing: int) -> float:
    """Of an engine that plays for so many decks."""
    return 0.0 if engine is None else engine.realtime_factor / max(1, playing)


def comfort_s(pause_s: float) -> float:
    """How far ahead to let an engine get that brings a chunk every `pause_s`, before the next
    change takes all of that away again."""
    return max(_COMFORT_S, _PAUSES * pause_s)


def patience_s(pause_s: float) -> float:
    """How long it may work at one change before the next is sent all the same.

    Told any sooner, it would never come to be heard while a knob is turned.
    """
    return min(max(_PATIENCE_S, 2 * _PAUSES * pause_s), _MOST_PATIENCE_S)


def filling_s(ahead_s: float, pace: float) -> float:
    """How long an engine takes to make `ahead_s` of a stream that is not heard yet."""
    return min(ahead_s / max(pace, _SLOWEST), MOST_FILLING_S)
