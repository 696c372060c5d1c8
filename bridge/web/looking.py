"""A socket over which pages are shown the music: levels, waveforms, the master's spectrum.

A page says what it wants to see, as JSON: `{"fps": 30, "decks": [1, 2]}` (no frames a second: it
looks away), and `{"seen": 8}` when it has drawn so many frames. It is told once what the numbers
mean, as JSON, and then sent frames, see `look/frame.py`. A page that is slow misses frames: none
waits for it. While nobody looks nothing is worked out.

Threading: the server's loop.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

import numpy as np
from starlette.websockets import WebSocket, WebSocketDisconnect

from bridge.lookout import HZ, Lookout
from bridge.time.clock import monotonic_s
from bridge.web.limits import Allowance, Flooded
from bridge.web.look.columns import FULL
from bridge.web.look.frame import frame
from bridge.web.look.picture import Picture
from bridge.web.look.spectrum import FLOOR_DB, band_edges_hz
from engine.errors import BadValue

MAX_VIEWERS = 16
MAX_WORDS = 1024
"""In one message of a page."""
MAX_UNSEEN = 24
"""Frames on their way to a page: more would be the past by the time it draws them."""

_REFUSED, _BUSY = 1008, 1013


class Viewer:
    """What one page wants, and what it has been sent."""

    def __init__(self, picture: Picture) -> None:
        self.fps = 0.0
        self.decks: tuple[int, ...] = ()
        self.due = asyncio.Event()
        """Set when it is to be sent a frame."""
        self._picture = picture
        self._peaks = np.zeros_like(picture.peaks)
        self._since = -1
        self._unseen = 0
        self._turned = 0.0
        """Frames that are due, of which a part may have gone by."""

    def hear(self, text: str) -> None:
        """Take what the page says. Raises BadValue."""
        said = _parsed(text)
        if "seen" in said:
            self._unseen = max(0, self._unseen - _whole(said, "seen", MAX_UNSEEN))
            return
        fps, decks = said.get("fps"), said.get("decks", ())
        if not isinstance(fps, int | float) or not 0 <= fps <= HZ:
            raise BadValue(f"fps {str(fps)[:20]} is not within 0..{HZ:g}")
        known = set(self._picture.numbers)
        if not isinstance(decks, list) or not all(type(n) is int and n in known for n in decks):
            raise BadValue(f"decks {str(decks)[:40]} are not a list of some of {sorted(known)}")
        if set(decks) - set(self.decks) or not self.fps:
            self._since = -1  # what it has not been looking at it must be shown whole
        self.fps, self.decks = float(fps), tuple(decks)

    def tick(self) -> None:
        """The picture has changed."""
        self._peaks = np.maximum(self._peaks, self._picture.peaks)
        self._turned += self.fps / HZ
        if self._turned >= 1.0 and self._unseen < MAX_UNSEEN:
            self._turned = 0.0
            self.due.set()

    async def next_frame(self) -> bytes | None:
        """Waits until one is due; None: there is nothing to see yet."""
        await self.due.wait()
        self.due.clear()
        picture, sight = self._picture, self._picture.sight
        if sight is None:
            return None
        made = frame(picture, sight, monotonic_s(), self._since, self.decks, self._peaks)
        self._since, self._unseen = picture.tick, self._unseen + 1
        self._peaks = np.zeros_like(self._peaks)
        return made


class Looking:
    """Serves every page that looks from one picture."""

    def __init__(self, lookout: Lookout) -> None:
        self._lookout = lookout
        self._picture = Picture(lookout)
        self._viewers: set[Viewer] = set()
        self._work: asyncio.Task[None] | None = None

    async def attend(self, socket: WebSocket) -> None:
        """Serve one page from its handshake until it leaves."""
        await socket.accept()
        if len(self._viewers) >= MAX_VIEWERS:
            await socket.close(_BUSY, f"{MAX_VIEWERS} pages look already")
            return
        await socket.send_text(json.dumps(self._meaning()))
        viewer = Viewer(self._picture)
        self._viewers.add(viewer)
        showing = asyncio.ensure_future(_show(socket, viewer))
        try:
            await self._hear(socket, viewer)
        except (BadValue, Flooded) as error:
            await socket.close(_REFUSED, str(error)[:120])
        finally:
            self._viewers.discard(viewer)
            showing.cancel()
            await asyncio.gather(showing, return_exceptions=True)

    async def _hear(self, socket: WebSocket, viewer: Viewer) -> None:
        allowance = Allowance()
        while (message := await socket.receive())["type"] == "websocket.receive":
            if allowance.take():
                viewer.hear(message.get("text") or "")
                self._begin()
            await asyncio.sleep(0)

    def _begin(self) -> None:
        """Work as long as somebody looks."""
        if self._work is None and self._is_looked_at:
            self._work = asyncio.ensure_future(self._run())

    @property
    def _is_looked_at(self) -> bool:
        return any(viewer.fps for viewer in self._viewers)

    async def _run(self) -> None:
        self._lookout.open()
        try:
            due_s = monotonic_s()
            while self._is_looked_at:
                self._picture.update()
                for viewer in self._viewers:
                    viewer.tick()
                due_s = max(due_s + 1.0 / HZ, monotonic_s())
                await asyncio.sleep(due_s - monotonic_s())
        finally:
            self._lookout.close()
            self._work = None

    def _meaning(self) -> dict[str, Any]:
        picture = self._picture
        return {
            "rate": picture.rate, "columnSamples": picture.grain, "full": FULL,
            "decks": picture.numbers, "floorDb": FLOOR_DB, "bandsHz": band_edges_hz(),
        }  # fmt: skip


async def _show(socket: WebSocket, viewer: Viewer) -> None:
    try:
        while True:
            made = await viewer.next_frame()
            if made is not None:
                await socket.send_bytes(made)
    except (OSError, RuntimeError, WebSocketDisconnect):
        return  # it has left, as whoever hears it notices as well


def _parsed(text: str) -> dict[str, Any]:
    """Raises BadValue."""
    try:
        said = json.loads(text) if len(text) <= MAX_WORDS else None
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict):
        raise BadValue('a page says {"fps": 30, "decks": [1, 2]} or {"seen": 8}')
    return said


def _whole(said: dict[str, Any], name: str, most: int) -> int:
    value = said[name]
    if type(value) is not int or not 0 <= value <= most:
        raise BadValue(f"{name} {str(value)[:20]} is not within 0..{most}")
    return value
