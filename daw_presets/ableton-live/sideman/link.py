"""The UDP link with sideman. It never blocks: Live calls from its own thread, which draws the
screen.

sideman may be started before Live or after it, and be started anew. So it is asked every second
whether it is there; once it answers, it is told Live's state, and when that has taken effect this
script subscribes to sideman's.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from .osc import Malformed, decode, encode

ASK_S = 1.0
LOST_S = 3.0
"""So long without an answer, and sideman is taken for gone."""
MOST_MESSAGES = 500
"""Read at one go: the full state has fewer."""

_ASKED, _TOLD = 1, 2


class Link:
    def __init__(self, host: str, port: int, connected: Callable[[], None]) -> None:
        """`connected` is called to tell Live's state to a sideman that has just appeared."""
        self._connected = connected
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._to = (host, port)
        self._asked_s = float("-inf")
        self._heard_s = float("-inf")
        self.up = False
        """Whether sideman is there and this script subscribed."""
        self._telling = False

    def send(self, address: str, *values: Any) -> None:
        """One message; what cannot be sent is lost, as with all UDP."""
        with suppress(OSError):  # no such host, or no network: nobody to tell
            self._socket.sendto(encode(address, *values), self._to)

    def poll(self, now_s: float) -> list[tuple[str, tuple[Any, ...]]]:
        """What came since the last call, but for what concerns the link itself."""
        if now_s - self._heard_s > LOST_S:
            self.up = self._telling = False
        if now_s - self._asked_s >= ASK_S:
            self._asked_s = now_s
            self.send("/sync", _ASKED)
        messages = self._received()
        if messages:
            self._heard_s = now_s
        return [message for message in messages if not self._about_itself(message)]

    def close(self) -> None:
        self.send("/unsubscribe")
        self._socket.close()

    def _received(self) -> list[tuple[str, tuple[Any, ...]]]:
        messages = []
        for _ in range(MOST_MESSAGES):
            try:
                messages.append(decode(self._socket.recv(65536)))
            except BlockingIOError:
                break
            except Malformed:
                continue
            except OSError:
                continue  # Windows says here that nobody listened to what was sent
        return messages

    def _about_itself(self, message: tuple[str, tuple[Any, ...]]) -> bool:
        address, values = message
        if address == "/error" and not self.up:
            return True  # a clock that leads refuses the tempo that it was offered
        if address != "/synced":
            return False
        if values == (_ASKED,) and not self.up and not self._telling:
            self._telling = True
            self._connected()
            self.send("/sync", _TOLD)
        elif values == (_TOLD,):
            self.up, self._telling = True, False
            self.send("/subscribe")
        return True
