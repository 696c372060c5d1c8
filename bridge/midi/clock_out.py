"""MIDI clock for others to follow: 24 ticks a beat, start, continue, stop, song position.

What is mixed is decided, so every message is planned while it is mixed: for the sample that it
belongs to, and from that for the instant at which it will be heard. A thread sleeps until then.

Threading: `plan` is the conductor's; the thread `midi-clock` owns the port between `start` and
`close`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from math import ceil
from queue import Empty, SimpleQueue

from bridge.clocks.line import Device
from bridge.midi.sending import Output
from bridge.time.clock import monotonic_s
from bridge.time.tempo import TempoMap
from bridge.time.transport import Transport

TICK, START, CONTINUE, STOP = b"\xf8", b"\xfa", b"\xfb", b"\xfc"
TICKS = 24
TICKS_A_SIXTEENTH = 6
_LAST_SIXTEENTH = 0x3FFF
_SAME_BEATS = 1e-4
"""Rounding to samples makes less of a difference; the smallest jump makes more."""
_NEAR_TICK = 1e-3
_LIMIT = 1024
"""Messages that may wait: a system that takes none is not fed for ever."""
_LOOK_S = 0.5

Message = tuple[int, bytes]
"""The output sample it belongs to, and its bytes."""


class ClockPlan:
    """Which messages belong to what was mixed since the last call."""

    def __init__(self) -> None:
        self._map: TempoMap | None = None
        """Of the transport while it plays, as far as the other side knows."""
        self._until = 0
        self._beat = 0.0
        """Reached at sample `_until`."""
        self._next = 0
        """The number of the next tick, counted from beat 0."""
        self._joins = 0
        """With which tick the other side goes on."""

    def messages(self, transport: Transport, until: int, *, muted: bool = False) -> list[Message]:
        """All before output sample `until`, the next to be mixed. `muted`: as if it stood."""
        found = list(self._messages(transport, until, muted))
        self._until = until
        return found

    def _messages(self, transport: Transport, until: int, muted: bool) -> Iterator[Message]:
        tempo = transport.map if transport.playing and not muted else None
        if self._map is not None and tempo is not self._map:
            yield self._until, STOP
        fresh, self._map = tempo is not self._map, tempo
        if tempo is None:
            return
        began = max(self._until, tempo.anchors[0].sample) if fresh else self._until
        for first, last, anchor in tempo.pieces(began, until):
            beat = anchor.beat_at(first, tempo.rate)
            if fresh:
                yield from self._place(first, beat)
            elif abs(beat - self._beat) > _SAME_BEATS:
                yield first, STOP
                yield from self._place(first, beat)
            fresh = False
            while (sample := round(anchor.sample_at(self._next / TICKS, tempo.rate))) < last:
                yield from self._tick(max(first, sample))
            self._beat = anchor.beat_at(last, tempo.rate)

    def _place(self, sample: int, beat: float) -> Iterator[Message]:
        """Song positions are sixteenths: until the next of them only the clock is sent."""
        self._next = max(0, ceil(beat * TICKS - _NEAR_TICK))
        sixteenths = -(-self._next // TICKS_A_SIXTEENTH)
        self._joins = sixteenths * TICKS_A_SIXTEENTH
        if sixteenths:
            place = sixteenths & _LAST_SIXTEENTH
            yield sample, bytes((0xF2, place & 0x7F, place >> 7))

    def _tick(self, sample: int) -> Iterator[Message]:
        if self._next == self._joins:
            yield sample, CONTINUE if self._joins else START
        yield sample, TICK
        self._next += 1


class ClockOut:
    """Sends the clock of a transport to `output`."""

    def __init__(self, output: Output, notify: Callable[[str], None]) -> None:
        """`notify` takes one line for the user, should the output break."""
        self._output = output
        self._notify = notify
        self._plan = ClockPlan()
        self._queue: SimpleQueue[tuple[float, bytes]] = SimpleQueue()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="midi-clock", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """Stop whoever follows, and close the port. Safe to call twice."""
        if not self._stopping.is_set():
            self._stopping.set()
            if self._thread.ident is not None:
                self._thread.join()
            self._send(STOP)
            self._output.close()

    def echoes(self, port: str) -> bool:
        """Whether it goes to the device whose clock comes in by `port`."""
        return bool(port) and _device(port) == _device(self._output.name)

    def plan(
        self, transport: Transport, until: int, device: Device, latency_s: float, *, muted: bool
    ) -> None:
        """Queue what belongs to the samples before `until`, each for when it will be heard."""
        for sample, data in self._plan.messages(transport, until, muted=muted):
            if self._queue.qsize() < _LIMIT:
                self._queue.put((device.time_at(sample) + latency_s, data))

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                at_s, data = self._queue.get(timeout=_LOOK_S)
            except Empty:
                continue
            time.sleep(max(0.0, at_s - monotonic_s()))
            self._send(data)

    def _send(self, data: bytes) -> None:
        try:
            self._output.send(data)
        except OSError as error:
            if not self._stopping.is_set():
                self._notify(f"MIDI clock to {self._output.name} broke ({error}): serve again")
            self._stopping.set()


def _device(port: str) -> str:
    """ALSA and JACK name a port by its client first."""
    return port.split(":")[0].casefold()
