"""What a clip says of itself: in its `bext`, `LIST/INFO`, `acid` and `smpl` chunks.

The INFO comment holds all of it as JSON and is what `sideman` reads back; the other chunks are
for DAWs and for people. Layouts: EBU Tech 3285 (`bext`), Microsoft's RIFF specification (`LIST`
and `smpl`), and for `acid`, which was never published, what Sonic Foundry's own files hold.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction
from typing import Any

from bridge import __version__
from bridge.clips.riff import Chunk, Format
from engine.errors import BadValue

_STRETCH = 4
"""`acid`: follow the project's tempo. One-shot (1) is off: it is a loop."""
_ROOT = 60
"""Middle C, as everyone writes it; `acid`'s flag 2 (root valid) is off."""


@dataclass(frozen=True, slots=True)
class ClipInfo:
    """How a clip was made, and how it lies on a DAW's grid."""

    prompt: str
    """For people; a blend is written as `a + b`."""
    bpm: float
    """Quarter notes a minute; 0 where the engine kept its own tempo."""
    bars: int
    """0: not a loop."""
    numerator: int
    denominator: int
    seed: int
    engine: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Everything else that it takes to make the clip again, as JSON can hold it."""
    time_reference_samples: int = 0
    """Where its first sample lay on the server's timeline."""
    created: datetime | None = None


def quarter_notes(info: ClipInfo) -> Fraction:
    """The loop's length in quarter notes, exactly."""
    return Fraction(4 * info.bars * info.numerator, info.denominator)


def info_chunks(info: ClipInfo, form: Format, samples: int) -> list[Chunk]:
    """The chunks that stand between `fmt ` and `data`. Raises BadValue if JSON cannot hold it."""
    chunks = [("bext", _bext(info, form)), ("LIST", _list_info(info))]
    beats = quarter_notes(info)
    if info.bars and beats.denominator == 1 and beats < 2**32:
        # A host takes 60 * beats / duration for the tempo, so a loop that is no whole number of
        # quarter notes (one bar of 7/8) would claim a wrong one: better to claim none.
        chunks.append(("acid", _acid(info, int(beats))))
    if info.bars:
        chunks.append(("smpl", _smpl(form.rate, samples)))
    return chunks


def _bext(info: ClipInfo, form: Format) -> bytes:
    """602 bytes and the coding history. ASCII, as the EBU asks; INFO has the prompt unchanged."""
    date = info.created.strftime("%Y-%m-%d") if info.created else ""
    time = info.created.strftime("%H:%M:%S") if info.created else ""
    mode = {1: "mono", 2: "stereo"}.get(form.channels, f"{form.channels} channels")
    history = f"A=PCM,F={form.rate},W={form.bits},M={mode},T=sideman {info.engine}\r\n"
    reference = info.time_reference_samples
    return struct.pack(
        "<256s32s32s10s8sIIH64s10s180s",
        _ascii(info.prompt), b"sideman", _ascii(f"{info.engine} seed {info.seed}"),
        date.encode("ascii"), time.encode("ascii"), reference & 0xFFFFFFFF, reference >> 32,
        1, b"", b"", b"",
    ) + _ascii(history)  # fmt: skip


def _ascii(text: str) -> bytes:
    return text.replace("\0", " ").encode("ascii", "replace")


def _list_info(info: ClipInfo) -> bytes:
    date = info.created.strftime("%Y-%m-%d") if info.created else ""
    texts = {
        b"INAM": info.prompt,
        b"ISFT": f"sideman {__version__}",
        b"ISRC": f"{info.engine}, seed {info.seed}",
        b"ICRD": date,
        b"ICMT": to_json(info),
    }
    body = b"INFO"
    for name, text in texts.items():
        raw = text.replace("\0", " ").encode("utf-8", "replace") + b"\0"
        body += struct.pack("<4sI", name, len(raw)) + raw + b"\0" * (len(raw) % 2)
    return body


def _acid(info: ClipInfo, beats: int) -> bytes:
    """24 bytes; beats are quarter notes whatever the meter, as the tempo is theirs."""
    meter = (info.denominator, info.numerator)
    return struct.pack("<IHHfIHHf", _STRETCH, _ROOT, 0, 0.0, beats, *meter, info.bpm)


def _smpl(rate: int, samples: int) -> bytes:
    """One forward loop without end over the whole file; its stored end is inclusive."""
    period_ns = round(1e9 / rate)
    head = struct.pack("<9I", 0, 0, period_ns, _ROOT, 0, 0, 0, 1, 0)
    return head + struct.pack("<6I", 0, 0, 0, samples - 1, 0, 0)


def to_json(info: ClipInfo) -> str:
    """One line of ASCII. Raises BadValue if a setting is nothing that JSON can hold."""
    values = {name: getattr(info, name) for name in _FIELDS}
    values["settings"] = dict(info.settings)
    values["created"] = info.created.isoformat() if info.created else None
    try:
        return json.dumps({"sideman": 1} | values, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise BadValue(f"these settings cannot be kept in a clip: {error}") from error


_FIELDS: dict[str, type | tuple[type, ...]] = {
    "prompt": str, "bpm": (int, float), "bars": int, "numerator": int, "denominator": int,
    "seed": int, "engine": str, "settings": dict, "time_reference_samples": int,
    "created": (str, type(None)),
}  # fmt: skip


def read_info_chunks(chunks: Mapping[str, bytes]) -> ClipInfo:
    """The ClipInfo in a file's chunks. Raises BadValue if sideman did not write them."""
    comment = dict(_subchunks(chunks.get("LISTINFO", b"")[4:])).get(b"ICMT", b"")
    try:
        values = json.loads(comment.rstrip(b"\0"))
    except (ValueError, RecursionError):
        values = None
    if not isinstance(values, dict) or values.get("sideman") != 1:
        raise BadValue("was not written by sideman: only its own clips say how they were made")
    for name, kind in _FIELDS.items():
        value = values.get(name)
        if not isinstance(value, kind) or isinstance(value, bool):
            raise BadValue(f"is damaged: its {name} is no good")
    return _from_values(values)


def _subchunks(body: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 0
    while at + 8 <= len(body):
        length = int.from_bytes(body[at + 4 : at + 8], "little")
        yield body[at : at + 4], body[at + 8 : at + 8 + length]
        at += 8 + length + length % 2


def _from_values(values: dict[str, Any]) -> ClipInfo:
    try:
        created = datetime.fromisoformat(values["created"]) if values["created"] else None
        bpm = float(values["bpm"])
    except (ValueError, OverflowError):
        raise BadValue("is damaged: its date or tempo is no good") from None
    if not math.isfinite(bpm) or bpm < 0 or values["bars"] < 0:
        raise BadValue("is damaged: its tempo or length is no good")
    if values["numerator"] < 1 or values["denominator"] < 1:
        raise BadValue("is damaged: its time signature is no good")
    return ClipInfo(**{name: values[name] for name in _FIELDS} | {"created": created, "bpm": bpm})
