"""What lies in the clips folder."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from bridge.clips.files import PART
from bridge.clips.info import ClipInfo, read_info_chunks
from bridge.clips.wav import open_wav, scan
from engine.errors import BadValue

STALE_S = 24 * 3600.0
"""An unfinished file so old has nobody left who would finish it."""

RECORDING = "master_"
"""How a recording's name begins. An unfinished one is somebody's concert: it is never removed."""


@dataclass(frozen=True, slots=True)
class ClipItem:
    """A finished clip."""

    file: str
    """Its name in the folder."""
    seconds: float
    bpm: float
    bars: int


@dataclass(frozen=True, slots=True)
class Arrival:
    """A whole file of sideman's."""

    path: Path
    """Absolute."""
    kind: Literal["clip", "capture", "recording"]
    seconds: float
    info: ClipInfo | None
    """How it was made; a recording of the master does not say."""


def look_at(path: Path) -> Arrival | None:
    """What the file is, by its head; None if it is foreign, cut short or cannot be read."""
    try:
        with open_wav(path) as wav:
            seconds = len(wav) / wav.head.format.rate
            chunks = wav.head.chunks
    except BadValue:
        return None
    try:
        info = read_info_chunks(chunks)
    except BadValue:
        recorded = path.name.startswith(RECORDING)
        return Arrival(path, "recording", seconds, None) if recorded else None
    return Arrival(path, "capture" if info.settings.get("live") else "clip", seconds, info)


def list_clips(folder: Path) -> list[ClipItem]:
    """All of sideman's clips in `folder`, the oldest first. Reads headers only.

    Recordings, foreign and damaged files are passed over, and so is a folder that cannot be read.
    """
    found = []
    for path, made_s in _files(folder, ".wav"):
        try:
            head, info = scan(path)
        except BadValue:
            continue
        seconds = head.samples / head.format.rate
        found.append((made_s, ClipItem(path.name, seconds, info.bpm, info.bars)))
    return [item for _, item in sorted(found, key=lambda pair: (pair[0], pair[1].file))]


def sweep(folder: Path, now_s: float | None = None) -> list[str]:
    """Remove what crashed servers left half-written a day or more ago; returns the names.

    `now_s` is in seconds since the epoch, as file times are.
    """
    removed = []
    now = time.time() if now_s is None else now_s
    for path, made_s in _files(folder, f".wav{PART}"):
        if now - made_s > STALE_S and not path.name.startswith(RECORDING):
            with contextlib.suppress(OSError):
                path.unlink()
                removed.append(path.name)
    return removed


def _files(folder: Path, suffix: str) -> Iterator[tuple[Path, float]]:
    """Plain files in `folder` and when each was last changed."""
    try:
        paths = [path for path in folder.iterdir() if path.name.endswith(suffix)]
    except OSError:
        return
    for path in paths:
        try:
            if path.is_file():
                yield path, path.stat().st_mtime
        except OSError:
            continue  # gone since the folder was read
