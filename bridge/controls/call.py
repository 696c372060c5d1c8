"""One request on its way to what it does, and what a handler can reach.

Threading: the conductor's thread.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from bridge.clips.audition import Sound
from bridge.clips.folder import ClipItem
from bridge.clips.keeping import Change, Shelf
from bridge.clips.request import ClipRequest
from bridge.decks.recall import Taken
from bridge.osc.client import Client
from bridge.row import Value
from bridge.table import Request
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

    def keep(
        self,
        change: Callable[[Shelf], Change],
        asker: Client | None,
        then: Callable[[SidemanError | None], None],
    ) -> None:
        """Change something about a finished clip on a thread of its own, tell everybody, and call
        `then` there, with what was wrong."""

    def sound(self, name: str, then: Callable[[Sound | SidemanError], None]) -> None:
        """Read a file to be heard on a thread of its own, and call `then` there with it, or with
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

    def learnt(self) -> Items:
        """Address and control of each."""


Items = list[tuple[Value, ...]]
"""The values of each item of a list that is asked for."""

Then = Callable[[Items | SidemanError], None]
"""Takes what was found, or why nothing was, on the thread that looked."""


class SetUp(Protocol):
    """Devices, models, and what the server was started with."""

    def choose_output(self, name: str, failed: Callable[[SidemanError], None]) -> None:
        """Play there as soon as it is open; `failed` is called if it cannot be."""

    def outputs(self, then: Then) -> None: ...

    def engine(self) -> tuple[Value, ...]:
        """The values of `/engine`."""

    def models(self, then: Then) -> None: ...

    def download(self, model: str, asker: Client | None) -> None: ...

    def cancel(self, model: str) -> None: ...

    def folder(self, then: Then) -> None: ...

    def settings(self, then: Then) -> None: ...


@dataclass(frozen=True, slots=True)
class Services:
    """What the controls reach outside the session."""

    clips: Clips
    recording: Recorder
    midi: Learning
    setup: SetUp
    status: Callable[[], tuple[Value, ...]]
    """The values of `/status`."""
    latency: Callable[[], tuple[Value, ...]]
    """The values of `/latency`."""
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
Later = Callable[[Callable[[], None]], None]
"""Has something done on the conductor's thread, soon; from any thread."""


def whole(value: Value) -> int:
    """A value that the table has checked to be a whole number."""
    assert isinstance(value, int)
    return value
