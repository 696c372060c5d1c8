"""Progress of long work: a line on a terminal, nothing in a pipe."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence

_LONGEST = 50
"""Characters of a name: the rest of a prompt is not needed to know it by."""
_SHORTEST = 8
_AROUND = len("10   100 %   ")
"""Characters that stand beside each name."""


class Progress:
    """A line on stderr that is written over as the work goes on, one part of it for each name.

    Used as a context manager: the line is gone at its end.
    """

    def __init__(self, *names: str) -> None:
        self._names = names
        self._done = [0.0] * len(names)
        self._shown = sys.stderr.isatty()

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *error: object) -> None:
        self.clear()

    def show(self, done: float, which: int = 0) -> None:
        """How far the work on one name is, 0..1."""
        self._done[which] = done
        if self._shown:
            columns = shutil.get_terminal_size().columns
            line = progress_line(self._names, self._done, columns - 1)
            print(f"\r\x1b[K{line}", end="", file=sys.stderr, flush=True)

    def clear(self) -> None:
        """Take the line away, so that something else can be printed in its place."""
        if self._shown:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)

    def say(self, line: str) -> None:
        """Something for a person only."""
        if self._shown:
            self.clear()
            print(line, file=sys.stderr)


def progress_line(names: Sequence[str], done: Sequence[float], columns: int) -> str:
    """`1 lofi   45 %   2 techno   45 %` in at most `columns` characters; one name has no number.

    Where the names do not fit they are shortened, and where even that does not help they go.
    """
    room = max(_SHORTEST, min(_LONGEST, columns // len(names) - _AROUND))
    parts = []
    for number, (name, share) in enumerate(zip(names, done, strict=True), 1):
        short = name if len(name) <= room else name[: room - 3] + "..."
        label = short if len(names) == 1 else f"{number} {short}"
        parts.append(f"{label}  {100 * share:3.0f} %")
    line = "   ".join(parts)
    if len(line) <= columns:
        return line
    return "  ".join(f"{100 * share:.0f} %" for share in done)[:columns]
