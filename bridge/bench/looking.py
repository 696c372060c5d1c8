"""What two consoles that look at the music cost a server that plays."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import psutil
from websockets.exceptions import ConnectionClosed, WebSocketException
from websockets.sync.client import ClientConnection, connect

from bridge.bench.figures import CannotMeasure, Figure, Target, Tell
from bridge.bench.plan import Plan
from bridge.bench.playing import DECKS, SETTLE_S, play, wait, xruns
from bridge.bench.startup import Served
from bridge.lookout import HZ
from bridge.time.clock import monotonic_s

PAGES = 2
_PATIENCE_S = 5.0
_SEEN = 8
"""Frames between two words of a page that it has seen them."""


class _Page:
    """Counts frames, as a console does that draws them."""

    def __init__(self, connection: ClientConnection) -> None:
        self.frames = 0
        self._connection = connection
        connection.recv(_PATIENCE_S)  # what the numbers mean
        connection.send(json.dumps({"fps": HZ, "decks": list(range(1, DECKS + 1))}))
        connection.recv(_PATIENCE_S)
        self._thread = threading.Thread(target=self._run, name="page", daemon=True)
        self._thread.start()

    def join(self) -> None:
        self._thread.join()

    def _run(self) -> None:
        try:
            while True:
                self._connection.recv()
                self.frames += 1
                if self.frames % _SEEN == 0:
                    self._connection.send(json.dumps({"seen": _SEEN}))
        except ConnectionClosed:
            return


@contextmanager
def _page(where: str) -> Iterator[_Page]:
    with ExitStack() as stack:
        try:
            url = f"ws://{where}/console/look"
            page = _Page(stack.enter_context(connect(url, open_timeout=_PATIENCE_S)))
        except (OSError, WebSocketException) as error:
            raise CannotMeasure(f"{url} shows nothing: {error}") from None
        yield page
    page.join()


def measure_looking(plan: Plan, tell: Tell) -> list[Figure]:
    with Served() as served, served.sender() as sender:
        bridge = psutil.Process(served.pid)
        play(sender)
        wait(SETTLE_S, "four decks, settling", tell)
        alone = _share(bridge, plan.play_s, "nobody looks", tell)
        with ExitStack() as stack:
            pages = [stack.enter_context(_page(served.http)) for _ in range(PAGES)]
            gaps, frames, begun_s = xruns(sender), _frames(pages), monotonic_s()
            looked_at = _share(bridge, plan.play_s, "two consoles look", tell)
            frames, seconds = _frames(pages) - frames, monotonic_s() - begun_s
            gaps = xruns(sender) - gaps
    note = f"{alone:.1f} % without them"
    more = looked_at - alone
    return [
        Figure("two consoles looking, more of one core", more, "%", Target("<", 10), note=note),
        Figure("two consoles looking, frames each", frames / PAGES / seconds, "/s"),
        Figure("two consoles looking, xruns", gaps, "", Target("=", 0)),
    ]


def _frames(pages: list[_Page]) -> int:
    return sum(page.frames for page in pages)


def _share(bridge: psutil.Process, seconds: float, what: str, tell: Tell) -> float:
    """Percent of a core that the bridge's own process takes."""
    before, begun_s = bridge.cpu_times(), monotonic_s()
    wait(seconds, what, tell)
    after = bridge.cpu_times()
    used_s = after.user + after.system - before.user - before.system
    return float(100 * used_s / (monotonic_s() - begun_s))
