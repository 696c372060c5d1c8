"""Datagrams as large as there are."""

from __future__ import annotations

from bridge.osc.client import Client
from bridge.osc.packet import Bundle, Message
from bridge.osc.sender import Sender
from bridge.osc.server import OscServer


def test_a_large_message_goes_there_and_back() -> None:
    """On macOS a socket sends no more than 9216 bytes unless it is told to."""

    def answer(packet: Message | Bundle, client: Client) -> None:
        assert isinstance(packet, Message)
        client.send(packet.address, *packet.args)

    server = OscServer(answer, "127.0.0.1", 0, None)
    server.start()
    with Sender("127.0.0.1", server.udp_port) as sender:
        assert sender.ask("/large", bytes(60_000)) == (bytes(60_000),)
    server.close()
