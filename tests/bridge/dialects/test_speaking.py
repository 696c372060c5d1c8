"""A server that speaks a dialect, and a host at the other end of its ports."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from bridge.dialects.load import parse_dialect
from bridge.dialects.spoken import Dialects, dialect_of
from bridge.dispatch import Dispatcher
from bridge.osc.packet import Message, decode, encode, encode_bundle
from bridge.osc.server import OscServer, PortUnavailable
from bridge.row import Value
from bridge.table import Table
from bridge.time.clock import SystemClock
from engine.errors import BadValue
from tests.bridge.osc.fake import DEADLINE_S, Bridge, Peer, peer, until

RULES = """
hello = [["/hello", 7]]
hello_s = 0.5
bye = [["/bye"]]
[[in]]
address = "/fader/{n}"
takes = ["x"]
scale = { x = [0.0, 1.0, -60.0, 6.0] }
to = "/deck/{n}/gain"
args = ["{x}"]
[[in]]
address = "/speed"
takes = ["x"]
to = "/tempo"
args = ["{x}"]
[[in]]
address = "/toggle"
to = "/deck/1/mute"
[[in]]
address = "/noise/*"
[[in]]
address = "/said/{n}"
takes = ["x"]
changes = true
to = "/deck/{n}/morph"
args = ["{x}"]
[[out]]
address = "/deck/{n}/gain"
takes = ["db"]
scale = { db = [-60.0, 6.0, 0.0, 1.0] }
to = "/fader/{n}"
args = ["{db}"]
[[out]]
address = "/deck/{n}/mute"
takes = ["on"]
to = "/light/{n}"
args = ["{on}"]
[[out]]
address = "/tempo"
takes = ["x"]
to = "/speed"
args = ["{x}"]
[[out]]
address = "/beat/str"
takes = ["at"]
to = "/beat"
args = ["{at}"]
"""


class Host:
    """The host's ear."""

    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.settimeout(DEADLINE_S)
        self.port = self.socket.getsockname()[1]

    def hears(self) -> tuple[Value, ...]:
        """The next message that is no greeting."""
        while True:
            message = decode(self.socket.recv(65536))
            assert isinstance(message, Message)
            if message.address != "/hello":
                return (message.address, *message.args)


class Speaking(Bridge):
    """The OSC side of a bridge that speaks one dialect."""

    def __init__(self, host: Host, head: str) -> None:
        super().__init__()
        text = f'name = "Host"\nhost = "127.0.0.1:{host.port}"\n{head}{RULES}'
        table = Table(4)
        self.dialects = Dialects([parse_dialect(text)], table)
        submit = self.dialects.submit(self.conductor.submit)
        sink = Dispatcher(table, submit, SystemClock(), self.feedback.touched).packet
        self.server = OscServer(self.dialects.sink(sink), "127.0.0.1", 0, 0)
        self.dialects.listen(self.server, sink)
        for n in range(1, 5):
            self.state.set(f"/deck/{n}/gain", 0.0)
            self.state.set(f"/deck/{n}/mute", 0)
        self.state.set("/tempo", 120.0)

    def begin(self) -> None:
        self.dialects.start(self.server, self.state, self.feedback)

    @property
    def values(self) -> list[tuple[Value, ...]]:
        """What has reached the conductor."""
        return [(r.path, *r.values) for batch in self.conductor.batches for r in batch.requests]


@pytest.fixture(params=["", "listen = 0\n"], ids=["osc-port", "own-port"])
def talk(request: pytest.FixtureRequest) -> Iterator[tuple[Speaking, Host, Peer]]:
    with ExitStack() as stack:
        host = Host()
        stack.callback(host.socket.close)
        bridge = stack.enter_context(Speaking(host, request.param))
        bridge.begin()
        stack.callback(bridge.dialects.close)
        port = bridge.dialects.heard_at or bridge.server.udp_port
        yield bridge, host, stack.enter_context(peer(port))


def test_a_host_is_understood_and_told_what_others_change(
    talk: tuple[Speaking, Host, Peer],
) -> None:
    bridge, host, mouth = talk
    mouth.send("/noise/1/2", 3)
    mouth.send("/fader/2", 0.5)
    mouth.send("/ping", 1)
    assert mouth.receive().address == "/pong"
    assert bridge.values == [("/deck/2/gain", -27.0), ("/ping", 1)]
    with peer(bridge.server.udp_port) as other:
        other.send("/deck/3/gain", -60)
    # Neither what was there at the start, nor what it said itself: this comes first.
    assert host.hears() == ("/fader/3", 0.0)
    bridge.feedback.event("/beat/str", "2.1")
    assert host.hears() == ("/beat", "2.1")


