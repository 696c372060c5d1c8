"""The terminal or the pipe that the commands print to."""

from __future__ import annotations

import ctypes
import io
import sys
from typing import Any

_STDERR = -12
_AS_USUAL_WITH_ESCAPES = 7  # processed output, wrapped at the end of the line, escape sequences


def prepare() -> None:
    """Have whatever is printed come out somehow.

    A pipe on Windows takes only what the system's code page has, and no stream takes a file name
    that is no text. An emoji is then printed as its number, and does not end the command.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):  # stderr does so by itself
        sys.stdout.reconfigure(errors="backslashreplace")
    if sys.platform == "win32":
        _obey_escapes(ctypes.WinDLL("kernel32"))


def _obey_escapes(kernel32: Any) -> None:
    """Let lines of progress be cleared. Where stderr is no console, nothing happens."""
    kernel32.GetStdHandle.restype = ctypes.c_void_p
    handle = ctypes.c_void_p(kernel32.GetStdHandle(_STDERR))
    kernel32.SetConsoleMode(handle, _AS_USUAL_WITH_ESCAPES)
