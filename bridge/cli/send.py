"""`sideman send ADDRESS ARGS...`: one OSC message, and the replies.

Hosts whose scripts have no sockets, and no safe way to quote a command line, put their messages
into a file and read the replies from another.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable, Iterator

from bridge.cli.exchange import AnswerFile, Said, added_lines, lines_of
from bridge.config import host_and_port
from bridge.osc.sender import Sender
from bridge.row import Value
from engine.errors import BadValue

JOB_S = 600.0
"""A clip is waited for as long as this; the longest take seconds."""

_LOOK_S = 0.01
"""How often a file that is followed is read."""

_Message = tuple[str, tuple[Value, ...]]

_KINDS: dict[str, Callable[[str], Value]] = {"s": str, "i": int, "f": float}
_WORDS: dict[str, Value] = {"T": True, "true": True, "F": False, "false": False}


def run(arguments: argparse.Namespace) -> int:
    """0 if it was sent and nothing was refused or failed, else 1."""
    if arguments.into is None:
        return _send(arguments, _print)
    with AnswerFile(arguments.into) as answer:
        answer.status = _send(arguments, answer.write)
    return answer.status


def _send(arguments: argparse.Namespace, say: Said) -> int:
    host, port = host_and_port(arguments.osc)
    if (arguments.address is None) == (arguments.file is None):
        raise BadValue("an address and its arguments, or --file: one of the two")
    if arguments.follow and arguments.file is None:
        raise BadValue("--follow needs the --file that is to be followed")
    with Sender(host, port) as sender:
        if arguments.follow:
            return _follow(arguments, sender, say)
        for address, values in _messages(arguments):
            sender.send(address, *values)
        return int(_told(_replies(sender, arguments.wait), say))


def _messages(arguments: argparse.Namespace) -> list[_Message]:
    if arguments.file is None:
        return [_message([arguments.address, *arguments.args])]
    return [_message(line.split("\t")) for line in lines_of(arguments.file)]


def _message(words: list[str]) -> _Message:
    address, *args = words
    return address, tuple(value_of(word) for word in args)


def _follow(arguments: argparse.Namespace, sender: Sender, say: Said) -> int:
    refused = False
    for lines in added_lines(arguments.file):
        for line in lines:
            address, values = _message(line.split("\t"))
            sender.send(address, *values)
        refused |= _told(sender.replies(_LOOK_S), say)
    return int(refused)


def _told(replies: Iterable[_Message], say: Said) -> bool:
    """Say what came back; whether anything was refused or failed."""
    refused = False
    for address, values in replies:
        bad = address in ("/error", "/clip/failed")
        refused |= bad
        say(" ".join([address, *map(_shown, values)]), bad)
    return refused


def _print(line: str, bad: bool) -> None:
    print(line, file=sys.stderr if bad else sys.stdout, flush=True)


def _replies(sender: Sender, wait_s: float) -> Iterator[_Message]:
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


def _noting(replies: Iterator[_Message], jobs: set[Value]) -> Iterator[_Message]:
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
