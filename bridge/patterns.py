"""OSC address patterns (OSC 1.0 "OSC Message Dispatching", and `//` of OSC 1.1).

`?` one character, `*` any run, `[a-c]` `[!a]` one of a set, `{foo,bar}` one of a list, none of
them across a `/`; `//` any number of parts.

No regular expressions: lists of lists would make one backtrack for ever. Here a set of places in
the text is carried along the pattern, as the bits of an integer, so the cost is the product of
the two lengths at worst, however the pattern is made.
"""

from __future__ import annotations

import re
from functools import lru_cache

MAX_PATTERN = 256
"""Characters: the longest real address has 20."""

_SPECIAL = re.compile(r"[*?\[\]{}]|//")
_TOKEN = re.compile(r"\[(!?)([^\[\]{}]*)\]|\{([^\[\]{}]*)\}|[^\[\]{}]")


def is_pattern(address: str) -> bool:
    return _SPECIAL.search(address) is not None


def matches(pattern: str, address: str) -> bool:
    """Whether the whole of `address` fits `pattern`. A malformed pattern fits nothing."""
    if len(pattern) > MAX_PATTERN:
        return False
    parts = address.split("/")[1:]
    reached = 1  # bit i: the first i parts of the address fit the pattern so far
    for piece in _pieces(pattern):
        if piece is None:
            reached = _from_lowest(reached, len(parts))
        else:
            fits = (i for i, part in enumerate(parts) if reached >> i & 1 and _fits(piece, part))
            reached = sum(2 << i for i in fits)
    return bool(reached >> len(parts) & 1)


@lru_cache(maxsize=256)
def _pieces(pattern: str) -> tuple[str | None, ...]:
    """The parts between slashes; None is `//`."""
    first, *rest = pattern.split("/")
    if first or not rest or not rest[-1]:
        return ("",)  # fits no part of an address
    return tuple(part or None for part in rest)


@lru_cache(maxsize=4096)
def _fits(piece: str, part: str) -> bool:
    """Whether one part of an address fits one part of a pattern."""
    reached = 1  # bit i: the first i characters fit the pattern so far
    at = 0
    while at < len(piece) and reached:
        token = _TOKEN.match(piece, at)
        if token is None:  # a bracket without its other half
            return False
        reached = _step(token, part, reached)
        at = token.end()
    return bool(reached >> len(part) & 1)


def _step(token: re.Match[str], part: str, reached: int) -> int:
    """Where in `part` one token leads from the places in `reached`."""
    negated, members, words = token.groups()
    if words is not None:
        return _after_words(words.split(","), part, reached)
    if token[0] == "*":
        return _from_lowest(reached, len(part))
    allowed = _members(members) if members is not None else token[0]
    wanted = not negated
    hits = sum(
        1 << i for i, char in enumerate(part) if token[0] == "?" or (char in allowed) is wanted
    )
    return (reached & hits) << 1


def _after_words(words: list[str], part: str, reached: int) -> int:
    after = 0
    for word in words:
        for i in range(len(part) + 1):
            if reached >> i & 1 and part.startswith(word, i):
                after |= 1 << (i + len(word))
    return after


def _members(body: str) -> set[str]:
    """The characters of `a-cx`; a minus at either end is itself."""
    members: set[str] = set()
    while body:
        if len(body) > 2 and body[1] == "-":
            members.update(map(chr, range(ord(body[0]), ord(body[2]) + 1)))
            body = body[3:]
        else:
            members.add(body[0])
            body = body[1:]
    return members


def _from_lowest(reached: int, length: int) -> int:
    """All places from the first one reached to the end."""
    return (1 << (length + 1)) - (reached & -reached) if reached else 0
