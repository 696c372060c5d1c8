"""A clip read to be heard: at the server's rate, in two channels, all of it in memory.

Threading: one thread at a time, never the conductor's.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import gcd
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bridge.clips.folder import RECORDING
from bridge.clips.info import ClipInfo, read_info_chunks
from bridge.clips.loop import loop_length
from bridge.clips.wav import WavReader, open_wav
from bridge.time.tempo import Meter
from engine.api import Audio
from engine.errors import BadValue

LONGEST_S = 300.0
"""A recording is heard so far: more of it would not be an audition, and takes memory (0.4 MB for
each second)."""

_BLOCK_SAMPLES = 1 << 15
_TAPS = 32
"""Of the resampler, for each output sample: enough for 90 dB, which no audition needs."""


@dataclass(frozen=True, slots=True)
class Sound:
    """What a file sounds like."""

    file: str
    audio: Audio = field(repr=False)
    """float32 `[samples, 2]` at the server's rate."""
    bars: int
    """0: no loop, so it is heard once."""
    bpm: float
    meter: Meter

    def read(self, first: int, last: int) -> Audio:
        """float32 `[last - first, 2]`, going round: what comes before a loop is its end."""
        return np.take(self.audio, np.arange(first, last), axis=0, mode="wrap")


def read_sound(path: Path, rate: int) -> Sound:
    """A clip, or the beginning of a recording, at so many samples a second.

    Raises BadValue if it cannot be read, is empty, or holds samples that are no numbers.
    """
    with open_wav(path) as wav:
        info = _info(wav, path.name)
        loops = bool(info and info.bars and info.bpm)
        form = wav.head.format
        length = len(wav) if loops else min(len(wav), round(LONGEST_S * form.rate))
        if not length:
            raise BadValue("is empty: there is nothing to hear")
        audio = _stereo(wav, length)
    if not np.isfinite(audio).all():
        raise BadValue(f"{path.name} holds samples that are no numbers: export it again")
    if info is None or not loops:
        samples = round(length * rate / form.rate)
        return Sound(path.name, resampled(audio, form.rate, rate, samples), 0, 0.0, Meter())
    meter = Meter(info.numerator, info.denominator)
    samples = loop_length(info.bars, meter.beats_per_bar, info.bpm, rate)
    return Sound(
        path.name, resampled(audio, form.rate, rate, samples), info.bars, info.bpm, meter
    )  # fmt: skip


def _info(wav: WavReader, name: str) -> ClipInfo | None:
    """None: a recording of the master, or a foreign file."""
    try:
        return None if name.startswith(RECORDING) else read_info_chunks(wav.head.chunks)
    except BadValue:
        return None


def _stereo(wav: WavReader, length: int) -> Audio:
    """The first `length` samples, of one channel on both sides, of many the first two."""
    out = np.empty((length, 2), np.float32)
    for at in range(0, length, _BLOCK_SAMPLES):
        block = wav.read(at, min(at + _BLOCK_SAMPLES, length))
        out[at : at + len(block)] = block[:, :2]
    return out


def resampled(audio: Audio, rate: int, wanted: int, samples: int) -> Audio:
    """float32 `[n, channels]` brought from one rate to another, and to `samples` samples; its end
    goes on with its beginning, as a loop's does."""
    if rate == wanted and samples == len(audio):
        return audio
    common = gcd(rate, wanted)
    phases, stride = wanted // common, rate // common
    cut = min(1.0, wanted / rate)
    half = int(np.ceil(_TAPS / 2 / cut))
    # All inputs that any output needs: sample -half of the loop is row 0.
    around = np.arange(-half, int(samples * rate / wanted) + half + stride + 2)
    padded = np.take(audio, around, axis=0, mode="wrap")
    out = np.zeros((samples, audio.shape[1]), np.float32)
    for phase in range(min(phases, samples)):
        count = len(range(phase, samples, phases))
        base, rest = divmod(phase * stride, phases)
        for tap, weight in enumerate(_weights(rest / phases, half, cut)):
            first = base + tap + 1
            out[phase::phases] += weight * padded[first : first + stride * count : stride][:count]
    return out


def _weights(offset: float, half: int, cut: float) -> NDArray[np.float32]:
    """Of the inputs from `half - 1` before to `half` behind a place that is `offset` (0..1) behind
    an input, float32 `[2 * half]`: a sinc under a Blackman window, that adds up to 1."""
    away = np.arange(1 - half, half + 1) - offset
    turn = np.pi * away / half
    window = 0.42 + 0.5 * np.cos(turn) + 0.08 * np.cos(2 * turn)
    weights = np.sinc(cut * away) * np.where(np.abs(away) <= half, window, 0.0)
    return np.asarray(weights / weights.sum(), np.float32)
