"""The protocol table as OSCQuery's JSON: pure functions of a row, and the tree over a table.

OSCQuery (github.com/Vidvox/OSCQueryProposal) describes each address by one type tag string. Where
the table is richer, this is what its clients make most of, as their sources show:

- A trigger is `I`: libossia makes an impulse of it (of `N` it makes nothing), and it can be sent
  with that tag or with no argument.
- A switch is `T`, and goes out as `T` or `F`.
- Of optional and repeated arguments, TYPE has what is needed and OVERLOADS the longer forms. A
  blend of prompts shows its first prompt as VALUE, which is what a client that knows one string
  reads from the message, and the whole under OVERLOADS.
- There is no EXTENDED_TYPE: none of the specification's words fits, and libossia takes an address
  with any other one for a list. The arguments' names are in DESCRIPTION.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from bridge import PROTOCOL, __version__
from bridge.row import Access, Arg, Row, Value
from bridge.table import Table
from engine.errors import BadValue

Node = dict[str, Any]
"""A node's attributes, as they go into JSON."""

NAME = "sideman"
ATTRIBUTES = frozenset(
    "FULL_PATH CONTENTS TYPE ACCESS VALUE RANGE DESCRIPTION TAGS UNIT CRITICAL OVERLOADS".split()
)
"""What can be asked for by name."""
_EXTENSIONS = (*sorted(ATTRIBUTES - {"FULL_PATH", "CONTENTS", "TYPE"}), "LISTEN")

_NO_VALUE, _READABLE, _WRITABLE = 0, 1, 2
_TAGS = {"int": "i", "float": "f", "str": "s", "switch": "T"}
_UNITS = {
    "bpm": "time.bpm", "db": "gain.db", "ms": "time.ms", "s": "time.second",
    "seconds": "time.second",
}  # fmt: skip
"""By the last word of an argument's name, OSCQuery's name of the unit."""


def access_of(row: Row) -> int:
    """Whether its value can be read (1), set (2) or both (3).

    What answers something else than a value of its own (`/ping`) is sent to, not read.
    """
    if row.access in (Access.VALUE, Access.SWITCH):
        return _READABLE | _WRITABLE
    if row.access is Access.TRIGGER or not row.reply:
        return _WRITABLE
    return _READABLE


def forms(row: Row) -> list[tuple[Arg, ...]]:
    """The lists of arguments that it takes, or holds, the plainest first."""
    if access_of(row) == _READABLE:
        return [row.reply]
    if row.access is Access.SWITCH:
        return [row.args]
    needed = sum(not arg.optional for arg in row.args)
    most = 0 if row.access is Access.READ and not needed else len(row.args)
    found = [row.args[:n] for n in range(needed, most + 1)]
    return [*found, (*row.args, *row.args[-row.repeat :])] if most and row.repeat else found


def type_of(args: Sequence[Arg]) -> str | None:
    """The type tags of these arguments; None if they may be anything."""
    if any(arg.kind == "any" for arg in args):
        return None
    return "".join(_TAGS[arg.kind] for arg in args) or "I"


@lru_cache(maxsize=256)
def describe(row: Row) -> Node:
    """All attributes of a row but its path, value and contents. Not to be changed."""
    plain, *longer = forms(row)
    node: Node = {"ACCESS": access_of(row), **_form(plain)}
    words = row.signature
    node["DESCRIPTION"] = f"{row.does} [{words}]" if len(row.args) > 1 or row.repeat else row.does
    node["TAGS"] = [word for word in (row.indexed, row.access.value) if word]
    if row.access is Access.TRIGGER:
        node["CRITICAL"] = True  # no later message makes up for one that is lost
    if longer:
        node["OVERLOADS"] = [_form(args) for args in longer]
    return node


def _form(args: Sequence[Arg]) -> Node:
    tags = type_of(args)
    node: Node = {} if tags is None else {"TYPE": tags}
    for name, each in (("RANGE", _range), ("UNIT", _unit)):
        items = [each(arg) for arg in args]
        if any(item is not None for item in items):
            node[name] = items
    return node


def _range(arg: Arg) -> Node | None:
    if arg.choices:
        return {"VALS": list(arg.choices)}
    number = int if arg.kind == "int" else float
    ends = (("MIN", arg.low), ("MAX", arg.high))
    return {name: number(end) for name, end in ends if end is not None} or None


def _unit(arg: Arg) -> str | None:
    return _UNITS.get(arg.name.rpartition("_")[2])


