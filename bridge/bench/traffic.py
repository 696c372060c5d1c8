"""The other side of the wire: a process of its own that sends real datagrams.

`python -m bridge.bench.traffic PORT` obeys lines of JSON on stdin and answers each with one on
stdout. Times are `monotonic_s()`, which all processes of a machine share.

Threading: one thread owns a `Traffic`; the process has one thread.
"""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any

from bridge.bench.figures import CannotMeasure
from bridge.time.clock import monotonic_s

_BURST_S = 0.001
_LARGEST = 65536


class Traffic:
    """Starts the process, and talks to it."""

    def __init__(self, port: int) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bridge.bench.traffic", str(port)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._read()  # it is up

    def __enter__(self) -> Traffic:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with contextlib.suppress(BrokenPipeError):
            self._process.communicate()

    def send(self, packet: bytes, delay_s: float) -> float:
        """Have one datagram sent after `delay_s`; when that was."""
        self.begin("send", packets=[packet.hex()], delay_s=delay_s)
        return float(self.result()["sent_s"])

    def flood(self, packets: Sequence[bytes], per_s: int, seconds: float) -> None:
        """Begin to send `packets` in turn; `result` has `sent`, `seconds` and `replies`."""
        hexes = [packet.hex() for packet in packets]
        self.begin("flood", packets=hexes, per_s=per_s, seconds=seconds)

    def ask(self, packet: bytes, interval_s: float, seconds: float) -> None:
        """Begin to ask again and again; `result` has `answers_ms` and `unanswered`."""
        self.begin("ask", packets=[packet.hex()], interval_s=interval_s, seconds=seconds)

    def begin(self, what: str, **words: Any) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"what": what, **words}) + "\n")
        self._process.stdin.flush()

    def result(self) -> dict[str, Any]:
        """What came of the last command; waits for it."""
        result: dict[str, Any] = json.loads(self._read())
        return result

    def _read(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise CannotMeasure("the process that sends datagrams has ended; run it again")
        return line


# --- In the process --------------------------------------------------------------------------


def main() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as wire:
        wire.connect(("127.0.0.1", int(sys.argv[1])))
        print("{}", flush=True)
        jobs: dict[str, Callable[..., dict[str, Any]]] = {
            "send": _send, "flood": _flood, "ask": _ask,
        }  # fmt: skip
        for line in sys.stdin:
            words = json.loads(line)
            job = jobs[words.pop("what")]
            packets = [bytes.fromhex(packet) for packet in words.pop("packets")]
            print(json.dumps(job(wire, packets, **words)), flush=True)


def _send(wire: socket.socket, packets: Sequence[bytes], delay_s: float) -> dict[str, Any]:
    time.sleep(delay_s)
    sent_s = monotonic_s()
    wire.send(packets[0])
    return {"sent_s": sent_s}


def _flood(
    wire: socket.socket, packets: Sequence[bytes], per_s: int, seconds: float
) -> dict[str, Any]:
    """Every millisecond sends what has fallen due since, and counts what came back."""
    begun_s = monotonic_s()
    sent, total, replies = 0, round(per_s * seconds), [0, 0]
    while sent < total:
        due = min(total, int((monotonic_s() - begun_s) * per_s))
        for number in range(sent, due):
            wire.send(packets[number % len(packets)])
        sent = max(sent, due)
        _count_replies(wire, replies)
        time.sleep(_BURST_S)
    took_s = monotonic_s() - begun_s
    time.sleep(0.5)  # for the last answers
    _count_replies(wire, replies)
    return {"sent": sent, "seconds": took_s, "replies": replies[0], "errors": replies[1]}


def _count_replies(wire: socket.socket, replies: list[int]) -> None:
    """Adds to all that came back, and to those that are `/error`."""
    wire.setblocking(False)
    with contextlib.suppress(BlockingIOError, ConnectionError):
        while True:
            replies[1] += wire.recv(_LARGEST).startswith(b"/error\0")
            replies[0] += 1
    wire.setblocking(True)


def _ask(
    wire: socket.socket, packets: Sequence[bytes], interval_s: float, seconds: float
) -> dict[str, Any]:
    answers_ms: list[float] = []
    unanswered = 0
    begun_s = monotonic_s()
    wire.settimeout(1.0)
    for number in range(round(seconds / interval_s)):
        time.sleep(max(0.0, begun_s + number * interval_s - monotonic_s()))
        asked_s = monotonic_s()
        wire.send(packets[0])
        try:
            wire.recv(_LARGEST)
        except (TimeoutError, ConnectionError):
            unanswered += 1
            continue
        answers_ms.append(1000 * (monotonic_s() - asked_s))
    wire.settimeout(None)
    return {"answers_ms": answers_ms, "unanswered": unanswered}


if __name__ == "__main__":
    main()
