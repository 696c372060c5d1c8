"""`sideman send ADDRESS ARGS...`: one OSC message, and the replies."""

from __future__ import annotations

import argparse
import sys

from bridge.addresses import Value
from bridge.config import host_and_port
from bridge.osc.sender import Sender


def run(arguments: argparse.Namespace) -> int:
    """0 if it was sent and nothing answered `/error`, else 1."""
    host, port = host_and_port(arguments.osc)
    with Sender(host, port) as sender:
        sender.send(arguments.address, *map(value_of, arguments.args))
        refused = False
        for address, values in sender.replies(arguments.wait):
            refused |= address == "/error"
            stream = sys.stderr if address == "/error" else sys.stdout
            print(address, *map(_shown, values), file=stream)
    return int(refused)


def value_of(word: str) -> Value:
    """A word of the command line as an OSC argument: a number, true or false, or a string."""
    for convert in (int, float):
        try:
            return convert(word)
        except ValueError:
            continue
    return {"true": True, "false": False}.get(word, word)


def _shown(value: Value) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
