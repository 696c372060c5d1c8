"""The demo's second act: a host leads over OSC at a tempo of its own, and a server follows it.

Threading: one thread calls `follow`; the server's own threads do the rest.
"""

from __future__ import annotations

import random
import time
from dataclasses import dataclass

import numpy as np

from bridge.app import App
from bridge.config import Config
from bridge.demo.onsets import STEPS_A_BEAT, strikes
from bridge.demo.story import KICK
from bridge.osc.sender import Sender
from bridge.time.clock import monotonic_s
from engine.api import Audio

FROM_BPM, TO_BPM = 118.0, 126.0
JITTER_S = 0.005
"""Either way: what a busy host's messages have."""
_STEADY_S, _RAMP_S, _END_S = 8.0, 4.0, 4.0
_EVERY_S = 0.04
_SETTLED_S = 4.0
"""Two bars, in which the server finds the host's clock."""
_SEED = 1


@dataclass(frozen=True, slots=True)
class Host:
    """A transport that starts at `start_s`, and gets faster after a while."""

    start_s: float

    def beat_at(self, at_s: float) -> float:
        steady_s = min(at_s - self.start_s, _STEADY_S)
        ramp_s = min(max(0.0, at_s - self.start_s - _STEADY_S), _RAMP_S)
        end_s = max(0.0, at_s - self.start_s - _STEADY_S - _RAMP_S)
        half = (TO_BPM - FROM_BPM) / _RAMP_S / 2 * ramp_s
        return (steady_s * FROM_BPM + ramp_s * (FROM_BPM + half) + end_s * TO_BPM) / 60

    def bpm_at(self, at_s: float) -> float:
        share = (at_s - self.start_s - _STEADY_S) / _RAMP_S
        return FROM_BPM + (TO_BPM - FROM_BPM) * min(max(share, 0.0), 1.0)

    @property
    def end_s(self) -> float:
        return self.start_s + _STEADY_S + _RAMP_S + _END_S


@dataclass(frozen=True, slots=True)
class Followed:
    """How far each kick was from the host's nearest sixteenth, in ms, once the clock was found."""

    errors_ms: tuple[float, ...]
    xruns: int


class _Tape:
    """All that went to the device, and when that took it."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._written = 0
        self._blocks: list[tuple[float, Audio]] = []

    def hear(self, _: int, audio: Audio) -> None:
        taken, taken_s = self._app.conductor.output.taken()
        at_s = taken_s + (self._written - taken) / self._app.config.rate
        self._written += len(audio)
        self._blocks.append((at_s, audio.copy()))

    def kicks_s(self, since_s: float, until_s: float) -> list[float]:
        """When each was heard between two moments, on the monotonic clock."""
        rate = self._app.config.rate
        lengths = [len(audio) for _, audio in self._blocks]
        starts = np.concatenate([[0], np.cumsum(lengths)])
        audio = np.concatenate([audio for _, audio in self._blocks])
        # The device's clock as a straight line: a single look at it is a block coarse.
        line = np.polyfit(starts[:-1], [at_s for at_s, _ in self._blocks], 1)
        assert abs(line[0] * rate - 1) < 0.1, "the device keeps another rate than it said"
        first, last = (round((at_s - line[1]) / line[0]) for at_s in (since_s, until_s))
        return [float(np.polyval(line, first + at)) for at in strikes(audio[first:last], rate)]


def follow(config: Config) -> Followed:
    """Run a server and a host that leads it, for a quarter of a minute. Raises SidemanError."""
    app = App(config)
    tape = _Tape(app)
    app.taps.append(tape.hear)
    app.start()
    try:
        with Sender(app.config.host, app.osc.udp_port) as sender:
            host = _lead(sender)
        xruns = app.conductor.playout.xruns
    finally:
        app.stop()
    since_s = host.start_s + _SETTLED_S
    heard_s = tape.kicks_s(since_s, host.end_s)
    return Followed(tuple(_error_ms(host, at_s) for at_s in heard_s), xruns)


def _lead(sender: Sender) -> Host:
    """Be the host: tempo and position, 25 times a second, each a little early or late."""
    dice = random.Random(_SEED)
    sender.send("/clock", "osc")
    sender.send("/tempo", FROM_BPM)
    sender.send("/deck/1/prompt", KICK)
    sender.send("/deck/1/play", "none")
    sender.ask("/sync", 1, answer="/synced")
    host = Host(monotonic_s())
    sender.send("/play")
    for count in range(round((host.end_s - host.start_s) / _EVERY_S)):
        at_s = host.start_s + count * _EVERY_S
        time.sleep(max(0.0, at_s + dice.uniform(-JITTER_S, JITTER_S) - monotonic_s()))
        sender.send("/tempo", host.bpm_at(at_s))
        sender.send("/position", host.beat_at(at_s))
    sender.send("/panic")
    return host


def _error_ms(host: Host, at_s: float) -> float:
    steps = host.beat_at(at_s) * STEPS_A_BEAT
    return (steps - round(steps)) / STEPS_A_BEAT * 60_000 / host.bpm_at(at_s)
