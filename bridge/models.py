"""The models that could play: which there are, which are on this disk, and fetching one.

A download runs in a process of its own, so that it can be given up at any time, and so that what
it imports is not in the process that makes the sound. What has come whole stays, so a download
that was given up goes on from there.

Threading: `list` looks at the disk and belongs on a worker's thread; the rest may be called from
any. Each download has a thread that watches its process, and tells from there.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any

from bridge import engines
from bridge.row import Value
from engine.errors import BadValue, SidemanError

Tell = Callable[..., None]
"""`tell(asker, address, *values)`, from any thread."""

_LOOK_S = 0.25
"""Between two words of how far a download is."""
_MEGABYTE = 1e6
_PROCESS = "sideman-download"


@dataclass(frozen=True, slots=True)
class ModelItem:
    """A model as a client is told of it."""

    model: str
    licence: str
    size_mb: float
    """On disk, or of the download to expect; 0: not known."""
    state: str
    """`cached`, `absent` or `downloading`."""

    @property
    def values(self) -> tuple[Value, ...]:
        return self.model, self.licence, self.size_mb, self.state


class Models:
    def __init__(self, tell: Tell, fetch: Callable[[str, Connection], None] | None = None) -> None:
        """`fetch`, in the other process, says through the connection `("total", bytes)`, and then
        `("done", "")` or `("failed", reason)`; it must be a function of some module."""
        self._tell = tell
        self._fetch = fetch or _fetch
        self._lock = threading.Lock()
        self._running: dict[str, Any] = {}
        self._closing = False

    def list(self) -> list[ModelItem]:
        """What there is. Takes some milliseconds, on a slow disk more."""
        with self._lock:
            running = set(self._running)
        return [
            ModelItem(
                each.model,
                each.licence,
                each.size_bytes / _MEGABYTE,
                "downloading" if each.model in running else "cached" if each.cached else "absent",
            )
            for each in engines.known_models()
        ]

    def download(self, model: str, asker: object) -> None:
        """Fetch it, unless it is here. Raises BadValue for what is no model that can be fetched,
        and EngineUnavailable, with the remedy, without the extra that plays it."""
        hub_id = engines.downloadable(model)
        with self._lock:
            if self._running:
                raise BadValue(
                    f"{next(iter(self._running))} is being downloaded: one at a time; wait for"
                    " it or /model/cancel it"
                )
            self._running[hub_id] = None
        threading.Thread(
            target=self._watch, args=(hub_id, asker), name="model-download", daemon=True
        ).start()

    def cancel(self, model: str) -> None:
        """Give up a download; what has come whole is kept. Raises BadValue if there is none."""
        with self._lock:
            hub_id = model if model in self._running else engines.downloadable(model)
            if hub_id not in self._running:
                raise BadValue(f"no download of {model[:80]} is running")
            process, self._running[hub_id] = self._running[hub_id], _CANCELLED
        if process is not None:
            process.kill()

    def close(self) -> None:
        """Give up whatever runs. Safe to call twice."""
        with self._lock:
            self._closing = True
            running = list(self._running.values())
        for process in running:
            if process is not None and process is not _CANCELLED:
                process.kill()

    def _watch(self, hub_id: str, asker: object) -> None:
        self._tell(asker, "/model/progress", hub_id, 0.0, 0.0)
        try:
            failure = self._run(hub_id, asker)
        except Exception as error:  # whatever it was, the one who asked must hear of it
            failure = str(error) or type(error).__name__
        with self._lock:
            cancelled = self._running.pop(hub_id, None) is _CANCELLED
        if self._closing:
            return
        if failure:
            self._tell(asker, "/model/failed", hub_id, "cancelled" if cancelled else failure)
        else:
            self._tell(asker, "/model/done", hub_id)

    def _run(self, hub_id: str, asker: object) -> str:
        """Why it failed; empty if it did not."""
        context = get_context("spawn")
        ours, theirs = context.Pipe(duplex=False)
        process = context.Process(
            target=self._fetch, args=(hub_id, theirs), name=_PROCESS, daemon=True
        )
        process.start()
        theirs.close()
        with self._lock:
            unwanted = self._closing or self._running[hub_id] is _CANCELLED
            if not unwanted:
                self._running[hub_id] = process
        if unwanted:
            process.kill()
        with ours:
            failure = self._follow(hub_id, asker, ours)
        process.join()
        return failure

    def _follow(self, hub_id: str, asker: object, said: Connection) -> str:
        total_bytes, before_bytes, told = 0, engines.model_bytes(hub_id), (0.0, 0.0)
        with suppress(EOFError, OSError):
            while True:
                if said.poll(_LOOK_S):
                    what, value = said.recv()
                    if what != "total":
                        return str(value)
                    total_bytes = int(value)
                came = max(0, engines.model_bytes(hub_id) - before_bytes)
                done = min(1.0, came / total_bytes) if total_bytes else 0.0
                if (done, came / _MEGABYTE) != told:
                    told = done, came / _MEGABYTE
                    self._tell(asker, "/model/progress", hub_id, *told)
        return "its process has ended: try again"


_CANCELLED = object()


def _fetch(hub_id: str, say: Connection) -> None:
    """The other process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C means the server, which ends this one
    try:
        engines.download_model(hub_id, lambda total_bytes: say.send(("total", total_bytes)))
    except SidemanError as error:
        say.send(("failed", str(error)))
    else:
        say.send(("done", ""))
