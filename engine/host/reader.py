"""The bridge's end of a stream, whichever side of a process boundary the engine is on.

Threading: one thread reads and steers. `close` may come from another (the handle's `shutdown`);
a lock keeps it from taking the memory away under a read.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable

from engine.api import Chunk, Close, Command, EngineInfo, Steer, Steering
from engine.errors import BadValue, EngineLost
from engine.host.ring import ChunkRing

_RENDER_RING_S = 4.0
"""What a render may be ahead of its reader."""
_SPARE_RING_S = 0.5


class RingReader:
    """See `engine.api.StreamReader`.

    `send` hands a command to the runner, `pump` lets a runner in this thread do one unit of work
    (False: nothing left to do), `forget` is called once, at the end.
    """

    def __init__(
        self,
        stream: int,
        ring: ChunkRing,
        send: Callable[[Command], None],
        pump: Callable[[], bool],
        forget: Callable[[int], None],
    ) -> None:
        self.stream = stream
        self._ring = ring
        self._send = send
        self._pump = pump
        self._forget = forget
        self._epoch = 0
        self._lock = threading.Lock()
        self._open = True
        self._finished = False

    def read(self) -> Chunk | None:
        while True:
            with self._lock:
                chunk = self._ring.read() if self._open else None
            if chunk is not None or not self._open or not self._pump():
                return chunk

    def heard(self, frame: int) -> None:
        with self._lock:
            if self._open:
                self._ring.hear(frame)

    def steer(self, frame: int, steering: Steering) -> int:
        if frame < 0:
            raise BadValue(f"steering at frame {frame}; a stream begins at frame 0")
        self._send(Steer(self.stream, frame, steering, self._epoch + 1))
        self._epoch += 1
        return self._epoch

    @property
    def finished(self) -> bool:
        with self._lock:
            if self._open:
                self._finished = self._ring.finished
            return self._finished

    def close(self) -> None:
        with self._lock:
            if not self._open:
                return
            self._open = False
            self._finished = self._ring.finished
            self._ring.close()
        self._forget(self.stream)
        with contextlib.suppress(EngineLost):  # then the stream is gone already
            self._send(Close(self.stream))


def ring_samples(info: EngineInfo, lookahead: int, length: int | None) -> int:
    """How large a stream's ring should be. Raises BadValue for a stream that could never sound.

    A live stream's holds all that may be ahead of the ear twice: a reader that has not looked
    for a while finds everything, and behind it what was made again after a rewind.
    """
    spare = int(_SPARE_RING_S * info.rate) + info.hop
    if length is None:
        if lookahead < 1:
            raise BadValue(f"a live stream with lookahead {lookahead}; it needs at least 1 frame")
        return 2 * lookahead * info.hop + spare
    if length < 1:
        raise BadValue(f"a render of {length} frames; it needs at least 1")
    return min(length * info.hop, int(_RENDER_RING_S * info.rate)) + spare
