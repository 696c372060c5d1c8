"""`sideman send ADDRESS ARGS...`: one OSC message, and the replies."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator

from bridge.addresses import Value
from bridge.config import host_and_port
from bridge.osc.sender import Sender
from engine.errors import BadValue

JOB_S = 600.0
"""A clip is waited for as long as this; the longest take seconds."""

_KINDS: dict[str, Callable[[str], Value]] = {"s": str, "i": int, "f": float}
_WORDS: dict[str, Value] = {"T": True, "true": True, "F": False, "false": False}


def run(arguments: argparse.Namespace) -> int:
    """0 if it was sent and nothing was refused or failed, else 1."""
    host, port = host_and_port(arguments.osc)
    values = [value_of(word) for word in arguments.args]
    refused = False
    with Sender(host, port) as sender:
        sender.send(arguments.address, *values)
        for address, reply in _replies(sender, arguments.wait):
            bad = address in ("/error", "/clip/failed")
            refused |= bad
            print(address, *map(_shown, reply), file=sys.stderr if bad else sys.stdout, flush=True)
    return int(refused)


def _replies(sender: Sender, wait_s: float) -> Iterator[tuple[str, tuple[Value, ...]]]:
    """What comes back within `wait_s`, and the life of every job that was accepted meanwhile."""
    jobs: set[Value] = set()
    yield from _noting(sender.replies(wait_s), jobs)
    while jobs:
        before = len(jobs)
        for reply in _noting(sender.replies(JOB_S), jobs):
            yield reply
            if len(jobs) < before:
                break
        else:
            raise BadValue(f"no word of {before} clip jobs within {JOB_S:.0f} s")


def _noting(
    replies: Iterator[tuple[str, tuple[Value, ...]]], jobs: set[Value]
) -> Iterator[tuple[str, tuple[Value, ...]]]:
    """The same replies; `jobs` holds the ids of those that were accepted and have not ended."""
    for address, values in replies:
        if address == "/clip/accepted":
            jobs.add(values[0])
        elif address in ("/clip/done", "/clip/failed"):
            jobs.discard(values[0])
        yield address, values


def value_of(word: str) -> Value:
    """A word of the command line as an OSC argument.

    A number, `T` or `F`, or else a string; `s:808` is a string, `f:3` a float, `i:3` an integer
    whatever they look like. Raises BadValue for `i:` or `f:` before what is no number.
    """
    kind, colon, rest = word.partition(":")
    try:
        if colon and kind in _KINDS:
            return _KINDS[kind](rest)
    except ValueError:
        raise BadValue(f"{word!r}: {rest!r} is no number") from None
    for convert in (int, float):
        try:
            return convert(word)
        except ValueError:
            continue
    return _WORDS.get(word, word)


def _shown(value: Value) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
