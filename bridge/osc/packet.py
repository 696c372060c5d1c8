"""OSC 1.0 packets (and the type tags of 1.1) to messages and back.

Whatever the bytes, `decode` returns or raises BadPacket, in time linear in their number. Every
size is checked before it is used, so this needs no other parser in front of it (python-osc's
hangs on a negative element size and recurses without end on nested bundles).
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from struct import Struct

from bridge.row import Value
from engine.errors import SidemanError

MAX_ADDRESS = 256
"""Bytes in an address: the longest real one has 20, a pattern may be longer."""
MAX_ARGS = 1024
MAX_DEPTH = 8
"""Bundles within bundles."""
MAX_ELEMENTS = 4096
"""Messages and bundles in one packet, at all depths together."""
IMMEDIATELY = 1
"""The time tag that means `at once`."""

_BUNDLE = b"#bundle\0"
_INT = Struct(">i")
_FLOAT = Struct(">f")
_LONG = Struct(">q")
_DOUBLE = Struct(">d")
_TIME = Struct(">Q")
_ADDRESS = re.compile(rb"/[!\"$-~]*")  # printable, no space, no '#'; a pattern may hold ','


class BadPacket(SidemanError):
    """Bytes that are not OSC. `address` is as much of it as could be read, or empty."""

    def __init__(self, reason: str, address: str = "") -> None:
        super().__init__(reason)
        self.address = address


@dataclass(frozen=True, slots=True)
class Message:
    address: str
    args: tuple[Value, ...] = ()


@dataclass(frozen=True, slots=True)
class Bundle:
    """Messages that belong together, at the NTP time `timetag` (1: at once)."""

    timetag: int
    elements: tuple[Message | Bundle, ...]


def decode(datagram: bytes) -> Message | Bundle:
    """One packet. Raises BadPacket, and nothing else, if it is not well formed."""
    if datagram.startswith(_BUNDLE):
        try:
            return _bundle(datagram, MAX_DEPTH, [MAX_ELEMENTS])
        except BadPacket as error:
            inner = f"{error.address}: " if error.address else ""
            raise BadPacket(f"{inner}{error}", "#bundle") from None
    return _message(datagram)


def _bundle(data: bytes, depth: int, left: list[int]) -> Bundle:
    """`left[0]` counts down the elements that this packet may still have."""
    if depth == 0:
        raise BadPacket(f"bundles nest at most {MAX_DEPTH} deep")
    if len(data) < 16:
        raise BadPacket(f"a bundle has at least 16 bytes, not {len(data)}")
    elements: list[Message | Bundle] = []
    at = 16
    while at < len(data):
        start = at + 4
        size = _INT.unpack_from(data, at)[0] if start <= len(data) else 0
        if size <= 0 or size % 4 or size > len(data) - start:
            raise BadPacket(f"element of {size} bytes where {len(data) - start} are left")
        left[0] -= 1
        if left[0] < 0:
            raise BadPacket(f"a packet has at most {MAX_ELEMENTS} elements")
        at = start + size
        element = data[start:at]
        nested = element.startswith(_BUNDLE)
        elements.append(_bundle(element, depth - 1, left) if nested else _message(element))
    return Bundle(_TIME.unpack_from(data, 8)[0], tuple(elements))


def _message(data: bytes) -> Message:
    end = data.find(0)
    if end < 0:
        raise BadPacket("the address has no end")
    address = _address(data[:end])
    try:
        return Message(address, _arguments(data, (end + 4) & ~3))
    except BadPacket as error:
        raise BadPacket(str(error), address) from None


@lru_cache(maxsize=1024)
def _address(raw: bytes) -> str:
    if len(raw) > MAX_ADDRESS:
        raise BadPacket(f"an address has at most {MAX_ADDRESS} bytes, not {len(raw)}")
    if not _ADDRESS.fullmatch(raw):
        raise BadPacket("an address begins with '/' and is printable ASCII without spaces or '#'")
    return raw.decode("ascii")


def _arguments(data: bytes, at: int) -> tuple[Value, ...]:
    """The arguments of a message whose type tags begin at byte `at`."""
    if at >= len(data):
        if at > len(data):
            raise BadPacket("the address is not padded to 4 bytes")
        return ()  # senders older than OSC 1.0 leave an empty list of type tags out
    if data[at] != 0x2C:
        raise BadPacket(f"no type tags, yet {len(data) - at} bytes follow the address")
    end = data.find(0, at)
    if end < 0:
        raise BadPacket("the type tags have no end")
    tags = data[at + 1 : end]
    at = (end + 4) & ~3
    if at > len(data):
        raise BadPacket("the type tags are not padded to 4 bytes")
    numbers = _numbers(tags)
    if numbers is None:
        return _mixed(tags, data, at)
    if numbers.size != len(data) - at:
        raise BadPacket(f"{len(data) - at} bytes of arguments, {numbers.size} expected")
    return numbers.unpack_from(data, at)


@lru_cache(maxsize=256)
def _numbers(tags: bytes) -> Struct | None:
    """What unpacks all arguments at once, or None if some are no plain numbers."""
    if len(tags) > MAX_ARGS:
        raise BadPacket(f"a message has at most {MAX_ARGS} arguments, not {len(tags)}")
    if tags.strip(b"ifhdt"):
        return None
    return Struct(">" + tags.translate(bytes.maketrans(b"ht", b"qQ")).decode("ascii"))


def _mixed(tags: bytes, data: bytes, at: int) -> tuple[Value, ...]:
    values: list[Value] = []
    depth = 0
    for code in tags:
        tag = chr(code)
        if tag in _CONSTANTS:
            values.append(_CONSTANTS[tag])
        elif tag in "[]":
            depth += 1 if tag == "[" else -1
            if depth < 0:
                break
        elif tag in _READERS:
            value, at = _READERS[tag](data, at)
            values.append(value)
        else:
            raise BadPacket(f"unknown type tag {tag!r}")
    if depth:
        raise BadPacket("the brackets in the type tags do not pair")
    if at != len(data):
        raise BadPacket(f"{len(data) - at} bytes after the last argument")
    return tuple(values)


def _text(data: bytes, at: int) -> tuple[str, int]:
    end = data.find(0, at)
    after = (end + 4) & ~3
    if end < 0 or after > len(data):
        raise BadPacket("a string has no end or is not padded to 4 bytes")
    try:
        return data[at:end].decode("utf-8"), after
    except UnicodeDecodeError:
        raise BadPacket("a string is not UTF-8") from None


def _blob(data: bytes, at: int) -> tuple[bytes, int]:
    size, start = _number(_INT)(data, at)
    after = start + ((int(size) + 3) & ~3)
    if size < 0 or after > len(data):
        raise BadPacket(f"a blob of {size} bytes where {len(data) - start} are left")
    return data[start : start + int(size)], after


def _four(data: bytes, at: int) -> tuple[bytes, int]:
    if at + 4 > len(data):
        raise BadPacket("an argument is cut short")
    return data[at : at + 4], at + 4


def _char(data: bytes, at: int) -> tuple[str, int]:
    code, after = _number(_INT)(data, at)
    if not 0 <= code < 128:
        raise BadPacket(f"character {code} is not ASCII")
    return chr(int(code)), after


def _number(layout: Struct) -> Callable[[bytes, int], tuple[int | float, int]]:
    def read(data: bytes, at: int) -> tuple[int | float, int]:
        after = at + layout.size
        if after > len(data):
            raise BadPacket("an argument is cut short")
        return layout.unpack_from(data, at)[0], after

    return read


_CONSTANTS: dict[str, Value] = {"T": True, "F": False, "N": None, "I": math.inf}
_READERS: dict[str, Callable[[bytes, int], tuple[Value, int]]] = {
    "i": _number(_INT), "f": _number(_FLOAT), "h": _number(_LONG), "d": _number(_DOUBLE),
    "t": _number(_TIME), "s": _text, "S": _text, "b": _blob, "c": _char, "r": _four, "m": _four,
}  # fmt: skip


def encode(address: str, args: Sequence[Value]) -> bytes:
    """One message. Numbers go as `i` and `f`, as every host reads them; only one that does not
    fit there goes as `h`, `t` or `d`."""
    tags, body = [","], bytearray()
    for value in args:
        tag, data = _encoded(value)
        tags.append(tag)
        body += data
    return _padded(address) + _padded("".join(tags)) + bytes(body)


def encode_bundle(timetag: int, elements: Sequence[bytes]) -> bytes:
    """A bundle of what `encode` and `encode_bundle` made, at NTP time `timetag`."""
    sized = (_INT.pack(len(element)) + element for element in elements)
    return _BUNDLE + _TIME.pack(timetag) + b"".join(sized)


def _encoded(value: Value) -> tuple[str, bytes]:
    if value is None:
        return "N", b""
    if isinstance(value, bool):
        return "T" if value else "F", b""
    if isinstance(value, str):
        return "s", _padded(value)
    if isinstance(value, bytes):
        return "b", _INT.pack(len(value)) + value + bytes(-len(value) % 4)
    if isinstance(value, int):
        return _encoded_int(value)
    try:
        return "f", _FLOAT.pack(value)
    except OverflowError:
        return "d", _DOUBLE.pack(value)


def _encoded_int(value: int) -> tuple[str, bytes]:
    if -(2**31) <= value < 2**31:
        return "i", _INT.pack(value)
    if -(2**63) <= value < 2**63:
        return "h", _LONG.pack(value)
    if 0 <= value < 2**64:
        return "t", _TIME.pack(value)
    return "d", _DOUBLE.pack(float(value))


def _padded(text: str) -> bytes:
    # A file name from the disk may hold lone surrogates, and a NUL would end the string early.
    data = text.encode("utf-8", "replace").replace(b"\0", b"?")
    return data + bytes(4 - len(data) % 4)
