"""What is printed comes out, whatever the terminal or pipe can show."""

from __future__ import annotations

import ctypes
import os
import subprocess
from pathlib import Path

import pytest

from bridge.cli import console
from tests.serving import ROOT, SIDEMAN


@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "utf-8"])
def test_a_name_that_the_stream_lacks_is_printed_all_the_same(
    tmp_path: Path, encoding: str
) -> None:
    """A pipe on Windows is cp1252 in the west."""
    file = tmp_path / "sax \N{SAXOPHONE} é.wav"
    done = subprocess.run(
        [*SIDEMAN, "generate", "\N{SAXOPHONE} jazz", "-t", "0.5", "-o", str(file)],
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": encoding},
        capture_output=True,
    )
    assert done.returncode == 0, done.stderr
    assert file.name.encode(encoding, "backslashreplace") in done.stdout
    assert done.stderr == b""
    assert file.exists()


def test_a_console_of_windows_is_told_to_obey_escapes() -> None:
    told = []

    class Kernel32:
        def __init__(self) -> None:
            self.GetStdHandle = lambda number: {-12: 0x1_0000_0044}[number]

        def SetConsoleMode(self, handle: ctypes.c_void_p, mode: int) -> None:  # noqa: N802
            told.append((handle.value, mode))

    console._obey_escapes(Kernel32())
    assert told == [(0x1_0000_0044, 7)]
