"""RIFF/WAVE files as chunks: packing a header, and walking a file that anyone may have written."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from engine.errors import BadValue

PCM, FLOAT, EXTENSIBLE = 1, 3, 0xFFFE
MAX_FILE_BYTES = 2**32 - 1
"""RIFF counts in 32 bits."""
_KEPT_BYTES = 2**20
"""The largest chunk (other than `data`) whose content is of interest."""
_MOST_CHUNKS = 1000
"""More than any program writes; so many empty ones are a damaged file."""

Chunk = tuple[str, bytes]
"""Four characters, and the content without padding."""


@dataclass(frozen=True, slots=True)
class Format:
    """The `fmt ` chunk."""

    rate: int
    channels: int
    bits: int
    is_float: bool

    @property
    def frame_bytes(self) -> int:
        return self.channels * self.bits // 8

    def chunks(self, samples: int) -> list[Chunk]:
        """`fmt `, and the `fact` that everything but integers must have."""
        tag = FLOAT if self.is_float else PCM
        fmt = struct.pack(
            "<HHIIHH", tag, self.channels, self.rate,
            self.rate * self.frame_bytes, self.frame_bytes, self.bits,
        )  # fmt: skip
        if not self.is_float:
            return [("fmt ", fmt)]
        return [("fmt ", fmt + struct.pack("<H", 0)), ("fact", struct.pack("<I", samples))]


@dataclass(frozen=True, slots=True)
class Head:
    """What a WAV file says of itself, without its audio."""

    format: Format
    data_offset: int
    samples: int
    chunks: dict[str, bytes]
    """The first of each kind; `LIST` chunks by `LIST` and their type, as `LISTINFO`."""


def pack(chunk: Chunk) -> bytes:
    name, body = chunk
    return struct.pack("<4sI", name.encode("ascii"), len(body)) + body + b"\0" * (len(body) % 2)


def header(form: Format, samples: int, chunks: Sequence[Chunk] = ()) -> bytes:
    """Everything that stands before the samples; as long for any number of them.

    Raises BadValue if the file would be larger than RIFF can say.
    """
    packed = b"".join(pack(chunk) for chunk in [*form.chunks(samples), *chunks])
    data_bytes = samples * form.frame_bytes
    riff_bytes = 4 + len(packed) + 8 + data_bytes + data_bytes % 2
    if riff_bytes > MAX_FILE_BYTES - 8:
        raise BadValue(
            f"{samples / form.rate:.0f} s of audio take {data_bytes} bytes, and a WAV file holds"
            " less than 4 GiB: write fewer seconds"
        )
    return (
        struct.pack("<4sI4s", b"RIFF", riff_bytes, b"WAVE")
        + packed
        + struct.pack("<4sI", b"data", data_bytes)
    )


def read_head(file: BinaryIO) -> Head:
    """Walk all chunks of a file. Raises BadValue if it is no WAV file, cut short or damaged."""
    size = file.seek(0, 2)
    file.seek(0)
    start = file.read(12)
    if len(start) < 12 or start[:4] != b"RIFF" or start[8:] != b"WAVE":
        raise BadValue("is not a WAV file")
    chunks: dict[str, bytes] = {}
    data: tuple[int, int] | None = None
    for name, offset, length in _walk(file, size):
        if name == "data":
            data = data or (offset, length)
        elif length <= _KEPT_BYTES:
            body = file.read(length)
            chunks.setdefault(name + body[:4].decode("latin-1") if name == "LIST" else name, body)
    if data is None:
        raise BadValue("is cut short: it has no samples")
    form = unpack_format(chunks.get("fmt ", b""))
    return Head(form, data[0], data[1] // form.frame_bytes, chunks)


def _walk(file: BinaryIO, size: int) -> Iterator[tuple[str, int, int]]:
    """Name, offset and length of each chunk's content; the file stands at it meanwhile."""
    at = 12
    for _ in range(_MOST_CHUNKS):
        file.seek(at)
        head = file.read(8)
        if len(head) < 8:
            return  # up to 7 stray bytes after the last chunk are common, and harmless
        length = int.from_bytes(head[4:], "little")
        if at + 8 + length > size:
            raise BadValue(f"is cut short: {at + 8 + length - size} bytes are missing")
        yield head[:4].decode("latin-1"), at + 8, length
        at += 8 + length + length % 2
    raise BadValue(f"is damaged: it has more than {_MOST_CHUNKS} chunks")


def unpack_format(body: bytes) -> Format:
    """The `fmt ` chunk, plain or extensible. Raises BadValue if it makes no sense."""
    if len(body) < 16:
        raise BadValue("is damaged: it does not say its format")
    tag, channels, rate, _, frame_bytes, bits = struct.unpack_from("<HHIIHH", body)
    if tag == EXTENSIBLE and len(body) >= 40:
        tag = int.from_bytes(body[24:26], "little")  # the GUID begins with the plain tag
    if tag not in (PCM, FLOAT):
        raise BadValue(f"is compressed (format {tag}): convert it to plain PCM")
    if not 1 <= channels <= 256 or not 1 <= rate <= 2**20 or bits % 8 or not 8 <= bits <= 64:
        raise BadValue(f"is damaged: {channels} channels of {bits} bits at {rate} Hz")
    if frame_bytes != channels * bits // 8:
        raise BadValue(f"is damaged: {frame_bytes} bytes for {channels} channels of {bits} bits")
    return Format(rate, channels, bits, tag == FLOAT)
