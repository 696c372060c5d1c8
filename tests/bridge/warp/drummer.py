"""A tiny engine that plays drums and bass at a tempo of its own, whatever it is asked for, as a
model does.

Every sample is a function of its index alone, so a rewound stream makes the same again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engine.api import Audio, EngineInfo, Recording, Steering, Stream

RATE = 48000
NOTES_HZ = (110.0, 146.8, 130.8, 98.0)
"""Of the bars."""
_LENGTH_S = 90.0


class Drummer:
    """See `engine.api.Engine`: kick on every beat, hats, and a bass that changes its note at each
    bar."""

    def __init__(self, bpm: float, first_s: float) -> None:
        self.info = EngineInfo("drummer", f"{bpm:g}", "cpu", RATE, 2, 480, keeps_time=False)
        self.audio = drums(bpm, first_s)
        self.asked: list[str] = []
        """The words of all that was steered."""

    def open(
        self, steering: Steering, opening: Recording | None = None, length: int | None = None
    ) -> Stream:
        self.asked.append(steering.words)
        return _Stream(self)

    def step(self, streams: Sequence[Stream], frames: int) -> list[Audio]:
        return [stream.advance(frames) for stream in streams if isinstance(stream, _Stream)]

    def close(self) -> None:
        pass


@dataclass
class _Stream:
    engine: Drummer
    position: int = 0

    def prepare(self) -> bool:
        return False

    def steer(self, steering: Steering) -> None:
        self.engine.asked.append(steering.words)

    def rewind(self, frame: int) -> None:
        self.position = frame

    def advance(self, frames: int) -> Audio:
        first = self.position * self.engine.info.hop
        self.position += frames
        return self.engine.audio[first : self.position * self.engine.info.hop].copy()


def drums(bpm: float, first_s: float = 0.0, seconds: float = _LENGTH_S) -> Audio:
    """float32 `[samples, 2]`; the first beat, a downbeat, is at `first_s`."""
    noise = np.random.default_rng(1)
    out = np.zeros(round(seconds * RATE), np.float32)
    t = np.arange(round(0.4 * RATE)) / RATE
    kick = np.sin(2 * np.pi * (50 * t + 2.0 * (1 - np.exp(-t * 60)))) * np.exp(-t * 28)
    hat = noise.standard_normal(len(t)) * np.exp(-t * 220)
    for half in range(int((seconds - first_s - 0.5) * bpm / 30)):
        at = round((first_s + half * 30 / bpm) * RATE)
        hit = 0.02 * hat if half % 2 else 0.5 * kick + 0.04 * hat
        if half % 2 == 0:
            hit = hit + 0.05 * np.sin(2 * np.pi * NOTES_HZ[half // 8 % 4] * t) * np.exp(-t * 2)
        out[at : at + len(t)] += hit.astype(np.float32)
    return np.repeat(out[:, None], 2, axis=1)


def beats_in(audio: Audio) -> list[float]:
    """The samples on which kicks begin, in float32 `[samples, 2]`."""
    hop = 24  # 0.5 ms
    mono = np.abs(audio[:, 0])
    peaks = mono[: len(mono) // hop * hop].reshape(-1, hop).max(axis=1)
    found, quiet = [], 0
    for index, level in enumerate(peaks):
        if level > 0.12 and quiet > 120:
            found.append(float(index * hop))
        quiet = 0 if level > 0.12 else quiet + 1
    return found


def notes_in(audio: Audio, beats: Sequence[float]) -> list[int]:
    """Which of the bars' notes is played on each of the beats, which begin on these samples."""
    notes = []
    for at in beats:
        part = audio[round(at) + RATE // 8 :, 0][: RATE // 4]
        t = np.arange(len(part)) / RATE
        level = [
            abs(np.dot(part * np.hanning(len(part)), np.exp(2j * np.pi * f * t))) for f in NOTES_HZ
        ]
        notes.append(int(np.argmax(level)))
    return notes
