"""All that is known of the files in a clips folder, read once and kept while they stay the same.

Threading: `entries` may be called from any thread, by several at once.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from os import stat_result
from pathlib import Path

from bridge.clips.folder import Arrival, look_at
from bridge.clips.keeping import SUFFIX


@dataclass(frozen=True, slots=True)
class Entry:
    """A clip, capture or recording, as a list shows it. Of a recording prompt and engine are empty
    and the numbers from `bpm` on 0."""

    file: str
    kind: str
    """`clip`, `capture` or `recording`."""
    seconds: float
    bytes: int
    created: str
    """ISO 8601 in UTC, to the millisecond, so that text sorts as time does."""
    prompt: str = ""
    engine: str = ""
    bpm: float = 0.0
    bars: int = 0
    numerator: int = 0
    denominator: int = 0
    seed: int = 0


class Catalogue:
    """The whole files of sideman's in one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._known: dict[str, tuple[tuple[int, int], Entry | None]] = {}
        """By name: the file's time of change in ns and its bytes, and what it is."""

    def entries(self) -> list[Entry]:
        """The oldest first. Only what has changed since the last call is read; a folder that cannot
        be read has none."""
        with self._lock:
            known, self._known = self._known, {}
            for path, state in _wav_files(self._folder):
                key = state.st_mtime_ns, state.st_size
                old = known.get(path.name)
                entry = old[1] if old and old[0] == key else _entry(path, state)
                self._known[path.name] = key, entry
            found = [entry for _, entry in self._known.values() if entry]
        return sorted(found, key=lambda entry: (entry.created, entry.file))


def _wav_files(folder: Path) -> list[tuple[Path, stat_result]]:
    found = []
    try:
        paths = [path for path in folder.iterdir() if path.name.endswith(SUFFIX)]
    except OSError:
        return []
    for path in paths:
        try:
            found.append((path, path.stat()))
        except OSError:
            continue  # gone since the folder was read
    return found


def _entry(path: Path, state: stat_result) -> Entry | None:
    """What the file is; None if it is none of sideman's, or not whole."""
    seen = look_at(path)
    return _described(seen, state) if seen else None


def _described(seen: Arrival, state: stat_result) -> Entry:
    info, changed = seen.info, datetime.fromtimestamp(state.st_mtime, UTC)
    made = info.created.astimezone(UTC) if info and info.created else changed
    plain = Entry(
        seen.path.name, seen.kind, round(seen.seconds, 6), state.st_size,
        made.isoformat(timespec="milliseconds"),
    )  # fmt: skip
    if info is None:
        return plain
    return Entry(
        plain.file, plain.kind, plain.seconds, plain.bytes, plain.created,
        info.prompt, info.engine, info.bpm, info.bars, info.numerator, info.denominator, info.seed,
    )  # fmt: skip
