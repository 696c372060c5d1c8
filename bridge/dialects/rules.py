"""Which rule a message meets, and what it becomes.

Rules are found by address, and what is found is remembered: a host says the same few things over
and over, so most messages cost one look into a dictionary, a comparison and a line of arithmetic.

Threading: one thread owns a `Rules`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from bridge.dialects.model import Place, Rule, filled
from bridge.osc.packet import Message
from bridge.row import Value

_KNOWN = 4096
"""Addresses remembered, so that one that counts up cannot fill the memory."""
_ALL_THAT_FOLLOWS = "*"
_NUMBER = r"(\d{1,9})"

Numbers = dict[str, Value]


class Rules:
    """Rules in their order, for one direction."""

    def __init__(
        self, rules: Sequence[Rule], exists: Callable[[str], bool] = lambda address: True
    ) -> None:
        """A rule whose `to` does not exist is passed over: a host may have more tracks than this
        server has decks."""
        self._patterns = [(_compiled(rule.address), rule) for rule in rules]
        self._exists = exists
        self._found: dict[str, tuple[tuple[Rule, Numbers], ...]] = {}

    def translate(self, address: str, args: Sequence[Value]) -> tuple[Rule, Message | None] | None:
        """The first rule that fits, and what it makes of the message: None to be ignored. None if
        no rule fits."""
        found = self._found.get(address)
        if found is None:
            found = self._find(address)
        for rule, numbers in found:
            values = _values(rule, numbers, args)
            if values is None:
                continue
            if not rule.to:
                return rule, None
            message = _message(rule, values)
            if self._exists(message.address):
                return rule, message
        return None

    def _find(self, address: str) -> tuple[tuple[Rule, Numbers], ...]:
        if len(self._found) >= _KNOWN:
            self._found.clear()
        matched = ((rule, pattern.fullmatch(address)) for pattern, rule in self._patterns)
        found = tuple((rule, _numbers(rule, match)) for rule, match in matched if match)
        self._found[address] = found
        return found


def _compiled(address: str) -> re.Pattern[str]:
    """`/track/{n}/*` as a regular expression; nothing in it repeats, so it takes linear time."""
    head = address.removesuffix(_ALL_THAT_FOLLOWS)
    parts = re.split(r"\{\w+\}", head)
    tail = ".+" if head != address else ""
    return re.compile(_NUMBER.join(map(re.escape, parts)) + tail)


def _numbers(rule: Rule, match: re.Match[str]) -> Numbers:
    return dict(zip(rule.numbers, map(int, match.groups()), strict=True))


def _values(rule: Rule, numbers: Numbers, args: Sequence[Value]) -> Numbers | None:
    """What the message brought, by name, as it came; None if the rule does not fit."""
    if len(args) < len(rule.takes):
        return None
    values = {**numbers, **dict(zip(rule.takes, args, strict=False))} if rule.takes else numbers
    for name, condition in rule.when.items():
        if not condition.fits(values[name]):
            return None
    return values


def _message(rule: Rule, values: Numbers) -> Message:
    if rule.scale:
        values = {**values, **{n: s.apply(values[n]) for n, s in rule.scale.items()}}
    args = (values[arg.name] if isinstance(arg, Place) else arg for arg in rule.args)
    return Message(filled(rule.to, values), tuple(args))
