"""Loudness as ITU-R BS.1770 and EBU R 128 define it, measured while the sound goes by.

pyloudnorm measures the blocks of 0.4 s. It wants all of a sound in memory, so it is given a few
seconds at a time, each behind the second before it, in which its filters settle; the gates then
look at all blocks, as they would with one measurement of the whole.

Threading: one thread owns a meter.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from engine.api import Audio
from engine.errors import SidemanError

BLOCK_S = 0.4
"""One block of the measurement; what is shorter has no loudness."""
_STEP_S = 0.1
"""From one block to the next."""
_PART_S = 5
"""Measured at a time: whole steps at any rate."""
_SETTLE_S = 1
"""Much longer than the filters remember: the slowest has a time constant of 4 ms."""
_SILENT_LUFS = -70.0
_GATE_LU = 10.0


class NotInstalled(SidemanError):
    """A library that belongs to an extra is missing."""


def library() -> Any:
    """pyloudnorm, imported when it is first asked for. Raises NotInstalled."""
    try:
        import pyloudnorm
    except ImportError:
        raise NotInstalled(
            "mastering needs pyloudnorm, which is not installed: pip install 'sideman[master]'"
        ) from None
    return pyloudnorm


class LoudnessMeter:
    """Integrated loudness of float32 `[samples, channels]` that comes in blocks of any length."""

    def __init__(self, rate: int, channels: int) -> None:
        """`channels`: 1 to 5. Raises NotInstalled."""
        self._meter = library().Meter(rate, block_size=BLOCK_S)
        self._part = _PART_S * rate
        self._settle = 0
        self._settle_later = _SETTLE_S * rate
        self._ahead = math.ceil((BLOCK_S - _STEP_S) * rate)
        self._least = math.ceil(BLOCK_S * rate)
        self._waiting: list[Audio] = []
        self._samples = 0
        self._blocks: list[float] = []
        """LUFS of each block."""

    def add(self, audio: Audio) -> None:
        self._waiting.append(audio)
        self._samples += len(audio)
        while self._samples >= self._settle + self._part + self._ahead:
            audio = np.concatenate(self._waiting)
            self._measure(audio[: self._settle + self._part + self._ahead])
            audio = audio[self._settle + self._part - self._settle_later :]
            self._settle = self._settle_later
            self._waiting, self._samples = [audio], len(audio)

    def lufs(self) -> float:
        """The loudness of all that was added, after which no more may be; -inf for silence and
        for less than `BLOCK_S`."""
        if self._samples >= max(self._least, self._settle):
            self._measure(np.concatenate(self._waiting))
        self._waiting, self._samples = [], 0
        blocks = np.array(self._blocks)
        loud = blocks[blocks > _SILENT_LUFS]
        if not len(loud):
            return -math.inf
        return _mean(loud[loud > _mean(loud) - _GATE_LU])

    def _measure(self, audio: Audio) -> None:
        """Keep the loudness of the blocks that begin behind what the filters settle in."""
        self._meter.integrated_loudness(audio.astype(np.float64))
        settled = round(self._settle / self._meter.rate / _STEP_S)
        self._blocks += [float(block) for block in self._meter.blockwise_loudness[settled:]]


def _mean(lufs: Any) -> float:
    """The loudness of blocks together: their power is averaged."""
    return float(10 * np.log10(np.mean(10 ** (lufs / 10))))
