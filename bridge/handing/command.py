"""A command of the user's that is run for each clip: a list of words, never a line for a shell.

Threading: one thread; the event that ends it may be set from any.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from threading import Event

from engine.errors import BadValue

PLACE = "{}"
"""Stands for the clip's path in a word; where no word has it, the path is the last."""

_BATCH = (".bat", ".cmd")
_LOOK_S = 0.1
_END_S = 5.0
"""A command that was asked to end has so long for it."""


class Command:
    """`words` of a command line, to be run with a clip's path."""

    def __init__(self, words: Sequence[str], stopping: Event) -> None:
        """Raises BadValue if there is no such program."""
        self._words = [*words]
        self._stopping = stopping
        program = shutil.which(words[0])
        if program is None:
            raise BadValue(f"there is no command {words[0]!r}: check its name, or give its path")
        if Path(program).suffix.lower() in _BATCH:
            raise BadValue(
                f"{words[0]!r} is a batch file, which Windows runs through a shell: name a program"
            )

    def words_for(self, path: Path) -> list[str]:
        """What is run for this clip."""
        if any(PLACE in word for word in self._words):
            return [word.replace(PLACE, str(path)) for word in self._words]
        return [*self._words, str(path)]

    def run(self, path: Path) -> str:
        """Run it to its end; one line if it failed, else empty.

        If `stopping` is set meanwhile the command is ended, too.
        """
        try:
            process = subprocess.Popen(self.words_for(path))
        except (OSError, ValueError) as error:
            return f"{self._words[0]} does not start for {path.name}: {error}"
        status = self._end_of(process)
        if status == 0 or self._stopping.is_set():
            return ""
        how = f"status {status}" if status > 0 else f"signal {-status}"
        return f"{self._words[0]} ended with {how} for {path.name}"

    def _end_of(self, process: subprocess.Popen[bytes]) -> int:
        while not self._stopping.is_set():
            try:
                return process.wait(_LOOK_S)
            except subprocess.TimeoutExpired:
                continue
        process.terminate()
        try:
            return process.wait(_END_S)
        except subprocess.TimeoutExpired:
            process.kill()
            return process.wait()
