from __future__ import annotations

import pytest

from bridge.dispatch import BUSY, MAX_REQUESTS, Batch, Dispatcher
from bridge.osc.client import Client
from bridge.osc.packet import Bundle, Message
from bridge.row import Value
from bridge.table import Table
from tests.bridge.osc.fake import FakeClock, Recorder


class Desk:
    def __init__(self) -> None:
        self.clock = FakeClock()
        self.batches: list[Batch] = []
        self.touched: list[tuple[Client, str]] = []
        self.full = False
        self.client = Recorder()
        self.dispatcher = Dispatcher(
            Table(4), self._submit, self.clock, lambda *what: self.touched.append(what)
        )

    def _submit(self, batch: Batch) -> bool:
        if not self.full:
            self.batches.append(batch)
        return not self.full

    def send(self, address: str, *args: Value) -> None:
        self.dispatcher.packet(Message(address, args), self.client)

    def bundle(self, in_s: float | None, *elements: Message | Bundle) -> Bundle:
        return Bundle(1 if in_s is None else self.clock.timetag(in_s), elements)

    def send_bundle(self, in_s: float | None, *elements: Message | Bundle) -> None:
        self.dispatcher.packet(self.bundle(in_s, *elements), self.client)

    @property
    def done(self) -> list[tuple[list[str], float | None]]:
        """Of each batch the paths, and in how many seconds it is due."""
        now_s = self.clock.now_s
        return [
            ([r.path for r in b.requests], None if b.at_s is None else round(b.at_s - now_s, 6))
            for b in self.batches
        ]


@pytest.fixture
def desk() -> Desk:
    return Desk()


GAIN = Message("/deck/1/gain", (-6.0,))
PLAY = Message("/deck/1/play", ("none",))
BAD = Message("/tempo", (9999,))


def test_a_message_is_a_batch(desk: Desk) -> None:
    desk.send("/deck/*/gain", -6)
    (batch,) = desk.batches
    assert [request.path for request in batch.requests] == [f"/deck/{n}/gain" for n in (1, 2, 3, 4)]
    assert batch.client is desk.client
    assert batch.at_s is None
    assert desk.client.sent == []


def test_what_is_wrong_is_answered_and_not_done(desk: Desk) -> None:
    desk.send("/tempo", 9999)
    desk.send("/nonsense")
    assert desk.batches == []
    assert [error[0] for error in desk.client.errors] == ["/tempo", "/nonsense"]
    assert desk.client.errors[0][1] == "bpm 9999 is out of range 20..400"


def test_a_button_let_go_is_no_batch(desk: Desk) -> None:
    desk.send("/play", 0)
    desk.send_bundle(None, Message("/play", (0,)))
    desk.send_bundle(None)
    assert desk.batches == []
    assert desk.client.sent == []


def test_a_full_queue_is_answered(desk: Desk) -> None:
    desk.full = True
    desk.send("/play")
    desk.send_bundle(None, PLAY)
    assert desk.client.errors == [("/play", BUSY), ("#bundle", BUSY)]


def test_a_bundle_is_one_batch(desk: Desk) -> None:
    desk.send_bundle(None, GAIN, PLAY)
    assert desk.done == [(["/deck/1/gain", "/deck/1/play"], None)]


def test_a_bundle_is_done_as_a_whole_or_not_at_all(desk: Desk) -> None:
    desk.send_bundle(0.5, GAIN, desk.bundle(0.7, PLAY, BAD))
    assert desk.batches == []
    (error,) = desk.client.errors
    assert error[0] == "/tempo"
    assert "out of range" in str(error[1])
    assert "nothing of its bundle was done" in str(error[1])


@pytest.mark.parametrize("in_s", [0.5, -0.5, 3599.0])
def test_a_time_tag_goes_along(desk: Desk, in_s: float) -> None:
    desk.send_bundle(in_s, GAIN)
    assert desk.done == [(["/deck/1/gain"], in_s)]


@pytest.mark.parametrize("timetag", [0, 1])
def test_time_tags_that_mean_at_once(desk: Desk, timetag: int) -> None:
    desk.dispatcher.packet(Bundle(timetag, (GAIN,)), desk.client)
    assert desk.done == [(["/deck/1/gain"], None)]


def test_a_time_tag_absurdly_far_ahead_is_refused(desk: Desk) -> None:
    desk.send_bundle(3700, GAIN)
    desk.dispatcher.packet(Bundle(2**64 - 1, (GAIN,)), desk.client)
    assert desk.batches == []
    assert [error[0] for error in desk.client.errors] == ["#bundle", "#bundle"]
    assert "time tag 3700 s ahead" in str(desk.client.errors[0][1])


def test_nested_bundles_of_the_same_time_belong_together(desk: Desk) -> None:
    desk.send_bundle(0.5, GAIN, desk.bundle(0.5, PLAY), desk.bundle(None, PLAY), GAIN)
    assert desk.done == [([GAIN.address, PLAY.address, PLAY.address, GAIN.address], 0.5)]


def test_a_later_nested_bundle_is_a_batch_of_its_own(desk: Desk) -> None:
    desk.send_bundle(0.5, desk.bundle(0.75, PLAY), GAIN)
    assert sorted(desk.done) == [([GAIN.address], 0.5), ([PLAY.address], 0.75)]


def test_a_nested_bundle_is_never_before_the_one_around_it(desk: Desk) -> None:
    desk.send_bundle(0.5, GAIN, desk.bundle(0.25, PLAY))
    assert desk.done == [([GAIN.address, PLAY.address], 0.5)]


def test_a_timed_bundle_in_one_that_is_at_once(desk: Desk) -> None:
    desk.send_bundle(None, GAIN, desk.bundle(0.5, PLAY))
    assert desk.done == [([GAIN.address], None), ([PLAY.address], 0.5)]


def test_patterns_cannot_multiply_without_end(desk: Desk) -> None:
    all_slots = Message("/slot/*/launch", (1,))
    desk.send_bundle(None, *[all_slots] * (MAX_REQUESTS // 128))
    assert len(desk.batches[0].requests) == MAX_REQUESTS
    desk.send_bundle(None, *[all_slots] * 2000)
    assert len(desk.batches) == 1
    assert "more than 4096 requests" in str(desk.client.errors[0][1])


def test_values_that_a_client_sends_are_told(desk: Desk) -> None:
    desk.send("/deck/1/gain", -6)
    desk.send("/deck/2/mute", True)
    desk.send("/deck/1/gain")  # a read
    desk.send("/deck/2/mute")  # a toggle: the client cannot know what it is now
    desk.send("/deck/1/play", "none")
    desk.send("/tempo", 9999)
    desk.send_bundle(None, Message("/tempo", (100,)))
    touched = [address for _, address in desk.touched]
    assert touched == ["/deck/1/gain", "/deck/2/mute", "/deck/1/play", "/tempo"]
    assert all(client is desk.client for client, _ in desk.touched)
