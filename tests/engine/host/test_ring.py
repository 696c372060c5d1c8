"""The ring loses nothing, repeats nothing, and never believes a corrupt header."""

from __future__ import annotations

import contextlib
import random
import struct
import subprocess
import sys
from collections import deque

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import BadValue, EngineLost
from engine.host.ring import ChunkRing, new_buffer
from tests.engine.host.helpers import wait_for

CHUNKS = 3000


def both_ends(samples: int, channels: int) -> tuple[ChunkRing, ChunkRing, bytearray]:
    buffer = new_buffer(samples, channels)
    return ChunkRing.over(buffer, "test"), ChunkRing.over(buffer, "test"), buffer


def numbered(first: int, samples: int, channels: int) -> np.ndarray:
    return np.arange(first, first + samples * channels, dtype=np.float32).reshape(samples, channels)


@given(
    samples=st.integers(1, 60),
    channels=st.integers(1, 3),
    turns=st.lists(st.one_of(st.none(), st.integers(1, 70)), max_size=200),
)
def test_what_goes_in_comes_out_in_order(
    samples: int, channels: int, turns: list[int | None]
) -> None:
    """`None` reads, a number writes so many samples."""
    writer, reader, _ = both_ends(samples, channels)
    unread: deque[tuple[int, np.ndarray]] = deque()
    for number, turn in enumerate(turns):
        if turn is None:
            chunk = reader.read()
            assert (chunk is None) == (not unread)
            if chunk is not None:
                start, audio = unread.popleft()
                assert (chunk.start, chunk.epoch) == (start, -start)
                np.testing.assert_array_equal(chunk.audio, audio)
                assert chunk.audio.dtype == np.float32
                assert chunk.audio.flags.writeable, "the reader owns its copy"
        elif turn > writer.largest_samples:
            with pytest.raises(BadValue):
                writer.write(0, 0, numbered(0, turn, channels))
        else:
            audio = numbered(number, turn, channels)
            room = writer.room(turn)
            assert writer.write(number, -number, audio) == room
            if room:
                unread.append((number, audio))


@given(st.integers(1, 60), st.data())
def test_an_empty_ring_takes_any_chunk_up_to_its_largest(samples: int, data: st.DataObject) -> None:
    """However the writer stands to the end of the memory, or it would wait for ever."""
    writer, reader, _ = both_ends(samples, 2)
    for _ in range(20):
        size = data.draw(st.integers(1, writer.largest_samples))
        if not writer.room(size):
            assert reader.read() is None  # it steps over the pad
        assert writer.write(0, 0, numbered(0, size, 2))
        assert reader.read() is not None


def test_the_largest_chunk_is_at_least_what_was_asked_for() -> None:
    for samples in range(1, 50):
        writer, _, _ = both_ends(samples, 2)
        assert writer.largest_samples >= samples


@given(st.integers(0, 2**32 - 1))
def test_garbage_is_an_error_or_a_chunk_but_never_a_crash(seed: int) -> None:
    writer, reader, buffer = both_ends(40, 2)
    draw = random.Random(seed)
    for number in range(3):
        writer.write(number, 0, numbered(0, 10, 2))
    for _ in range(draw.randint(1, 4)):
        at = 8 * draw.randrange(8, len(buffer) // 8)
        value = draw.choice([draw.getrandbits(64) - 2**63, draw.randint(-64, 512)])
        buffer[at : at + 8] = struct.pack("q", value)
    for _ in range(10):
        with contextlib.suppress(EngineLost):
            reader.read()


def test_a_changed_header_is_told_apart() -> None:
    _, _, buffer = both_ends(40, 2)
    buffer[0] ^= 1
    with pytest.raises(EngineLost, match="no audio ring"):
        ChunkRing.over(buffer, "test")


def test_heard_and_finished_cross_over() -> None:
    writer, reader, _ = both_ends(10, 1)
    reader.hear(77)
    assert writer.heard == 77
    seen = [reader.finished]
    for finished in (True, False):
        writer.finish(finished)
        seen.append(reader.finished)
    assert seen == [False, True, False]


def test_wrong_channels_are_refused() -> None:
    writer, _, _ = both_ends(10, 2)
    with pytest.raises(BadValue, match="3 channels"):
        writer.write(0, 0, numbered(0, 2, 3))


def test_shared_between_views_and_gone_after_close() -> None:
    owner = ChunkRing.create(1000, 2)
    other = ChunkRing.attach(owner.name)
    assert other.write(5, 6, numbered(0, 100, 2))
    chunk = owner.read()
    assert chunk is not None
    assert (chunk.start, chunk.epoch, chunk.audio.shape) == (5, 6, (100, 2))
    other.close()
    owner.close()
    owner.close()
    with pytest.raises(FileNotFoundError):
        ChunkRing.attach(owner.name)


WRITER = f"""
import random, sys, time
import numpy as np
from engine.host.ring import ChunkRing

ring = ChunkRing.attach(sys.argv[1])
draw = random.Random(1)
for number in range({CHUNKS}):
    audio = np.full((draw.randint(1, ring.largest_samples), 2), number, np.float32)
    while not ring.write(number, number % 7, audio):
        time.sleep(0)
ring.finish()
ring.close()
"""


def test_two_processes_hammering_it() -> None:
    """Sizes from one sample to the whole ring; every sample says which chunk it is from."""
    ring = ChunkRing.create(600, 2)
    child = subprocess.Popen([sys.executable, "-c", WRITER, ring.name], stderr=subprocess.PIPE)
    draw = random.Random(1)
    expected = 0

    def drained() -> bool:
        nonlocal expected
        gone = child.poll() is not None
        for _ in range(100):
            if (chunk := ring.read()) is None:
                continue
            assert (chunk.start, chunk.epoch) == (expected, expected % 7)
            assert len(chunk.audio) == draw.randint(1, ring.largest_samples)
            assert (chunk.audio == expected).all()
            expected += 1
        return gone

    try:
        wait_for(drained, f"chunk {expected}")
        assert (child.returncode, expected) == (0, CHUNKS)
    finally:
        child.kill()
        _, errors = child.communicate()
        ring.close()
    assert errors == b""
