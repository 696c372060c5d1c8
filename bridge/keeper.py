"""Keeps an engine running: notices when it is dead or hung, and starts another.

Threading: `poll` belongs to the conductor's thread; `handle` may be read from any thread. Starting
an engine takes a while, so that happens on a thread of its own.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, wait

from bridge.engines import abandon
from bridge.pace_watch import PaceWatch
from bridge.time.clock import monotonic_s
from engine.api import EngineFault, EngineHandle, EngineInfo, Event, StartEngine, StreamFault
from engine.errors import EngineLost

_PAUSE_S = (0.0, 0.5, 1.0, 2.0, 5.0)
"""Before each restart in a row: an engine that dies at once must not keep the machine busy."""
_END_S = 2.0
_STEADY_S = 30.0
"""An engine that has run so long has recovered: the next restart comes without a pause."""


class EngineKeeper:
    """Owns the engine's handle, from its first start on."""

    def __init__(self, start: StartEngine, notify: Callable[[str], None]) -> None:
        self._start_engine = start
        self._notify = notify
        self._handle: EngineHandle | None = None
        self._starting: Future[EngineHandle] | None = None
        self._first: Future[EngineHandle] | None = None
        self._started_s = 0.0
        self._failures = 0
        self.restarts = 0
        self.info: EngineInfo | None = None
        """What the engine last said of itself; None before the first is up."""
        self._faults: list[StreamFault] = []
        self._pace = PaceWatch(notify)

    def start(self) -> EngineHandle:
        """Start the first engine and wait for it. Raises EngineUnavailable or EngineLost."""
        self._handle = self._start_engine()
        self._started_s = monotonic_s()
        self.info = self._handle.info
        return self._handle

    def start_soon(self) -> Future[EngineHandle]:
        """The same on a thread of its own. Nothing else may be called until it is done, save
        `close`: an engine that is up only after that is ended."""
        future: Future[EngineHandle] = Future()

        def run() -> None:
            try:
                future.set_result(self.start())
            except BaseException as error:
                future.set_exception(error)

        self._first = future
        threading.Thread(target=run, name="engine-keeper", daemon=True).start()
        return future

    def handle(self) -> EngineHandle:
        """The running engine. Raises EngineLost while there is none."""
        if self._handle is None:
            raise EngineLost("the engine is being restarted; try again in a moment")
        return self._handle

    @property
    def running(self) -> bool:
        return self._handle is not None

    def realtime_factor(self) -> float:
        """How many seconds of music the engine makes in one; 0 while there is none."""
        return 0.0 if self._handle is None else self._handle.realtime_factor

    def watch_pace(self, now_s: float, playing: int) -> None:
        """Tell the user if the engine has not kept up with so many decks for some time."""
        if self._handle is not None:
            self._pace.look(now_s, self._handle.info, self._handle.realtime_factor, playing)

    def poll(self) -> EngineHandle | None:
        """The engine, or None while there is none. Call it often: it never waits."""
        if self._handle is not None:
            reason = self._why_lost(self._handle)
            if reason:
                self._lose(self._handle, reason)
        elif self._starting is not None and self._starting.done():
            self._take_over(self._starting)
        return self._handle

    def _why_lost(self, handle: EngineHandle) -> str:
        reason = "" if handle.alive() else "it died or stopped answering"
        for event in handle.poll():
            reason = self._hear(event) or reason
        return reason

    def _hear(self, event: Event) -> str:
        if isinstance(event, StreamFault):
            self._faults.append(event)
        return event.reason if isinstance(event, EngineFault) else ""

    def _lose(self, handle: EngineHandle, reason: str) -> None:
        self._notify(f"engine lost ({reason}); the decks loop their last bars while it restarts")
        self._handle = None
        if monotonic_s() - self._started_s > _STEADY_S:
            self._failures = 0
        self.restarts += 1
        self._restart(handle)

    def _restart(self, old: EngineHandle | None) -> None:
        pause_s = _PAUSE_S[min(self._failures, len(_PAUSE_S) - 1)]
        self._failures += 1
        future: Future[EngineHandle] = Future()
        self._starting = future
        threading.Thread(
            target=self._start_again, args=(old, pause_s, future), name="engine-keeper", daemon=True
        ).start()

    def _start_again(
        self, old: EngineHandle | None, pause_s: float, future: Future[EngineHandle]
    ) -> None:
        try:
            if old is not None:
                old.shutdown()
            time.sleep(pause_s)
            handle = self._start_engine()
        except Exception as error:  # whatever it was, the next try may go better
            future.set_exception(error)
        else:
            future.set_result(handle)

    def _take_over(self, future: Future[EngineHandle]) -> None:
        self._starting = None
        error = future.exception()
        if error is not None:
            self._notify(f"the engine does not start: {error}; trying again")
            self._restart(None)
            return
        self._handle = future.result()
        self._started_s = monotonic_s()
        self._notify("engine restarted")

    def take_faults(self) -> list[StreamFault]:
        """The streams that ended with an error since the last call."""
        faults, self._faults = self._faults, []
        return faults

    def close(self) -> None:
        """End the engine, and one that is being started, too."""
        if self._handle is not None:
            self._handle.shutdown()
        self._handle = None
        starting = [future for future in (self._first, self._starting) if future is not None]
        if not all(future.done() for future in starting) and abandon():
            wait(starting, _END_S)  # what it had of the system is given back meanwhile
        for future in starting:
            future.add_done_callback(_shut_down)


def _shut_down(started: Future[EngineHandle]) -> None:
    if started.exception() is None:
        started.result().shutdown()
