"""Listens to the master as it goes to the device: when it falls silent, when it sounds again.

Threading: `hear` is called on the conductor's thread; the rest is read once that has ended.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

import numpy as np

from bridge.app import App
from bridge.audio.output import Output
from bridge.time.clock import monotonic_s
from engine.api import Audio

SILENCE_S = 0.1
"""No shorter pause counts: a story's silences are longer, a kick's are not."""


@dataclass(frozen=True, slots=True)
class Edge:
    """The first sample of a sound or of a silence. Times are on the monotonic clock."""

    sounds: bool
    mixed_s: float
    """When it was made: what brought it about came before."""
    at_s: float
    """When the device took it."""


class Ear:
    """Append `hear` to `app.taps` before the server is started."""

    def __init__(self, app: App, monotonic: Callable[[], float] = monotonic_s) -> None:
        self._monotonic = monotonic
        self.edges: list[Edge] = []
        self._app = app
        self._rate = app.config.rate
        self._output: Output | None = None
        self._base = 0  # samples written before the present output's first
        self._written = 0
        self._silent_from = 0
        self._loud_s = 0.0
        self._sounding = False
        self._headrooms_s: list[float] = []
        self._recording_s: float | None = None

    def hear(self, _: int, audio: Audio) -> None:
        """The next block, float32 `[samples, 2]`, just before it is written to the output."""
        output = self._app.conductor.output
        if output is not self._output:
            self._output, self._base = output, self._written
        if self._recording_s is None and self._app.recording.running:
            self._recording_s = self._time_of(self._written)
        loud = np.flatnonzero(audio.any(axis=1))
        if len(loud):
            self._loud_s = self._monotonic()
            if not self._sounding:
                self._edge(True, self._written + int(loud[0]))
            self._silent_from = self._written + int(loud[-1]) + 1
        self._written += len(audio)
        if self._sounding and self._written - self._silent_from > SILENCE_S * self._rate:
            self._edge(False, self._silent_from)
        session = self._app.session
        if any(deck.sounding for deck in session.decks.values()):
            self._headrooms_s.append(session.headroom_s())

    def _edge(self, sounds: bool, sample: int) -> None:
        self._sounding = sounds
        self.edges.append(Edge(sounds, self._loud_s, self._time_of(sample)))

    def _time_of(self, sample: int) -> float:
        assert self._output is not None
        taken, taken_s = self._output.taken()
        return taken_s + (sample - self._base - taken) / self._rate

    def after(self, at_s: float, *, sounds: bool) -> float | None:
        """Seconds from `at_s` to the next sound (or silence) made; None if none came."""
        later = (e.at_s - at_s for e in self.edges if e.sounds is sounds and e.mixed_s > at_s)
        return next(later, None)

    @property
    def recording_s(self) -> float | None:
        """When the device took the recording's first sample."""
        return self._recording_s

    @property
    def headroom_s(self) -> tuple[float, float]:
        """How far the music was made ahead while it played: usually, and at least."""
        made = self._headrooms_s or [0.0]
        return median(made), min(made)
