"""What a control can drive: an address of the table, and how far a knob's way reaches over it.

Ranges come from the table. A range that spans two decades or more from above zero (`top_k`) is
laid out logarithmically, so that a knob is as fine at its low end as at its high end; all others
are linear.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from bridge.patterns import is_pattern
from bridge.row import Access, Arg
from bridge.table import Table
from engine.errors import BadValue

_LOG_FROM_RATIO = 100.0

ASKERS = ("/subscribe", "/unsubscribe")
"""They act on whoever sends them, and a control has no address to answer to."""


@dataclass(frozen=True, slots=True)
class Target:
    """An address that a control can drive."""

    address: str
    access: Access
    """VALUE, SWITCH or TRIGGER."""
    arg: Arg | None = None
    """The number a knob sets, of a VALUE."""

    def value(self, position: float) -> float:
        """The argument at a knob's `position` 0..1."""
        low, high = self._range()
        if _is_log(low, high):
            value = low * (high / low) ** position
        else:
            value = low + (high - low) * position
        value = self.clamp(value)
        return round(value) if self.arg is not None and self.arg.kind == "int" else value

    def position(self, value: float) -> float:
        """Where a knob at `value` stands, 0..1."""
        low, high = self._range()
        value = self.clamp(value)
        if _is_log(low, high):
            return math.log(value / low) / math.log(high / low)
        return (value - low) / (high - low)

    def clamp(self, value: float) -> float:
        low, high = self._range()
        return min(max(value, low), high)

    def _range(self) -> tuple[float, float]:
        assert self.arg is not None
        assert self.arg.low is not None
        assert self.arg.high is not None
        return self.arg.low, self.arg.high


def _is_log(low: float, high: float) -> bool:
    return low > 0 and high / low >= _LOG_FROM_RATIO


def find_target(table: Table, address: str) -> Target:
    """What `address` is for a control.

    Raises BadValue if it is unknown, a pattern, not available yet, or takes what no control has.
    """
    if is_pattern(address):
        raise BadValue("a control drives one address, not a pattern")
    try:
        requests = table.resolve(address, ())
    except BadValue as error:
        raise BadValue(f"a control cannot drive {address[:80]}: {error}") from None
    if not requests:
        raise BadValue(f"{address} is only sent by the server, a control cannot drive it")
    row = requests[0].row
    if row.access is Access.READ or row.path in ASKERS:
        raise BadValue(f"{address} is asked for over OSC, a control cannot drive it")
    if row.access is not Access.VALUE:
        return Target(address, row.access)
    if len(row.args) != 1 or not _is_knob(row.args[0]):
        raise BadValue(f"{address} takes {row.signature}: a control has one number to give")
    return Target(address, row.access, row.args[0])


def _is_knob(arg: Arg) -> bool:
    return arg.kind in ("int", "float") and arg.low is not None and arg.high is not None


def find_targets(table: Table) -> dict[str, Target]:
    """Every address that a control can drive."""
    targets: dict[str, Target] = {}
    for address in table:
        try:
            targets[address] = find_target(table, address)
        except BadValue:
            continue
    return targets
