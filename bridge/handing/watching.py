"""What comes into a clips folder: files that are whole, and sideman's own.

Threading: one thread; the event that ends it may be set from any.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event

from watchfiles import watch

from bridge.clips.folder import Arrival, look_at
from engine.errors import BadValue

LOOK_S = 1.0
"""The folder is read as often as this whatever the system reports: of a network folder it reports
nothing that another machine writes."""
_GATHER_MS = 50
"""Changes that come together are one."""

_COARSE_NS = 2_000_000_000
"""A file's date may be so much earlier than the clock's time when it was written: FAT counts two
seconds, and other systems some milliseconds."""

_Key = tuple[str, int, int]
"""A file as it was seen: its name, bytes, and when it was changed in ns."""


def arrivals(
    folder: Path, stopping: Event, old: bool, notice: Callable[[str], None]
) -> Iterator[Arrival]:
    """Each clip, capture and recording as it is put into `folder`, until `stopping` is set.

    With `old`, those that lie there already come first. A folder that is not there is waited for,
    and `notice` is told so in one line. What is in a folder that comes later, or again, counts as
    new if it was written since the watch began. Raises BadValue if `folder` is a file.
    """
    if folder.exists() and not folder.is_dir():
        raise BadValue(f"{folder} is no folder: name the clips folder of sideman serve")
    seen = _Seen(folder, old, notice)
    for _ in _looks(folder, stopping):
        for path in seen.news():
            if stopping.is_set():
                return
            if (arrival := look_at(path)) is not None:
                seen.add(path)
                yield arrival


class _Seen:
    """Which files of a folder have been looked at, as they were then.

    A file that is still being copied has another size at the next look, and is looked at again.
    """

    def __init__(self, folder: Path, old: bool, notice: Callable[[str], None]) -> None:
        self._folder = folder.absolute()
        self._old = old
        self._notice = notice
        self._keys: set[_Key] = set()
        self._began_ns = time.time_ns() - _COARSE_NS  # what files' dates are compared with
        self._first = True
        self._away = False

    def news(self) -> list[Path]:
        """The files that were not there, or not so, at the last look; the oldest first."""
        try:
            found = sorted(_wav_files(self._folder), key=lambda key: (key[2], key[0]))
        except OSError as error:
            self._lost(error.strerror or str(error))
            return []
        if (self._first or self._away) and not self._old:
            self._pass_over(found)
        if self._away:
            self._notice(f"{self._folder} is there")
        self._first = self._away = False
        news = [key for key in found if key not in self._keys]
        self._keys.update(news)
        return [self._folder / key[0] for key in news]

    def add(self, path: Path) -> None:
        """Not again, also if the last of it was only just written when it was looked at."""
        with contextlib.suppress(OSError):
            self._keys.add(_key(path))

    def _lost(self, reason: str) -> None:
        if not self._away:
            self._notice(f"waiting for {self._folder} ({reason})")
        self._away = True

    def _pass_over(self, found: list[_Key]) -> None:
        there_at_first = self._first and not self._away
        self._keys.update(key for key in found if there_at_first or key[2] < self._began_ns)


def _wav_files(folder: Path) -> Iterator[_Key]:
    """Raises OSError if the folder cannot be read."""
    for path in folder.iterdir():
        if path.suffix == ".wav":
            try:
                yield _key(path)
            except OSError:
                continue  # gone since the folder was read


def _key(path: Path) -> _Key:
    """Raises OSError."""
    state = path.stat()
    return path.name, state.st_size, state.st_mtime_ns


def _looks(folder: Path, stopping: Event) -> Iterator[None]:
    """Once, then whenever something changed in the folder, and every `LOOK_S` in any case."""
    while not stopping.is_set():
        yield
        try:
            for _ in watch(
                folder, watch_filter=None, stop_event=stopping, recursive=False,
                step=_GATHER_MS, debounce=4 * _GATHER_MS,
                rust_timeout=round(1000 * LOOK_S), yield_on_timeout=True,
            ):  # fmt: skip
                yield
                if not folder.is_dir():
                    break  # what comes back under its name must be watched anew
        except (OSError, RuntimeError):  # no such folder, or no watch to be had: then by the clock
            stopping.wait(LOOK_S)
