"""OSC 1.0 messages to bytes and back, as far as sideman and this script need it."""

from __future__ import annotations

import struct
from typing import Any

_PLAIN = {"T": True, "F": False, "N": None}
_NUMBERS = {"i": ">i", "f": ">f", "d": ">d", "h": ">q", "t": ">Q"}


class Malformed(ValueError):
    """Bytes that are no OSC message."""


def encode(address: str, *values: Any) -> bytes:
    """One message. A bool is sent as T or F, an int as i, a float as f, a str as s."""
    tags, data = ",", b""
    for value in values:
        if isinstance(value, bool):
            tags += "T" if value else "F"
        elif isinstance(value, int):
            tags, data = tags + "i", data + struct.pack(">i", value)
        elif isinstance(value, float):
            tags, data = tags + "f", data + struct.pack(">f", value)
        else:
            tags, data = tags + "s", data + _padded(value)
    return _padded(address) + _padded(tags) + data


def decode(data: bytes) -> tuple[str, tuple[Any, ...]]:
    """The address and the arguments. Raises Malformed."""
    try:
        address, at = _text(data, 0)
        tags, at = _text(data, at)
        values = []
        for tag in tags[1:]:
            if tag in _PLAIN:
                values.append(_PLAIN[tag])
            elif tag == "s":
                text, at = _text(data, at)
                values.append(text)
            else:
                number = struct.Struct(_NUMBERS[tag])
                values.append(number.unpack_from(data, at)[0])
                at += number.size
    except (KeyError, struct.error, UnicodeDecodeError, ValueError) as error:
        raise Malformed(str(error)) from None
    return address, tuple(values)


def _padded(text: str) -> bytes:
    raw = text.encode("utf-8") + b"\0"
    return raw + b"\0" * (-len(raw) % 4)


def _text(data: bytes, at: int) -> tuple[str, int]:
    end = data.index(b"\0", at)
    return data[at:end].decode("utf-8"), (end + 4) & ~3
