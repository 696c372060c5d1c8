"""The bridge's side of the engine's process: starts it, talks to it, notices when it is gone.

Nothing here ever waits for the engine but `start_process` and, for a second at most, `shutdown`.
An engine may stop at any point, between any two bytes; so commands go out through a bounded
queue to a thread that may block in the pipe, and events come in through another such thread.

Threading: `open` and the readers' `steer` may be called from any thread; `poll`, `alive` and
`shutdown` from one. Two daemon threads belong to each engine and end with it.
"""

from __future__ import annotations

import atexit
import contextlib
import pickle
import queue
import signal
import sys
import threading
import time
from collections.abc import Iterator
from multiprocessing import get_context
from multiprocessing.connection import wait
from types import ModuleType

from engine.api import (
    Command,
    EngineFactory,
    EngineFault,
    EngineHandle,
    EngineInfo,
    Event,
    Open,
    Ready,
    Recording,
    Shutdown,
    Steering,
    StreamFault,
    StreamReader,
)
from engine.errors import EngineError, EngineLost, EngineUnavailable
from engine.host import process
from engine.host.reader import RingReader, ring_samples
from engine.host.ring import ChunkRing
from engine.host.runner import reason_of
from engine.host.segment import Vitals

COMMANDS = 1024
"""Commands that may wait for the engine, which takes all of them before each step."""
_GRACE_S = 1.0
"""How long an engine that is told to end may take."""


def start_process(factory: EngineFactory, *, timeout_s: float = 120.0) -> EngineHandle:
    """Spawn a process, load `factory`'s engine there, and wait until it is ready.

    `factory` must be importable in the new process, so it cannot live in `__main__`. Raises
    EngineUnavailable with the engine's own reason, or EngineLost if the process dies or is not
    ready after `timeout_s`.
    """
    try:
        return ProcessEngine(factory, timeout_s)
    except OSError as error:
        reason = reason_of(error)
        raise EngineUnavailable(f"the system gives the engine no process ({reason})") from None


