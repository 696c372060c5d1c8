"""Messages and replies of `sideman send` in files, for programs that can do no better.

A file of messages is UTF-8, a line each. A file of replies is there, under its own name, once the
last line is in it: `status` and the exit status.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType

from bridge.clips.files import PART
from bridge.time.clock import monotonic_s
from engine.errors import BadValue

Said = Callable[[str, bool], None]
"""A line for the user, and whether it is about a failure."""

QUIET_S = 10.0
"""A writer that is still there adds a line, if only an empty one, at least this often."""

_LAST = "end"


def lines_of(path: Path) -> list[str]:
    """All lines but the empty ones. Raises BadValue if the file cannot be read."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from None
    return [line for line in text.splitlines() if line]


def added_lines(path: Path) -> Iterator[list[str]]:
    """The lines added since the last look, most often none; ends as `--follow` says.

    Raises BadValue if the file cannot be read.
    """
    heard_s = monotonic_s()
    rest = b""
    try:
        with path.open("rb") as file:
            while monotonic_s() - heard_s < QUIET_S:
                *whole, rest = (rest + file.read()).split(b"\n")
                if whole:
                    heard_s = monotonic_s()
                lines = [line.decode().rstrip("\r") for line in whole]
                yield [line for line in lines if line not in ("", _LAST)]
                if _LAST in lines:
                    return
    except (OSError, UnicodeDecodeError) as error:
        raise _unreadable(path, error) from None


def _unreadable(path: Path, error: Exception) -> BadValue:
    reason = error.strerror if isinstance(error, OSError) else "is no UTF-8"
    return BadValue(f"the file of messages {path} cannot be read: {reason}")


class AnswerFile:
    """Replies that go into a file. Used as a context manager; what ends it is written, too."""

    def __init__(self, path: Path) -> None:
        """Raises BadValue if the file cannot be written."""
        self.status = 1
        self._path = path
        self._part = Path(f"{path}{PART}")
        try:
            self._file = self._part.open("w", encoding="utf-8", newline="\n")
        except OSError as error:
            raise BadValue(f"{path} cannot be written: {error.strerror}") from None

    def write(self, line: str, _bad: bool = False) -> None:
        self._file.write(f"{' '.join(line.splitlines())}\n")
        self._file.flush()

    def __enter__(self) -> AnswerFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        if error is not None:
            self.status = 2 if isinstance(error, BadValue) else 1
            self.write(f"sideman: {str(error) or type(error).__name__}")
        with self._file:
            self.write(f"status {self.status}")
        self._part.replace(self._path)
