"""What stands at the beginning of a GGUF file: what it says of itself, and where each tensor lies.

A file is a stranger's: it may be cut off, hold another model or be made to do harm. So nothing is
read beyond its end, and no number in it makes this read, loop or allocate more than the limits
below. That is why it is not the `gguf` package that reads here: its reader maps the whole file,
which counts as memory of this process, and believes every count. It serves the tests as reference.

Source: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

from __future__ import annotations

import math
import os
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NoReturn

from engine.errors import EngineUnavailable
from engine.musicgen.models.gguf_format import ARCHITECTURE, KINDS, NEEDED, TEXTS, Kind, long_name

_VERSIONS = (2, 3)
_LARGEST_HEADER_BYTES = 64_000_000
"""The tokenizer is 2.4 MB of it."""
_MOST_ENTRIES = 100_000
_MOST_DIMENSIONS = 4
_ALIGNMENTS = tuple(1 << bits for bits in range(21))
_SCALARS = dict(zip((0, 1, 2, 3, 4, 5, 6, 7, 10, 11, 12), "BbHhIif?Qqd", strict=True))
"""GGUF's numbers of types, and `struct`'s letters."""
_STRING, _ARRAY = 8, 9

Value = str | int | float | bool


@dataclass(frozen=True, slots=True)
class TensorPlace:
    """One tensor in the file."""

    name: str
    """As in transformers' checkpoints."""
    shape: tuple[int, ...]
    """As torch has it: the last one is a row."""
    kind: Kind
    start: int
    """Its first byte in the file."""

    @property
    def size(self) -> int:
        """Bytes."""
        return math.prod(self.shape) // self.kind.block * self.kind.block_bytes


@dataclass(frozen=True, slots=True)
class Header:
    """The beginning of a GGUF file of MusicGen."""

    metadata: Mapping[str, Value]
    """Without the arrays, which nothing here needs."""
    tensors: tuple[TensorPlace, ...]

    def text(self, key: str) -> str:
        """A string of the metadata; empty if there is none."""
        value = self.metadata.get(key, "")
        return value if isinstance(value, str) else ""

    def files(self) -> dict[str, str]:
        """The small files of a checkpoint's folder, by name."""
        texts = {name: self.text(key) for name, key in TEXTS.items()}
        return {name: text for name, text in texts.items() if text}


def is_gguf(path: Path) -> bool:
    """Whether it is to be taken for one: a file, and its name says so."""
    return path.suffix.lower() == ".gguf" and path.is_file()


def read(path: Path) -> Header:
    """Raises EngineUnavailable for a file that is cut off, damaged, or of another model."""
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            header = _read(_Cursor(file, min(size, _LARGEST_HEADER_BYTES)))
    except OSError as error:
        raise EngineUnavailable(f"{path} cannot be read: {error.strerror}") from None
    except _Unusable as error:
        raise EngineUnavailable(f"{path}: {error}") from None
    except ValueError as error:  # A string that is no text among them.
        why = " ".join(str(error).split())[:120]
        raise damaged(path, why) from None
    end = max((place.start + place.size for place in header.tensors), default=0)
    if size < end:
        raise damaged(path, f"{size} of {end} bytes are there")
    return header


def damaged(path: Path, why: str) -> EngineUnavailable:
    return EngineUnavailable(
        f"{path} is damaged ({why}): copy it again, or make it anew with sideman convert"
    )


class _Unusable(Exception):
    """A file that is whole and cannot be used; says what it is and the remedy."""


