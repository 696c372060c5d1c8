"""The master for ears elsewhere: PCM over a WebSocket, for a browser that plays it.

A listener is told `{"rate": ..., "channels": 2}` as text, and then binary messages: the session's
sample of the first row (uint64, little-endian), and `CHUNK_S` of int16 rows, left and right. Who
does not take them in time misses some, which the samples' numbers show; nothing is kept for long.

Threading: the server's loop, but for `Broadcast.hear`, which is the conductor's and only puts a
block, as it is, where the loop finds it.
"""

from __future__ import annotations

import asyncio
import json
import struct
from collections import deque
from collections.abc import Callable
from contextlib import suppress

import numpy as np
from numpy.typing import NDArray
from starlette.websockets import WebSocket

from bridge.audio.ears import Ears
from engine.api import Audio

CHUNK_S = 0.01
MAX_LISTENERS = 8
BACKLOG_CHUNKS = 50
"""That wait for a slow listener, half a second; the oldest is dropped for a new one."""
_BLOCKS = 512
"""That wait for a loop that is held up: seconds."""

Pcm = NDArray[np.int16]


def pcm(audio: Audio) -> Pcm:
    """float32 `[samples, channels]` in 16 bits: each the nearest that there is."""
    nearest: Pcm = np.clip(np.rint(audio * 32768.0), -32768, 32767).astype("<i2")
    return nearest


class Chunks:
    """Cuts blocks of any length into messages of `chunk_samples`."""

    def __init__(self, chunk_samples: int) -> None:
        self._chunk_samples = chunk_samples
        self._at = 0
        self._rest: Pcm = np.zeros((0, 2), np.int16)

    def cut(self, at: int, block: Pcm) -> list[bytes]:
        """The messages that are whole with `block`, int16 `[samples, 2]` from sample `at` on."""
        if at != self._at + len(self._rest):
            self._at, self._rest = at, self._rest[:0]
        rows = np.concatenate((self._rest, block))
        whole = len(rows) - len(rows) % self._chunk_samples
        messages = [
            struct.pack("<Q", self._at + i) + rows[i : i + self._chunk_samples].tobytes()
            for i in range(0, whole, self._chunk_samples)
        ]
        self._at, self._rest = self._at + whole, rows[whole:]
        return messages


class Listener:
    """One at the other end: what waits for it."""

    def __init__(self) -> None:
        self._waiting: deque[bytes] = deque(maxlen=BACKLOG_CHUNKS)
        self._some = asyncio.Event()

    def put(self, messages: list[bytes]) -> None:
        self._waiting.extend(messages)
        self._some.set()

    async def next(self) -> bytes:
        while not self._waiting:
            self._some.clear()
            await self._some.wait()
        return self._waiting.popleft()


class Broadcast:
    """What the `ears` hear, converted once for all listeners, and only while there are some."""

    def __init__(self, ears: Ears, rate: int) -> None:
        self._ears = ears
        self._rate = rate
        self._chunks = Chunks(round(rate * CHUNK_S))
        self._blocks: deque[tuple[int, Audio]] = deque(maxlen=_BLOCKS)
        self._listeners: list[Listener] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._leave: Callable[[], None] = lambda: None

    def hear(self, at: int, audio: Audio) -> None:
        """A block as the ears get it."""
        self._blocks.append((at, audio))
        if self._loop and len(self._blocks) == 1:  # else the loop has been told, and not come yet
            with suppress(RuntimeError):  # it has ended
                self._loop.call_soon_threadsafe(self._pass_on)

    async def attend(self, socket: WebSocket) -> None:
        """Serve one listener until it leaves or says anything: there is nothing to be said."""
        await socket.accept()
        if len(self._listeners) >= MAX_LISTENERS:
            await socket.close(1013, f"{MAX_LISTENERS} listen already")
            return
        listener = Listener()
        self._join(listener)
        sending = asyncio.ensure_future(self._send(socket, listener))
        try:
            if (await socket.receive())["type"] == "websocket.receive":
                await socket.close(1008, "there is nothing to be said here")
        finally:
            self._part(listener)
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)

    async def _send(self, socket: WebSocket, listener: Listener) -> None:
        await socket.send_text(json.dumps({"rate": self._rate, "channels": 2}))
        while True:
            await socket.send_bytes(await listener.next())
            await asyncio.sleep(0)  # one that has left is seen before much is sent to it

    def _join(self, listener: Listener) -> None:
        if not self._listeners:
            self._loop = asyncio.get_running_loop()
            self._blocks.clear()
            self._leave = self._ears.add(self.hear)
        self._listeners.append(listener)

    def _part(self, listener: Listener) -> None:
        self._listeners.remove(listener)
        if not self._listeners:
            self._leave()

    def _pass_on(self) -> None:
        while self._blocks:
            at, audio = self._blocks.popleft()
            messages = self._chunks.cut(at, pcm(audio[:, :2]))
            for listener in self._listeners:
                listener.put(messages)
