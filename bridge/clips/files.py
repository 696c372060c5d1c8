"""Files that appear whole or not at all, and that are never written over.

A file is written beside its place under a name that ends in `.part`, synced, and then linked to
its own name. If that name is taken, `_2`, `_3` ... is put before the suffix.
"""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import BinaryIO

from engine.errors import SidemanError

PART = ".part"

_SCANNED_S = 0.05
_SCANNED_TRIES = 20


class FolderError(SidemanError):
    """A file could not be written: says why, where, and what to do about it."""


def numbered(path: Path) -> Iterator[Path]:
    """`path`, then the same with `_2`, `_3` ... before its suffix."""
    yield path
    for n in count(2):
        yield path.with_name(f"{path.stem}_{n}{path.suffix}")


def open_part(path: Path) -> BinaryIO:
    """A new, unbuffered file beside `path`, whose folder is made if there is none.

    Its `.name` is where it lies. Raises FolderError.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        for part in numbered(path):
            try:
                return Path(f"{part}{PART}").open("xb", buffering=0)
            except FileExistsError:
                continue
    except OSError as error:
        raise FolderError(why(error, path.parent)) from error
    raise AssertionError("numbered() never ends")


def write_all(file: BinaryIO, data: bytes) -> None:
    """Write every byte: a raw file may take only some of them at a time. Raises OSError."""
    rest = memoryview(data)
    while rest:
        rest = rest[file.write(rest) :]


def place(part: Path, path: Path) -> Path:
    """Give the finished file `part` the name `path`, or the first one of `numbered` that is free.

    Returns the name it got. Raises OSError. `part` may still be there afterwards.
    """
    for name in numbered(path):
        try:
            _rename_to_free(part, name)
            return name
        except FileExistsError:
            continue
    raise AssertionError("numbered() never ends")


def move(path: Path, to: Path) -> None:
    """Rename a file, never over another one. Raises FileExistsError or another OSError."""
    _rename_to_free(path, to)
    path.unlink(missing_ok=True)


def _rename_to_free(part: Path, name: Path) -> None:
    """Rename without replacing: POSIX has no portable call for it, a hard link is as atomic."""
    if os.name == "nt":
        _rename_on_windows(part, name)
        return
    try:
        os.link(part, name)
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK):
            raise
        _reserve_and_replace(part, name)


def _rename_on_windows(part: Path, name: Path) -> None:
    """There a rename refuses a taken name by itself, and also a file that a virus scanner reads
    just then, as they do with new ones: that is over soon."""
    for _ in range(_SCANNED_TRIES):
        try:
            part.rename(name)
            return
        except PermissionError:
            time.sleep(_SCANNED_S)
    part.rename(name)


def _reserve_and_replace(part: Path, name: Path) -> None:
    """For file systems without hard links (exFAT sticks): take the name, then rename over it."""
    os.close(os.open(name, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
    part.replace(name)


def why(error: OSError, folder: Path) -> str:
    """What an OSError on a file in `folder` means for the user, in one line."""
    where = shown(str(folder))
    elsewhere = "or name another folder (serve: --clips, generate: -o)"
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"the disk of {where} is full: free some space, {elsewhere}"
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"{where} cannot be written to: allow it, {elsewhere}"
    if error.errno in (errno.ENOTDIR, errno.EEXIST):
        return f"{where} is not a folder: remove what is in its place, {elsewhere}"
    if error.errno == errno.EFBIG:
        return f"the file grew larger than {where} allows: make it shorter, {elsewhere}"
    return f"{where}: {error.strerror or error}: mend it, {elsewhere}"


def shown(text: str) -> str:
    """`text` fit for one line of a message: no control characters, not endless."""
    line = "".join(c if c.isprintable() else "?" for c in text)
    return line if len(line) <= 120 else f"{line[:58]}...{line[-58:]}"