class _Cursor:
    """Reads on through the header, and never past what there is. Raises ValueError."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file = file
        self._left = size
        self.at = 0

    def take(self, count: int) -> bytes:
        self._go(count)
        data = self._file.read(count)
        if len(data) < count:
            self._end()
        return data

    def skip(self, count: int) -> None:
        self._go(count)
        self._file.seek(count, os.SEEK_CUR)

    def whole(self, code: str) -> int:
        """An integer, `struct`'s letter."""
        value: int = struct.unpack(f"<{code}", self.take(struct.calcsize(code)))[0]
        return value

    def count(self, what: str) -> int:
        """How many of something follow."""
        found = self.whole("Q")
        if found > _MOST_ENTRIES:
            raise ValueError(f"it claims {found} {what}")
        return found

    def text(self) -> str:
        return self.take(self.whole("Q")).decode()

    def value(self) -> Value | None:
        """A value with its type before it; None for an array, which is passed over."""
        kind = self.whole("I")
        if kind == _STRING:
            return self.text()
        if kind == _ARRAY:
            self._pass_array()
            return None
        code = _scalar(kind)
        value: Value = struct.unpack(f"<{code}", self.take(struct.calcsize(code)))[0]
        return value

    def _pass_array(self) -> None:
        kind, length = self.whole("I"), self.whole("Q")
        if kind != _STRING:
            self.skip(length * struct.calcsize(_scalar(kind)))
            return
        for _ in range(length):  # Each takes 8 bytes, so it ends with the header at the latest.
            self.skip(self.whole("Q"))

    def _go(self, count: int) -> None:
        if count > self._left:
            self._end()
        self._left -= count
        self.at += count

    def _end(self) -> NoReturn:
        raise ValueError("it ends within its header")


def _scalar(kind: int) -> str:
    if kind not in _SCALARS:
        raise ValueError(f"a value of type {kind}, which is none of GGUF's")
    return _SCALARS[kind]


def _read(cursor: _Cursor) -> Header:
    if cursor.take(4) != b"GGUF":
        raise _Unusable("this is no GGUF file; sideman convert MODEL -o FILE.gguf makes one")
    version = cursor.whole("I")
    if version not in _VERSIONS:
        raise _Unusable(f"GGUF version {version} cannot be read, only 2 and 3, little-endian")
    count, entries = cursor.count("tensors"), cursor.count("entries")
    metadata: dict[str, Value] = {}
    for _ in range(entries):
        key, value = cursor.text(), cursor.value()
        if key in metadata:
            raise ValueError("two entries have one name")
        if value is not None:
            metadata[key] = value
        if key == "general.architecture" and value != ARCHITECTURE:
            raise _foreign(value)
    header = Header(metadata, ())
    _check(header)
    places = [_place(cursor) for _ in range(count)]
    start = _data_start(cursor.at, metadata.get("general.alignment", 32))
    if len({name for name, *_ in places}) < len(places):
        raise ValueError("two tensors have one name")
    tensors = (TensorPlace(name, shape, kind, start + at) for name, shape, kind, at in places)
    return Header(metadata, tuple(tensors))


def _check(header: Header) -> None:
    if "general.architecture" not in header.metadata:
        raise _foreign(None)
    lacking = [name for name in NEEDED if name not in header.files()]
    if lacking:
        raise _Unusable(
            f"it has no {' and no '.join(lacking)} inside: another program made it; sideman "
            "convert MODEL -o FILE.gguf makes one that is complete"
        )


def _foreign(architecture: object) -> _Unusable:
    what = "names no architecture"
    if architecture is not None:
        what = f"holds a {str(architecture)[:40]!r} model, not {ARCHITECTURE!r}"
    return _Unusable(f"this GGUF file {what}; sideman convert MODEL -o FILE.gguf makes one")


def _place(cursor: _Cursor) -> tuple[str, tuple[int, ...], Kind, int]:
    """Name, shape, kind and first byte within the tensors' bytes."""
    name = long_name(cursor.text())
    dimensions = cursor.whole("I")
    if dimensions > _MOST_DIMENSIONS:
        raise ValueError(f"{_brief(name)} has {dimensions} dimensions")
    shape = tuple(cursor.whole("Q") for _ in range(dimensions))[::-1]
    number, offset = cursor.whole("I"), cursor.whole("Q")
    kind = KINDS.get(number)
    if kind is None:
        known = ", ".join(kind.name for kind in KINDS.values())
        raise _Unusable(
            f"{_brief(name)} is of ggml's type {number}, which cannot be read: use {known}"
        )
    if not all(shape) or (shape[-1] if shape else 1) % kind.block:
        raise ValueError(f"{_brief(name)} is of shape {list(shape)} in {kind.name}")
    return name, shape, kind, offset


def _data_start(header_end: int, alignment: Value) -> int:
    """Where the tensors' bytes begin."""
    if not isinstance(alignment, int) or alignment not in _ALIGNMENTS:
        raise ValueError(f"its alignment is {str(alignment)[:40]!r}")
    return -(-header_end // alignment) * alignment


def _brief(name: str) -> str:
    return repr(name) if len(name) <= 80 else f"{name[:80]!r}..."
