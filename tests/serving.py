"""The real server as a process of its own, driven as its users drive it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from bridge.audio.jack import client as jack_client
from bridge.osc.sender import Sender
from bridge.row import Value
from bridge.warp import outside

SIDEMAN = (sys.executable, "-m", "bridge.cli")
ROOT = Path(__file__).resolve().parent.parent
PATIENCE_S = 60.0
"""Nothing takes so long on any machine; what does has failed."""

_HELPERS = (outside.TITLE, jack_client.TITLE)

# On Windows a process can only be interrupted together with its whole group.
if sys.platform == "win32":
    OWN_GROUP, END = subprocess.CREATE_NEW_PROCESS_GROUP, signal.CTRL_BREAK_EVENT
else:
    OWN_GROUP, END = 0, signal.SIGINT


def sideman(*words: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Run one command to its end."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [*SIDEMAN, *words], cwd=cwd, env=environment, capture_output=True, text=True, timeout=120
    )


def until(condition: Callable[[], bool], what: str, poll_s: float = 0.01) -> None:
    end_s = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < end_s, what
        time.sleep(poll_s)


@dataclass
class Server:
    """A `sideman serve` that has said `ready`."""

    process: subprocess.Popen[str]
    ready: str
    clips: Path
    port: int
    tcp_port: int
    client: Sender
    errors: Path
    """What it printed on stderr."""

    def ask(self, address: str, *values: Value, answer: str = "") -> tuple[Value, ...]:
        return self.client.ask(address, *values, answer=answer)

    def send(self, address: str, *values: Value) -> None:
        self.client.send(address, *values)

    def sync(self) -> None:
        """Return once everything sent before has taken effect."""
        assert self.ask("/sync", 1, answer="/synced") == (1,)

    def status(self) -> dict[str, Value]:
        names = ("engine", "model", "device", "tempo_bpm", "playing", "position_beats",
                 "headroom_s", "realtime_factor", "xruns", "locks")  # fmt: skip
        return dict(zip(names, self.ask("/status"), strict=True))

    def position(self) -> float:
        position = self.status()["position_beats"]
        assert isinstance(position, float)
        return position

    def play_until(self, beats: float) -> None:
        """Wait until the transport has come so far."""
        until(lambda: self.position() >= beats, f"beat {beats} was not reached", 0.05)

    @property
    def engine(self) -> psutil.Process:
        """The engine's process: of the server's children, the one that does nothing else."""
        children = psutil.Process(self.process.pid).children()
        spawned = [child for child in children if "spawn_main" in " ".join(child.cmdline())]
        (engine,) = [child for child in spawned if child.name() not in _HELPERS]
        return engine

    def record(self, beats: float) -> Path:
        """Record the master for so many beats; returns the finished file."""
        self.send("/record", 1)
        self.sync()
        self.play_until(self.position() + beats)
        return self.stop_recording()

    def stop_recording(self) -> Path:
        file, _ = self.ask("/record", 0, answer="/record/done")
        return self.clips / str(file)

    def stop(self) -> int:
        """End it as a terminal does; returns its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(END)
        return self.process.wait(PATIENCE_S)


@contextmanager
def serving(folder: Path, *words: str) -> Iterator[Server]:
    """`sideman serve` on free ports, silent unless `words` name an output."""
    errors = folder / "stderr.txt"
    clips = folder / "clips"
    output = () if "--output" in words else ("--output", "null")
    engine = () if "--engine" in words else ("--engine", "groove")
    command = [
        *(*SIDEMAN, "serve", "--osc", "127.0.0.1:0", "--clips", str(clips)),
        *(*output, *engine, *words),
    ]
    with errors.open("w") as log:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            creationflags=OWN_GROUP,
        )
        assert process.stdout is not None
        ready = process.stdout.readline()
        ports = re.match(r"ready osc \S+:(\d+) tcp \S+:(\d+)", ready)
        assert ports, f"{ready!r}, {errors.read_text()!r}"
        with Sender("127.0.0.1", int(ports[1])) as client, process.stdout:
            server = Server(process, ready, clips, int(ports[1]), int(ports[2]), client, errors)
            try:
                yield server
            finally:
                server.stop()
