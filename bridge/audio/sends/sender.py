"""Sends the mix and the decks to other programs, packet by packet, at the pace of the audio clock.

The conductor makes the mix in blocks, some milliseconds before the device takes them; a packet
leaves when the device takes its first sample. So a send runs as the sound card does, and a
receiver that keeps little in hand has no gaps.

Threading: `feed` and `turn` are the conductor's, and only put down what they are given; `start` and
`close` belong to the thread that made the object. A thread of its own does all the rest.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable

from bridge.audio.line import AudioLine
from bridge.audio.sends.send import Send, open_wire, resolve
from bridge.audio.sends.target import Route
from bridge.audio.thread import raise_priority
from bridge.clocks.line import Device
from bridge.time.clock import monotonic_s
from engine.api import Audio
from engine.errors import SidemanError

_KEPT_S = 0.5
"""Of the mix: more than its lead with the longest of blocks."""
_LONGEST_BLOCK = 8192
_IDLE_S = 0.005
"""Between two looks while nothing plays, and how soon the thread sees that it is to end."""
_END_S = 1.0

_log = logging.getLogger(__name__)


class Sends:
    """All sends of a server; with no routes it does nothing at no cost."""

    def __init__(
        self, routes: Iterable[Route], rate: int, decks: int, notify: Callable[[str], None]
    ) -> None:
        """Raises BadValue if a host is not known. Opens nothing yet."""
        self._routes = [(route, resolve(route.host, route.port)) for route in routes]
        self._rate = rate
        self._notify = notify
        self._sends: list[Send] = []
        self._coming: deque[tuple[int, Audio]] = deque()
        self._device: Device | None = None
        kept = max(round(_KEPT_S * rate), 3 * _LONGEST_BLOCK) if self._routes else 1
        self._line = AudioLine(kept, 2 + 2 * decks)
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sends", daemon=True)

    @property
    def sent(self) -> int:
        """Packets so far, of all sends."""
        return sum(send.sent for send in self._sends)

    @property
    def dropped(self) -> int:
        """Packets that never left."""
        return sum(send.dropped for send in self._sends)

    def start(self) -> None:
        """Begin to send what comes. Raises SidemanError if the system has no sockets for it."""
        try:
            self._sends = [
                Send(route, self._rate, place, open_wire(place), self._notify)
                for route, place in self._routes
            ]
        except OSError as error:
            raise SidemanError(f"--output: no socket to send from: {error}") from error
        if self._sends:
            self._thread.start()

    def close(self) -> None:
        """Send what the device still takes of what was fed, and end. Safe to call twice."""
        if self._closing.is_set():
            return
        self._closing.set()
        if self._thread.ident is not None:
            self._thread.join(_END_S)
        for send in self._sends:
            send.close()
            if send.dropped:
                total = send.sent + send.dropped
                self._notify(f"output {send.label}: {send.dropped} of {total} packets lost")

    def feed(self, at: int, audio: Audio) -> None:
        """The mix from sample `at` of the session on: the master and then each deck, float32
        `[samples, 2 + 2 * decks]`. It is kept, so it must not be changed afterwards."""
        if self._sends and not self._closing.is_set():
            self._coming.append((at, audio))

    def turn(self, device: Device) -> None:
        """Which sample the device takes when, as of now."""
        self._device = device

    # The thread

    def _run(self) -> None:
        raise_priority()
        while not self._closing.is_set() or self._left():
            try:
                idle_s = self.step(monotonic_s())
            except Exception:
                _log.exception("a packet broke; sending on")
                idle_s = _IDLE_S
            # No event is waited for: on Windows that ends with the system's next tick, up to a
            # millisecond later, and a sleep does not.
            time.sleep(idle_s)

    def _left(self) -> bool:
        """Whether the device still takes what has not been sent."""
        if self._device is None:
            return False
        return bool(self._coming) or any(send.ready(self._line) for send in self._sends)

    def step(self, now_s: float) -> float:
        """Send what is due. Returns the seconds until there is more to do, at most `_IDLE_S`."""
        while self._coming:
            self._line.write(*self._coming.popleft())
        device = self._device
        if device is None or self._line.end == self._line.start:
            return _IDLE_S
        steps = [send.step(now_s, device, self._line) for send in self._sends]
        return max(0.0, min(_IDLE_S, *steps))
