"""Which sample of a stream is heard on which sample of the output, piece by piece.

Threading: one thread owns a course.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass

_KEPT = 256
"""Pieces remembered: at least as many beats."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Source `start..end` is heard on output samples `first..last`."""

    first: int
    last: int
    start: float
    end: float

    @property
    def ratio(self) -> float:
        """Source samples for one of output."""
        return (self.end - self.start) / (self.last - self.first)


class Course:
    """Begins with source sample `source` on output sample `output`, and grows at its end."""

    def __init__(self, output: int = 0, source: float = 0.0) -> None:
        self._pieces: list[Piece] = []
        self._begin = output, source
        self._turned_to: float | None = None

    @property
    def output(self) -> int:
        """Where the next piece begins, in output samples."""
        return self._pieces[-1].last if self._pieces else self._begin[0]

    @property
    def source(self) -> float:
        """And in source samples."""
        if self._turned_to is not None:
            return self._turned_to
        return self._pieces[-1].end if self._pieces else self._begin[1]

    def turn(self, source: float) -> None:
        """The next piece begins with another source sample than where the last one ended."""
        self._turned_to = source

    def add(self, piece: Piece) -> None:
        self._turned_to = None
        self._pieces.append(piece)
        if len(self._pieces) > 2 * _KEPT:
            del self._pieces[:_KEPT]
            self._begin = self._pieces[0].first, self._pieces[0].start

    def cut(self, output: int) -> None:
        """Forget what follows an output sample; what was forgotten long ago stays so."""
        self._turned_to = None
        while self._pieces and self._pieces[-1].first >= output:
            self._pieces.pop()
        if self._pieces and self._pieces[-1].last > output:
            last = self._pieces.pop()
            source = last.start + (output - last.first) * last.ratio
            self._pieces.append(Piece(last.first, output, last.start, source))

    def source_at(self, output: float) -> float:
        """Beyond both ends it goes on as it does there."""
        if not self._pieces:
            return self._begin[1] + output - self._begin[0]
        i = bisect_right(self._pieces, output, key=lambda piece: piece.first)
        piece = self._pieces[max(0, i - 1)]
        return piece.start + (output - piece.first) * piece.ratio

    def output_at(self, source: float) -> float:
        """The other way round: where it is heard last, if that is more than once."""
        piece = next((p for p in reversed(self._pieces) if p.start <= source), None)
        piece = piece or next(iter(self._pieces), None)
        if piece is None:
            return self._begin[0] + source - self._begin[1]
        return piece.first + (source - piece.start) / piece.ratio
