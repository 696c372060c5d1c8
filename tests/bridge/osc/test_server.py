from __future__ import annotations

import socket
import struct
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from bridge.osc.client import Client
from bridge.osc.framing import MAX_FRAME, Framer
from bridge.osc.packet import Bundle, Message, decode, encode, encode_bundle
from bridge.osc.server import MAX_CONNECTIONS, OscServer, PortUnavailable
from engine.errors import BadValue
from tests.bridge.osc.fake import DEADLINE_S, Bridge, Peer, peer, until


@contextmanager
def server(sink: Callable[[Message | Bundle, Client], None]) -> Iterator[OscServer]:
    it = OscServer(sink, "127.0.0.1", 0, 0)
    it.start()
    try:
        yield it
    finally:
        it.close()


def answer(packet: Message | Bundle, client: Client) -> None:
    assert isinstance(packet, Message)
    client.send(packet.address, *packet.args)


class TcpPeer:
    """A TCP client that speaks either framing."""

    def __init__(self, port: int, *, slip: bool = False) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=DEADLINE_S)
        self.framer = Framer()
        self.framer.slip = slip
        self._ready: list[Message] = []

    def send(self, address: str, *args: str | int | float | bytes, pieces: int = 65536) -> None:
        data = self.framer.frame(encode(address, args))
        for at in range(0, len(data), pieces):
            self.socket.sendall(data[at : at + pieces])

    def receive(self) -> Message:
        while not self._ready:
            data = self.socket.recv(65536)
            assert data, "the server closed the connection"
            for packet in self.framer.feed(data):
                message = decode(packet)
                assert isinstance(message, Message)
                self._ready.append(message)
        return self._ready.pop(0)

    @property
    def closed(self) -> bool:
        """Whether the server ends the connection; waits for it."""
        try:
            while self.socket.recv(65536):
                pass
        except ConnectionError:
            pass
        return True


@contextmanager
def tcp_peer(port: int | None, *, slip: bool = False) -> Iterator[TcpPeer]:
    assert port is not None
    it = TcpPeer(port, slip=slip)
    try:
        yield it
    finally:
        it.socket.close()


def test_a_datagram_is_answered_from_the_port_it_was_sent_to() -> None:
    with server(answer) as it, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(DEADLINE_S)
        client.sendto(encode("/a", (1,)), ("127.0.0.1", it.udp_port))
        data, sender = client.recvfrom(65536)
    assert decode(data) == Message("/a", (1,))
    assert sender == ("127.0.0.1", it.udp_port)


def test_ipv6() -> None:
    it = OscServer(answer, "::1", 0, 0)
    try:
        it.start()
    except PortUnavailable as error:
        pytest.skip(f"no IPv6 here: {error}")
    with peer(it.udp_port, "::1") as client:
        assert client.ask("/a", 1) == Message("/a", (1,))
    it.close()


def test_a_name_of_two_kinds_means_ipv4(monkeypatch: pytest.MonkeyPatch) -> None:
    both = [
        (socket.AF_INET6, 0, 0, "", ("::1", 0, 0, 0)),
        (socket.AF_INET, 0, 0, "", ("127.0.0.1", 0)),
    ]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: both)
    it = OscServer(answer, "localhost", 0, 0)
    it.start()
    with peer(it.udp_port) as client:
        assert client.ask("/a", 1) == Message("/a", (1,))
    it.close()


def test_bad_bytes_are_answered_and_counted() -> None:
    with server(answer) as it, peer(it.udp_port) as client:
        client.socket.send(b"/tempo\0\0,x\0\0")
        assert client.receive() == Message("/error", ("/tempo", "unknown type tag 'x'"))
        client.socket.send(encode_bundle(1, [b"/a\0\0,x\0\0"]))
        error = client.receive()
        assert error.args[0] == "#bundle"
        client.socket.send(b"")
        assert client.receive().args[0] == ""
        assert it.malformed == 3
        assert client.ask("/a") == Message("/a")
        assert it.received == 4


def test_a_sink_that_fails_does_not_end_the_server(caplog: pytest.LogCaptureFixture) -> None:
    def sink(packet: Message | Bundle, client: Client) -> None:
        if packet == Message("/bad"):
            raise RuntimeError("oh no")
        answer(packet, client)

    with server(sink) as it, peer(it.udp_port) as client:
        error = client.ask("/bad")
        assert error.address == "/error"
        assert error.args[0] == "/bad"
        assert "oh no" in str(error.args[1])
        assert client.ask("/good") == Message("/good")
        assert it.failures == 1
    assert "Traceback" not in caplog.text


