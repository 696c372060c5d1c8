"""A web server in the test's process, with a sink that keeps what is sent to it."""

from __future__ import annotations

import json
import socket
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message as Headers
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from websockets.sync.client import ClientConnection, connect

from bridge.audio.ears import Ears
from bridge.lookout import Lookout
from bridge.osc.client import Client
from bridge.osc.feedback import Feedback
from bridge.osc.packet import Bundle, Message, decode, encode
from bridge.row import Value
from bridge.session import Session
from bridge.state import State
from bridge.table import Table
from bridge.web.service import Web
from bridge.web.studio import Studio

DEADLINE_S = 10.0
OSC = ("127.0.0.1", 9740)
EARS = Ears()
STUDIO = Studio(
    Path("clips"), 48_000, 2, EARS, Lookout(Session(48_000, 2, lambda address, ms: None), EARS)
)


@dataclass
class Running:
    """A `Web` and what is behind it."""

    state: State
    feedback: Feedback
    received: SimpleQueue[tuple[Message | Bundle, Client]]
    notices: SimpleQueue[str]
    web: Web | None = field(default=None)
    failure: Exception | None = None

    @property
    def port(self) -> int:
        assert self.web is not None
        return int(self.web.where.rpartition(":")[2])

    @property
    def token(self) -> str:
        assert self.web is not None
        return self.web.token

    def sink(self, packet: Message | Bundle, client: Client) -> None:
        if self.failure:
            raise self.failure
        self.received.put((packet, client))


@contextmanager
def running(
    host: str = "127.0.0.1",
    *,
    announced: bool | None = False,
    studio: Studio = STUDIO,
    token: str = "",
    port: int = 0,
) -> Iterator[Running]:
    state = State()
    it = Running(state, Feedback(state), SimpleQueue(), SimpleQueue())
    it.web = Web(
        (host, port), announced, lambda: OSC, Table(2), state, it.feedback, it.sink, it.notices.put,
        studio, token,
    )  # fmt: skip
    it.feedback.start()
    it.web.start()
    try:
        yield it
    finally:
        it.web.close()
        it.feedback.close()


def get(port: int, path: str, **headers: str) -> tuple[int, Any, Headers]:
    """Status, JSON or text or None, and headers of a GET."""
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=DEADLINE_S) as answer:
            return answer.status, _read(answer), answer.headers
    except urllib.error.HTTPError as error:
        with error:
            return error.code, _read(error), error.headers


def _read(answer: Any) -> Any:
    data = answer.read()
    if answer.headers.get_content_type() == "application/json":
        return json.loads(data)
    return data.decode() or None


def raw(port: int, request: bytes) -> bytes:
    """All that comes back before the server closes the connection."""
    with socket.create_connection(("127.0.0.1", port), timeout=DEADLINE_S) as wire:
        wire.sendall(request)
        answer = b""
        while data := wire.recv(65536):
            answer += data
        return answer


@contextmanager
def listener(port: int, **options: Any) -> Iterator[Ear]:
    options = {"max_queue": None, **options}
    url = f"ws://127.0.0.1:{port}{options.pop('path', '/')}"
    with connect(url, open_timeout=DEADLINE_S, close_timeout=1, **options) as connection:
        yield Ear(connection)


class Ear:
    """An OSCQuery client's socket."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection

    def command(self, command: str, path: str) -> None:
        self.connection.send(json.dumps({"COMMAND": command, "DATA": path}))

    def send(self, address: str, *args: Value) -> None:
        self.connection.send(encode(address, args))

    def hear(self, timeout_s: float = DEADLINE_S) -> Message:
        """The next message. Raises TimeoutError if there is none."""
        data = self.connection.recv(timeout_s)
        assert isinstance(data, bytes)
        packet = decode(data)
        assert isinstance(packet, Message)
        return packet

    def settle(self) -> None:
        """Return once all that was sent has been taken: an error is answered in its order."""
        self.command("LISTEN", "/nothing/there")
        while "/nothing/there" not in str(self.hear().args):
            pass
