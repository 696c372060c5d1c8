"""Recorded OSC: the text that liblo's `oscdump` prints, one message a line.

    eeb159f1.68e325d4 /track/1/name s "house, kick only"

The NTP time of arrival, the address, the types, the arguments. Messages with one and the same time
came in one bundle. A bundle that bears a time tag of its own is printed with that, and REAPER's has
none that means anything (2**24: the first second of 1900). Such lines count as of the moment of the
line before, unless the lines have been given the time of their arrival by `ts %.s`, in front.

Blank lines, and those that begin with `#`, are passed over.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from bridge.osc.packet import IMMEDIATELY, Message, encode, encode_bundle
from bridge.row import Value
from bridge.time.clock import from_ntp_s
from engine.errors import BadValue

_LINE = re.compile(
    r"(?:(?P<seen_s>\d+\.\d+) )?(?P<tag>[0-9a-f]{8}\.[0-9a-f]{8}) (?P<address>/\S*)"
    r"(?: (?P<types>\S*) ?(?P<args>.*))?"
)
_TOGETHER_S = 0.005
"""Lines of one time tag that were seen further apart were two bundles."""


@dataclass(frozen=True, slots=True)
class Packet:
    """What came in one datagram, `at_s` seconds after the first."""

    at_s: float
    messages: tuple[Message, ...]

    def encode(self) -> bytes:
        """A message alone, several as a bundle that means at once."""
        encoded = [encode(message.address, message.args) for message in self.messages]
        return encoded[0] if len(encoded) == 1 else encode_bundle(IMMEDIATELY, encoded)


@dataclass(frozen=True, slots=True)
class _Line:
    at_s: float
    tag: str
    message: Message


def read_recording(path: Path) -> list[Packet]:
    """The packets of a recording, in order. Raises BadValue that names the file and the line."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise BadValue(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise BadValue(f"{path}: is not UTF-8: is it what oscdump printed?") from None
    try:
        packets = parse_recording(text)
    except BadValue as error:
        raise BadValue(f"{path}, {error}") from None
    if not packets:
        raise BadValue(f"{path}: has no message: record one with oscdump -L PORT > FILE")
    return packets


def parse_recording(text: str) -> list[Packet]:
    """The packets of what `oscdump` printed. Raises BadValue that names the line."""
    packets: list[Packet] = []
    first_s: float | None = None
    for _, group in groupby(_lines(text), _moments()):
        lines = list(group)
        first_s = lines[0].at_s if first_s is None else first_s
        messages = tuple(line.message for line in lines)
        packets.append(Packet(max(0.0, lines[0].at_s - first_s), messages))
    return packets


def _moments() -> Callable[[_Line], int]:
    """Says of each line in turn which datagram it came in, by number."""
    number, before = 0, _Line(-math.inf, "", Message("/"))

    def moment(line: _Line) -> int:
        nonlocal number, before
        if line.tag != before.tag or line.at_s - before.at_s > _TOGETHER_S:
            number += 1
        before = line
        return number

    return moment


def _lines(text: str) -> Iterator[_Line]:
    at_s = 0.0
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        parts = _LINE.fullmatch(line)
        if parts is None:
            raise BadValue(f"line {number}: is not as oscdump prints it: {line[:60]!r}")
        seconds, fraction = parts["tag"].split(".")
        if parts["seen_s"]:
            at_s = float(parts["seen_s"])
        elif int(seconds, 16):
            at_s = from_ntp_s(int(seconds, 16) << 32 | int(fraction, 16))
        try:
            args = tuple(_arguments(parts["types"] or "", parts["args"] or ""))
        except (ValueError, KeyError):
            raise BadValue(
                f"line {number}: {parts['args'][:60]!r} is no {parts['types']}"
            ) from None
        yield _Line(at_s, parts["tag"], Message(parts["address"], args))


def _arguments(types: str, text: str) -> list[Value]:
    """The values; strings may hold what else divides them. Raises ValueError or KeyError."""
    found = re.fullmatch(" ".join(_READERS[kind][1] for kind in types), text.rstrip())
    if found is None:
        raise ValueError
    return [_READERS[kind][0](word) for kind, word in zip(types, found.groups(), strict=True)]


def _bytes(text: str) -> bytes:
    return bytes(int(byte, 16) for byte in text.split())


_HEX = r"((?:0x[0-9a-f]{1,2} ?)*)"
_CONSTANT: dict[str, Value] = {"#T": True, "#F": False, "Nil": None, "Infinitum": math.inf}
_READERS: dict[str, tuple[Callable[[str], Value], str]] = {
    "i": (int, r"(\S+)"), "h": (int, r"(\S+)"), "f": (float, r"(\S+)"), "d": (float, r"(\S+)"),
    "s": (str, r'"(.*?)"'), "S": (str, r"'(.*?)'?"), "c": (str, r"'(.)'"),
    "b": (_bytes, rf"\[\d+b {_HEX}\]"), "m": (_bytes, rf"MIDI \[{_HEX}\]"),
    "t": (lambda text: int(text.replace(".", ""), 16), r"([0-9a-f]{8}\.[0-9a-f]{8})"),
    "T": (_CONSTANT.__getitem__, r"(#T)"), "F": (_CONSTANT.__getitem__, r"(#F)"),
    "N": (_CONSTANT.__getitem__, r"(Nil)"), "I": (_CONSTANT.__getitem__, r"(Infinitum)"),
}  # fmt: skip
"""By type tag: what makes a value of it, and how `oscdump` prints one."""
