"""WAV files: clips written whole, and any plain WAV read back.

A clip's chunks, in this order: `fmt `, (`fact`,) `bext`, `LIST/INFO`, `acid`, `smpl`, `data`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NamedTuple

from bridge.clips.files import FolderError, open_part, place, shown, why, write_all
from bridge.clips.info import ClipInfo, info_chunks, read_info_chunks
from bridge.clips.loop import bar_beats, loop_length
from bridge.clips.pcm import WRITABLE_BITS, decode, encode
from bridge.clips.riff import Format, Head, header, read_head
from engine.api import Audio
from engine.errors import BadValue

__all__ = [
    "ClipInfo", "WavFile", "WavReader", "Written", "open_wav", "read_info", "read_wav", "scan",
    "write_blocks", "write_wav",
]  # fmt: skip

_BLOCK_SAMPLES = 1 << 15
"""Encoded at a time: the interpreter stays free for the sound in between."""


@dataclass(frozen=True, slots=True)
class Written:
    """What became of a file."""

    path: Path
    """Its name: the one asked for, or the next free one."""
    limited: int
    """Values beyond full scale (or not a number) that integers could not hold."""


class WavFile(NamedTuple):
    audio: Audio
    """float32 `[samples, channels]`"""
    rate: int
    chunks: dict[str, bytes]
    """All but `data`, by name; `LIST` chunks by `LIST` and their type, as `LISTINFO`."""


def write_wav(
    path: Path, audio: Audio, rate: int, info: ClipInfo | None = None, bits: int = 24
) -> Written:
    """Write float32 `[samples, channels]` as a new file, never over an old one.

    `bits` is 16, 24 or 32 (float). Raises BadValue if `info`'s bars and tempo do not give this
    length, or a WAV file cannot hold it; FolderError if the folder does not take it. Nothing is
    left behind then.
    """
    form = _format(audio, rate, bits)
    blocks = (audio[at : at + _BLOCK_SAMPLES] for at in range(0, len(audio), _BLOCK_SAMPLES))
    return write_blocks(path, blocks, form, len(audio), info)


def write_blocks(
    path: Path, blocks: Iterable[Audio], form: Format, samples: int, info: ClipInfo | None = None
) -> Written:
    """The same from float32 `[n, channels]` blocks that make up `samples` samples together.

    What making a block raises is passed on, and leaves nothing behind either.
    """
    if info is not None:
        _check_length(info, samples, form.rate)
    chunks = info_chunks(info, form, samples) if info else []
    head = header(form, samples, chunks)
    part = open_part(path)
    try:
        with part:
            write_all(part, head)
            limited = _write_samples(part, blocks, form.bits)
            os.fsync(part.fileno())
        return Written(place(Path(part.name), path), limited)
    except OSError as error:
        raise FolderError(why(error, path.parent)) from error
    finally:
        Path(part.name).unlink(missing_ok=True)


def _format(audio: Audio, rate: int, bits: int) -> Format:
    if bits not in WRITABLE_BITS:
        raise BadValue(f"{bits} bits cannot be written: 16, 24 or 32 can")
    if audio.ndim != 2 or not audio.shape[1]:
        raise BadValue(f"audio has shape {audio.shape}, not [samples, channels]")
    return Format(rate, audio.shape[1], bits, is_float=bits == 32)


def _check_length(info: ClipInfo, samples: int, rate: int) -> None:
    """A loop whose length does not match its tempo would lie off the grid in every DAW."""
    if not info.bars:
        return
    beats = bar_beats(info.numerator, info.denominator)
    expected = loop_length(info.bars, beats, info.bpm, rate) if info.bpm else 0
    if samples != expected:
        raise BadValue(
            f"{info.bars} bars at {info.bpm:g} BPM are {expected} samples at {rate} Hz,"
            f" not {samples}"
        )


def _write_samples(file: BinaryIO, blocks: Iterable[Audio], bits: int) -> int:
    """Write `data`'s content and its padding; returns how many values were limited."""
    limited = total = 0
    for block in blocks:
        raw, over = encode(block, bits)
        write_all(file, raw)
        limited += over
        total += len(raw)
    write_all(file, b"\0" * (total % 2))
    return limited


class WavReader:
    """An open WAV file, read piece by piece."""

    def __init__(self, file: BinaryIO) -> None:
        """Raises BadValue if it is foreign, cut short or damaged."""
        self._file = file
        self.head = read_head(file)

    def __len__(self) -> int:
        return self.head.samples

    def read(self, first: int, last: int) -> Audio:
        """float32 `[last - first, channels]`, from sample `first` up to `last`, or to the end.

        Raises BadValue for a kind of sample that is not read here.
        """
        form = self.head.format
        first, last = min(first, len(self)), min(last, len(self))
        self._file.seek(self.head.data_offset + first * form.frame_bytes)
        raw = self._file.read((last - first) * form.frame_bytes)
        return decode(raw, form.bits, form.is_float, form.channels)


@contextmanager
def open_wav(path: Path) -> Iterator[WavReader]:
    """A WAV file of 16, 24 or 32 bit integers or 32 bit floats, for as long as it is open.

    Raises BadValue, which names the file, if it cannot be read, or is foreign, cut short or
    damaged; and so does whatever is read from it.
    """
    try:
        with path.open("rb") as file:
            yield WavReader(file)
    except (OSError, ValueError) as error:
        raise BadValue(_unreadable(path, error)) from error
    except BadValue as error:
        raise BadValue(f"{shown(path.name)} {error}") from None


def read_wav(path: Path) -> WavFile:
    """A WAV file of 16, 24 or 32 bit integers or 32 bit floats.

    Raises BadValue if it cannot be read, or is foreign, cut short or damaged.
    """
    with open_wav(path) as wav:
        audio = wav.read(0, len(wav))
        return WavFile(audio, wav.head.format.rate, wav.head.chunks)


def scan(path: Path) -> tuple[Head, ClipInfo]:
    """A clip's header, without its audio, and how it was made.

    Raises BadValue if it cannot be read, or is foreign, cut short or damaged.
    """
    with open_wav(path) as wav:
        return wav.head, read_info_chunks(wav.head.chunks)


def read_info(path: Path) -> ClipInfo:
    """How a clip was made. Raises BadValue as `scan` does."""
    return scan(path)[1]


def _unreadable(path: Path, error: Exception) -> str:
    reason = error.strerror if isinstance(error, OSError) else str(error)
    return f"{shown(path.name)} cannot be read ({reason}): check the name and its permissions"
