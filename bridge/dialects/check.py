"""Dialects against the protocol table: what a rule would send must be taken by a server, and what
it listens to must be something that a server has."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product

from bridge.addresses import MAX_DECKS
from bridge.dialects.model import Equals, Place, Rule, Within, filled, places
from bridge.row import Access, Value
from bridge.table import Table
from engine.errors import BadValue

_TABLE = Table(MAX_DECKS)


def check_heard(rule: Rule) -> None:
    """An in-rule: `to` is in the table, and takes what the rule can be known to send.

    Raises BadValue.
    """
    if not rule.to:
        return
    for address, values in samples(rule):
        row = _TABLE.row(address)
        if row is None:
            raise BadValue(f"to {rule.to!r} is not in the protocol: see docs/osc.md for what is")
        if row.access is Access.VALUE and not rule.args:
            raise BadValue(f"args is missing: {rule.to} takes {row.signature}")
        if None not in values:
            _TABLE.resolve(address, values)
        elif len(values) > len(row.args) and not row.repeat:
            raise BadValue(f"{rule.to} takes {row.signature}, not {len(values)} arguments")


def check_told(rule: Rule) -> None:
    """An out-rule: its `address` is in the table. Raises BadValue."""
    address = filled(rule.address, dict.fromkeys(places(rule.address), 1))
    row = _TABLE.row(address)
    if row is None:
        raise BadValue(f"address {rule.address!r} is not in the protocol: see docs/osc.md")
    if rule.changes:
        raise BadValue("changes is for [[in]]: the host is told nothing else anyway")
    if not rule.to:
        raise BadValue("to is missing: where the host is told; leave the rule out to tell nothing")
    has = row.reply or row.args
    most = 1 if row.access is Access.TRIGGER else len(has)
    if len(rule.takes) > most and not row.repeat:
        raise BadValue(f"takes {len(rule.takes)} arguments, {rule.address} has {most}")


def samples(rule: Rule) -> Iterator[tuple[str, Sequence[Value]]]:
    """Messages that the rule would send, at the ends of what it says of its values; None stands for
    a value of which it says nothing."""
    args = [arg.name for arg in rule.args if isinstance(arg, Place)]
    needed = tuple(dict.fromkeys((*places(rule.to), *args)))
    for choice in product(*(_ends(rule, name) for name in needed)):
        values = dict(zip(needed, choice, strict=True))
        known = {name: 1 if value is None else value for name, value in values.items()}
        sent = [values[arg.name] if isinstance(arg, Place) else arg for arg in rule.args]
        yield filled(rule.to, known), sent


def _ends(rule: Rule, name: str) -> tuple[Value, ...]:
    """The first and the last that a value can be, or None if that is not known."""
    scale, condition = rule.scale.get(name), rule.when.get(name)
    if isinstance(condition, Within):
        ends: tuple[Value, ...] = (condition.low, condition.high)
    elif isinstance(condition, Equals):
        ends = (condition.value,)
    elif scale is not None:
        ends = (scale.a, scale.b)
    else:
        return (1,) if name in rule.numbers else (None,)
    return tuple(scale.apply(end) for end in ends) if scale else ends
