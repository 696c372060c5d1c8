from __future__ import annotations

import pytest

from bridge.osc.feedback import MAX_EVENTS, MAX_SUBSCRIBERS, SETTLE_S, Feedback
from bridge.osc.packet import Message
from bridge.state import State
from tests.bridge.osc.fake import Bridge, FakeClock, Recorder, peer


class Desk:
    """Feedback whose thread is the test, on a clock that the test moves."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.state = State()
        self.feedback = Feedback(self.state, self.clock.monotonic_s)

    def run(self, seconds: float, step_s: float = 0.001) -> None:
        end_s = self.clock.now_s + seconds
        while self.clock.now_s < end_s:
            self.feedback.pump()
            self.clock.now_s += step_s


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_the_full_state_comes_once_and_then_changes(desk: Desk) -> None:
    client = Recorder()
    desk.state.set("/tempo", 120.0)
    desk.state.set("/deck/1/gain", 0.0)
    desk.feedback.subscribe(client)
    desk.run(1)
    assert client.sent == [Message("/tempo", (120.0,)), Message("/deck/1/gain", (0.0,))]
    desk.state.set("/tempo", 121.0)
    desk.state.set("/deck/1/gain", 0.0)
    desk.run(1)
    assert client.sent[2:] == [Message("/tempo", (121.0,))]


def test_a_subscriber_that_asks_again_gets_the_full_state_again(desk: Desk) -> None:
    client = Recorder()
    desk.state.set("/tempo", 120.0)
    for _ in range(2):
        desk.feedback.subscribe(client)
        desk.run(0.1)
    assert client.sent == [Message("/tempo", (120.0,))] * 2
    desk.state.set("/tempo", 121.0)
    desk.run(0.1)
    assert len(client.sent) == 3


def test_the_full_state_is_paced(desk: Desk) -> None:
    client = Recorder()
    for i in range(1000):
        desk.state.set(f"/slot/{i}/prompt", "text")
    desk.feedback.subscribe(client)
    counts = []
    for _ in range(40):
        before = len(client.sent)
        desk.feedback.pump()
        counts.append(len(client.sent) - before)
        desk.clock.now_s += 0.001
    assert max(counts) <= 32
    assert len(client.sent) == 1000
    assert len({message.address for message in client.sent}) == 1000


@pytest.mark.parametrize(("max_hz", "most"), [(None, 61), (10.0, 11), (200.0, 201)])
def test_changes_are_rate_limited_for_each_client(
    desk: Desk, max_hz: float | None, most: int
) -> None:
    client = Recorder()
    desk.feedback.subscribe(client, max_hz)
    for i in range(1000):
        desk.state.set("/tempo", 100.0 + i / 10)
        desk.feedback.pump()
        desk.clock.now_s += 0.001
    assert most * 0.8 < len(client.sent) <= most
    desk.run(0.2)
    assert client.sent[-1] == Message("/tempo", (199.9,))


def test_clients_have_rates_of_their_own(desk: Desk) -> None:
    slow, fast = Recorder("slow"), Recorder("fast")
    desk.feedback.subscribe(slow, 5.0)
    desk.feedback.subscribe(fast, 100.0)
    for i in range(1000):
        desk.state.set("/tempo", 100.0 + i / 10)
        desk.feedback.pump()
        desk.clock.now_s += 0.001
    assert len(slow.sent) <= 6
    assert len(fast.sent) > 80


def test_events_all_come_in_order_and_at_once(desk: Desk) -> None:
    client = Recorder()
    desk.feedback.subscribe(client, 1.0)
    for i in range(100):
        desk.feedback.event("/clip/progress", 1, i / 100)
    desk.run(0.01)
    assert client.sent == [Message("/clip/progress", (1, i / 100)) for i in range(100)]


def test_events_that_nobody_takes_are_bounded_and_counted(desk: Desk) -> None:
    client = Recorder()
    desk.feedback.subscribe(client)
    for i in range(MAX_EVENTS + 10):
        desk.feedback.event("/x", i)
    desk.run(0.1)
    assert [message.args[0] for message in client.sent] == list(range(10, MAX_EVENTS + 10))
    assert desk.feedback.lost == 10


def test_after_unsubscribe_there_is_silence(desk: Desk) -> None:
    client = Recorder()
    desk.feedback.subscribe(client)
    desk.feedback.unsubscribe(client)
    desk.state.set("/tempo", 100.0)
    desk.feedback.event("/x")
    desk.run(0.1)
    assert client.sent == []
    desk.feedback.unsubscribe(client)


def test_a_client_that_is_gone_is_dropped(desk: Desk) -> None:
    client = Recorder()
    desk.feedback.subscribe(client)
    client.gone = True
    desk.state.set("/tempo", 100.0)
    desk.run(0.1)
    assert client.sent == []
    assert desk.feedback.clients == []


def test_subscribers_are_bounded_and_the_oldest_goes(desk: Desk) -> None:
    clients = [Recorder(str(i)) for i in range(MAX_SUBSCRIBERS + 1)]
    for client in clients:
        desk.feedback.subscribe(client)
    assert desk.feedback.clients == clients[1:]


def test_a_client_is_not_told_what_it_is_just_sending(desk: Desk) -> None:
    finger, other = Recorder("finger"), Recorder("other")
    desk.feedback.subscribe(finger)
    desk.feedback.subscribe(other)
    for i in range(100):
        desk.feedback.touched(finger, "/deck/1/gain")
        desk.state.set("/deck/1/gain", -float(i))
        desk.run(0.01)
    assert finger.sent == []
    assert len(other.sent) > 50
    desk.state.set("/tempo", 100.0)
    desk.run(0.1)
    assert finger.sent == [Message("/tempo", (100.0,))]
    desk.run(SETTLE_S)
    assert finger.sent[1:] == [Message("/deck/1/gain", (-99.0,))]


def test_a_client_that_listens_at_another_port_is_the_same_one(desk: Desk) -> None:
    sender = Recorder()
    display = sender.to_port(9000)
    desk.feedback.subscribe(display)
    desk.feedback.touched(sender, "/tempo")
    desk.state.set("/tempo", 100.0)
    desk.run(SETTLE_S / 2)
    assert display.sent == []
    desk.run(SETTLE_S)
    assert display.sent == [Message("/tempo", (100.0,))]


def test_the_time_of_the_next_message_is_foretold(desk: Desk) -> None:
    client = Recorder()
    assert desk.feedback.pump() == float("inf")
    desk.feedback.subscribe(client, 10.0)
    desk.state.set("/tempo", 100.0)
    assert desk.feedback.pump() == float("inf")
    desk.state.set("/tempo", 101.0)
    assert desk.feedback.pump() == pytest.approx(desk.clock.now_s + 0.1)
    assert len(client.sent) == 1


def test_it_runs_by_itself() -> None:
    with Bridge() as bridge, peer(bridge.server.udp_port) as client:
        bridge.state.set("/tempo", 120.0)
        assert client.ask("/subscribe") == Message("/tempo", (120.0,))
        for i in range(5):
            bridge.state.set("/tempo", 121.0 + i)
            assert client.receive() == Message("/tempo", (121.0 + i,))
        bridge.feedback.event("/beat/str", "1.1")
        assert client.receive() == Message("/beat/str", ("1.1",))
