"""How long `sideman serve` takes until it will answer, and the server that others measure."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from types import TracebackType

from bridge.bench.figures import CannotMeasure, Figure, Target, Tell
from bridge.bench.plan import Plan
from bridge.config import host_and_port
from bridge.osc.sender import Sender
from bridge.time.clock import monotonic_s

_STOP_S = 10.0


class Served:
    """`sideman serve` with the null output in a process of its own, as users run it."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory()
        begun_s = monotonic_s()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bridge.cli", "serve", "--engine", "groove",
             "--output", "null", "--osc", "127.0.0.1:0", "--clips", self._folder.name],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        assert self._process.stdout is not None
        words = self._process.stdout.readline().split()
        self.ready_s = monotonic_s() - begun_s
        """From the start of the process to the line `ready`."""
        if words[:2] != ["ready", "osc"]:
            self.close()
            raise CannotMeasure("sideman serve does not start: run it to see why")
        self.host, self.port = host_and_port(words[2])
        self.http = words[words.index("http") + 1]
        """Host and port of the console."""

    @property
    def pid(self) -> int:
        return self._process.pid

    def sender(self) -> Sender:
        return Sender(self.host, self.port)

    def __enter__(self) -> Served:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._folder.cleanup()


def measure_startup(plan: Plan, tell: Tell) -> list[Figure]:
    ready, peer = [], []
    for number in range(plan.starts):
        tell(f"starting, {number + 1} of {plan.starts}")
        peer.append(_numpy_s())
        with Served() as served:
            ready.append(served.ready_s)
    target = Target("<", 1.5)
    return [
        Figure("serve to ready, median", median(ready), "s", target, "import numpy", median(peer)),
        Figure(f"serve to ready, worst of {len(ready)}", max(ready), "s", target),
    ]


def _numpy_s() -> float:
    """What an interpreter takes that only imports numpy."""
    begun_s = monotonic_s()
    subprocess.run([sys.executable, "-c", "import numpy"], check=True, cwd=Path.home())
    return monotonic_s() - begun_s
