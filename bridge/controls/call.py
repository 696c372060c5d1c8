"""One request on its way to what it does, and what a handler can reach.

Threading: the conductor's thread.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from bridge.addresses import Request, Value
from bridge.clips.folder import ClipItem
from bridge.clips.request import ClipRequest
from bridge.decks.recall import Taken
from bridge.osc.client import Client
from engine.api import Recording, StreamFault
from engine.errors import SidemanError


class Clips(Protocol):
    """The clips folder and the jobs that fill it."""

    def submit(self, requests: list[ClipRequest], asker: Client | None) -> list[int]: ...

    def capture(self, taken: Taken, asker: Client | None) -> int:
        """Bars that were played become a clip; returns the job's id."""

    def cancel(self, job: int) -> None: ...

    def runs(self, job: int) -> bool:
        """Whether there is such a job, waiting or running."""

    def list(self, then: Callable[[list[ClipItem]], None]) -> None:
        """Look into the folder on a thread of its own, and call `then` there."""

    def find(self, name: str) -> Path:
        """The file of that name in the folder. Raises BadValue if there is none, or if it is no
        name but a way out of the folder."""

    def read(self, name: str, then: Callable[[Recording | SidemanError], None]) -> None:
        """Read the end of a file on a thread of its own, and call `then` there with it, or with
        what is wrong with it."""

    def fault(self, fault: StreamFault) -> None:
        """A stream of the engine, maybe a job's, ended with an error."""


class Recorder(Protocol):
    """The master's recorder."""

    @property
    def running(self) -> bool: ...

    def start(self, asker: Client | None) -> None: ...

    def stop(self) -> None: ...


class Learning(Protocol):
    """MIDI learn."""

    def learn(self, address: str) -> None: ...

    def forget(self, address: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Services:
    """What the controls reach outside the session."""

    clips: Clips
    recording: Recorder
    midi: Learning
    status: Callable[[], tuple[Value, ...]]
    """The values of `/status`."""
    monotonic: Callable[[], float]


@dataclass(frozen=True, slots=True)
class Call:
    """A checked request, the sample `at` which it is meant, and whom to answer."""

    request: Request
    at: int
    client: Client | None

    @property
    def n(self) -> int:
        return self.request.index

    @property
    def values(self) -> tuple[Value, ...]:
        return self.request.values

    @property
    def address(self) -> str:
        return self.request.path

    def first(self, default: Value = None) -> Any:
        """The first value, as the table has checked it."""
        return self.values[0] if self.values else default

    def answer(self, address: str, *values: Value) -> None:
        if self.client is not None:
            self.client.send(address, *values)


Handler = Callable[[Call], None]
Handlers = dict[str, Handler]
"""By a row's path, as it stands in the table."""


def whole(value: Value) -> int:
    """A value that the table has checked to be a whole number."""
    assert isinstance(value, int)
    return value
