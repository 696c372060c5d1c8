"""Sideman's output on a real sound server: what JACK plays is what was written."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from bridge.audio.devices import list_devices, open_output
from bridge.audio.output import DeviceError, Output
from engine.api import Audio
from engine.errors import BadValue
from tests.peers.jack import JackServer, jack_server, output_ports, recording

pytestmark = pytest.mark.peer

RATE, PERIOD = 48_000, 512
LEAD = 8_192
"""Far more than a conductor's: these tests are about the device, not about a busy machine."""


@pytest.fixture
def server() -> Iterator[JackServer]:
    with jack_server(RATE, PERIOD) as running:
        yield running


@pytest.fixture
def output(server: JackServer) -> Iterator[Output]:
    device = open_output("system jack", RATE, 256)
    yield device
    device.stop()


def numbered(start: int, samples: int) -> Audio:
    """Each sample says which it is, exactly: left n / 2**18, right -n / 2**19, n from 1."""
    number = np.arange(start + 1, start + samples + 1, dtype=np.float32)
    return np.stack([number / 2**18, -number / 2**19], axis=1)


def until(condition: Callable[[], bool], what: str, deadline_s: float = 20.0) -> None:
    end_s = time.monotonic() + deadline_s
    while not condition():
        assert time.monotonic() < end_s, what
        time.sleep(0.002)


def feed(output: Output, audio: Audio) -> None:
    """Write all of it, never more than LEAD ahead."""
    for at in range(0, len(audio), 1000):
        until(lambda: output.buffered() <= LEAD, "the device takes nothing")
        output.write(audio[at : at + 1000])


def test_the_server_is_listed_as_a_device(server: JackServer) -> None:
    (device,) = [each for each in list_devices() if each.decides_block]
    assert (device.name, device.max_output_channels) == ("system", 2)
    assert device.default_rate == RATE


def test_every_sample_is_played_once_and_in_order(output: Output) -> None:
    audio = numbered(0, 3 * RATE)
    output.write(audio[:LEAD])
    output.start()
    assert output.block == PERIOD
    assert output.latency_s > 0
    ports = output_ports("sideman")
    assert len(ports) == 2
    with recording(ports) as tape:
        feed(output, audio[LEAD:])
        until(lambda: output.buffered() == 0, "the device does not take the rest")
        tape.wait(4 * PERIOD)
    played = tape.audio()
    played = played[played[:, 0] != 0]
    first = round(float(played[0, 0]) * 2**18) - 1  # the tape began while it was playing
    np.testing.assert_array_equal(played, audio[first:])
    assert output.taken()[0] == len(audio)


def test_starving_is_counted_and_play_goes_on_where_it_was(output: Output) -> None:
    output.start()
    audio = numbered(0, 12_345 + 2 * RATE)
    with recording(output_ports("sideman")) as tape:
        assert output.xruns == 0
        output.write(audio[:12_345])
        until(lambda: output.xruns > 0, "the gap is not noticed")
        assert output.buffered() == 0
        tape.wait(PERIOD)
        feed(output, audio[12_345:])
        until(lambda: output.buffered() == 0, "play does not go on")
        tape.wait(4 * PERIOD)
    played = tape.audio()
    np.testing.assert_array_equal(played[played[:, 0] != 0], audio)
    gap = np.flatnonzero(played[:, 0] == np.float32(12_346 / 2**18))[0]
    assert not played[gap - PERIOD : gap].any()
    assert not output.failed


def test_what_was_taken_follows_the_clock(output: Output) -> None:
    output.write(np.zeros((LEAD, 2), np.float32))
    output.start()
    before, before_s = output.taken()
    feed(output, np.zeros((2 * RATE, 2), np.float32))
    after, after_s = output.taken()
    assert after - before == pytest.approx((after_s - before_s) * RATE, rel=0.05)
    assert after + output.buffered() == pytest.approx(2 * RATE + LEAD, abs=2 * PERIOD)


def test_a_wrong_rate_is_answered_with_those_that_work(server: JackServer) -> None:
    with pytest.raises(DeviceError, match=r"does not play at 44100 .* it does at 48000"):
        open_output("system jack", 44_100, 256)


def test_an_unknown_device_is_answered_with_those_there_are(server: JackServer) -> None:
    with pytest.raises(BadValue, match=r"no output 'gramophone'; there are null, .*'system'"):
        open_output("gramophone", RATE, 256)


def test_stopping_gives_the_device_back(output: Output) -> None:
    output.start()
    output.stop()
    output.stop()
    again = open_output("system jack", RATE, 256)
    again.start()
    again.stop()


def test_one_speaker_gets_both_channels() -> None:
    with jack_server(RATE, PERIOD, channels=1):
        output = open_output("system jack", RATE, 256)
        try:
            output.start()
            ports = output_ports("sideman")
            assert len(ports) == 1
            with recording(ports) as tape:
                feed(output, numbered(0, RATE))
                until(lambda: output.buffered() == 0, "the device takes nothing")
                tape.wait(4 * PERIOD)
        finally:
            output.stop()
    played = tape.audio()[:, 0]
    np.testing.assert_array_equal(played[played != 0], numbered(0, RATE).mean(axis=1))


# What ends a server spoils PortAudio for the rest of a process: these have one of their own.

LOSE_THE_SERVER = """
from bridge.audio.devices import open_output
from bridge.audio.output import DeviceError
import numpy as np, sys, time

output = open_output("system jack", 48_000, 256)
output.write(np.zeros((8192, 2), np.float32))
output.start()
print("playing", flush=True)
sys.stdin.readline()
end_s = time.monotonic() + 20
while not output.failed and time.monotonic() < end_s:
    time.sleep(0.01)
print(output.failed)
output.write(np.zeros((30_000, 2), np.float32))
output.stop()
try:
    open_output("system jack", 48_000, 256)
except DeviceError as error:
    print(error)
"""


def test_a_server_that_dies_is_a_failed_output_and_no_crash() -> None:
    with jack_server(RATE, PERIOD) as server:
        child = subprocess.Popen(
            [sys.executable, "-c", LOSE_THE_SERVER],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert child.stdout is not None
        assert child.stdout.readline() == "playing\n"
        server.kill()
        out, err = child.communicate("go on\n", timeout=60)
    assert child.returncode == 0, err
    failed, refused = out.splitlines()
    assert failed == "'system' has gone or its driver ended"
    assert "the JACK server has ended" in refused


def test_without_a_server_there_is_no_jack_and_no_noise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JACK_DEFAULT_SERVER", "sideman-none-such")
    program = "from bridge.audio.devices import list_devices; print(list_devices())"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    assert "JACK" not in done.stdout
    assert done.stderr == ""