class ProcessEngine:
    """See `engine.api.EngineHandle`."""

    def __init__(self, factory: EngineFactory, timeout_s: float) -> None:
        self._queue: queue.Queue[bytes | None] = queue.Queue(COMMANDS)
        self._inbox: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._readers: dict[int, RingReader] = {}
        self._fault_lock = threading.Lock()
        self._exit_lock = threading.Lock()
        self._opened = 0
        self._lost = False
        self._ended = False
        self._threads = [
            threading.Thread(target=self._send_all, name="engine-commands", daemon=True),
            threading.Thread(target=self._receive_all, name="engine-events", daemon=True),
        ]
        self._vitals = Vitals.create()
        try:
            self._spawn(pickle.dumps(factory))
        except BaseException:
            self._vitals.close()
            raise
        try:
            self._info = self._await_ready(timeout_s)
        except BaseException:
            self._end()
            raise
        for thread in self._threads:
            thread.start()
        self._last_beat = self._vitals.beats
        self._last_beat_s = time.monotonic()
        # A bridge that ends without a word, on an error, must not leave shared memory behind.
        atexit.register(self.shutdown)

    @property
    def info(self) -> EngineInfo:
        return self._info

    @property
    def pid(self) -> int:
        """Of the engine's process."""
        assert self._process.pid is not None
        return self._process.pid

    def open(
        self,
        steering: Steering,
        *,
        lookahead: int = 0,
        length: int | None = None,
        opening: Recording | None = None,
    ) -> StreamReader:
        samples = ring_samples(self._info, lookahead, length)
        with self._lock:
            if self._lost:
                raise _lost("does not answer")
            ring = _create_ring(samples, self._info.channels)
            self._opened += 1
            stream = self._opened
            reader = RingReader(stream, ring, self._send, _cannot_pump, self._forget)
            self._readers[stream] = reader
        try:
            self._send(Open(stream, ring.name, steering, lookahead, length, opening))
        except EngineLost:
            reader.close()
            raise
        return reader

    def poll(self) -> list[Event]:
        events: list[Event] = []
        while not self._inbox.empty():
            event = self._inbox.get_nowait()
            # A stream closed before the engine had opened it is no fault.
            if not isinstance(event, StreamFault) or event.stream in self._readers:
                events.append(event)
        return events

    @property
    def realtime_factor(self) -> float:
        return 0.0 if self._ended else self._vitals.realtime_factor

    def alive(self) -> bool:
        if self._ended or self._lost:
            return False
        count, now_s = self._vitals.beats, time.monotonic()
        if count != self._last_beat:
            self._last_beat, self._last_beat_s = count, now_s
        if now_s - self._last_beat_s > self._info.patience_s:
            self._lose(f"has shown no sign of life for {self._info.patience_s:g} s")
        elif (code := self._exit_code()) is not None:
            self._lose(f"ended ({_status(code)})")
        return not self._lost

    def shutdown(self) -> None:
        if self._ended:
            return
        answers = self.alive()
        self._ended = True
        if answers:
            with contextlib.suppress(EngineLost):
                self._send(Shutdown())
                self._process.join(_GRACE_S)
        self._end()

    def _spawn(self, factory: bytes) -> None:
        context = get_context("spawn")
        child_commands, self._commands = context.Pipe(duplex=False)
        self._events, child_events = context.Pipe(duplex=False)
        self._process = context.Process(
            target=process.main,
            args=(factory, child_commands, child_events, self._vitals.name),
            name="sideman-engine",
            daemon=True,
        )
        try:
            with _spawning():
                self._process.start()
        finally:
            # Only the child may hold its ends, or neither side would see the other's death.
            child_commands.close()
            child_events.close()

    def _end(self) -> None:
        """By force if it is still there; then free everything."""
        atexit.unregister(self.shutdown)
        with self._lock:
            self._lost = self._ended = True
            readers = list(self._readers.values())
        self._process.kill()
        self._process.join(_GRACE_S)
        # The death of the process has freed the threads from the pipes.
        _put_anyway(self._queue)
        for thread in self._threads:
            if thread.is_alive():
                thread.join(_GRACE_S)
        for reader in readers:
            reader.close()
        self._commands.close()
        self._events.close()
        self._vitals.close()

    def _await_ready(self, timeout_s: float) -> EngineInfo:
        # The process too: one that dies before it has taken its end of the pipe leaves that open
        # here on Windows.
        if not wait([self._events, self._process.sentinel], timeout_s):
            raise _lost(f"was not ready after {timeout_s:g} s")
        event: Event | None = None
        with contextlib.suppress(EOFError, OSError):
            if self._events.poll():
                event = self._events.recv()
        if event is None:
            raise _lost(f"ended while loading ({_status(self._await_exit())})")
        if isinstance(event, EngineFault):
            raise EngineUnavailable(event.reason)
        assert isinstance(event, Ready)
        return event.info

    def _send(self, command: Command) -> None:
        if self._lost:
            raise _lost("does not answer")
        try:
            self._queue.put_nowait(pickle.dumps(command))
        except queue.Full:
            # One command less and the engine is not what the bridge takes it for: give it up.
            what = f"has left {COMMANDS} commands unread"
            self._lose(what)
            raise _lost(what) from None

    def _send_all(self) -> None:
        with contextlib.suppress(OSError):  # the end of the other pipe says so as well
            while (command := self._queue.get()) is not None:
                self._commands.send_bytes(command)

    def _receive_all(self) -> None:
        try:
            while True:
                event = self._events.recv()
                if isinstance(event, EngineFault):
                    self._lose_for(event)
                else:
                    self._inbox.put(event)
        except (EOFError, OSError):
            self._lose(f"ended ({_status(self._await_exit())})")

    def _exit_code(self) -> int | None:
        # Of two threads that collect a dead child at once, one is told there is no such child.
        with self._exit_lock:
            return self._process.exitcode

    def _await_exit(self) -> int | None:
        """The exit code of a process whose pipes have ended, so that it cannot be long now."""
        if wait([self._process.sentinel], _GRACE_S):
            with self._exit_lock:
                self._process.join(_GRACE_S)
        return self._exit_code()

    def _lose(self, what: str) -> None:
        self._lose_for(EngineFault(str(_lost(what))))

    def _lose_for(self, fault: EngineFault) -> None:
        """Give the engine up; `poll` tells the reason, the first one only."""
        with self._fault_lock:
            if not self._lost and not self._ended:
                self._inbox.put(fault)
            self._lost = True

    def _forget(self, stream: int) -> None:
        self._readers.pop(stream, None)


def _create_ring(samples: int, channels: int) -> ChunkRing:
    try:
        return ChunkRing.create(samples, channels)
    except OSError as error:
        reason = reason_of(error)
        raise EngineError(f"no shared memory for a stream ({reason}); free some") from None


def _cannot_pump() -> bool:
    return False


def _lost(what: str) -> EngineLost:
    return EngineLost(f"the engine's process {what}; start it again")


def _status(exitcode: int | None) -> str:
    if exitcode is not None and exitcode < 0:
        return f"signal {-exitcode}"
    return f"exit status {exitcode}"


def _put_anyway(waiting: queue.Queue[bytes | None]) -> None:
    """Have the thread behind the queue end, whatever is waiting there."""
    while True:
        try:
            waiting.put_nowait(None)
            return
        except queue.Full:
            with contextlib.suppress(queue.Empty):
                waiting.get_nowait()


_spawn_lock = threading.Lock()


@contextlib.contextmanager
def _spawning() -> Iterator[None]:
    """Keep the new process from importing the bridge, and from dying of a Ctrl-C at birth.

    multiprocessing has a spawned process import the parent's `__main__`, that is the command
    line and the whole bridge with it: slow, and none of the engine's business. And a process
    takes over the signal mask, which covers it until it has learnt to ignore SIGINT.
    """
    with _spawn_lock:
        main_module = sys.modules["__main__"]
        sys.modules["__main__"] = ModuleType("__main__")
        if sys.platform != "win32":
            before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            yield
        finally:
            sys.modules["__main__"] = main_module
            if sys.platform != "win32":
                signal.pthread_sigmask(signal.SIG_SETMASK, before)
