"""A JACK server of our own as the sound card, and a client that records what a port plays.

Threading: a `Recording` is filled on JACK's process thread and read on the test's. JACK touches
only its buffer and its count, and the count last.

    with jack_server() as server, recording(["sideman:out_0", "sideman:out_1"]) as tape:
        tape.wait(48_000)
    tape.audio()  # float32 [samples, 2]

The server's clock is a timer (`-d dummy`), so that no sound card is needed. It runs in JACK's
synchronous mode: each period waits for all clients, so that a recording on a busy machine is
late rather than full of holes.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from engine.api import Audio
from tests.peers.conftest import absent, need

START_S = 15.0
"""More than a server takes to start on a machine that is busy with other tests."""
POLL_S = 0.02
NAMES = [f"sideman-test-{number}" for number in range(4)]


@dataclass(frozen=True, slots=True)
class JackServer:
    name: str
    process: subprocess.Popen[bytes]

    def kill(self) -> None:
        """End it at once, as a crash or an unplugged device would."""
        self.process.kill()
        self.process.wait()


@contextmanager
def jack_server(
    rate: int = 48_000, period: int = 256, channels: int = 2, *, waits: bool = True
) -> Iterator[JackServer]:
    """Run `jackd` with a name of its own, and make it the default server of this process.

    It is a sound card of `channels` outputs that takes `period` samples at a time. It `waits` for
    its clients in every period, or keeps time whether they do or not, as a card does. Children
    inherit the name through the environment. JACK's library serves one server at a time: close
    all clients, and stop all outputs, before the next. Skips the test if JACK is not installed.
    """
    before = {key: os.environ.get(key) for key in ("JACK_DEFAULT_SERVER", "JACK_NO_START_SERVER")}
    os.environ["JACK_NO_START_SERVER"] = "1"
    driver = ["-d", "dummy", "-r", str(rate), "-p", str(period), "-P", str(channels)]
    server = _start([*(["-S"] if waits else []), *driver])
    try:
        yield server
    finally:
        _restore(before)
        _end(server.process)


def _start(mode: list[str]) -> JackServer:
    """Start a server under the first name of the pool that no running server has.

    JACK remembers eight servers, and a killed one for ever, unless its name is used again.
    """
    program = [need("setpriv"), "--pdeathsig", "TERM", need("jackd")]
    said = ""
    for name in NAMES:
        os.environ["JACK_DEFAULT_SERVER"] = name
        with tempfile.NamedTemporaryFile() as log:
            command = [*program, "-n", name, "-r", *mode]
            process = subprocess.Popen(command, stdout=log, stderr=log)
            if _answers(process, Path(log.name)):
                return JackServer(name, process)
            _end(process)
            said = Path(log.name).read_text()
        if "already active" not in said:
            break
    raise AssertionError(f"jackd does not answer: {said}")


def _answers(process: subprocess.Popen[bytes], log: Path) -> bool:
    """Wait until it does, or has ended."""
    deadline_s = time.monotonic() + START_S
    while time.monotonic() < deadline_s and process.poll() is None:
        # Not before it has claimed its name: another server of that name would answer for it.
        if "server starting" in log.read_text():
            try:
                client("sideman-probe").close()
            except _jack().JackError:
                pass
            else:
                return True
        time.sleep(POLL_S)
    return False


def _restore(environment: dict[str, str | None]) -> None:
    for key, value in environment.items():
        if value is None:
            os.environ.pop(key, None)
        else:
            os.environ[key] = value


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _jack() -> Any:
    """The JACK-Client module, with its library's messages kept off the test's output."""
    try:
        import jack
    except (ImportError, OSError) as error:
        absent(
            "JACK-Client", f"pip install JACK-Client; apt-get install libjack-jackd2-0 ({error})"
        )
    jack.set_error_function(lambda message: None)
    jack.set_info_function(lambda message: None)
    return jack


def client(name: str) -> Any:
    """A `jack.Client` on the running server; the caller closes it."""
    return _jack().Client(name, no_start_server=True)


class Recording:
    """What the given output ports play, one column each, from the moment it began."""

    def __init__(self, jack_client: Any, ports: Sequence[str], seconds: float) -> None:
        self.rate = int(jack_client.samplerate)
        self._buffer = np.zeros((len(ports), int(seconds * self.rate)), np.float32)
        self._count = 0
        self._inputs = [jack_client.inports.register(f"in_{i}") for i in range(len(ports))]
        jack_client.set_process_callback(self._process)
        jack_client.activate()
        for source, target in zip(ports, self._inputs, strict=True):
            jack_client.connect(source, target)

    def _process(self, frames: int) -> None:
        count = min(frames, self._buffer.shape[1] - self._count)
        for row, port in zip(self._buffer, self._inputs, strict=True):
            row[self._count : self._count + count] = port.get_array()[:count]
        self._count += count

    @property
    def samples(self) -> int:
        """Recorded so far. When the tape is full it stops."""
        return self._count

    def wait(self, samples: int, deadline_s: float = 30.0) -> None:
        """Wait until `samples` more have been recorded."""
        until, end_s = self._count + samples, time.monotonic() + deadline_s
        while self._count < until:
            assert time.monotonic() < end_s, f"JACK recorded {self._count} of {until} samples"
            time.sleep(POLL_S / 4)

    def audio(self) -> Audio:
        """A copy of all so far, float32 `[samples, ports]`."""
        return self._buffer[:, : self._count].T.copy()


@contextmanager
def recording(ports: Sequence[str], seconds: float = 60.0) -> Iterator[Recording]:
    """Record from output ports, by their full names, until the block ends."""
    jack_client = client("sideman-tape")
    try:
        yield Recording(jack_client, ports, seconds)
    finally:
        jack_client.deactivate()
        jack_client.close()


def capture(ports: Sequence[str], seconds: float) -> Audio:
    """Record that long from now; returns float32 `[samples, ports]`."""
    with recording(ports, seconds + 1) as tape:
        tape.wait(round(seconds * tape.rate), deadline_s=seconds * 3 + 10)
        return tape.audio()


def output_ports(of_client: str, deadline_s: float = 10.0) -> list[str]:
    """The audio output ports of the client whose name begins so, once it has any."""
    jack_client = client("sideman-look")
    try:
        end_s = time.monotonic() + deadline_s
        while time.monotonic() < end_s:
            ports = jack_client.get_ports(f"^{of_client}.*:", is_audio=True, is_output=True)
            if ports:
                return [port.name for port in ports]
            time.sleep(POLL_S)
        raise AssertionError(f"no JACK client {of_client} with audio outputs")
    finally:
        jack_client.close()
