"""One command through Audacity's script pipe, and the answer.

Two named pipes, as its manual ("Scripting") and its own `pipe_test.py` have them: a command goes
into the one as a line, the answer comes out of the other and ends with an empty line. Audacity
serves one client after another.

Threading: on Windows a thread of its own reads, as a read of a pipe has no time limit there.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

END = "BatchCommand finished: "
"""How the last line of an answer begins."""


class NoAnswer(Exception):
    """Nothing, or only a part, came back in time."""


def _is_whole(said: bytes) -> bool:
    text = said.replace(b"\r", b"")
    return END.encode() in text and text.endswith(b"\n\n")


if sys.platform == "win32":
    import threading
    from queue import Empty, SimpleQueue

    _TO, _FROM = r"\\.\pipe\ToSrvPipe", r"\\.\pipe\FromSrvPipe"
    _LINE_END = b"\r\n\0"

    def ask(command: str, patience_s: float) -> str:
        """What Audacity answers.

        Raises OSError if nobody listens, NoAnswer after `patience_s`.
        """
        answers: SimpleQueue[bytes | OSError] = SimpleQueue()

        def talk() -> None:
            try:
                with (
                    Path(_TO).open("wb", buffering=0) as to,
                    Path(_FROM).open("rb", buffering=0) as back,
                ):
                    to.write(command.encode() + _LINE_END)
                    said = b""
                    while not _is_whole(said) and (more := back.read(4096)):
                        said += more
                    answers.put(said)
            except OSError as error:
                answers.put(error)

        threading.Thread(target=talk, name="audacity", daemon=True).start()
        try:
            answer = answers.get(timeout=patience_s)
        except Empty:
            raise NoAnswer from None
        if isinstance(answer, OSError):
            raise answer
        if not _is_whole(answer):
            raise NoAnswer
        return answer.decode("utf-8", "replace")

else:
    from select import select

    from bridge.time.clock import monotonic_s

    PIPES = "/tmp/audacity_script_pipe.{}.{}"
    """By direction and user. The folder is /tmp for Audacity, also where users have another."""

    _LOOK_S = 0.02

    def ask(command: str, patience_s: float) -> str:
        """What Audacity answers.

        Raises OSError if nobody listens, NoAnswer after `patience_s`.
        """
        ends_s = monotonic_s() + patience_s
        # Opened without waiting: a pipe that nobody reads would hold us up for ever.
        with _open("to", os.O_WRONLY) as to, _open("from", os.O_RDONLY) as back:
            os.write(to, f"{command}\n".encode())
            said = b""
            while not _is_whole(said):
                if monotonic_s() > ends_s:
                    raise NoAnswer
                said += _read(back)
        return said.decode("utf-8", "replace")

    @contextmanager
    def _open(direction: str, flags: int) -> Iterator[int]:
        pipe = os.open(PIPES.format(direction, os.getuid()), flags | os.O_NONBLOCK)
        try:
            yield pipe
        finally:
            os.close(pipe)

    def _read(pipe: int) -> bytes:
        """What is there, after a moment at most; nothing before the other end is open."""
        select([pipe], [], [], _LOOK_S)
        try:
            return os.read(pipe, 4096)
        except BlockingIOError:
            return b""
