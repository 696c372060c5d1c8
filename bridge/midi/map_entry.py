"""One table of a map's file, of which every key must be asked for.

Everything raises BadValue with the file, the entry and what would be right.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeVar

from bridge.row import Value
from engine.errors import BadValue

Word = TypeVar("Word", bound=str)

Colors = dict[str, tuple[int, int]]
"""By state, a colour's number and the channel that it is sent on; 0: the light's own."""


class Entry:
    def __init__(self, table: Mapping[str, object], where: str) -> None:
        self._table = table
        self._where = where
        self._asked: set[str] = set()

    def bad(self, reason: str) -> BadValue:
        """The error for this entry."""
        return BadValue(f"{self._where}: {reason}")

    def finish(self) -> None:
        """Nothing else may be there."""
        unknown = sorted(set(self._table) - self._asked)
        if unknown:
            known = " ".join(sorted(self._asked))
            raise self.bad(f"{unknown[0]!r} is no key here; there are {known}")

    def entries(self, key: str) -> Iterator[Entry]:
        """The tables under `[[key]]`, numbered from 1."""
        tables = self._get(key, [])
        if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
            raise self.bad(f"{key} is a list of tables: write [[{key}]]")
        for number, table in enumerate(tables, 1):
            yield Entry(table, f"{self._where}, {key} {number}")

    def one_of(self, keys: Sequence[Word]) -> Word:
        """The one of `keys` that is there."""
        here = [key for key in keys if key in self._table]
        self._asked.update(keys)
        if len(here) != 1:
            raise self.bad(f"needs one of {' '.join(keys)}")
        return here[0]

    def text(self, key: str) -> str:
        value = self._get(key, None)
        if not isinstance(value, str) or not value:
            raise self.bad(f"needs {key}, a string")
        return value

    def texts(self, key: str, *, optional: bool = False) -> tuple[str, ...]:
        """A string, or several."""
        value = self._get(key, [])
        values = value if isinstance(value, list) else [value]
        if not all(isinstance(text, str) and text for text in values):
            raise self.bad(f"{key} is a string, or a list of strings, none of them empty")
        if not values and not optional:
            raise self.bad(f"needs {key}, a string or a list of strings")
        return tuple(values)

    def number(self, key: str, low: int, high: int, *, default: int) -> int:
        value = self._get(key, default)
        if value == default and key not in self._table:
            return default
        return self._whole(key, value, low, high)

    def numbers(self, key: str, low: int, high: int) -> tuple[int, ...]:
        """`7`, `"0..7"`, `"7..0"`, or a list of such."""
        value = self._get(key, None)
        values = value if isinstance(value, list) else [value]
        found = [n for part in values for n in self._span(key, part)]
        if not found:
            raise self.bad(f"{key} names no number")
        return tuple(self._whole(key, n, low, high) for n in found)

    def _span(self, key: str, part: object) -> Sequence[object]:
        span = re.fullmatch(r"(\d{1,3})\.\.(\d{1,3})", part) if isinstance(part, str) else None
        if span is None:
            return [part]
        first, last = int(span[1]), int(span[2])
        step = 1 if last >= first else -1
        return range(first, last + step, step)

    def _whole(self, key: str, value: object, low: int, high: int) -> int:
        if not isinstance(value, int) or isinstance(value, bool):
            raise self.bad(f'{key} {value!r} is no whole number, nor a range such as "0..7"')
        if not low <= value <= high:
            raise self.bad(f"{key} {value} is out of range {low}..{high}")
        return value

    def values(self, key: str) -> tuple[Value, ...]:
        """A list of arguments for a message."""
        value = self._get(key, [])
        if not isinstance(value, list) or not all(
            isinstance(arg, str | int | float) for arg in value
        ):
            raise self.bad(f"{key} is a list of numbers and strings")
        return tuple(value)

    def pair(self, key: str) -> tuple[float, float] | None:
        value = self._get(key, None)
        if value is None:
            return None
        if not isinstance(value, list) or len(value) != 2 or not all(map(_is_number, value)):
            raise self.bad(f"{key} is two numbers, [lowest, highest]")
        return float(value[0]), float(value[1])

    def palettes(self, key: str) -> dict[str, Colors]:
        """Colours by name, for several lights."""
        table = self._get(key, {})
        if not isinstance(table, dict):
            raise self.bad(f"{key} is a table: write [{key}.name]")
        here = Entry(table, f"{self._where}, {key}")
        return {name: here.colors(name, {}) for name in table}

    def colors(self, key: str, palettes: Mapping[str, Colors]) -> Colors:
        """`{ on = 5 }`, `{ on = { color = 5, channel = 3 } }`, or the name of a palette."""
        value = self._get(key, None)
        if isinstance(value, str):
            if value not in palettes:
                raise self.bad(f"there is no palette {value!r}: write [palette.{value}]")
            return palettes[value]
        if not isinstance(value, dict) or not value:
            raise self.bad(f"needs {key}, such as {key} = {{ on = 127 }}")
        return {state: self._color(f"{key}.{state}", color) for state, color in value.items()}

    def _color(self, key: str, color: object) -> tuple[int, int]:
        if not isinstance(color, dict):
            return self._whole(key, color, 0, 127), 0
        entry = Entry(color, f"{self._where}, {key}")
        found = (
            entry._whole("color", entry._get("color", None), 0, 127),
            entry.number("channel", 1, 16, default=0),
        )
        entry.finish()
        return found

    def _get(self, key: str, default: object) -> object:
        self._asked.add(key)
        return self._table.get(key, default)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
