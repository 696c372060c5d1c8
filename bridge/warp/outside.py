"""Stretching in a process of its own: it holds the interpreter for milliseconds at a time, and here
that would keep the thread that makes the sound from its work.

What is sent there is a function and what it takes, and what comes back is its result: a piece of
audio is a pure function of its source, so it does not matter where it is made, nor whether it must
be made twice because the process died.

Threading: any thread may call; one call is made at a time, and the others wait for it.
"""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import ParamSpec, TypeVar

from bridge.time.clock import monotonic_s

P = ParamSpec("P")
R = TypeVar("R")

TITLE = "sideman-stretch"
"""What Linux shows of the process: 15 characters are kept."""

_END_S = 1.0
_RETRY_S = 30.0
"""After a process that could not be started, or died at once, another is not tried sooner."""


class Outside:
    """A process that calls functions for us, started with the first of them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: BaseProcess | None = None
        self._ours: Connection | None = None
        self._not_before_s = 0.0
        self._closed = False

    def call(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """`function` of a module, with what can be pickled; raises what it raises.

        Where there is no such process it is called here: late is better than never.
        """
        with self._lock:
            for _ in range(2):
                connection = self._connection()
                if connection is None:
                    break
                try:
                    connection.send((function, args, kwargs))
                    worked, result = connection.recv()
                except (EOFError, OSError):
                    self._drop()
                    continue
                if worked:
                    return result  # type: ignore[no-any-return]
                raise result
        return function(*args, **kwargs)

    def warm_up(self) -> None:
        """Start it now, and not with the first call."""
        with self._lock:
            self._connection()

    def _connection(self) -> Connection | None:
        if self._ours is None and not self._closed and monotonic_s() >= self._not_before_s:
            self._not_before_s = monotonic_s() + _RETRY_S
            self._start()
        return self._ours

    def _start(self) -> None:
        context = get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(target=_serve, args=(theirs,), name="stretch", daemon=True)
        try:
            process.start()
        except OSError:
            ours.close()
        else:
            self._process, self._ours = process, ours
        theirs.close()

    def _drop(self) -> None:
        if self._ours is not None:
            self._ours.close()
        if self._process is not None:
            self._process.join(_END_S)
            self._process.kill()
        self._process = self._ours = None

    def close(self) -> None:
        """End it. Safe to call twice; what is called afterwards is called here."""
        with self._lock:
            self._closed = True
            self._drop()


def _serve(connection: Connection) -> None:
    """Call what comes until the other end is closed, which it is however the bridge ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the bridge to obey
    if sys.platform != "win32":
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with suppress(OSError):
        Path("/proc/self/comm").write_text(TITLE)
    with suppress(EOFError, OSError):
        while True:
            function, args, kwargs = connection.recv()
            try:
                answer = True, function(*args, **kwargs)
            except Exception as error:  # whoever asked decides
                answer = False, error
            connection.send(answer)
