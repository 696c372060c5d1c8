"""A large file that gets its name when it is complete, and replaces nothing unless told to."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from engine.errors import BadValue, EngineError


@contextmanager
def written(target: Path, size: int, force: bool) -> Iterator[Path]:
    """An empty file beside `target`, which becomes `target` unless something is raised meanwhile.

    `size` is about how many bytes it will have. Raises EngineError if there is no room for them or
    it cannot be written, BadValue if `target` is there and `force` is not set.
    """
    part = target.with_name(f"{target.name}.{os.getpid()}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _sweep(target)
        _check_room(target.parent, size)
        part.open("xb").close()
        try:
            yield part
            with part.open("rb+") as file:
                os.fsync(file.fileno())
            _place(part, target, force)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise EngineError(_why(error, target)) from None


def taken(target: Path) -> BadValue:
    """What to raise if `target` must not be replaced."""
    return BadValue(f"{target} exists: name another file with -o, or replace it with --force")


def _check_room(folder: Path, size: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < size:
        raise EngineError(
            f"the file needs {size / 1e9:.2f} GB and {folder} has {free / 1e9:.2f} GB free: "
            "make room, or name another folder with -o"
        )


def _sweep(target: Path) -> None:
    """Remove what conversions that were killed left beside `target`."""
    for path in target.parent.iterdir():
        if path.name.startswith(f"{target.name}.") and path.suffix == ".part":
            process = path.name.removeprefix(f"{target.name}.").removesuffix(".part")
            if process.isdecimal() and not is_at_work(int(process)):
                path.unlink(missing_ok=True)


def is_at_work(process: int) -> bool:
    """Whether the process of that number may still be writing what it has begun."""
    # This process has not begun: what has its number is an older one's, as happens in containers.
    return process != os.getpid() and psutil.pid_exists(process)


def _place(part: Path, target: Path, force: bool) -> None:
    """Give the file its name, which nobody else may have taken meanwhile."""
    if force:
        part.replace(target)
        return
    try:
        os.link(part, target)
    except FileExistsError:
        raise taken(target) from None
    except OSError:  # A file system without hard links, such as exFAT.
        if target.exists():
            raise taken(target) from None
        part.replace(target)


def _why(error: OSError, target: Path) -> str:
    # numpy writes the tensors, and does not hand on why it could not.
    why = error.strerror or "not all of it could be written, the disk may be full"
    return f"{target} cannot be written ({why}): make room, or name another folder with -o"