def test_a_client_at_another_port() -> None:
    def sink(packet: Message | Bundle, client: Client) -> None:
        assert isinstance(packet, Message)
        port = packet.args[0]
        assert isinstance(port, int)
        other = client.to_port(port)
        other.send("/there", other.source == client.key, other.key == client.key)

    with server(sink) as it, peer(it.udp_port) as asker, peer(it.udp_port) as other:
        asker.send("/x", other.port)
        assert other.receive() == Message("/there", (True, False))


def test_the_same_sender_is_the_same_client() -> None:
    keys = []

    def sink(packet: Message | Bundle, client: Client) -> None:
        keys.append(client.key)
        answer(packet, client)

    with server(sink) as it, peer(it.udp_port) as one, peer(it.udp_port) as two:
        for client in (one, two, one):
            client.ask("/a")
    assert keys[0] == keys[2] != keys[1]


def test_nothing_is_lost_and_the_order_is_kept() -> None:
    seen: list[object] = []

    def sink(packet: Message | Bundle, client: Client) -> None:
        assert isinstance(packet, Message)
        seen.append(packet.args[0])
        if packet.address == "/sync":
            client.send("/synced")

    with server(sink) as it, peer(it.udp_port) as client:
        for burst in range(25):
            for i in range(199):
                client.send("/a", burst * 200 + i)
            client.ask("/sync", burst * 200 + 199)
    assert seen == list(range(5000))


def test_a_udp_port_in_use_is_named_with_the_flag() -> None:
    with server(answer) as it:
        other = OscServer(answer, "127.0.0.1", it.udp_port, None)
        with pytest.raises(PortUnavailable, match=rf"UDP port {it.udp_port} .* in use .*--osc"):
            other.start()
        other.close()


def test_a_tcp_port_in_use_is_named_and_the_udp_port_given_back() -> None:
    with server(answer) as it:
        other = OscServer(answer, "127.0.0.1", 0, it.tcp_port)
        with pytest.raises(PortUnavailable, match=rf"TCP port {it.tcp_port} .* in use .*--osc"):
            other.start()
        third = OscServer(answer, "127.0.0.1", other.udp_port, None)
        third.start()
        third.close()


@pytest.mark.parametrize(("host", "port"), [("no.such.host.invalid", 0), ("127.0.0.1", 99999)])
def test_an_impossible_host_or_port_is_a_clear_error(host: str, port: int) -> None:
    with pytest.raises((BadValue, PortUnavailable), match="--osc"):
        OscServer(answer, host, port, None).start()


def test_ports_are_free_after_close() -> None:
    with server(answer) as it:
        with tcp_peer(it.tcp_port) as client:
            client.send("/a", 1)
            client.receive()
        ports = it.udp_port, it.tcp_port
    again = OscServer(answer, "127.0.0.1", *ports)
    again.start()
    again.close()
    again.close()


def test_closing_a_server_that_never_started() -> None:
    OscServer(answer, "127.0.0.1", 0, 0).close()


@pytest.mark.parametrize("slip", [False, True])
@pytest.mark.parametrize("pieces", [1, 7, 65536])
def test_tcp_in_either_framing_and_in_pieces(slip: bool, pieces: int) -> None:
    with server(answer) as it, tcp_peer(it.tcp_port, slip=slip) as client:
        for i in range(5):
            client.send("/deck/1/gain", -i, b"\xc0\xdb\xc0", "text", pieces=pieces)
            assert client.receive() == Message("/deck/1/gain", (-i, b"\xc0\xdb\xc0", "text"))


def test_a_bad_packet_over_tcp_is_answered_and_the_connection_stays() -> None:
    with server(answer) as it, tcp_peer(it.tcp_port) as client:
        client.socket.sendall(client.framer.frame(b"rubbish\0"))
        assert client.receive().address == "/error"
        client.send("/a", 1)
        assert client.receive() == Message("/a", (1,))
        assert it.malformed == 1


@pytest.mark.parametrize("stream", [bytes(4), struct.pack(">i", MAX_FRAME + 1), b"\xc0\xdbx\xc0"])
def test_a_bad_frame_is_answered_and_ends_the_connection(stream: bytes) -> None:
    with server(answer) as it, tcp_peer(it.tcp_port, slip=stream[0] == 0xC0) as client:
        client.socket.sendall(stream)
        assert client.receive().address == "/error"
        assert client.closed
        with tcp_peer(it.tcp_port) as next_one:
            next_one.send("/a", 1)
            assert next_one.receive() == Message("/a", (1,))


