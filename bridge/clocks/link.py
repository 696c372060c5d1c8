"""Ableton Link as the leader, through the optional library LinkPython (`sideman[link]`).

Peers of a session share tempo, the place in a bar and, if they like, start and stop. Joining
changes nothing for them: the tempo of those who are there already is taken over. It is proposed
another only when a user of sideman asks for one, as any peer may.

Threading: owned by the conductor's thread; Link's network runs on threads of its own, in C++.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from typing import Any

from bridge.clocks.line import Line, Reading
from bridge.time.clock import monotonic_s
from engine.errors import BadValue

_LOOK_S = 0.02
"""A session's tempo and place are exact: to look more often tells no more."""
_US = 1e6


class LinkClock:
    def __init__(
        self,
        connect: Callable[[float], Any] | None = None,
        monotonic: Callable[[], float] = monotonic_s,
    ) -> None:
        """`connect(bpm)`: makes a `link.Link`."""
        self._connect = connect or _connect
        self._monotonic = monotonic
        self._link: Any = None
        self._bar_beats = 4.0
        self._looked_s = float("-inf")
        self._reading = Reading()

    def check(self, bpm: float) -> None:
        """Raises BadValue where the library is missing."""
        self._connect(bpm)

    def join(self, bpm: float) -> None:
        """`bpm` is the session's tempo only if nobody else is there."""
        self._link = self._connect(bpm)
        self._link.startStopSyncEnabled = True
        self._link.enabled = True
        self._looked_s = float("-inf")

    def leave(self) -> None:
        if self._link is not None:
            self._link.enabled = False
            self._link = None

    def read(self, now_s: float, bar_beats: float) -> Reading:
        if now_s - self._looked_s >= _LOOK_S or bar_beats != self._bar_beats:
            self._looked_s, self._bar_beats = now_s, bar_beats
            self._reading = self._look()
        return self._reading

    def _look(self) -> Reading:
        state = self._link.captureAppSessionState()
        before_s = self._monotonic()
        us = self._link.clock().micros()
        now_s = (before_s + self._monotonic()) / 2
        beat = state.beatAtTime(us, self._bar_beats)
        line = Line(now_s, beat, state.tempo())
        return Reading(line.bpm, line, state.isPlaying(), True, self._bar_beats)

    def propose_tempo(self, bpm: float) -> None:
        state = self._link.captureAppSessionState()
        state.setTempo(bpm, self._link.clock().micros())
        self._link.commitAppSessionState(state)
        self._looked_s = float("-inf")

    def propose_playing(self, playing: bool) -> None:
        state = self._link.captureAppSessionState()
        state.setIsPlaying(playing, self._link.clock().micros())
        self._link.commitAppSessionState(state)
        self._looked_s = float("-inf")


def preload() -> None:
    """Load the library where there is one: that takes as long as the mix is ahead of the device,
    and whoever asks for the clock later does so while the music plays."""
    with suppress(ImportError):
        import_module("link")


def _connect(bpm: float) -> Any:
    try:
        return import_module("link").Link(bpm)
    except (ImportError, AttributeError) as error:
        raise BadValue(
            f"Ableton Link is not installed ({error}): pip install 'sideman[link]'"
        ) from None
