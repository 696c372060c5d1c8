"""Ask the system to run the thread that makes the sound before others, and to wake it in time.

Threading: called by the thread it is about.
"""

from __future__ import annotations

import ctypes
import os
import sys
from contextlib import suppress
from typing import Any

_NICENESS = -10
_RR_PRIORITY = 10  # above ordinary threads, below what drives the sound device itself
_TIME_CRITICAL = 15  # THREAD_PRIORITY_TIME_CRITICAL
_TICK_MS = 1
_USER_INTERACTIVE = 0x21  # QOS_CLASS_USER_INTERACTIVE


def raise_priority() -> str:
    """Raise the calling thread as far as the user may.

    Returns what it got: `real-time` (Linux), `time-critical` (Windows), `interactive` (macOS),
    or `normal` where the system allows no more.
    """
    got = "normal"
    if sys.platform == "linux":
        got = _linux()
    elif sys.platform == "win32":
        got = _windows(ctypes.WinDLL("kernel32"), ctypes.WinDLL("winmm"))
    elif sys.platform == "darwin":
        got = _macos(ctypes.CDLL(None))
    return got


if sys.platform == "linux":

    def _linux() -> str:
        # What this thread starts is to be ordinary: the engine must never run before the sound.
        policy = os.SCHED_RR | os.SCHED_RESET_ON_FORK
        try:
            os.sched_setscheduler(0, policy, os.sched_param(_RR_PRIORITY))
        except OSError:  # root, CAP_SYS_NICE or an rtprio limit is needed
            return "normal"
        return "real-time"


def _windows(kernel32: Any, winmm: Any) -> str:
    # A wait for a command ends with a tick of the system's, every 15.6 ms if nobody asks for more:
    # longer than the mix's lead. It ends with the process.
    winmm.timeBeginPeriod(_TICK_MS)
    kernel32.GetCurrentThread.restype = ctypes.c_void_p
    this_thread = ctypes.c_void_p(kernel32.GetCurrentThread())
    return "time-critical" if kernel32.SetThreadPriority(this_thread, _TIME_CRITICAL) else "normal"


def _macos(system: Any) -> str:
    failed = system.pthread_set_qos_class_self_np(_USER_INTERACTIVE, 0)
    return "normal" if failed else "interactive"


def go_before_others() -> None:
    """Run this thread, and what it starts, before other programs where the user may.

    On a busy machine a thread that holds the interpreter must not be kept waiting while the
    sound waits for it. The engine's process inherits this and then steps back again.
    """
    if sys.platform != "win32":
        with suppress(OSError):  # an ordinary user
            os.setpriority(os.PRIO_PROCESS, 0, _NICENESS)
