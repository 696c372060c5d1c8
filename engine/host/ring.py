"""`ChunkRing`: a log of chunks in shared memory, one writer and one reader, no locks between them.

Nothing that was written is ever changed: a stream that was rewound writes its new chunks behind
the old ones, and their lower `start` tells the reader to forget what followed it.

Layout, in 64-bit words. Three cache lines of header, so that the two sides do not write to the
same line:

    0  magic, capacity_bytes, channels     written once by the side that creates it
    8  written_bytes, finished             written by the writer
    16 read_bytes, heard_frame             written by the reader
    24 data: records

`written` and `read` count bytes for ever and never wrap; their difference is what is unread. A
record is four words (start, epoch, samples, mark) and float32 `[samples, channels]`, padded to
32 bytes. A record that does not fit before the end of the data is preceded by a pad record
(`samples` 0) that reaches to the end.

Ordering. The writer stores data, then `written`; the reader loads `written`, then data. An x86
(TSO) keeps such stores, and such loads, in order; an ARM keeps neither, and Python has no fence.
`_fence` makes one of a lock that nobody else takes. Taking it once is not enough: what stands
before may sink, and what stands behind may rise, into the locked part and pass each other there.
Taken twice, nothing before can pass the first release, nothing behind the second acquire, and
those two stay in order, being accesses to the same lock. Counters are single aligned 8-byte
stores.

Threading: one thread writes (`room`, `write`, `finish`), one thread reads (`read`, `hear`);
`heard` and `finished` may be read by both. Closing is for when neither is in a call.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

import numpy as np

from engine.api import Audio, Chunk
from engine.errors import BadValue, EngineLost
from engine.host.segment import Segment

_WORD_BYTES = 8
_SAMPLE_BYTES = 4
_HEADER_WORDS = 24
_HEADER_BYTES = _HEADER_WORDS * _WORD_BYTES
_MAGIC, _CAPACITY, _CHANNELS = 0, 1, 2
_WRITTEN, _FINISHED = 8, 9
_READ, _HEARD = 16, 17

_RECORD_BYTES = 32
"""Of a record's header, and what every record is a multiple of: so a pad always has room."""
_RING_MAGIC = 0x73696465_6D616E31
_RECORD_MARK = 0x63_68_75_6E_6B_21
_SHORT_CHUNK_SAMPLES = 256
"""Chunks shorter than this on average waste room; the music is only a little less far ahead."""


