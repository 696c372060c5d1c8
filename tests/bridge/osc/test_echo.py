"""Clients that send back all they hear, as many controllers do, must come to rest."""

from __future__ import annotations

from collections import deque

import pytest

from bridge.dispatch import Dispatcher
from bridge.osc.feedback import Feedback
from bridge.osc.packet import Bundle, Message, decode, encode
from bridge.row import Value
from bridge.state import State
from bridge.table import Table
from tests.bridge.osc.fake import Bridge, Conductor, FakeClock, Recorder, peer


class Echo(Recorder):
    """Returns every message, as its bytes say it, after `delay_s`."""

    def __init__(self, key: str, clock: FakeClock, delay_s: float) -> None:
        super().__init__(key)
        self._clock = clock
        self._delay_s = delay_s
        self.returning: deque[tuple[float, Message | Bundle]] = deque()
        self.shown: dict[str, tuple[Value, ...]] = {}

    def send(self, address: str, *args: Value) -> None:
        super().send(address, *args)
        self.shown[address] = args
        self.returning.append((self._clock.now_s + self._delay_s, decode(encode(address, args))))


class Room:
    """A server and its echoing clients, on a clock that the test moves."""

    def __init__(self, *delays_s: float) -> None:
        self.clock = FakeClock()
        self.state = State()
        self.feedback = Feedback(self.state, self.clock.monotonic_s)
        self.conductor = Conductor(self.state, self.feedback)
        self.dispatcher = Dispatcher(
            Table(), self.conductor.submit, self.clock, self.feedback.touched
        )
        self.clients = [Echo(str(i), self.clock, delay) for i, delay in enumerate(delays_s)]
        for client in self.clients:
            self.feedback.subscribe(client)

    def run(self, seconds: float) -> int:
        """Returns how many messages the clients were sent."""
        before = sum(len(client.sent) for client in self.clients)
        end_s = self.clock.now_s + seconds
        while self.clock.now_s < end_s:
            self.feedback.pump()
            for client in self.clients:
                while client.returning and client.returning[0][0] <= self.clock.now_s:
                    self.dispatcher.packet(client.returning.popleft()[1], client)
            self.clock.now_s += 0.001
        return sum(len(client.sent) for client in self.clients) - before


@pytest.mark.parametrize("delays_s", [(0.005,), (0.1,), (0.005, 0.005), (0.005, 0.04, 0.2)])
def test_a_sweep_comes_to_rest(delays_s: tuple[float, ...]) -> None:
    room = Room(*delays_s)
    for i in range(200):
        room.state.set("/tempo", 100.0 + i / 7)
        room.state.set("/deck/1/gain", -i / 9)
        room.run(0.005)
    room.run(3)
    assert room.run(3) == 0
    for address, args in room.state.items():
        for client in room.clients:
            assert client.shown[address] == pytest.approx(args, rel=1e-6)


def test_an_address_that_follows_another_comes_to_rest() -> None:
    room = Room(0.005, 0.03)

    def follow(address: str, args: tuple[Value, ...]) -> None:
        (value,) = args
        assert isinstance(value, float)
        if address == "/deck/1/level":
            room.state.set("/deck/1/gain", value * 66 - 60)
        elif address == "/deck/1/gain":
            room.state.set("/deck/1/level", (value + 60) / 66)

    room.state.listen(follow)
    for i in range(100):
        room.state.set("/deck/1/level", i / 100)
        room.run(0.007)
    room.run(3)
    assert room.run(3) == 0


def test_what_only_the_server_sends_is_not_answered() -> None:
    room = Room(0.005)
    for address, *args in (
        ("/beat/str", "1.1"), ("/error", "/x", "no"), ("/pong", 1), ("/clip/done", 1, "a.wav"),
    ):  # fmt: skip
        room.feedback.event(address, *args)
    assert room.run(1) == 4


def test_an_error_is_not_answered_for_ever() -> None:
    room = Room(0.005)
    for message in (Message("/nonsense"), Message("/tempo", (-1,)), Message("/status", (1, 2))):
        room.dispatcher.packet(message, room.clients[0])
    assert room.run(1) == 0
    assert len(room.clients[0].errors) == 3


def test_over_the_wire() -> None:
    with Bridge() as bridge, peer(bridge.server.udp_port) as echo:
        echo.send("/subscribe")
        for i in range(100):
            bridge.state.set("/tempo", 100.0 + i)
        heard = 0
        while echo.receive() != Message("/tempo", (199.0,)):
            heard += 1
        echo.send("/tempo", 199.0)
        assert echo.ask("/sync", 1) == Message("/synced", (1,))
        assert heard < 100
        assert bridge.state.get("/tempo") == (199.0,)
