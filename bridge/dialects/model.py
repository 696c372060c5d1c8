"""A dialect as data: what `dialect.toml` holds, checked by `bridge.dialects.load`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from bridge.row import Value

REGEX = "regex/"
"""What a condition on a string begins with, if it is no plain word."""
_PLACE = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class Within:
    """A number from `low` to `high`, both included."""

    low: float
    high: float

    def fits(self, value: Value) -> bool:
        return isinstance(value, int | float) and self.low <= value <= self.high


@dataclass(frozen=True, slots=True)
class Equals:
    """This value; numbers compare as numbers, a switch as 0 or 1."""

    value: int | float | str

    def fits(self, value: Value) -> bool:
        return value == self.value


@dataclass(frozen=True, slots=True)
class Like:
    """A string of which the whole fits a regular expression."""

    pattern: re.Pattern[str]

    def fits(self, value: Value) -> bool:
        return isinstance(value, str) and self.pattern.fullmatch(value) is not None


Condition = Within | Equals | Like


@dataclass(frozen=True, slots=True)
class Scale:
    """A straight line from `a`..`b` to `c`..`d`, clamped there."""

    a: float
    b: float
    c: float
    d: float
    whole: bool
    """All four were written as whole numbers, so what comes out is one."""

    def apply(self, value: Value) -> Value:
        """`value` brought to `c`..`d`; what is no number stays as it is."""
        if not isinstance(value, int | float):
            return value
        share = (float(value) - self.a) / (self.b - self.a)
        scaled = self.c + min(max(share, 0.0), 1.0) * (self.d - self.c)
        return round(scaled) if self.whole else scaled


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value goes that the message brought: `"{x}"`."""

    name: str


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of a dialect: which messages it is for, and what they become."""

    address: str
    takes: tuple[str, ...] = ()
    when: dict[str, Condition] = field(default_factory=dict)
    scale: dict[str, Scale] = field(default_factory=dict)
    to: str = ""
    """Empty: heard and ignored."""
    args: tuple[int | float | str | Place, ...] = ()
    changes: bool = False
    """Of what a host says at one address, only what differs from the last; the first is noted. For
    a host that tells how it stands when it is greeted: to be greeted is no reason to stop."""

    @property
    def numbers(self) -> tuple[str, ...]:
        """The names of the numbers in its address."""
        return tuple(_PLACE.findall(self.address))

    @property
    def for_all(self) -> bool:
        """Whether it is for whatever no other rule is for."""
        return self.address == "/*"


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one host speaks."""

    name: str
    host: str = ""
    """`HOST:PORT` where our messages go; empty: nothing is sent."""
    listen: int | None = None
    """A UDP port of its own, to which the host sends; None: the OSC port."""
    hello: tuple[tuple[str, tuple[Value, ...]], ...] = ()
    """Messages at the start, and again every `hello_s` seconds: hosts are started later."""
    hello_s: float = 10.0
    bye: tuple[tuple[str, tuple[Value, ...]], ...] = ()
    """Messages at the end."""
    heard: tuple[Rule, ...] = ()
    """From the host to us, in order of precedence."""
    told: tuple[Rule, ...] = ()
    """From our state to the host."""


def places(text: str) -> tuple[str, ...]:
    """The names of the places in an address, `/deck/{n}/gain`."""
    return tuple(_PLACE.findall(text))


def filled(text: str, values: Mapping[str, Value]) -> str:
    """An address with a value in each of its places; hosts send whole numbers as floats, too."""
    return _PLACE.sub(lambda place: _part(values[place[1]]), text) if "{" in text else text


def _part(value: Value) -> str:
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