def value_of(row: Row, known: Sequence[Value] | None) -> list[Any] | None:
    """What is known, as VALUE: as many items as TYPE has tags. None: there is nothing to tell."""
    tags = describe(row).get("TYPE", "")
    if not access_of(row) & _READABLE or not tags:
        return None
    held = known or row.blank
    return _plain(tags, held) if held else None


def _plain(tags: str, values: Sequence[Value]) -> list[Any]:
    return [_item(tag, value) for tag, value in zip(tags, values, strict=False)]


def _item(tag: str, value: Value) -> Any:
    if tag == "T":
        return bool(value)
    if isinstance(value, float) and not math.isfinite(value):
        return None  # JSON has no word for it
    return None if isinstance(value, bytes) else value


def typed(row: Row | None, values: tuple[Value, ...]) -> tuple[Value, ...]:
    """The values of a message as TYPE promises them: a switch as `T` or `F`."""
    if row is None or row.access is not Access.SWITCH:
        return values
    return tuple(bool(value) for value in values)


class Tree:
    """The nodes of a table, with the values that `known(path)` has just now.

    Threading: it never changes; `known` must be good for any thread.
    """

    def __init__(self, table: Table, known: Callable[[str], tuple[Value, ...] | None]) -> None:
        self._table = table
        self._known = known
        self._children: dict[str, dict[str, str]] = {"/": {}}
        for path in table:
            above = "/"
            for name in path.split("/")[1:]:
                here = f"{above.rstrip('/')}/{name}"
                self._children[above].setdefault(name, here)
                self._children.setdefault(here, {})
                above = here

    def node(self, path: str) -> Node | None:
        """A node and all below it; None if there is none."""
        children = self._children.get(path)
        if children is None:
            return None
        node: Node = {"FULL_PATH": path, **self._own(path)}
        if children:
            node["CONTENTS"] = {name: self.node(below) for name, below in children.items()}
        return node

    def attribute(self, path: str, name: str) -> Node | None:
        """`{name: value}`; empty if the node has no such attribute, None if there is no node.
        Raises BadValue if there is no such attribute at all."""
        if path not in self._children:
            return None
        if name not in ATTRIBUTES:
            known = " ".join(sorted({*ATTRIBUTES, "HOST_INFO"}))
            raise BadValue(f"attribute {name[:40]!r} is none of {known}")
        node = self.node(path) if name == "CONTENTS" else {"FULL_PATH": path, **self._own(path)}
        return {name: node[name]} if node and name in node else {}

    def typed(self, path: str, values: tuple[Value, ...]) -> tuple[Value, ...]:
        """The values of a message to or from `path` as its TYPE promises them."""
        return typed(self._table.row(path), values)

    def __contains__(self, path: str) -> bool:
        """Whether it is an address, and not only a container of some."""
        return self._table.row(path) is not None

    def _own(self, path: str) -> Node:
        row = self._table.row(path)
        if row is None:
            root = {"DESCRIPTION": f"{NAME} {__version__}"} if path == "/" else {}
            return {"ACCESS": _NO_VALUE, **root}
        known = self._known(path)
        value = value_of(row, known)
        if value is None:
            return describe(row)
        node = {**describe(row), "VALUE": value}
        if known is not None and len(known) > len(value):
            node["OVERLOADS"] = _with_value(node.get("OVERLOADS", []), known)
        return node


def _with_value(overloads: list[Node], values: Sequence[Value]) -> list[Node]:
    """The longer forms, the one of these values with them."""
    tags = "".join(_tag(value) for value in values)
    same = next((form for form in overloads if form["TYPE"] == tags), {"TYPE": tags})
    whole = {**same, "VALUE": _plain(tags, values)}
    return [*(form for form in overloads if form is not same), whole]


def _tag(value: Value) -> str:
    return "s" if isinstance(value, str) else "i" if isinstance(value, int) else "f"


def host_info(osc: tuple[str, int], web: tuple[str, int]) -> Node:
    """HOST_INFO of a server that takes OSC (UDP) and HTTP at these addresses and ports."""
    return {
        "NAME": NAME,
        "EXTENSIONS": dict.fromkeys(_EXTENSIONS, True),
        "OSC_IP": osc[0],
        "OSC_PORT": osc[1],
        "OSC_TRANSPORT": "UDP",
        "WS_IP": web[0],
        "WS_PORT": web[1],
        "METADATA": {"VERSION": __version__, "PROTOCOL": PROTOCOL},
    }