def test_a_value_that_was_clamped_here_is_no_news_to_who_sent_it(
    talk: tuple[Speaking, Host, Peer],
) -> None:
    bridge, host, mouth = talk
    mouth.send("/fader/1", -5.0)
    until(lambda: bridge.state.get("/deck/1/gain") == (-60.0,))
    mouth.send("/toggle")
    # It cannot know what it toggled to; and by then its fader has settled untold.
    assert host.hears() == ("/light/1", True)
    bridge.state.set("/deck/1/gain", -27.0)
    assert host.hears() == ("/fader/1", 0.5)
    bridge.state.set("/deck/1/gain", -60.0)
    assert host.hears() == ("/fader/1", 0.0)


def test_errors_name_the_address_that_the_host_used(talk: tuple[Speaking, Host, Peer]) -> None:
    _, _, mouth = talk
    error = mouth.ask("/speed", 1000)
    assert error.args == ("/speed", "bpm 1000 is out of range 20..400")
    assert mouth.ask("/what").args == ("/what", "unknown address")
    nothing = encode_bundle(1, [encode("/fader/1", (0.5,)), encode("/speed", ("x",))])
    mouth.socket.send(nothing)
    assert mouth.receive().args[0] == "/speed"


def test_bundles_are_understood_message_by_message(talk: tuple[Speaking, Host, Peer]) -> None:
    bridge, _, mouth = talk
    inner = encode_bundle(1, [encode("/speed", (90.0,)), encode("/noise/1", ())])
    # REAPER's time tag, which is long past and yet means at once.
    mouth.socket.send(encode_bundle(1 << 24, [encode("/fader/1", (1.0,)), inner]))
    mouth.socket.send(encode_bundle(1, [encode("/noise/1", ())]))
    until(lambda: len(bridge.conductor.batches) == 1)
    assert bridge.values == [("/deck/1/gain", 6.0), ("/tempo", 90.0)]
    assert bridge.conductor.batches[0].at_s is None


def test_of_what_is_repeated_only_changes_count(talk: tuple[Speaking, Host, Peer]) -> None:
    bridge, _, mouth = talk
    for x in (4.0, 4.0, 8.0, 8.0):
        mouth.send("/said/1", x)
    mouth.ask("/ping")
    assert bridge.values[:-1] == [("/deck/1/morph", 8.0)]


def test_hosts_are_greeted_again_and_again_and_taken_leave_of() -> None:
    host = Host()
    with Speaking(host, "") as bridge:
        bridge.begin()
        for _ in range(2):
            assert decode(host.socket.recv(100)) == Message("/hello", (7,))
        bridge.dialects.close()
        bridge.dialects.close()
        assert host.hears() == ("/bye",)
    host.socket.close()


def test_a_host_stays_a_subscriber_however_many_come(talk: tuple[Speaking, Host, Peer]) -> None:
    bridge, host, _ = talk
    with ExitStack() as stack:
        for _ in range(70):
            stack.enter_context(peer(bridge.server.udp_port)).send("/subscribe")
        until(lambda: len(bridge.conductor.batches) == 70)
        bridge.state.set("/tempo", 99.0)
        assert host.hears() == ("/speed", 99.0)


def test_a_port_that_is_taken_is_named_with_the_flag() -> None:
    host = Host()
    bridge = Speaking(host, f"listen = {host.port}\n")
    with pytest.raises(PortUnavailable, match=rf"{host.port} .* in use .*--dialect NAME@.*,LISTEN"):
        bridge.server.start()
    host.socket.close()


def test_places_can_be_others_than_the_file_says() -> None:
    dialect = dialect_of("reaper@10.0.0.7:8001,9001")
    assert (dialect.host, dialect.listen) == ("10.0.0.7:8001", 9001)
    assert dialect_of("reaper,0").listen == 0
    assert dialect_of("reaper").host == "127.0.0.1:8000"
    with pytest.raises(BadValue, match="HOST:PORT"):
        dialect_of("reaper@10.0.0.7")
    with pytest.raises(BadValue, match=r"0\.\.65535"):
        dialect_of("reaper,70000")


def test_a_host_elsewhere_cannot_be_told_from_loopback() -> None:
    dialects = Dialects([dialect_of("reaper@192.0.2.1:8000,0")], Table(4))
    with (
        Bridge() as bridge,
        pytest.raises(BadValue, match=r"cannot be reached from 127\.0\.0\.1: add --osc"),
    ):
        dialects.start(bridge.server, bridge.state, bridge.feedback)
