"""MIDI systems without MIDI: ports that a test plugs in, plays and breaks."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from bridge.midi.ports import Input


class FakeInput:
    def __init__(self) -> None:
        self.queue: deque[tuple[list[int], float]] = deque()
        self.closed = False
        self.broken = False

    def read(self) -> tuple[Sequence[int], float] | None:
        if self.broken:
            raise OSError("the cable fell out")
        return self.queue.popleft() if self.queue else None

    def close(self) -> None:
        assert not self.closed, "closed twice"
        self.closed = True


class FakeOutput:
    """A controller's lights: what it was `sent`, and how each of its LEDs shines."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.sent: list[bytes] = []
        self.closed = False
        self.broken = False

    def send(self, data: bytes) -> None:
        assert not self.closed, "sent to a closed port"
        if self.broken:
            raise OSError("the cable fell out")
        self.sent.append(data)

    @property
    def leds(self) -> dict[int, tuple[int, int]]:
        """Channel and colour of each note, as a Launchpad keeps them."""
        return {m[1]: ((m[0] & 15) + 1, m[2]) for m in self.sent if m[0] & 0xF0 == 0x90}

    def close(self) -> None:
        assert not self.closed, "closed twice"
        self.closed = True


class FakeSystem:
    """A system whose `plugged` names are its ports, in and out; those in `stuck` refuse to
    open."""

    def __init__(self, *plugged: str, virtual: bool = True) -> None:
        self.plugged = list(plugged)
        self.stuck: set[str] = set()
        self.opened: list[tuple[str, FakeInput]] = []
        self.outputs: list[FakeOutput] = []
        self.own = FakeInput() if virtual else None
        self.gone = False
        self.closed = False

    def connect(self) -> FakeSystem:
        if self.gone:
            raise OSError("not running (start it)")
        return self

    def sources(self) -> list[str]:
        if self.gone:
            raise OSError("the server has stopped")
        return list(self.plugged)

    def label(self, source: str) -> str:
        return source.removesuffix(" 20:0").removesuffix(" 24:0")

    def open(self, index: int, source: str) -> Input:
        assert self.plugged[index] == source
        if source in self.stuck:
            raise OSError("in use")
        self.opened.append((source, FakeInput()))
        return self.opened[-1][1]

    def open_virtual(self) -> Input | None:
        return self.own

    def destinations(self) -> list[str]:
        return self.sources()

    def open_output(self, index: int, destination: str) -> FakeOutput:
        assert self.plugged[index] == destination
        if destination in self.stuck:
            raise OSError("in use")
        self.outputs.append(FakeOutput(self.label(destination)))
        return self.outputs[-1]

    def close(self) -> None:
        self.closed = True
