"""Where conversions are kept, and how a checkpoint's own is known again: by its bytes.

A checkpoint that was moved or copied has the conversion it had, and one that was changed has
another. To read gigabytes at every start would take seconds, so what a file's bytes came to is
remembered with its path, size and time of change.

A conversion is a folder that gets its name when it is complete. Nothing heavy is imported here.
Threading: one conversion at a time in a process; processes do not wait for each other.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import platformdirs

from engine.errors import EngineUnavailable
from engine.musicgen.models import gguf_header, hub
from engine.musicgen.models.new_file import is_at_work
from engine.musicgen.openvino.store import Store

FORMAT = 3
"""Raise it when what is written changes: names of arrays, quantisation."""
WEIGHTS = "weights.safetensors"
TOKENIZER = "tokenizer.json"

_HASHES = "hashes.json"
_SHA256 = re.compile(r"[0-9a-f]{64}")
_HASH_LETTERS = 32
"""Of a conversion's name: 128 bits."""
_SPARE_BYTES = 50_000_000


def folder() -> Path:
    """Of all conversions: `openvino` in the user's cache."""
    return platformdirs.user_cache_path("sideman") / "openvino"


def find(source: Path, precision: str) -> Path | None:
    """The conversion of a checkpoint, if it is there and the checkpoint has not changed since."""
    try:
        path = _place(_digest(source, _Hashes()), precision)
    except (OSError, LookupError):
        return None
    return path if is_whole(path) else None


def place(source: Path, precision: str) -> Path:
    """Where the conversion of a checkpoint belongs; reads all of it, unless that was done before.

    Raises EngineUnavailable if it cannot be read.
    """
    hashes = _Hashes()
    try:
        digest = _digest(source, hashes, read=True)
    except OSError as error:
        raise EngineUnavailable(f"{error.filename} cannot be read: {error.strerror}") from None
    hashes.save()
    return _place(digest, precision)


def is_whole(conversion: Path) -> bool:
    """Whether it is there, to its last byte."""
    try:
        Store(conversion / WEIGHTS)
    except EngineUnavailable:
        return False
    return True


@contextmanager
def made(target: Path, size: int) -> Iterator[Path]:
    """An empty folder, which becomes `target` unless something is raised meanwhile.

    `size` is about how many bytes it will have. Raises EngineUnavailable if there is no room for
    them or it cannot be written.
    """
    part = target.with_name(f"{target.name}.{os.getpid()}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _sweep(target.parent)
        _check_room(target.parent, size)
        part.mkdir()
        try:
            yield part
            _put(part, target)
        finally:
            shutil.rmtree(part, ignore_errors=True)
    except OSError as error:
        raise EngineUnavailable(
            f"the weights in few bits cannot be kept in {hub.show(target.parent)} "
            f"({error.strerror}): make room there, or take --precision bf16"
        ) from None
    _forget_older(target)


class _Hashes:
    """SHA-256 of files. What is kept of them may be lost: it is then made again."""

    def __init__(self) -> None:
        self._path = folder() / _HASHES
        self._known: dict[str, object] = {}
        """Size, time of change in ns, and hash, by path."""
        with suppress(OSError, ValueError):
            known = json.loads(self._path.read_text(encoding="utf-8"))
            if isinstance(known, dict):
                self._known = known

    def known(self, path: Path) -> str:
        """Raises LookupError if the file was never read, or has changed."""
        entry = self._known[str(path)]
        if not isinstance(entry, list) or entry[:2] != _state(path):
            raise LookupError
        return str(entry[2])

    def read(self, path: Path) -> str:
        before = _state(path)
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        if _state(path) == before:
            self._known[str(path)] = [*before, digest]
        return digest

    def save(self) -> None:
        """For the next start, without those files that are gone."""
        kept = {path: entry for path, entry in self._known.items() if Path(path).exists()}
        part = self._path.with_name(f"{_HASHES}.{os.getpid()}.part")
        with suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            part.write_text(json.dumps(kept, indent=1), encoding="utf-8")
            part.replace(self._path)


def _state(path: Path) -> list[object]:
    stat = path.stat()
    return [stat.st_size, stat.st_mtime_ns]


def _digest(source: Path, hashes: _Hashes, read: bool = False) -> str:
    """Of all files that a conversion is made from. Raises LookupError for what is not known."""
    whole = hashlib.sha256()
    for name, path in _files(source).items():
        whole.update(f"{name} {_file_digest(path.resolve(), hashes, read)}\n".encode())
    return whole.hexdigest()[:_HASH_LETTERS]


def _files(source: Path) -> dict[str, Path]:
    if gguf_header.is_gguf(source):
        return {"gguf": source}
    names = [name for name in hub.SMALL_FILES if (source / name).is_file()]
    return {path.name: path for path in [*(source / name for name in names), *_weights(source)]}


def _weights(source: Path) -> list[Path]:
    files = hub.weight_files(source)
    if not files:
        raise FileNotFoundError(2, "there are no weights", str(source))
    return files


def _file_digest(path: Path, hashes: _Hashes, read: bool) -> str:
    # The hub's cache names large files by their hash, and links to them.
    if path.parent.name == "blobs" and _SHA256.fullmatch(path.name):
        return path.name
    try:
        return hashes.known(path)
    except LookupError:
        if not read:
            raise
        return hashes.read(path)


def _place(digest: str, precision: str) -> Path:
    return folder() / f"{digest}-{precision}-{FORMAT}"


def _sweep(parent: Path) -> None:
    """Remove what processes that were killed left."""
    for path in parent.glob("*.part"):
        process = path.stem.rpartition(".")[2]
        if process.isdecimal() and not is_at_work(int(process)):
            _remove(path)


def _check_room(parent: Path, size: int) -> None:
    free = shutil.disk_usage(parent).free
    if free < size + _SPARE_BYTES:
        raise EngineUnavailable(
            f"the weights in few bits need {size / 1e9:.2f} GB and {hub.show(parent)} has "
            f"{free / 1e9:.2f} GB free: make room there, or take --precision bf16"
        )


def _put(part: Path, target: Path) -> None:
    """Give the folder its name. Of two processes the slower one finds its work done."""
    try:
        part.rename(target)
    except OSError:
        if is_whole(target):
            return
        if not target.exists():
            raise
        damaged = part.with_name(f"{target.name}.damaged.{os.getpid()}.part")
        target.rename(damaged)
        part.rename(target)
        _remove(damaged)
    _sync(target.parent)


def _sync(parent: Path) -> None:
    """Have the new name on the disk, too."""
    if os.name != "posix":
        return
    handle = os.open(parent, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _forget_older(target: Path) -> None:
    """Remove what other versions made of the same weights."""
    stem = target.name.rpartition("-")[0]
    for path in target.parent.glob(f"{stem}-*"):
        if path != target and path.suffix != ".part":
            _remove(path)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink()
