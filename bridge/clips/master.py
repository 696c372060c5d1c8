"""Mastering: a clip's loudness brought to -16 LUFS, its true peaks kept below -1.5 dBTP.

One gain for all of it, and the master limiter behind that. How loud the limited clip comes out is
measured (`bridge.clips.loudness`) and the gain corrected until it fits. Peaks are cut by
`MOST_LIMITING_DB` at most: what would need more stays quieter, since it would be crushed.

A loop is treated as what it is, endless: the limiter has heard the loop before it begins, so that
its gain runs on over the seam, and the meter's blocks reach over it.

Threading: one thread.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from bridge.audio.limiter import Limiter
from bridge.clips.loudness import BLOCK_S, LoudnessMeter
from bridge.clips.spool import BLOCK_SAMPLES, Spool
from engine.api import Audio

LOUDNESS_LUFS = -16.0
TRUE_PEAK_DB = -1.5
"""What no meter should find more than."""
MOST_LIMITING_DB = 6.0

_MARGIN_DB = 0.1
"""Meters differ in how they look between the samples."""
_CLOSE_LU = 0.2
_PASSES = 6
"""The limiter takes back at most about half of a correction, so that this many are enough."""
_LEAD_S = 2.0
"""Of the loop before its beginning: 25 time constants of the limiter's release."""


@dataclass(frozen=True, slots=True)
class Mastered:
    """How a clip was mastered: enough to do it again without measuring."""

    gain_db: float
    """Rounded as it is written, so that what is read again gives the same samples."""
    ceiling_db: float
    """The limiter's, in dBTP."""
    lufs: float = math.nan
    """What came of it."""

    @property
    def short_lu(self) -> float:
        """By how much it had to stay quieter than `LOUDNESS_LUFS`."""
        return max(0.0, LOUDNESS_LUFS - self.lufs)


def find_mastering(sound: Spool, rate: int, loops: bool) -> Mastered | None:
    """What brings `sound` to `LOUDNESS_LUFS`; None if it is silent, or too short to have a
    loudness. Raises NotInstalled, and FolderError if the sound cannot be read.
    """
    before_lufs = _loudness(sound, rate, None, loops)
    if len(sound) < BLOCK_S * rate or math.isinf(before_lufs):
        return None
    ceiling_db = TRUE_PEAK_DB - _MARGIN_DB
    most_db = round(ceiling_db + MOST_LIMITING_DB - 20 * math.log10(sound.peak), 2)
    gain_db = LOUDNESS_LUFS - before_lufs
    for _ in range(_PASSES):
        how = Mastered(min(round(gain_db, 2), most_db), ceiling_db)
        how = replace(how, lufs=round(_loudness(sound, rate, how, loops), 2))
        missing_lu = LOUDNESS_LUFS - how.lufs
        if abs(missing_lu) <= _CLOSE_LU or (missing_lu > 0 and how.gain_db == most_db):
            break
        gain_db = how.gain_db + missing_lu
    return how


def _loudness(sound: Spool, rate: int, how: Mastered | None, loops: bool) -> float:
    """LUFS of `sound`, mastered as `how` says or as it is."""
    meter = LoudnessMeter(rate, sound.channels)
    # Endless, a loop has as many blocks as steps fit into it: the last ones reach into its start.
    last = len(sound) + (round((BLOCK_S - 0.1) * rate) if loops else 0)
    blocks = master(sound, rate, how, loops, last) if how else _stretch(sound, 0, last, loops)
    for block in blocks:
        meter.add(block)
    return meter.lufs()


def master(
    sound: Spool, rate: int, how: Mastered, loops: bool, last: int | None = None
) -> Iterator[Audio]:
    """`sound` through gain and limiter up to sample `last` (None: its end), in blocks.

    float32 `[n, channels]`, not late by the limiter's latency. Raises FolderError.
    """
    limiter = Limiter(rate, how.ceiling_db, sound.channels)
    gain = np.float32(10 ** (how.gain_db / 20))
    lead = round(_LEAD_S * rate) if loops else 0
    end = (len(sound) if last is None else last) + limiter.latency_samples
    early = lead + limiter.latency_samples
    for block in _stretch(sound, -lead, end, loops):
        limited = limiter.process(block * gain)
        yield limited[early:]
        early = max(0, early - len(limited))


def _stretch(sound: Spool, first: int, last: int, loops: bool) -> Iterator[Audio]:
    """Blocks from sample `first` up to `last`: where `sound` ends it begins again if it loops,
    else silence follows (and `first` is in it)."""
    at = first
    while at < last:
        begin = at % len(sound) if loops else at
        end = min(begin + BLOCK_SAMPLES, begin + last - at)
        if begin < len(sound):
            end = min(end, len(sound))
            yield sound.read(begin, end)
        else:
            yield np.zeros((end - begin, sound.channels), np.float32)
        at += end - begin
