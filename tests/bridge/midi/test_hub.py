from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.dispatch import Batch
from bridge.midi import MidiHub, Realtime
from bridge.table import Table
from tests.bridge.midi.fakes import FakeSystem

PAD_1 = [0x90, 36, 100]
BYTES = st.one_of(
    st.lists(st.integers(0, 255), max_size=8),
    st.tuples(st.integers(0x80, 0xFF), st.integers(0, 127), st.integers(0, 127)).map(list),
)


class Rig:
    def __init__(self, store: Path, *systems: FakeSystem) -> None:
        self.batches: list[Batch] = []
        self.pulses: list[tuple[Realtime, float]] = []
        self.said: list[str] = []
        self.busy = False
        self.came = threading.Condition()
        connect = {f"system {i}": system.connect for i, system in enumerate(systems)}
        self.hub = MidiHub(
            self._submit, Table(4), store, self.said.append, connect=lambda: connect,
            on_realtime=lambda message, at_s: self.pulses.append((message, at_s)),
        )  # fmt: skip

    def _submit(self, batch: Batch) -> bool:
        with self.came:
            self.batches.append(batch)
            self.came.notify_all()
        return not self.busy

    @property
    def paths(self) -> list[str]:
        return [request.path for batch in self.batches for request in batch.requests]

    def wait_for(self, condition: Callable[[], bool]) -> None:
        with self.came:
            assert self.came.wait_for(condition, 10)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "midi.json"


@pytest.fixture
def system() -> FakeSystem:
    return FakeSystem("pad 20:0")


@pytest.fixture
def rig(store: Path, system: FakeSystem) -> Iterator[Rig]:
    rig = Rig(store, system)
    yield rig
    rig.hub.close()


def test_a_pad_becomes_a_batch_for_nobody_in_particular(rig: Rig, system: FakeSystem) -> None:
    rig.hub.start()
    assert rig.hub.ports() == ["sideman", "pad"]
    system.opened[0][1].queue.append((PAD_1, 0.0))
    rig.wait_for(lambda: bool(rig.batches))
    assert rig.paths == ["/slot/1/launch"]
    assert (rig.batches[0].client, rig.batches[0].at_s) == (None, None)


def test_our_own_input_plays_too(rig: Rig, system: FakeSystem) -> None:
    rig.hub.start()
    assert system.own is not None
    system.own.queue.append((PAD_1, 0.0))
    rig.wait_for(lambda: bool(rig.batches))


def test_closing_ends_it_and_keeps_what_was_learnt(
    rig: Rig, system: FakeSystem, store: Path
) -> None:
    rig.hub.start()
    rig.hub.learn("/play")
    rig.hub.received("pad", PAD_1, 0.0)
    rig.hub.close()
    assert system.closed
    assert rig.hub.ports() == []
    again = Rig(store)
    again.hub.received("pad", PAD_1, 0.0)
    assert again.paths == ["/play"]


def test_a_machine_without_midi_starts_and_says_why(store: Path) -> None:
    system = FakeSystem()
    system.gone = True
    rig = Rig(store, system)
    rig.hub.start()
    assert rig.hub.problem == "no MIDI: system 0: not running (start it)"
    assert rig.hub.ports() == []
    rig.hub.close()


def test_it_can_be_closed_without_being_started(store: Path) -> None:
    Rig(store).hub.close()


def test_clock_and_transport_are_handed_on_with_their_time(rig: Rig) -> None:
    rig.hub.received("daw", [0xFA], 1.5)
    rig.hub.received("daw", [0xF2, 16, 1], 1.6)
    assert rig.pulses == [
        (Realtime("start", "daw"), 1.5),
        (Realtime("position", "daw", 144), 1.6),
    ]
    assert rig.batches == []


def test_clock_may_be_left_alone(store: Path) -> None:
    hub = MidiHub(lambda _: True, Table(1), store, lambda _: None, connect=dict)
    hub.received("daw", [0xF8], 0.0)


def test_one_message_on_two_ports_counts_once(rig: Rig) -> None:
    rig.hub.received("pad", PAD_1, 5.0)
    rig.hub.received("sideman", PAD_1, 5.001)
    assert len(rig.batches) == 1
    rig.hub.received("pad", PAD_1, 5.002)
    rig.hub.received("sideman", PAD_1, 6.0)
    assert len(rig.batches) == 3


def test_two_clocks_stay_two(rig: Rig) -> None:
    rig.hub.received("daw", [0xF8], 5.0)
    rig.hub.received("drums", [0xF8], 5.001)
    assert [message.port for message, _ in rig.pulses] == ["daw", "drums"]


def test_a_full_queue_is_said_once_until_it_empties(rig: Rig) -> None:
    rig.busy = True
    for note in (36, 37, 38):
        rig.hub.received("pad", [0x90, note, 1], 0.0)
    assert rig.said == ["busy: /slot/1/launch from MIDI input pad was dropped"]
    rig.busy = False
    rig.hub.received("pad", [0x90, 39, 1], 0.0)
    rig.busy = True
    rig.hub.received("pad", [0x90, 40, 1], 0.0)
    assert len(rig.said) == 2


def test_a_knob_follows_the_state(rig: Rig) -> None:
    rig.hub.follow("/deck/1/level", (1.0,))
    rig.hub.received("pad", [0xB0, 7, 3], 0.0)
    assert rig.batches == []
    rig.hub.received("pad", [0xB0, 7, 126], 0.0)
    assert rig.paths == ["/deck/1/level"]


@given(st.lists(st.tuples(st.sampled_from(["pad", "keys"]), BYTES), max_size=30), st.booleans())
def test_any_bytes_whatever_are_survived(
    tmp_path_factory: pytest.TempPathFactory, messages: list[tuple[str, list[int]]], learn: bool
) -> None:
    rig = Rig(tmp_path_factory.mktemp("store") / "midi.json")
    if learn:
        rig.hub.learn("/deck/1/gain")
    for port, data in messages:
        rig.hub.received(port, data, 0.0)
    for batch in rig.batches:
        assert batch.requests
