"""The rows of the protocol laid out for a server with so many decks: what arrives is resolved to
`Request`s, or it is said in one line what is wrong with it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import inf

from bridge.addresses import MAX_DECKS, ROWS, SCENES, SLOTS
from bridge.patterns import is_pattern, matches
from bridge.row import Access, Row, Value
from engine.errors import BadValue


@dataclass(frozen=True, slots=True)
class Request:
    """A checked message: which row, which N, which values."""

    row: Row
    path: str
    """The concrete address, e.g. `/deck/2/gain`."""
    index: int
    """N, or 0 where the row has none."""
    values: tuple[Value, ...]

    @property
    def reads(self) -> bool:
        """Whether it asks for a value instead of changing one."""
        return self.row.access is Access.READ or (
            self.row.access is Access.VALUE and not self.values
        )


class Table:
    """The rows laid out for a server with `decks` decks."""

    def __init__(self, decks: int = 4) -> None:
        self._counts = {"deck": decks, "slot": SLOTS, "scene": SCENES}
        self._nodes: dict[str, tuple[Row, int]] = {}
        for row in ROWS:
            for index in self._indices(row):
                self._nodes[row.path.replace("/N/", f"/{index}/")] = (row, index)
        self._matching = lru_cache(maxsize=256)(self._match)

    def _indices(self, row: Row) -> range:
        return range(1, self._counts[row.indexed] + 1) if row.indexed else range(1)

    def __iter__(self) -> Iterator[str]:
        return iter(self._nodes)

    def row(self, address: str) -> Row | None:
        """What stands at a concrete address; None: nothing."""
        node = self._nodes.get(address)
        return node[0] if node else None

    def resolve(self, address: str, values: Sequence[Value]) -> list[Request]:
        """The requests that a message means: many for a pattern, none for a button let go, and
        none for what only the server sends, which is a peer's echo and must not be answered.

        Raises BadValue if the address is unknown or any node refuses the values, so that a
        pattern changes all that it names or nothing.
        """
        node = self._nodes.get(address)
        if node is None:
            return self._resolve_pattern(address, values)
        request = self._request(address, *node, values)
        return [request] if request else []

    def _resolve_pattern(self, address: str, values: Sequence[Value]) -> list[Request]:
        if not is_pattern(address):
            raise BadValue(self._unknown(address))
        paths = self._matching(address)
        if not paths:
            raise BadValue("no address matches this pattern")
        if not values:
            # What cannot do without is not meant by `/deck/1/*`, unless nothing else is named.
            paths = tuple(p for p in paths if not self._nodes[p][0].needs_values) or paths
        requests = (self._request(path, *self._nodes[path], values) for path in paths)
        return [request for request in requests if request]

    def _match(self, pattern: str) -> tuple[str, ...]:
        return tuple(
            path for path, (row, _) in self._nodes.items()
            if row.access is not Access.OUT and matches(pattern, path)
        )  # fmt: skip

    def _request(self, path: str, row: Row, index: int, values: Sequence[Value]) -> Request | None:
        if row.access is Access.OUT:
            return None
        if row.access is Access.TRIGGER and _is_button(row, values):
            if not values[0]:
                return None
            values = ()
        if _is_impulse(row, values):
            values = ()
        if row.access is Access.VALUE and not values:
            return Request(row, path, index, ())
        return Request(row, path, index, row.take(values))

    def _unknown(self, path: str) -> str:
        parts = path.split("/")
        count = self._counts.get(parts[1]) if len(parts) > 3 else None
        template = "/".join([*parts[:2], "N", *parts[3:]])
        if count is not None and any(row.path == template for row in ROWS):
            hint = f" (serve --decks, up to {MAX_DECKS})" if parts[1] == "deck" else ""
            return f"there is no {parts[1]} {parts[2][:12]}: {parts[1]}s go from 1 to {count}{hint}"
        return "unknown address"


def _is_impulse(row: Row, values: Sequence[Value]) -> bool:
    """Whether the value is OSC's `N` or `I`, which some send where no argument is meant."""
    if len(values) != 1 or (values[0] is not None and values[0] != inf):
        return False
    asks = row.access in (Access.TRIGGER, Access.READ)
    return asks and all(arg.optional and arg.kind != "any" for arg in row.args)


def _is_button(row: Row, values: Sequence[Value]) -> bool:
    """Whether the values are a controller's press (1) or release (0) rather than arguments."""
    if len(values) != 1 or not isinstance(values[0], int | float):
        return False
    takes_numbers = bool(row.args) and row.args[0].kind != "str"
    return isinstance(values[0], bool) or not takes_numbers or not values[0]
