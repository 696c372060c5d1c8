"""Tap tempo."""

from __future__ import annotations

from statistics import median

_PAUSE_S = 3.0
"""A longer wait than one beat at 20 BPM begins a new count."""
_TAPS = 8


class TapTempo:
    """The median of the last intervals, so that one clumsy tap does no harm."""

    def __init__(self) -> None:
        self._taps_s: list[float] = []

    def tap(self, now_s: float) -> float | None:
        """The tempo in BPM, from the second tap on."""
        if self._taps_s and now_s - self._taps_s[-1] > _PAUSE_S:
            self._taps_s.clear()
        self._taps_s = [*self._taps_s[-_TAPS + 1 :], now_s]
        gaps_s = [b - a for a, b in zip(self._taps_s, self._taps_s[1:], strict=False)]
        if not gaps_s or median(gaps_s) <= 0:
            return None
        return min(400.0, max(20.0, 60.0 / median(gaps_s)))
