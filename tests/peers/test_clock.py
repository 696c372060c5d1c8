"""Clocks for real: our MIDI clock goes out over JACK and is followed by what comes in."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bridge.clocks.line import Device
from bridge.clocks.midi import MidiClock
from bridge.midi import MidiHub
from bridge.midi.clock_out import ClockOut
from bridge.midi.outputs import open_output
from bridge.midi.system import connect_all
from bridge.table import Table
from bridge.time.clock import monotonic_s
from bridge.time.transport import Transport
from engine.errors import BadValue
from tests.peers.jack import client, jack_server

pytestmark = pytest.mark.peer

RATE = 48_000
SECONDS = 4.0


@pytest.fixture
def server() -> Iterator[None]:
    pytest.importorskip("rtmidi", reason="python-rtmidi is not installed")
    with jack_server():
        yield


@pytest.mark.usefixtures("server")
def test_what_is_sent_over_jack_is_followed_by_another(tmp_path: Path) -> None:
    follower = MidiClock()
    hub = MidiHub(
        lambda batch: True, Table(4), tmp_path / "midi.json", print,
        on_realtime=follower.received, connect=lambda: {"JACK": connect_all()["JACK"]},
    )  # fmt: skip
    hub.start(["nothing is named like this"])
    out = ClockOut(open_output("virtual"), print)
    try:
        patchbay = client("patchbay")
        (source,) = patchbay.get_ports("sideman clock", is_midi=True, is_output=True)
        patchbay.connect(source, "sideman:sideman")
        patchbay.close()
        beat_off = _follow(out, follower)
    finally:
        out.close()
        hub.close()
    assert abs(beat_off) < 0.01 * 110 / 60  # 10 ms: two periods of the server


def _follow(out: ClockOut, follower: MidiClock) -> float:
    """Play for a while; returns by how many beats the follower is behind."""
    transport = Transport(RATE, bpm=110.0)
    device = Device(0, monotonic_s(), RATE)
    transport.start(4800, 0.0)
    out.start()
    while (now_s := monotonic_s()) < device.at_s + SECONDS:
        out.plan(transport, round(device.sample_at(now_s + 0.02)), device, 0.0, muted=False)
        follower.read(now_s)
        time.sleep(0.005)
    reading = follower.read(now_s)
    assert reading.line is not None
    assert reading.line.bpm == pytest.approx(110.0, abs=0.5)
    return transport.beat_at(device.sample_at(now_s)) - reading.line.beat_at(now_s)


@pytest.mark.usefixtures("server")
def test_an_output_that_is_not_there_is_named_with_those_that_are() -> None:
    with pytest.raises(BadValue, match="no MIDI output is named 'no such thing'; here: "):
        open_output("no such thing")
