"""What a row of the protocol's table is: an address, its arguments, and what it does with them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Literal

from engine.errors import BadValue

Value = int | float | str | bool | bytes | None
"""What an OSC argument can be once decoded."""

MAX_TEXT = 4096
"""Characters in one string argument: a prompt of 15 words is 100, and 4096 fit any datagram."""


class Access(Enum):
    VALUE = "value"
    """Set with arguments, read without."""
    SWITCH = "switch"
    """On or off with an argument, toggled without."""
    READ = "read"
    """Only asked for."""
    TRIGGER = "trigger"
    """Does something; a lone 0 is a button let go, and ignored."""
    OUT = "out"
    """Only ever sent by the server."""


@dataclass(frozen=True, slots=True)
class Arg:
    """One argument: what it means, and what it may be."""

    name: str
    kind: Literal["int", "float", "str", "switch", "any"]
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    optional: bool = False

    def take(self, value: Value) -> Value:
        """`value` as this argument's type. Raises BadValue with the range."""
        if self.kind == "any":
            return value
        if self.kind == "str":
            return self._text(value)
        if self.kind == "switch":
            if value not in (0, 1):
                raise BadValue(f"{self.name} is 0, 1, true or false, not {_short(value)}")
            return bool(value)
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise BadValue(f"{self.name} is a number, not {_short(value)}")
        number = float(value)
        if self.kind == "int" and not number.is_integer():
            raise BadValue(f"{self.name} is a whole number, not {value}")
        low, high = self.low, self.high
        if (low is not None and not number >= low) or (high is not None and not number <= high):
            raise BadValue(f"{self.name} {number:.10g} is out of range {_range(low, high)}")
        if number != number or number in (float("inf"), float("-inf")):
            raise BadValue(f"{self.name} is a finite number, not {number}")
        return int(value) if self.kind == "int" else number

    def _text(self, value: Value) -> str:
        if not isinstance(value, str):
            raise BadValue(f"{self.name} is a string, not {_short(value)}")
        if len(value) > MAX_TEXT:
            raise BadValue(f"{self.name} has {len(value)} characters, at most {MAX_TEXT} are taken")
        if self.choices and value not in self.choices:
            raise BadValue(f"{self.name} {_short(value)} is none of {' '.join(self.choices)}")
        return value


def _short(value: Value) -> str:
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "..."


def _range(low: float | None, high: float | None) -> str:
    return f"{'' if low is None else f'{low:.10g}'}..{'' if high is None else f'{high:.10g}'}"


@dataclass(frozen=True, slots=True)
class Row:
    """One address of the protocol."""

    path: str
    access: Access
    does: str
    args: tuple[Arg, ...] = ()
    repeat: int = 0
    """How many of the last arguments may come again and again."""
    reply: tuple[Arg, ...] = ()
    """What it answers, where that is not its own arguments."""
    blank: tuple[Value, ...] = ()
    """What it holds before anything was stored there."""

    @property
    def indexed(self) -> str:
        """`deck`, `slot`, `scene`, or empty."""
        return self.path.split("/")[1] if "/N/" in self.path else ""

    @property
    def needs_values(self) -> bool:
        """Whether it means nothing without an argument: a value does, that is asked for then."""
        return self.access is not Access.VALUE and any(not arg.optional for arg in self.args)

    def take(self, values: Sequence[Value]) -> tuple[Value, ...]:
        """`values` checked and converted. Raises BadValue."""
        needed = sum(not arg.optional for arg in self.args)
        if len(values) < needed:
            raise BadValue(f"takes {self.signature}, got {len(values)} arguments")
        if len(values) > len(self.args) and not self.repeat:
            raise BadValue(f"takes {self.signature or 'no arguments'}, got {len(values)} arguments")
        return tuple(self._arg(i).take(value) for i, value in enumerate(values))

    def _arg(self, i: int) -> Arg:
        if i < len(self.args):
            return self.args[i]
        first = len(self.args) - self.repeat
        return self.args[first + (i - first) % self.repeat]

    @property
    def signature(self) -> str:
        """The arguments for people: `s:prompt [f:weight] ...`."""
        words = []
        for arg in self.args:
            tag = {"int": "i", "float": "f", "str": "s", "switch": "T/F", "any": "any"}[arg.kind]
            words.append(f"[{tag}:{arg.name}]" if arg.optional else f"{tag}:{arg.name}")
        return " ".join(words + ["..."] * bool(self.repeat))
