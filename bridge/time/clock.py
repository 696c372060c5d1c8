"""Clocks: monotonic seconds for everything, wall-clock time only to read OSC time tags.

Threading: all of it may be called from any thread.
"""

from __future__ import annotations

import ctypes
import sys
import time
from typing import Any, Protocol

NTP_EPOCH_S = 2_208_988_800
"""Seconds from 1900 (OSC time tags, RFC 5905) to 1970."""

_STEP_S = 0.002
"""A wall clock that has moved further than this against the monotonic one was set anew."""
_LOOKS = 3
"""At the two clocks together, of which one was hardly ever interrupted."""
_FILETIME_EPOCH_S = 11_644_473_600
"""Seconds from 1601 (Windows) to 1970."""

monotonic_s = time.perf_counter
"""The bridge's one clock: seconds since some moment, the same in all processes of the machine.

Not `time.monotonic`: before Python 3.13 that moves on every 15.6 ms only on Windows, which is more
than the mix's lead. Elsewhere the two are the same clock.
"""


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
        return monotonic_s()

    def from_ntp(self, timetag: int) -> float:
        offset_s = _wall_minus_monotonic_s()
        if abs(offset_s - self._offset_s) > _STEP_S:
            self._offset_s = offset_s
        return from_ntp_s(timetag) - self._offset_s


def _wall_minus_monotonic_s() -> float:
    """By the quickest of a few looks: a thread that must wait between its two readings, for the
    interpreter or for the processor, would take that for a wall clock set anew."""
    return min(_look() for _ in range(_LOOKS))[1]


def _look() -> tuple[float, float]:
    """How long it took, and the offset that was seen."""
    before_s = monotonic_s()
    wall_s = _wall_s()
    took_s = monotonic_s() - before_s
    return took_s, wall_s - before_s - took_s / 2


def _wall_s() -> float:
    """Unix seconds. Python's own move on every 15.6 ms only on Windows, before Python 3.13."""
    if sys.platform == "win32":
        wall_s = _windows_wall_s(ctypes.windll.kernel32)
    else:
        wall_s = time.time()
    return wall_s


def _windows_wall_s(kernel32: Any) -> float:
    tenths_us = ctypes.c_uint64()  # a FILETIME
    kernel32.GetSystemTimePreciseAsFileTime(ctypes.byref(tenths_us))
    return (tenths_us.value - _FILETIME_EPOCH_S * 10**7) / 1e7


def from_ntp_s(timetag: int) -> float:
    """Unix seconds of a 64-bit NTP time tag."""
    return (timetag >> 32) - NTP_EPOCH_S + (timetag & 0xFFFFFFFF) / 2**32


def to_ntp(unix_s: float) -> int:
    """The 64-bit NTP time tag of a Unix time in seconds."""
    whole = int(unix_s // 1)
    return ((whole + NTP_EPOCH_S) << 32) | int((unix_s - whole) * 2**32)
