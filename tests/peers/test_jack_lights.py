"""Lights for real: a program that is an APC mini, as far as JACK's ports can tell, plays a real
server through its map and is lit by it.

Threading: a `Controller`'s `told` is filled by a thread of its own, under `came`.
"""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.peers.jack import jack_server
from tests.serving import Server, serving, until

pytestmark = pytest.mark.peer

DEADLINE_S = 20.0
TOP_LEFT = 56
"""The pad that launches slot 1 on deck 1."""
MUTE_1 = 68
DARK, GREEN, BLINKING, YELLOW = 0, 1, 2, 5

APC_MINI = """
import queue, sys, threading
from tests.peers.jack import client
todo, told = queue.SimpleQueue(), queue.SimpleQueue()
jack_client = client("APC MINI")
out = jack_client.midi_outports.register("MIDI 1 out")
into = jack_client.midi_inports.register("MIDI 1 in")

def process(frames):
    for _, data in into.incoming_midi_events():
        told.put(bytes(data))
    out.clear_buffer()
    if not todo.empty():
        out.write_midi_event(0, todo.get_nowait())

def tell():
    while (data := told.get()) is not None:
        print(data.hex(), flush=True)

jack_client.set_process_callback(process)
jack_client.activate()
print("ready", flush=True)
threading.Thread(target=tell, daemon=True).start()
for line in sys.stdin:
    todo.put(bytes.fromhex(line))
jack_client.deactivate()
jack_client.close()
"""


class Controller:
    """A process of its own, whose JACK thread waits for nobody here."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", APC_MINI], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            text=True, cwd=Path(__file__).parents[2],
        )  # fmt: skip
        self.told: list[bytes] = []
        self.came = threading.Condition()
        self._in, self._out = self._process.stdin, self._process.stdout
        assert self._out is not None
        assert self._out.readline() == "ready\n"
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._out is not None
        for line in self._out:
            with self.came:
                self.told.append(bytes.fromhex(line))
                self.came.notify_all()

    def press(self, note: int, color: int) -> None:
        """Until it shines so: JACK drops what a client writes in a period that it does not finish
        in time, which a busy machine makes happen now and then."""
        assert self._in is not None
        with self.came:
            for _ in range(5):
                self._in.write(bytes((0x90, note, 127)).hex() + "\n")
                self._in.flush()
                if self.came.wait_for(lambda: self.shines(note) == color, DEADLINE_S / 5):
                    return
        raise AssertionError(self.told)

    def shines(self, note: int) -> int | None:
        """The colour of a pad; None: it was never told."""
        return {data[1]: data[2] for data in self.told}.get(note)

    def wait_for(self, note: int, color: int) -> None:
        with self.came:
            assert self.came.wait_for(lambda: self.shines(note) == color, DEADLINE_S), self.told

    def unplug(self) -> None:
        assert self._in is not None
        self._in.close()
        assert self._process.wait(DEADLINE_S) == 0
        self._reader.join()
        assert self._out is not None
        self._out.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    pytest.importorskip("rtmidi", reason="python-rtmidi is not installed")
    with jack_server(), serving(
        tmp_path_factory.mktemp("lights"), "--midi-map", "akai-apc-mini"
    ) as server:  # fmt: skip
        yield server


def test_a_pad_launches_its_slot_and_the_lights_follow_even_replugged(server: Server) -> None:
    assert "no MIDI input fits the map Akai APC mini" in server.errors.read_text()
    server.send("/slot/1/prompt", "house, jazz piano")
    apc = Controller()
    apc.wait_for(TOP_LEFT, YELLOW)
    server.send("/deck/1/mute", 1)
    apc.wait_for(MUTE_1, GREEN)
    apc.press(TOP_LEFT, GREEN)
    assert server.ask("/deck/1/prompt") == ("house, jazz piano",)
    server.send("/slot/2/prompt", "techno")
    apc.press(TOP_LEFT - 8, BLINKING)
    apc.wait_for(TOP_LEFT - 8, GREEN)
    apc.wait_for(TOP_LEFT, YELLOW)
    apc.unplug()
    until(lambda: "is gone" in server.errors.read_text(), "not seen to go")
    again = Controller()
    again.wait_for(TOP_LEFT - 8, GREEN)
    again.wait_for(MUTE_1, GREEN)
    assert server.stop() == 0
    again.wait_for(TOP_LEFT - 8, DARK)
    again.wait_for(MUTE_1, DARK)
    again.unplug()
    assert "Traceback" not in server.errors.read_text()
