"""Ask the system to run the thread that makes the sound before others.

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
_USER_INTERACTIVE = 0x21  # QOS_CLASS_USER_INTERACTIVE


def raise_priority() -> str:
    """Raise the calling thread as far as the user may.

    Returns what it got: `real-time` (Linux), `time-critical` (Windows), `interactive` (macOS),
    or `normal` where the system allows no more.
    """
    raisers = {"linux": _linux, "win32": _windows, "darwin": _macos}
    raiser = raisers.get(sys.platform)
    return raiser() if raiser else "normal"


def _linux() -> str:
    # What this thread starts is to be ordinary: the engine must never run before the sound.
    policy = os.SCHED_RR | os.SCHED_RESET_ON_FORK
    try:
        os.sched_setscheduler(0, policy, os.sched_param(_RR_PRIORITY))
    except OSError:  # root, CAP_SYS_NICE or an rtprio limit is needed
        return "normal"
    return "real-time"


def _windows() -> str:
    kernel: Any = vars(ctypes)["windll"].kernel32
    kernel.GetCurrentThread.restype = ctypes.c_void_p
    this_thread = ctypes.c_void_p(kernel.GetCurrentThread())
    return "time-critical" if kernel.SetThreadPriority(this_thread, _TIME_CRITICAL) else "normal"


def _macos() -> str:
    failed = ctypes.CDLL(None).pthread_set_qos_class_self_np(_USER_INTERACTIVE, 0)
    return "normal" if failed else "interactive"


def go_before_others() -> None:
    """Run this thread, and what it starts, before other programs where the user may.

    On a busy machine a thread that holds the interpreter must not be kept waiting while the
    sound waits for it. The engine's process inherits this and then steps back again.
    """
    with suppress(AttributeError, OSError):  # Windows; an ordinary user
        os.setpriority(os.PRIO_PROCESS, 0, _NICENESS)
