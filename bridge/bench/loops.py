"""How exactly loops fit their bars, and how their seams sound.

A loop is laid end to end eight times. What is heard at its seams is held against its own other bar
lines, and against the same bars cut out plainly, without a fade.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from bridge.bench.figures import Figure, Target, Tell
from bridge.bench.material import band, pad, steady
from bridge.bench.plan import Plan
from bridge.bench.rendering import STYLES
from bridge.clips.capture import cut_passage
from bridge.engines import EngineChoice, choose_engine
from bridge.time.bars import Passage, last_bars
from bridge.time.tempo import Anchor, Meter, TempoMap
from engine.api import Audio, Steering, Timing, WeightedPrompt

RATES = (32000, 44100, 48000, 96000)
LOOPS = 200
TIMES = 8
_RATE = 48000
_BARS = 8
_BPM = 117.3
_FRAME = 1024
_HOP = 120
_SHOWN_S = 0.03
_NEAR_S = 0.02
"""About a bar line: what is heard as happening on it."""


def measure_loops(plan: Plan, tell: Tell) -> list[Figure]:
    """Lengths, onsets and spectral flux."""
    tell("loops: lengths and seams")
    exact = sum(is_exact(random.Random(seed)) for seed in range(LOOPS))
    seams = [seam_of(*music) for music in (*_bands(), *_styles())]
    chords = seam_of(pad(30.0, _RATE), _bars_from(0.0))
    onset_ms = max(seam.onset_ms for seam in seams)
    return [
        Figure(f"loops of exact length, of {LOOPS}", exact, "", Target("=", LOOPS)),
        Figure("loop seam, onset off the grid", onset_ms, "ms", Target("<=", 1.0)),
        Figure(
            "loop seam, flux over the other bar lines'", max(seam.flux for seam in seams), "×",
            Target("<=", 1.0), "plain cut", max(seam.plain_flux for seam in seams),
        ),
        Figure(
            "loop seam, step over the largest elsewhere", max(seam.step for seam in seams), "×",
            Target("<=", 1.0), "plain cut", max(seam.plain_step for seam in seams),
        ),
        Figure(
            "loop seam of chords without a beat, flux", chords.flux, "×", None,
            "plain cut", chords.plain_flux,
        ),
    ]  # fmt: skip


def is_exact(dice: random.Random) -> bool:
    """Whether a capture of random bars has the samples that those bars have, reckoned exactly."""
    numerator, denominator = dice.randint(1, 13), dice.choice((4, 8, 16))
    bars, rate = dice.randint(1, 12), dice.choice(RATES)
    bpm = round(dice.uniform(20, 400), dice.randint(0, 6))
    beats = Fraction(4 * bars * numerator, denominator)
    exact = beats * 60 * rate / Fraction(bpm)
    tempo = TempoMap(rate, Anchor(dice.randint(0, 10**6), 0.0, bpm))
    meter = Meter(numerator, denominator)
    until = round(tempo.sample_at(float(beats) * 2.5))
    loop = cut_passage(_silence, last_bars(tempo, meter, until, bars), rate)
    return abs(len(loop) - exact) <= Fraction(1, 2)


def _silence(first: int, last: int) -> Audio:
    return np.zeros((last - first, 1), np.float32)


@dataclass(frozen=True, slots=True)
class Seam:
    """What is heard where a loop begins again."""

    onset_ms: float
    """By how much the onset is off where it was in the music; 0 where nothing begins there."""
    flux: float
    """Over the largest at the loop's other bar lines."""
    plain_flux: float
    """The same of a plain cut."""
    step: float
    """From one sample to the next, over the largest elsewhere in the loop."""
    plain_step: float


def seam_of(audio: Audio, passage: Passage) -> Seam:
    """Of the bars of `passage` in float32 `[samples, channels]` at 48 kHz."""
    loop = cut_passage(lambda a, b: audio[a:b], passage, _RATE)
    start = round(passage.marks[0])
    plain = audio[start : start + len(loop)]
    round_and_round = np.concatenate([loop] * TIMES)
    # The grid goes on exactly; what is laid end to end has whole samples.
    exact = passage.steps[-1] * 60 * _RATE / passage.bpm
    seams = [round(exact * i) for i in range(1, TIMES)]
    as_played = _onset(audio, start)
    off = [] if as_played is None else [_onset(round_and_round, at) for at in seams]
    onset_ms = max((_apart_ms(as_played, found) for found in off), default=0.0)
    return Seam(onset_ms, _flux(loop), _flux(plain), _step(loop), _step(plain))


