"""How closely the tempo lock brings music onto the grid, and what it costs.

Drums and bass of which every beat is known, at a tempo of their own and with ±10 ms of human
jitter, are fed in pieces of 0.1 s as an engine would. Where each beat has come to lie is judged
twice: by the lock's own course, and by the attacks that are found in its output. The peer plays the
same music at one ratio, from its mean tempo (which it is told) to the one wanted, as a host does
that stretches a clip.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bridge.bench.figures import Figure, Target, Tell
from bridge.bench.material import Curve, Material, band, drift, steady
from bridge.bench.plan import Plan
from bridge.time.tempo import Anchor, Meter, TempoMap
from bridge.warp.lock import TempoLock
from engine.api import Audio

RATE = 48000
SECONDS = 60.0
_PIECE = RATE // 10
_SETTLED_BARS = 4
_RAMP_BARS = 8
_REACH_S = 0.03
_FOREVER = 2**62

Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Case:
    """Music at a tempo of its own, and the transport it goes with."""

    name: str
    own: Curve
    asked_bpm: float
    tempo: TempoMap
    median_ms: float | None
    most_ms: float
    """What the error should be at most: median and 95th percentile."""


@dataclass(frozen=True, slots=True)
class Warped:
    """What became of a case; one element for each beat after the first bars."""

    at_s: Numbers
    """In the output."""
    error_ms: Numbers
    """By the lock's course: later than the transport's beat is positive."""
    heard_ms: Numbers
    """By the attacks in the output, of those beats where one is found."""
    peer_ms: Numbers
    """At one ratio."""
    cost: float
    """Processor time for a second of music, all of it."""


def cases() -> tuple[Case, ...]:
    return (
        Case("117.3 to 120", steady(117.3), 120.0, _constant(120.0), 5.0, 20.0),
        Case("97..100 to 100", drift(97.0, 100.0, SECONDS), 100.0, _constant(100.0), 5.0, 20.0),
        Case("117.3 to a ramp 100..130", steady(117.3), 110.0, _ramp(100.0, 130.0), None, 30.0),
    )


def _constant(bpm: float) -> TempoMap:
    return TempoMap(RATE, Anchor(0, 0.0, bpm))


def _ramp(first_bpm: float, last_bpm: float) -> TempoMap:
    """From bar 8 on, over eight bars, with a step at each beat."""
    tempo = _constant(first_bpm)
    beats = 4 * _RAMP_BARS
    for beat in range(beats):
        sample = round(tempo.sample_at(float(beats + beat)))
        tempo.change(sample, bpm=first_bpm + (last_bpm - first_bpm) * (beat + 1) / beats)
    return tempo


def warp(case: Case, seconds: float) -> Warped:
    """Play a case through the lock."""
    music = band(case.own, seconds, RATE)
    lock = TempoLock(RATE, 2, case.asked_bpm, 4.0)
    lock.start(0, case.tempo, Meter())
    parts: list[Audio] = []
    began_s = time.process_time()
    for at in range(0, len(music.audio), _PIECE):
        lock.feed(music.audio[at : at + _PIECE])
        while (audio := lock.render(_FOREVER, case.tempo)) is not None:
            parts.append(audio)
    cost = (time.process_time() - began_s) / seconds
    return _judged(case, music, lock, np.concatenate(parts), cost)


def _judged(case: Case, music: Material, lock: TempoLock, out: Audio, cost: float) -> Warped:
    since = case.tempo.sample_at(4.0 * _SETTLED_BARS)
    placed = [(lock.output_at(beat), beat) for beat in music.beats]
    placed = [(at, beat) for at, beat in placed if since < at < len(out) - RATE]
    at = np.array([at for at, _ in placed])
    source = np.array([beat for _, beat in placed])
    found = [_attack(out, sample) for sample in at]
    heard = np.array([sample for sample in found if sample is not None])
    # The peer starts where the lock does, and knows the mean tempo.
    mean_bpm = 60.0 * RATE * (len(source) - 1) / (source[-1] - source[0])
    peer = at[0] + (source - source[0]) * mean_bpm / case.asked_bpm
    by_course, by_ear, at_one_ratio = (_errors_ms(case.tempo, x) for x in (at, heard, peer))
    return Warped(at / RATE, by_course, by_ear, at_one_ratio, cost)


def _errors_ms(tempo: TempoMap, samples: Numbers) -> Numbers:
    nearest = [tempo.sample_at(float(round(tempo.beat_at(sample)))) for sample in samples]
    errors: Numbers = (samples - np.array(nearest)) * 1000.0 / RATE
    return errors


def _attack(audio: Audio, near: float) -> float | None:
    """Where, about a sample, it gets louder most suddenly; None where that is by less than half."""
    reach, first = round(_REACH_S * RATE), round(near)
    edge = np.abs(np.diff(audio[first - reach : first + reach].mean(axis=1)))
    smooth = np.convolve(edge, np.ones(48) / 48, "same")
    if smooth.max() < 2 * np.median(smooth):
        return None
    rise = smooth[48:] - smooth[:-48]
    return float(first - reach + int(np.argmax(rise)) + 24)


def measure_warp(plan: Plan, tell: Tell) -> list[Figure]:
    """The three cases of music that keeps no tempo."""
    figures: list[Figure] = []
    for case in cases():
        tell(f"tempo lock: {case.name}")
        warped = warp(case, SECONDS)
        off, heard, peer = (np.abs(x) for x in (warped.error_ms, warped.heard_ms, warped.peer_ms))
        median = None if case.median_ms is None else Target("<=", case.median_ms)
        one = "one ratio"
        name = f"warp {case.name}"
        figures += [
            Figure(f"{name}, beats off, median", float(np.median(off)), "ms", median,
                   one, float(np.median(peer)), note=f"{len(off)} beats"),
            Figure(f"{name}, beats off, 95 %", float(np.percentile(off, 95)), "ms",
                   Target("<=", case.most_ms), one, float(np.percentile(peer, 95))),
            Figure(f"{name}, attacks in the output off, 95 %", float(np.percentile(heard, 95)),
                   "ms", Target("<=", case.most_ms), note=f"{len(heard)} found"),
            Figure(f"{name}, cost for each deck", 100 * warped.cost, "% of a core",
                   Target("<=", 15.0)),
        ]  # fmt: skip
    return figures
