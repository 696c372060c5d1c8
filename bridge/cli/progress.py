"""Progress of long work: a line on a terminal, nothing in a pipe."""

from __future__ import annotations

import sys


class Progress:
    """A line on stderr that is written over as the work goes on."""

    def __init__(self, what: str) -> None:
        self._what = what if len(what) <= 50 else what[:47] + "..."
        self._shown = sys.stderr.isatty()

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *error: object) -> None:
        if self._shown:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)

    def show(self, done: float) -> None:
        """How far it is, 0..1."""
        if self._shown:
            print(f"\r{self._what}  {100 * done:3.0f} %", end="", file=sys.stderr, flush=True)

    def say(self, line: str) -> None:
        """Something for a person only."""
        if self._shown:
            print(line, file=sys.stderr)
