"""Pure Data, without a window, with the abstraction `sideman` in a patch of the test's own.

What the test writes, in Pd's own text protocol, goes into the abstraction; what leaves its outlets
comes back, `heard ...` from the left one and `connected 0|1` from the right one.
"""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from tests.peers.conftest import need
from tests.serving import PATIENCE_S, ROOT

FOLDER = ROOT / "daw_presets" / "pure-data"

_PATCH = r"""#N canvas 0 0 450 300 12;
#X obj 10 10 loadbang;
#X msg 10 40 connect 127.0.0.1 %d;
#X obj 10 70 netsend;
#X obj 10 130 sideman 127.0.0.1 %d;
#X obj 10 160 list prepend send heard;
#X obj 90 160 list prepend send connected;
#X obj 10 190 list trim;
#X connect 0 0 1 0;
#X connect 1 0 2 0;
#X connect 2 1 3 0;
#X connect 3 0 4 0;
#X connect 3 1 5 0;
#X connect 4 0 6 0;
#X connect 5 0 6 0;
#X connect 6 0 2 0;
"""


def pd(*words: str) -> list[str]:
    """Pd's command line, without window, sound, MIDI and settings."""
    quiet = ("-nogui", "-noaudio", "-nomidi", "-noprefs", "-stderr")
    return [need("pd"), *quiet, "-path", str(FOLDER), *words]


class PatchEnd:
    """The test's end of the running patch."""

    def __init__(self, lines: TextIO) -> None:
        self._lines = lines

    def say(self, words: str) -> None:
        """One message, as one types it into a message box."""
        self._lines.write(words + ";\n")
        self._lines.flush()

    def wait_for(self, beginning: str) -> list[str]:
        """Every line that comes until one begins so, which is the last of them."""
        lines: list[str] = []
        while not lines or not lines[-1].startswith(beginning):
            got = self._lines.readline()
            assert got, f"pd ended; before that it said {lines[-20:]}"
            lines.append(got.rstrip(";\n"))
        return lines


@contextmanager
def patch(folder: Path, port: int) -> Iterator[PatchEnd]:
    """A patch with `[sideman 127.0.0.1 port]`. Fails if Pd had anything to complain of."""
    with socket.create_server(("127.0.0.1", 0)) as listener, (folder / "pd.txt").open("w+") as said:
        listener.settimeout(PATIENCE_S)
        file = folder / "patch.pd"
        file.write_text(_PATCH % (listener.getsockname()[1], port))
        process = subprocess.Popen(pd(str(file)), stdout=said, stderr=said)
        try:
            connection, _ = listener.accept()
            connection.settimeout(PATIENCE_S)
            with connection, connection.makefile("rw", encoding="utf-8", newline="\n") as lines:
                yield PatchEnd(lines)
        finally:
            process.terminate()
            process.wait(PATIENCE_S)
        said.seek(0)
        assert said.read() == ""
