"""What is done with finished clips: starred, given another name, put into the trash and back.

A WAV file is never rewritten for it, and none is lost: what is deleted lies in a folder inside the
clips folder that nothing else looks into. Stars are in a small file beside it, by name.

Threading: one thread changes things; `starred` and `trash` may be called from any.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from bridge.clips.files import FolderError, move, place, shown, why
from bridge.clips.folder import RECORDING
from bridge.clips.names import clip_path
from engine.errors import BadValue

CHANGED = "/clip/changed"
CAME, GONE, RENAMED, RESTORED = "came", "gone", "renamed", "restored"
STARRED, UNSTARRED = "starred", "unstarred"

TRASH = ".trash"
STARS = ".stars.json"
SUFFIX = ".wav"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Change:
    """What became of a clip, as `/clip/changed` says it."""

    file: str
    what: str
    now: str
    """Its name by now; empty if it is gone."""


class Shelf:
    """The finished clips of a folder. Every method raises BadValue for what is no clip's name, or
    names none, and FolderError if the folder does not take the change."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.trash = folder / TRASH

    def starred(self) -> frozenset[str]:
        """The names of the clips that have a star."""
        return frozenset(key for key in self._stars() if "/" not in key)

    def star(self, name: str, on: bool | None = None) -> Change:
        """Give a clip its star, or take it; None: the other way round."""
        self._find(self.folder, name)
        stars = self._stars()
        on = name not in stars if on is None else on
        self._keep_stars(stars | {name} if on else stars - {name})
        return Change(name, STARRED if on else UNSTARRED, name)

    def rename(self, name: str, wanted: str) -> Change:
        """Give a clip another name, with or without `.wav`; a recording stays `master_...`, by
        which it is known. Raises BadValue if the name is taken, or none on some system."""
        path = self._find(self.folder, name)
        now = _named(wanted, name)
        clip_path(self.folder, now)
        target = self.folder / now
        with self._saying_why():
            if now.casefold() == name.casefold() and now != name and target.exists():
                path.rename(target)  # where capitals do not count it is the same file
            else:
                try:
                    move(path, target)
                except FileExistsError:
                    raise BadValue(f"{shown(now)!r} is taken: choose another name") from None
        self._move_star(name, now)
        return Change(name, RENAMED, now)

    def delete(self, name: str) -> Change:
        """Put a clip into the trash. One of the same name that lies there gets another."""
        path = self._find(self.folder, name)
        target = self.trash / name
        with self._saying_why():
            self.trash.mkdir(exist_ok=True)
            if target.exists():
                self._move_star(_trashed(name), _trashed(_make_room(target)))
            move(path, target)
        self._move_star(name, _trashed(name))
        return Change(name, GONE, "")

    def restore(self, name: str) -> Change:
        """Take the clip that was deleted last under this name out of the trash. If the name is
        taken again, it comes back under the next free one."""
        path = self._find(self.trash, name)
        with self._saying_why():
            now = place(path, self.folder / name).name
            path.unlink(missing_ok=True)
        self._move_star(_trashed(name), now)
        return Change(name, RESTORED, now)

    def _find(self, folder: Path, name: str) -> Path:
        path = folder / name
        if not (name.endswith(SUFFIX) and clip_path(folder, name).is_file()):
            where = "the trash" if folder == self.trash else shown(str(folder))
            raise BadValue(f"there is no clip {shown(name)!r} in {where}")
        return path

    def _stars(self) -> frozenset[str]:
        """By name; of what is in the trash, by its path from the folder. What cannot be read is
        put aside, not written over."""
        path = self.folder / STARS
        try:
            names = json.loads(path.read_text("utf-8"))["starred"]
            return frozenset(str(name) for name in names)
        except FileNotFoundError:
            return frozenset()
        except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
            _log.warning("%s cannot be read, so no clip has a star: %s", path, error)
            with suppress(OSError):
                path.replace(path.with_suffix(".damaged"))
            return frozenset()

    def _keep_stars(self, names: frozenset[str]) -> None:
        there = sorted(name for name in names if (self.folder / name).exists())
        text = json.dumps({"starred": there}, indent=1)
        part = self.folder / f"{STARS}.new"
        with self._saying_why():
            with part.open("w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            part.replace(self.folder / STARS)

    def _move_star(self, old: str, new: str) -> None:
        """The file has moved; a disk too full for the stars must not call that a failure."""
        stars = self._stars()
        if old in stars:
            try:
                self._keep_stars((stars - {old}) | {new})
            except FolderError as error:
                _log.warning("%s has lost its star: %s", new, error)

    @contextmanager
    def _saying_why(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise FolderError(why(error, self.folder)) from error


def _named(wanted: str, name: str) -> str:
    """`wanted` with the one suffix that clips have, and a recording's beginning."""
    stem = wanted[: -len(SUFFIX)] if wanted.lower().endswith(SUFFIX) else wanted
    stem = stem.strip()
    if not stem:
        raise BadValue("a clip's name is not empty: send the new name after the old one")
    if name.startswith(RECORDING) and not stem.startswith(RECORDING):
        stem = RECORDING + stem
    return stem + SUFFIX


def _trashed(name: str) -> str:
    return f"{TRASH}/{name}"


def _make_room(path: Path) -> str:
    """Move a file in the trash out of the way; returns the name it has by then."""
    older = place(path, path).name
    path.unlink(missing_ok=True)
    return older
