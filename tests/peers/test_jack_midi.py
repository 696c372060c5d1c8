"""MIDI for real: another program's JACK ports play sideman."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bridge.dispatch import Batch
from bridge.midi import MidiHub, Realtime
from bridge.row import Value
from bridge.table import Table
from bridge.time.clock import monotonic_s
from tests.peers.jack import JackServer, client, jack_server

pytestmark = pytest.mark.peer

OWN_PORT = "sideman:sideman"
DEADLINE_S = 20.0


@pytest.fixture
def server() -> Iterator[JackServer]:
    pytest.importorskip("rtmidi", reason="python-rtmidi is not installed")
    with jack_server() as server:
        yield server


PLAYER = """
import queue, sys
from tests.peers.jack import client
todo = queue.SimpleQueue()
jack_client = client(sys.argv[1])
out = jack_client.midi_outports.register("out")

def process(frames):
    out.clear_buffer()
    if not todo.empty():
        out.write_midi_event(0, todo.get_nowait())

jack_client.set_process_callback(process)
jack_client.activate()
print("ready", flush=True)
for line in sys.stdin:
    todo.put(bytes.fromhex(line))
jack_client.deactivate()
jack_client.close()
"""


class Player:
    """A program with one MIDI output, which plays what it is told, one message a period.

    It is a process of its own: JACK's callback into Python waits for the interpreter, which here
    may be held by a thread that waits for JACK.
    """

    def __init__(self, name: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", PLAYER, name], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            text=True, cwd=Path(__file__).parents[2],
        )  # fmt: skip
        self.port = f"{name}:out"
        self._in, self._out = self._process.stdin, self._process.stdout
        assert self._in is not None
        assert self._out is not None
        assert self._out.readline() == "ready\n"

    def play(self, *message: int) -> None:
        assert self._in is not None
        self._in.write(bytes(message).hex() + "\n")
        self._in.flush()

    def leave(self) -> None:
        self._process.communicate(timeout=DEADLINE_S)


def patch(source: str, target: str) -> None:
    jack_client = client("patchbay")
    jack_client.connect(source, target)
    jack_client.close()


def midi_inputs() -> list[str]:
    jack_client = client("patchbay")
    names = [str(port.name) for port in jack_client.get_ports(is_midi=True, is_input=True)]
    jack_client.close()
    return names


@pytest.fixture
def player(server: JackServer) -> Iterator[Player]:
    player = Player("pad")
    yield player
    player.leave()


class Rig:
    def __init__(self, store: Path) -> None:
        self.messages: list[tuple[str, tuple[Value, ...]]] = []
        self.pulses: list[tuple[Realtime, float]] = []
        self.said: list[str] = []
        self.came = threading.Condition()
        self.hub = MidiHub(
            self._submit, Table(4), store, self.said.append, on_realtime=self._realtime
        )

    def _submit(self, batch: Batch) -> bool:
        with self.came:
            self.messages += [(request.path, request.values) for request in batch.requests]
            self.came.notify_all()
        return True

    def _realtime(self, message: Realtime, at_s: float) -> None:
        with self.came:
            self.pulses.append((message, at_s))
            self.came.notify_all()

    def hears(self, player: Player, *message: int) -> None:
        """Play a message until it has come: JACK drops what a client writes in a period that it
        does not finish in time, which a busy machine makes happen now and then."""
        with self.came:
            before = len(self.messages) + len(self.pulses)
            for _ in range(5):
                player.play(*message)
                if self.came.wait_for(
                    lambda: len(self.messages) + len(self.pulses) > before, DEADLINE_S / 5
                ):
                    return
        raise AssertionError((message, self.messages, self.said))


@pytest.fixture
def rig(server: JackServer, tmp_path: Path) -> Iterator[Rig]:
    rig = Rig(tmp_path / "midi.json")
    yield rig
    rig.hub.close()


def wait_until(condition: Callable[[], bool], again: Callable[[], None] | None = None) -> None:
    """Do `again` now and every few seconds meanwhile."""
    deadline_s = monotonic_s() + DEADLINE_S
    again_s = 0.0
    while not condition():
        assert monotonic_s() < deadline_s, "it did not come about"
        if again is not None and monotonic_s() > again_s:
            again()
            again_s = monotonic_s() + DEADLINE_S / 5
        time.sleep(0.02)


def test_a_program_patched_to_our_input_plays_pads_and_knobs(rig: Rig, player: Player) -> None:
    rig.hub.start(["nothing is named like this"])
    assert rig.hub.ports() == ["sideman"]
    patch(player.port, OWN_PORT)
    rig.hears(player, 0x99, 38, 100)
    player.play(0x89, 38, 0)
    rig.hears(player, 0xB1, 74, 127)
    rig.hears(player, 0xC0, 4)
    rig.hears(player, 0xB2, 123, 0)
    assert rig.messages == [
        ("/slot/3/launch", ()),
        ("/deck/2/guidance", (10.0,)),
        ("/scene/5/launch", ()),
        ("/deck/3/stop", ("none",)),
    ]


def test_programs_that_come_later_are_heard_and_those_that_go_are_dropped(rig: Rig) -> None:
    rig.hub.start()
    assert rig.hub.ports() == ["sideman"]
    late = Player("latecomer")
    try:
        wait_until(lambda: "latecomer:out" in rig.hub.ports())
        rig.hears(late, 0x90, 36, 1)
        assert rig.messages == [("/slot/1/launch", ())]
    finally:
        late.leave()
    wait_until(lambda: rig.hub.ports() == ["sideman"])
    assert rig.said == ["MIDI input latecomer:out is here", "MIDI input latecomer:out is gone"]


def test_what_is_opened_and_patched_besides_counts_once(rig: Rig, player: Player) -> None:
    rig.hub.start()
    assert rig.hub.ports() == ["sideman", "pad:out"]
    patch(player.port, OWN_PORT)
    for note in (*range(36, 44), 51):
        rig.hears(player, 0x90, note, 100)
    slots = [*range(1, 9), 16]
    assert rig.messages == [(f"/slot/{slot}/launch", ()) for slot in slots]


def test_a_control_is_learnt_and_kept(rig: Rig, player: Player, tmp_path: Path) -> None:
    rig.hub.start()
    rig.hub.learn("/tempo")
    wait_until((tmp_path / "midi.json").exists, again=lambda: player.play(0xB0, 20, 5))
    rig.hears(player, 0xB0, 20, 127)
    assert rig.messages == [("/tempo", (400.0,))]


def test_clock_arrives_in_order_with_its_time(rig: Rig, player: Player) -> None:
    rig.hub.start()
    before_s = monotonic_s()
    for message in ((0xF2, 8, 0), (0xFA,), (0xF8,), (0xF8,), (0xFC,)):
        rig.hears(player, *message)
    times_s = [at_s for _, at_s in rig.pulses]
    assert [message.pulse for message, _ in rig.pulses] == [
        "position", "start", "clock", "clock", "stop",
    ]  # fmt: skip
    assert rig.pulses[0][0].sixteenths == 8
    assert times_s == sorted(times_s)
    assert before_s - 0.1 < times_s[0] <= times_s[-1] <= monotonic_s()


def test_closing_takes_our_ports_away(rig: Rig) -> None:
    rig.hub.start()
    assert OWN_PORT in midi_inputs()
    rig.hub.close()
    wait_until(lambda: midi_inputs() == [])


def test_a_server_that_dies_is_said_and_the_hub_lives(
    rig: Rig, server: JackServer, capfd: pytest.CaptureFixture[str]
) -> None:
    rig.hub.start()
    capfd.readouterr()
    server.kill()
    wait_until(lambda: bool(rig.hub.problem))
    assert rig.said == ["MIDI through JACK is gone (the server has stopped); looked for again"]
    assert rig.hub.ports() == []
    assert "JACK: the server has stopped" in rig.hub.problem
    rig.hub.close()
    assert capfd.readouterr().err == ""


def test_a_server_that_comes_back_is_found_again(
    rig: Rig, server: JackServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bridge.midi.ports.RETRY_S", 0.0)
    rig.hub.start()
    server.kill()
    wait_until(lambda: bool(rig.hub.problem))
    with jack_server():
        wait_until(lambda: rig.hub.ports() == ["sideman"])
        player = Player("pad")
        wait_until(lambda: "pad:out" in rig.hub.ports())
        rig.hears(player, 0x90, 36, 1)
        assert rig.messages == [("/slot/1/launch", ())]
        player.leave()
        rig.hub.close()
