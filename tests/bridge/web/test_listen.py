"""The master over a WebSocket: the same samples, in order, to a few, and nobody is waited for."""

from __future__ import annotations

import asyncio
import json
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection

from bridge.audio.ears import Ears
from bridge.web.listen import BACKLOG_CHUNKS, MAX_LISTENERS, Broadcast, Chunks, Pcm, pcm
from tests.bridge.web.web import DEADLINE_S, STUDIO, Running, listener, running

PATH = "/console/listen"
CHUNK_SAMPLES = 480


class Mixing:
    """A server, and what its conductor would mix."""

    def __init__(self, server: Running | None, ears: Ears) -> None:
        self.server = server
        self.ears = ears
        self.at = 1_000

    def mix(self, samples: int, master: float = 0.25) -> None:
        audio = np.full((samples, 6), 0.9, np.float32)
        audio[:, :2] = master
        self.ears.hear(self.at, audio)
        self.at += samples

    @contextmanager
    def listening(self, **options: Any) -> Iterator[ClientConnection]:
        """Once it is heard: chunks come only to who was there."""
        assert self.server is not None
        with listener(self.server.port, path=PATH, **options) as ear:
            assert json.loads(ear.connection.recv(DEADLINE_S)) == {"rate": 48_000, "channels": 2}
            yield ear.connection


@pytest.fixture
def mixing() -> Iterator[Mixing]:
    ears = Ears()
    with running(studio=replace(STUDIO, ears=ears)) as it:
        yield Mixing(it, ears)


def chunk(connection: ClientConnection) -> tuple[int, Pcm]:
    """The number of its first sample, and int16 `[samples, 2]`."""
    data = connection.recv(DEADLINE_S)
    assert isinstance(data, bytes)
    return struct.unpack("<Q", data[:8])[0], np.frombuffer(data[8:], "<i2").reshape(-1, 2)


def test_blocks_of_any_length_become_chunks_in_order(mixing: Mixing) -> None:
    with mixing.listening() as connection:
        for samples in (256, 256, 1, 900, 27):
            mixing.mix(samples)
        for n in range(3):
            at, rows = chunk(connection)
            assert at == 1_000 + n * CHUNK_SAMPLES
            assert rows.shape == (CHUNK_SAMPLES, 2)
            assert (rows == 8192).all(), "the master, and not the decks"


def test_all_listeners_hear_the_same(mixing: Mixing) -> None:
    with mixing.listening() as one, mixing.listening() as other:
        mixing.mix(480, 0.5)
        assert one.recv(DEADLINE_S) == other.recv(DEADLINE_S)


def test_nothing_is_heard_of_a_mix_that_nobody_listens_to(mixing: Mixing) -> None:
    assert not mixing.ears._ears
    with mixing.listening():
        assert mixing.ears._ears
    with mixing.listening() as again:  # its end is seen first, the loop being one
        assert len(mixing.ears._ears) == 1
        mixing.mix(480)
        assert chunk(again)[0] == 1_000


def test_one_too_many_is_told_so(mixing: Mixing) -> None:
    assert mixing.server is not None
    many = [mixing.listening() for _ in range(MAX_LISTENERS)]
    connections = [each.__enter__() for each in many]
    with listener(mixing.server.port, path=PATH) as late, pytest.raises(ConnectionClosed) as closed:
        late.connection.recv(DEADLINE_S)
    assert closed.value.rcvd is not None
    assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (1013, "8 listen already")
    mixing.mix(480)
    for each in connections:
        assert chunk(each)[0] == 1_000
    for one in many:
        one.__exit__(None, None, None)


def test_who_speaks_is_sent_away(mixing: Mixing) -> None:
    with mixing.listening() as connection:
        connection.send(b"x")
        with pytest.raises(ConnectionClosed) as closed:
            connection.recv(DEADLINE_S)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1008


class Socket:
    """A listener's end that takes a message whenever it is let."""

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.gone = asyncio.Event()
        self.places: list[int] = []

    async def accept(self) -> None: ...

    async def send_text(self, text: str) -> None: ...

    async def receive(self) -> dict[str, str]:
        await self.gone.wait()
        return {"type": "websocket.disconnect"}

    async def send_bytes(self, data: bytes) -> None:
        await self.open.wait()
        self.places.append(struct.unpack("<Q", data[:8])[0])


async def heard_by_two(seconds: int) -> tuple[list[int], list[int]]:
    """Which chunks a slow listener got, and one beside it that is quick."""
    mixing = Mixing(None, Ears())
    broadcast = Broadcast(mixing.ears, 48_000)
    slow, quick = Socket(), Socket()
    quick.open.set()
    both = [asyncio.ensure_future(broadcast.attend(each)) for each in (slow, quick)]  # type: ignore[arg-type]
    await asyncio.sleep(0)
    for n in range(seconds * 100):
        mixing.mix(480)
        while len(quick.places) <= n:
            await asyncio.sleep(0)
    slow.open.set()
    while not slow.places or slow.places[-1] < quick.places[-1]:
        await asyncio.sleep(0)
    for each in (slow, quick):
        each.gone.set()
    await asyncio.gather(*both)
    return slow.places, quick.places


def test_a_slow_one_misses_some_and_others_do_not() -> None:
    slow, quick = asyncio.run(heard_by_two(10))
    assert quick == list(range(1_000, 1_000 + 1_000 * CHUNK_SAMPLES, CHUNK_SAMPLES))
    assert slow[1:] == quick[-BACKLOG_CHUNKS:], "half a second, the latest"


def test_a_chunk_begins_anew_where_the_mix_does() -> None:
    chunks = Chunks(4)
    block = np.arange(6, dtype=np.int16).reshape(3, 2)
    assert chunks.cut(100, block) == []
    assert chunks.cut(500, block) == []
    (message,) = chunks.cut(503, block)
    assert struct.unpack("<Q", message[:8])[0] == 500


def test_a_sample_is_the_nearest_there_is() -> None:
    values = np.array([[-2.0, 2.0], [0.0, 1 / 65536], [-1.0, 0.3]], np.float32)
    assert pcm(values).tolist() == [[-32768, 32767], [0, 0], [-32768, 9830]]


def test_it_can_end_while_the_music_goes_on(mixing: Mixing) -> None:
    stopped = threading.Event()

    def mix() -> None:
        while not stopped.wait(0.001):
            mixing.mix(480)

    conductor = threading.Thread(target=mix)
    with mixing.listening() as connection:
        conductor.start()
        chunk(connection)
        assert mixing.server is not None
        assert mixing.server.web is not None
        mixing.server.web.close()
        stopped.set()
        conductor.join(DEADLINE_S)
    mixing.mix(480)