def test_a_client_that_does_not_read_is_dropped_and_harms_nobody() -> None:
    clients: list[Client] = []

    def sink(packet: Message | Bundle, client: Client) -> None:
        if packet == Message("/flood"):
            clients.append(client)
        else:
            answer(packet, client)

    with server(sink) as it, tcp_peer(it.tcp_port) as deaf, peer(it.udp_port) as other:
        deaf.send("/flood")
        until(lambda: bool(clients))

        def dropped() -> bool:
            clients[0].send("/x", bytes(60_000))
            return clients[0].gone

        until(dropped)
        assert other.ask("/a", 1) == Message("/a", (1,))
        assert deaf.closed
        clients[0].send("/x")


def test_a_slow_client_still_gets_everything() -> None:
    def sink(packet: Message | Bundle, client: Client) -> None:
        for i in range(14):  # more than the socket takes at once, less than the backlog
            client.send("/x", i, bytes(60_000))

    with server(sink) as it, tcp_peer(it.tcp_port, slip=True) as client:
        client.send("/go")
        assert [client.receive().args[0] for _ in range(14)] == list(range(14))


@pytest.mark.parametrize("slip", [False, True])
def test_a_subscriber_over_tcp(slip: bool) -> None:
    with Bridge() as bridge:
        bridge.state.set("/tempo", 120.0)
        with tcp_peer(bridge.server.tcp_port, slip=slip) as client:
            client.send("/subscribe", 9000)  # a port means nothing over a connection
            assert client.receive() == Message("/tempo", (120.0,))
            bridge.state.set("/tempo", 121.0)
            assert client.receive() == Message("/tempo", (121.0,))
        bridge.tell_until_left(0)


def test_a_client_that_leaves_is_gone() -> None:
    clients: list[Client] = []
    with server(lambda packet, client: clients.append(client)) as it:
        with tcp_peer(it.tcp_port) as client:
            client.send("/a")
            until(lambda: bool(clients))
            assert not clients[0].gone
        until(lambda: clients[0].gone)


def test_connections_are_bounded() -> None:
    with server(answer) as it:
        peers = [TcpPeer(it.tcp_port or 0) for _ in range(MAX_CONNECTIONS)]
        for client in peers:
            client.send("/a")
            client.receive()
        with tcp_peer(it.tcp_port) as one_more:
            assert one_more.closed
        peers.pop().socket.close()

        def served() -> bool:
            with tcp_peer(it.tcp_port) as late:
                try:
                    late.send("/a")
                    return late.receive() == Message("/a")
                except (AssertionError, ConnectionError):
                    return False

        until(served)
        for client in peers:
            client.socket.close()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells who refuses a datagram")
def test_a_udp_subscriber_that_is_gone_is_dropped() -> None:
    with Bridge() as bridge, peer(bridge.server.udp_port) as stays:
        leaves = Peer(bridge.server.udp_port)
        for client in (stays, leaves):
            client.send("/subscribe")
            client.ask("/sync", 1)
        assert len(bridge.feedback.clients) == 2
        leaves.close()
        bridge.tell_until_left(1)
        bridge.state.set("/grid", "bar")
        stays.read_until("/grid")
        assert len(bridge.feedback.clients) == 1


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells who refuses a datagram")
def test_a_display_that_was_gone_may_be_subscribed_anew() -> None:
    with Bridge() as bridge, peer(bridge.server.udp_port) as asker:
        with peer(bridge.server.udp_port) as display:
            port = display.port
        asker.send("/subscribe", port)
        asker.ask("/sync", 1)
        bridge.tell_until_left(0)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as again:
            again.settimeout(DEADLINE_S)
            again.bind(("127.0.0.1", port))
            asker.send("/subscribe", port)
            message = decode(again.recv(65536))
            assert isinstance(message, Message)
            assert message.address == "/position"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells who refuses a datagram")
def test_refusals_of_one_client_do_not_cost_another_its_answers() -> None:
    with server(answer) as it, peer(it.udp_port) as stays:
        for i in range(50):
            with peer(it.udp_port) as leaves:
                leaves.send("/a", i)
            assert stays.ask("/b", i) == Message("/b", (i,))
