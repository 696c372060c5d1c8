"""Clocks: monotonic seconds for everything, wall-clock time only to read OSC time tags.

Threading: all of it may be called from any thread.
"""

from __future__ import annotations

import time
from typing import Protocol

NTP_EPOCH_S = 2_208_988_800
"""Seconds from 1900 (OSC time tags, RFC 5905) to 1970."""
IMMEDIATELY = 1
"""The time tag that means "at once" (OSC 1.0)."""

_STEP_S = 0.002
"""A wall clock that has moved further than this against the monotonic one was set anew."""


class Clock(Protocol):
    def monotonic_s(self) -> float: ...

    def from_ntp(self, timetag: int) -> float:
        """The monotonic second that a 64-bit NTP time tag names."""


class SystemClock:
    """The machine's clocks.

    The offset between the two is measured once and kept until the wall clock is set anew, so
    that two time tags exactly 0.5 s apart stay exactly 0.5 s apart.
    """

    def __init__(self) -> None:
        self._offset_s = _wall_minus_monotonic_s()

    def monotonic_s(self) -> float:
        return time.monotonic()

    def from_ntp(self, timetag: int) -> float:
        offset_s = _wall_minus_monotonic_s()
        if abs(offset_s - self._offset_s) > _STEP_S:
            self._offset_s = offset_s
        return from_ntp_s(timetag) - self._offset_s


def _wall_minus_monotonic_s() -> float:
    return time.time() - time.monotonic()


def from_ntp_s(timetag: int) -> float:
    """Unix seconds of a 64-bit NTP time tag."""
    return (timetag >> 32) - NTP_EPOCH_S + (timetag & 0xFFFFFFFF) / 2**32


def to_ntp(unix_s: float) -> int:
    """The 64-bit NTP time tag of a Unix time in seconds."""
    whole = int(unix_s // 1)
    return ((whole + NTP_EPOCH_S) << 32) | int((unix_s - whole) * 2**32)