def _onset(audio: Audio, near: int) -> float | None:
    """Samples from `near` to where it gets louder most suddenly; None if it does not get twice as
    loud there."""
    reach = round(_NEAR_S * _RATE)
    level = np.abs(audio[near - reach : near + reach]).max(axis=1)
    smooth = np.convolve(level, np.ones(48) / 48, "same")
    if smooth[reach:].max() < 2 * smooth[: reach - 96].max():
        return None
    return float(np.argmax(smooth[24:] - smooth[:-24]) - reach)


def _apart_ms(one: float | None, other: float | None) -> float:
    return np.inf if one is None or other is None else abs(one - other) * 1000 / _RATE


@dataclass(frozen=True, slots=True)
class SeamPicture:
    """A loop's seam to look at."""

    ms: NDArray[np.float64]
    """From the seam."""
    loop: Audio
    plain: Audio
    """The end and the beginning, one channel, float32 `[samples]`: ours, and cut plainly."""
    loop_flux: list[float]
    plain_flux: list[float]
    """At the bar lines, the seam being the last."""


def picture_of(audio: Audio, passage: Passage) -> SeamPicture:
    """Of the bars of `passage` in float32 `[samples, channels]` at 48 kHz."""
    loop = cut_passage(lambda a, b: audio[a:b], passage, _RATE)
    start, n = round(passage.marks[0]), round(_SHOWN_S * _RATE)
    plain = audio[start : start + len(loop)]
    around, plainly = (np.concatenate([cut[-n:, 0], cut[:n, 0]]) for cut in (loop, plain))
    ms = np.arange(-n, n) * 1000.0 / _RATE
    return SeamPicture(ms, around, plainly, _fluxes(loop), _fluxes(plain))


def hardest_to_cut() -> tuple[Audio, Passage]:
    """Of the synthesiser's styles, the music in which a plain cut is heard best."""
    return max(_styles(), key=lambda music: seam_of(*music).plain_flux)


def _flux(loop: Audio) -> float:
    """At the seam, over the most at the other bar lines."""
    *lines, seam = _fluxes(loop)
    return seam / max(lines)


def _fluxes(loop: Audio) -> list[float]:
    """How much of a rise there is at each bar line from the second bar's on; the last one is the
    seam."""
    twice = np.concatenate([loop, loop]).mean(axis=1)
    frames = np.lib.stride_tricks.sliding_window_view(twice, _FRAME)[::_HOP]
    levels = np.log1p(100 * np.abs(np.fft.rfft(frames * np.hanning(_FRAME))))
    rises: NDArray[np.float64] = np.maximum(np.diff(levels, axis=0), 0).sum(axis=1)

    def at(sample: float) -> float:
        # The rise between two frames is that in the middle of their samples.
        middle = (sample - _FRAME / 2) / _HOP
        reach = _NEAR_S * _RATE / _HOP
        return float(rises[round(middle - reach) : round(middle + reach)].max())

    return [at(len(loop) * i / _BARS) for i in range(1, _BARS + 1)]


def _step(loop: Audio) -> float:
    within = float(np.abs(np.diff(loop, axis=0)).max())
    return float(np.abs(loop[0] - loop[-1]).max()) / within


def _bands() -> Iterator[tuple[Audio, Passage]]:
    """Drums and bass, in time."""
    for seed in range(4):
        music = band(steady(_BPM), 30.0, _RATE, jitter_s=0.0, seed=seed)
        yield music.audio, _bars_from(music.beats[0])


def _styles() -> Iterator[tuple[Audio, Passage]]:
    """What the synthesiser makes of prompts, from its first bar on."""
    engine = choose_engine(EngineChoice("groove"), _RATE).factory()
    for style in STYLES:
        steering = Steering((WeightedPrompt(style),), seed=1, timing=Timing(0.0, 0.0, _BPM))
        (audio,) = engine.step([engine.open(steering)], 30 * _RATE)
        yield audio, _bars_from(0.0)
    engine.close()


def _bars_from(first: float) -> Passage:
    tempo = TempoMap(_RATE, Anchor(round(first), 0.0, _BPM))
    until = round(tempo.sample_at(4.0 * (_BARS + 2) + 1.0))
    return last_bars(tempo, Meter(), until, _BARS)
