"""How patient to be with an engine: one that is hardly faster than the ear needs time.

A *pace* is how many seconds of each playing deck's music an engine makes in one second; 0 while
that is not known.
"""

from __future__ import annotations

from engine.api import EngineHandle

COMFORT_S = 0.06
"""An engine works at a change until it is so far ahead: on the bare first chunks of ever new
changes, the next hiccup would be heard."""
_PATIENCE_S = 0.05
"""How long it may work at one change before the next is sent all the same."""
_MOST_PATIENCE_S = 0.5
_PAUSES = 4
"""Between the chunks of an engine that is 1.3 times as fast as the ear, until it is well ahead."""

MOST_FILLING_S = 8.0
"""The longest that a deck loops to let a slow engine get ahead again."""
_SLOWEST = 1e-3


def pace_of(engine: EngineHandle | None, playing: int) -> float:
    """Of an engine that plays for so many decks."""
    return 0.0 if engine is None else engine.realtime_factor / max(1, playing)


def patience_s(pause_s: float) -> float:
    """How long to let an engine work at a change that brings a chunk every `pause_s`.

    Told of the next change any sooner, it would never come to be heard while a knob is turned.
    """
    return min(max(_PATIENCE_S, _PAUSES * pause_s), _MOST_PATIENCE_S)


def filling_s(ahead_s: float, pace: float) -> float:
    """How long an engine takes to make `ahead_s` of a stream that is not heard yet."""
    return min(ahead_s / max(pace, _SLOWEST), MOST_FILLING_S)
