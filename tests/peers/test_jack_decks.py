"""The output `jack` on a real sound server: each deck has ports of its own."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from bridge.audio.devices import open_output
from bridge.audio.jack.client import NAME, port_names
from bridge.audio.jack.output import JackOutput
from bridge.audio.output import DeviceError
from engine.api import Audio
from tests.peers.jack import client, jack_server, output_ports, recording
from tests.peers.test_jack_output import until
from tests.peers.test_server import _where, recorded
from tests.serving import Server, serving

pytestmark = pytest.mark.peer

RATE, PERIOD = 48_000, 512


def test_the_decks_ports_add_up_to_the_master_and_that_is_what_was_mixed(tmp_path: Path) -> None:
    words = ("--output", "jack", "--decks", "3")
    with jack_server(RATE, PERIOD), serving(tmp_path, *words) as server:
        ports = [f"{NAME}:{name}" for name in port_names(3)]
        assert output_ports(NAME) == ports
        assert speakers_of(ports[:2]) == ["system:playback_1", "system:playback_2"]
        for deck, prompt in ((1, "house, kick only"), (3, "warm pad in A minor, no drums")):
            server.send(f"/deck/{deck}/prompt", prompt)
            server.send(f"/deck/{deck}/gain", -9.0)
            server.send(f"/deck/{deck}/play")
        server.play_until(1)
        played, master = _take(server, ports)
    decks = played[:, 2:].reshape(len(played), 3, 2)
    assert [bool(np.any(decks[:, n])) for n in range(3)] == [True, False, True]
    np.testing.assert_allclose(decks.sum(axis=1), played[:, :2], rtol=0, atol=1e-6)
    at = _where(master[: 3 * RATE], played[:, :2])
    np.testing.assert_allclose(played[at : at + 3 * RATE, :2], master[: 3 * RATE], atol=2e-7)


def speakers_of(ports: list[str]) -> list[str]:
    look = client("sideman-look")
    try:
        return [to.name for port in ports for to in look.get_all_connections(port)]
    finally:
        look.close()


def _take(server: Server, ports: list[str]) -> tuple[Audio, Audio]:
    """Some seconds as JACK played them and as they were mixed; without a gap, or it is no
    evidence."""
    for _ in range(8):
        with recording(ports) as tape:
            tape.wait(RATE // 4)  # a client that joins makes a gap
            before = server.status()["xruns"]
            server.send("/record", 1)
            server.sync()
            tape.wait(4 * RATE)
            master = server.stop_recording()
            tape.wait(RATE // 2)
            if server.status()["xruns"] == before:
                return tape.audio(), recorded(master)
    raise AssertionError("not four seconds without an xrun")


def numbered(samples: int, channels: int) -> Audio:
    """Each sample says which it is, and in which channel, exactly."""
    rows = np.arange(1, samples + 1)[:, None] / 2**18
    return (rows * (1 + np.arange(channels))).astype(np.float32)


def test_every_sample_is_played_once_and_play_goes_on_after_a_gap() -> None:
    with jack_server(RATE, PERIOD):
        output = JackOutput(RATE, 2)
        try:
            audio = numbered(20_000 + 777, output.channels)
            output.start()
            assert output.block == PERIOD
            assert output.latency_s > 0
            with recording(output_ports(NAME)) as tape:
                output.write(audio[:777])
                tape.wait(2 * PERIOD)
                assert (output.starved, output.buffered()) == (0, 777)  # too little to begin with
                output.write(audio[777:12_345])
                until(lambda: output.starved == 1, "the gap is not noticed")
                output.write(audio[12_345:])
                full = len(audio) // PERIOD * PERIOD
                until(lambda: output.taken()[0] == full, "play does not go on")
                tape.wait(2 * PERIOD)
        finally:
            output.stop()
    played = tape.audio()
    np.testing.assert_array_equal(played[played[:, 0] != 0], audio[:full])


def test_a_server_that_dies_is_a_failed_output_and_no_crash() -> None:
    with jack_server(RATE, PERIOD) as server:
        output = JackOutput(RATE, 2)
        try:
            output.start()
            output.write(np.zeros((4096, output.channels), np.float32))
            server.kill()
            until(lambda: bool(output.failed), "its end is not noticed")
            assert output.failed == "the JACK server has gone"
        finally:
            output.stop()
        with pytest.raises(DeviceError, match="no JACK server runs"):
            open_output("jack", RATE, 256)


def test_a_wrong_rate_is_answered_with_the_right_one() -> None:
    with (
        jack_server(RATE, PERIOD),
        pytest.raises(DeviceError, match="runs at 48000 Hz, not 44100: give --rate 48000"),
    ):
        open_output("jack", 44_100, 256)


def test_what_was_taken_follows_the_clock() -> None:
    with jack_server(RATE, PERIOD):
        output = JackOutput(RATE, 1)
        try:
            output.write(np.zeros((16_000, 4), np.float32))
            output.start()
            until(lambda: output.taken()[0] > 0, "it takes nothing")
            before, before_s = output.taken()
            end_s = time.monotonic() + 1.0
            while time.monotonic() < end_s:
                if output.buffered() < 8000:
                    output.write(np.zeros((2000, 4), np.float32))
                time.sleep(0.001)
            after, after_s = output.taken()
        finally:
            output.stop()
    assert after - before == pytest.approx((after_s - before_s) * RATE, rel=0.05)
