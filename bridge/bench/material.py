"""Music whose beats are known to the sample, and sounds that have none: what a beat tracker and a
tempo lock are judged by.

A beat is where the drum on it begins to sound. Everything is a function of its arguments: the same
seed, the same samples.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from engine.api import Audio

Mono = NDArray[np.float32]
Curve = Callable[[float], float]
"""From seconds to the tempo there, in BPM."""

PER_BAR = 4
_LEAD_S = 0.37
"""Before the first beat, so that nothing comes right by beginning at 0."""
_ROOTS_HZ = (55.0, 43.65, 65.41, 49.0)
"""Of the bass, bar by bar: A, F, C, G."""
_GHOSTS = 0.3
"""How likely a soft note of the snare is on each sixteenth that has no other."""
_BASS_LATE_S = 0.003
"""Two players are never quite together: the bass is late by up to so much."""


@dataclass(frozen=True, slots=True)
class Material:
    audio: Audio
    """float32 `[samples, channels]`."""
    rate: int
    beats: tuple[float, ...]
    """The samples on which beats fall; every `PER_BAR`-th from the first on begins a bar."""


def steady(bpm: float) -> Curve:
    return lambda _: bpm


def drift(first_bpm: float, last_bpm: float, seconds: float) -> Curve:
    """From one tempo to another, evenly over so long, and on at that one."""
    return lambda s: first_bpm + (last_bpm - first_bpm) * min(1.0, s / seconds)


def band(
    curve: Curve,
    seconds: float,
    rate: int,
    *,
    channels: int = 2,
    jitter_s: float = 0.010,
    swing: float = 0.58,
    seed: int = 1,
) -> Material:
    """Drums and a bass line as people play them, at the tempo of `curve`.

    Each beat is early or late by up to `jitter_s` (uniform), and what is played between two goes
    with them. `swing`: where in a beat its second eighth is played. Each bar has a root of its own.
    """
    dice = np.random.default_rng(seed)
    beats_s = _beats_s(curve, seconds, jitter_s, dice)
    mix = np.zeros(round(seconds * rate), np.float32)
    kit = _Kit(rate, dice)
    for number, (at_s, next_s) in enumerate(pairwise(beats_s)):
        for share, sound in _played(number, swing, kit, dice):
            _add(mix, sound, round((at_s + share * (next_s - at_s)) * rate))
        root_hz = _ROOTS_HZ[number // PER_BAR % len(_ROOTS_HZ)]
        for share, octave in ((0.0, 1), (swing, 1 + number % 2)):
            late_s = at_s + share * (next_s - at_s) + dice.uniform(0, _BASS_LATE_S)
            _add(mix, kit.bass(root_hz * octave), round(late_s * rate))
    played = tuple(float(round(s * rate)) for s in beats_s[:-1])
    return Material(_spread(mix, channels), rate, played)


def _beats_s(
    curve: Curve, seconds: float, jitter_s: float, dice: np.random.Generator
) -> list[float]:
    at_s, beats_s = _LEAD_S, []
    while at_s < seconds - 1.0:  # room for the last notes to ring
        beats_s.append(at_s + dice.uniform(-jitter_s, jitter_s))
        at_s += 60.0 / curve(at_s)
    return beats_s


class _Kit:
    """Sounds that begin with their first sample, float32 `[samples]`."""

    def __init__(self, rate: int, dice: np.random.Generator) -> None:
        self.rate = rate
        t = np.arange(round(0.25 * rate)) / rate
        sweep = 48 * t + 1.6 * (1 - np.exp(-t * 50))
        noise = dice.standard_normal(len(t))
        bright = np.diff(noise, prepend=0.0)
        self.kick = self._shaped(0.55 * np.sin(2 * np.pi * sweep), 18)
        tone = 0.15 * np.sin(2 * np.pi * 190 * t)
        self.snare = self._shaped(tone + 0.13 * noise, 24)
        self.hat = self._shaped(0.05 * bright, 90)

    def bass(self, hz: float) -> Mono:
        t = np.arange(round(0.22 * self.rate)) / self.rate
        wave = sum(np.sin(2 * np.pi * hz * k * t) / k for k in range(1, 6))
        sound = 0.14 * np.asarray(wave) * np.minimum(1, t / 0.006) * np.exp(-t * 5)
        return np.asarray(sound * np.minimum(1, (t[-1] - t) / 0.02), np.float32)

    def _shaped(self, wave: NDArray[np.float64], decay: float) -> Mono:
        t = np.arange(len(wave)) / self.rate
        return np.asarray(wave * np.minimum(1, t / 0.001) * np.exp(-t * decay), np.float32)


def _played(
    number: int, swing: float, kit: _Kit, dice: np.random.Generator
) -> list[tuple[float, Mono]]:
    """What the drums play in beat `number`: where in it, and what."""
    level = float(dice.uniform(0.8, 1.0))
    of_bar = number % PER_BAR
    hits = [(0.0, level * kit.hat), (swing, 0.7 * level * kit.hat)]
    hits.append((0.0, level * (kit.snare if of_bar % 2 else kit.kick)))
    if of_bar == 1:
        hits.append((swing, 0.7 * level * kit.kick))
    ghosts = (sixteenth for sixteenth in (swing / 2, (1 + swing) / 2) if dice.random() < _GHOSTS)
    hits.extend((share, 0.15 * kit.snare) for share in ghosts)
    return hits


def pulse(bpm: float, seconds: float, rate: int, *, channels: int = 2) -> Material:
    """A synthesiser's chords in eighths over a held bass note, without drums, to the sample."""
    beat_s = 60.0 / bpm
    beats_s = np.arange(_LEAD_S, seconds - 1.0, beat_s)
    mix = np.zeros(round(seconds * rate), np.float32)
    t = np.arange(round(0.45 * beat_s * rate)) / rate
    gate = np.minimum(1, t / 0.003) * np.minimum(1, (t[-1] - t) / 0.01) * np.exp(-t * 6)
    for number, at_s in enumerate(beats_s):
        root_hz = 4 * _ROOTS_HZ[number // PER_BAR % len(_ROOTS_HZ)]
        wave = sum(np.sin(2 * np.pi * root_hz * k * t) for k in (1, 1.25, 1.5, 2, 3))
        for share, level in ((0.0, 0.08), (0.5, 0.04)):
            chord = np.asarray(level * wave * gate, np.float32)
            _add(mix, chord, round((at_s + share * beat_s) * rate))
        ring = np.arange(round(beat_s * rate)) / rate
        held = 0.1 * np.sin(2 * np.pi * 55.0 * (at_s + ring))
        _add(mix, np.asarray(held, np.float32), round(at_s * rate))
    return Material(_spread(mix, channels), rate, tuple(float(round(s * rate)) for s in beats_s))


def pad(seconds: float, rate: int, *, channels: int = 2) -> Audio:
    """Chords that swell and fade over seconds: no beat. float32 `[samples, channels]`."""
    t = np.arange(round(seconds * rate)) / rate
    mix = np.zeros(len(t))
    for index, hz in enumerate((110.0, 164.8, 220.0, 277.2, 329.6, 440.6)):
        swell = 0.6 + 0.4 * np.sin(2 * np.pi * (0.071 + 0.013 * index) * t + index)
        mix += 0.06 * swell * np.sin(2 * np.pi * hz * t + 0.7 * np.sin(2 * np.pi * 0.3 * t))
    return _spread(np.asarray(mix, np.float32), channels)


def noise(seconds: float, rate: int, *, channels: int = 2, seed: int = 1) -> Audio:
    """White. float32 `[samples, channels]`."""
    dice = np.random.default_rng(seed)
    return np.asarray(0.1 * dice.standard_normal((round(seconds * rate), channels)), np.float32)


def babble(seconds: float, rate: int, *, channels: int = 2, seed: int = 1) -> Audio:
    """Syllables as in speech: three to eight a second, of voice and of breath, in no time; with
    pauses between phrases. float32 `[samples, channels]`."""
    dice = np.random.default_rng(seed)
    mix = np.zeros(round(seconds * rate), np.float32)
    at_s = 0.1
    while at_s < seconds - 0.5:
        long_s = float(dice.uniform(0.06, 0.25))
        t = np.arange(round(long_s * rate)) / rate
        glide_hz = dice.uniform(90, 150) * (1 + dice.uniform(-0.4, 0.4) * t)
        voice = sum(np.sin(2 * np.pi * k * np.cumsum(glide_hz) / rate) / k for k in range(1, 12))
        breath = np.diff(dice.standard_normal(len(t)), prepend=0.0)
        wave = 0.08 * np.asarray(voice) if dice.random() < 0.7 else 0.05 * breath
        _add(mix, np.asarray(wave * np.sin(np.pi * t / long_s) ** 0.7, np.float32),
             round(at_s * rate))  # fmt: skip
        at_s += long_s + float(dice.uniform(0.0, 0.08) if dice.random() < 0.85 else 0.5)
    return _spread(mix, channels)


def _add(mix: Mono, sound: Mono, at: int) -> None:
    n = min(len(sound), len(mix) - at)
    mix[at : at + n] += sound[:n]


def _spread(mono: Mono, channels: int) -> Audio:
    """To channels of which none is quite as loud as another, float32 `[samples, channels]`."""
    gains = np.linspace(1.0, 0.8, channels, dtype=np.float32)
    return np.asarray(mono[:, None] * gains, np.float32)
