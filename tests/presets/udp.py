"""A socket that plays the other side of a preset."""

from __future__ import annotations

import socket
from typing import Any

from bridge.osc.packet import Message, decode


def bound(peer: socket.socket) -> int:
    peer.settimeout(10.0)
    peer.bind(("127.0.0.1", 0))
    return int(peer.getsockname()[1])


def heard(peer: socket.socket) -> tuple[Message, Any]:
    data, address = peer.recvfrom(65536)
    message = decode(data)
    assert isinstance(message, Message)
    return message, address


def wait_for(peer: socket.socket, message: Message) -> None:
    """Until it comes, whatever comes before it, such as a greeting that is repeated."""
    while heard(peer)[0] != message:
        pass