class ChunkRing:
    """One side's view of a ring; `create` and `attach` share it between two processes."""

    def __init__(self, buffer: memoryview, name: str, close: Callable[[], None]) -> None:
        self.name = name
        self._close = close
        self._words = buffer[: buffer.nbytes - buffer.nbytes % _WORD_BYTES].cast("q")
        self._data = buffer[_HEADER_BYTES:]
        self._open = True
        if self._words[_MAGIC] != _RING_MAGIC:
            raise EngineLost(f"the shared memory {name} is no audio ring; start the engine again")
        # Own copies, so that a corrupt header cannot send this side out of its memory.
        self._capacity = int(self._words[_CAPACITY])
        self.channels = int(self._words[_CHANNELS])
        self._fence_lock = threading.Lock()

    @classmethod
    def create(cls, samples: int, channels: int) -> ChunkRing:
        """A ring for `samples` unread samples that this side owns. May raise OSError."""
        capacity = _capacity_bytes(samples, channels)
        segment = Segment.create(_HEADER_BYTES + capacity)
        _lay_header(segment.words, capacity, channels)
        return cls(segment.bytes, segment.name, segment.close)

    @classmethod
    def attach(cls, name: str) -> ChunkRing:
        """The other side of `create`. Raises FileNotFoundError once that side has closed."""
        segment = Segment.attach(name)
        return cls(segment.bytes, segment.name, segment.close)

    @classmethod
    def over(cls, buffer: bytearray, name: str) -> ChunkRing:
        """A view of a buffer of this process, laid out by `new_buffer`."""
        return cls(memoryview(buffer), name, lambda: None)

    @property
    def largest_samples(self) -> int:
        """The longest chunk that an empty ring takes."""
        return (self._capacity - _RECORD_BYTES) // (self.channels * _SAMPLE_BYTES)

    @property
    def heard(self) -> int:
        """Frame that the ear is at, as the reader told."""
        return int(self._words[_HEARD])

    def hear(self, frame: int) -> None:
        self._words[_HEARD] = frame

    @property
    def finished(self) -> bool:
        """Whether the writer has written all it is going to."""
        finished = bool(self._words[_FINISHED])
        self._fence()  # who sees it set must see every chunk too
        return finished

    def finish(self, finished: bool = True) -> None:
        self._fence()
        self._words[_FINISHED] = int(finished)

    def room(self, samples: int) -> bool:
        """Whether a chunk of `samples` can be written now (wrapping to the front if need be)."""
        size = self._record_bytes(samples)
        if samples < 1 or size > self._capacity:
            most = self.largest_samples
            raise BadValue(f"a chunk of {samples} samples; the ring takes 1..{most}")
        written = int(self._words[_WRITTEN])
        free = self._capacity - (written - int(self._words[_READ]))
        self._fence()  # what the reader has let go must be read before it is overwritten
        to_end = self._capacity - written % self._capacity
        if size <= to_end:
            return size <= free
        if to_end > free:
            return False
        # The pad goes out by itself: waiting for room for both would wait for ever where the
        # chunk is longer than half the ring.
        self._put_record(written % self._capacity, 0, 0, 0)
        self._publish(written + to_end)
        return size <= free - to_end

    def write(self, start: int, epoch: int, audio: Audio) -> bool:
        """Append a chunk, float32 `[samples, channels]`; False, and nothing done, if no room."""
        samples, channels = audio.shape
        if channels != self.channels:
            raise BadValue(f"a chunk of {channels} channels; this ring carries {self.channels}")
        if not self.room(samples):
            return False
        written = int(self._words[_WRITTEN])
        at = written % self._capacity
        content = np.ascontiguousarray(audio, dtype=np.float32)
        begin = at + _RECORD_BYTES
        self._data[begin : begin + content.nbytes] = content.data.cast("B")
        self._put_record(at, start, epoch, samples)
        self._publish(written + self._record_bytes(samples))
        return True

    def read(self) -> Chunk | None:
        """The oldest unread chunk, copied out, or None. Raises EngineLost if corrupt."""
        while True:
            read = int(self._words[_READ])
            unread = int(self._words[_WRITTEN]) - read
            if unread == 0:
                return None
            self._fence()
            at = read % self._capacity
            chunk, size = self._take_record(at, min(unread, self._capacity - at))
            self._fence()
            self._words[_READ] = read + size
            if chunk is not None:
                return chunk

    def close(self) -> None:
        """Let go of the memory, and free it if this side created it. Safe to call twice."""
        if not self._open:
            return
        self._open = False
        self._words.release()
        self._data.release()
        self._close()

    def __del__(self) -> None:
        # Ahead of the segment, whose mapping cannot go while the views above live.
        self.close()

    def _take_record(self, at: int, limit: int) -> tuple[Chunk | None, int]:
        """Chunk (None for a pad) and size in bytes of the record at `at`, at most `limit` long."""
        if limit < _RECORD_BYTES or at % _RECORD_BYTES:
            raise self._corrupt()
        word = _HEADER_WORDS + at // _WORD_BYTES
        start, epoch, samples, mark = (int(value) for value in self._words[word : word + 4])
        if mark != _RECORD_MARK or samples < 0:
            raise self._corrupt()
        if samples == 0:
            return None, self._capacity - at
        size = self._record_bytes(samples)
        if size > limit:
            raise self._corrupt()
        begin = at + _RECORD_BYTES
        end = begin + samples * self.channels * _SAMPLE_BYTES
        flat = np.frombuffer(bytearray(self._data[begin:end]), dtype=np.float32)
        return Chunk(start, epoch, flat.reshape(samples, self.channels)), size

    def _corrupt(self) -> EngineLost:
        return EngineLost(f"the engine's audio ring {self.name} is corrupt; start the engine again")

    def _record_bytes(self, samples: int) -> int:
        return _round_up(_RECORD_BYTES + samples * self.channels * _SAMPLE_BYTES)

    def _put_record(self, at: int, start: int, epoch: int, samples: int) -> None:
        word = _HEADER_WORDS + at // _WORD_BYTES
        for offset, value in enumerate((start, epoch, samples, _RECORD_MARK)):
            self._words[word + offset] = value

    def _publish(self, written: int) -> None:
        self._fence()
        self._words[_WRITTEN] = written

    def _fence(self) -> None:
        """Keep the memory accesses before this call before those after it (see "Ordering")."""
        with self._fence_lock:
            pass
        with self._fence_lock:
            pass


def new_buffer(samples: int, channels: int) -> bytearray:
    """Memory for `ChunkRing.over`, both sides in one process."""
    capacity = _capacity_bytes(samples, channels)
    buffer = bytearray(_HEADER_BYTES + capacity)
    with memoryview(buffer).cast("q") as words:
        _lay_header(words, capacity, channels)
    return buffer


def _lay_header(words: memoryview, capacity_bytes: int, channels: int) -> None:
    words[_CAPACITY] = capacity_bytes
    words[_CHANNELS] = channels
    words[_MAGIC] = _RING_MAGIC


def _capacity_bytes(samples: int, channels: int) -> int:
    records = 1 + samples // _SHORT_CHUNK_SAMPLES
    return _round_up(samples * channels * _SAMPLE_BYTES) + records * _RECORD_BYTES


def _round_up(size: int) -> int:
    return -(-size // _RECORD_BYTES) * _RECORD_BYTES
