"""How a command that runs until it is told to stop is told so."""

from __future__ import annotations

import signal
import threading

_ENDS = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")
"""Ctrl-C; whoever runs services; a terminal that closes; Ctrl-Break, all there is between two
processes on Windows."""


def until_interrupted() -> threading.Event:
    """Set by each of `_ENDS`, so that all of them end the command cleanly."""
    stopping = threading.Event()
    for name in _ENDS:
        number = getattr(signal, name, None)
        if number is None or (name == "SIGHUP" and signal.getsignal(number) is signal.SIG_IGN):
            continue  # not on this system, or started by `nohup`
        signal.signal(number, lambda *_: stopping.set())
    return stopping
