"""A screen that nobody sees, for programs that need one."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from tests.peers.conftest import need


@contextmanager
def screen() -> Iterator[str]:
    """The name of a display of our own."""
    reading, writing = os.pipe()
    command = [need("Xvfb"), "-displayfd", str(writing), "-screen", "0", "800x600x24"]
    null = subprocess.DEVNULL
    process = subprocess.Popen(command, pass_fds=(writing,), stdout=null, stderr=null)
    os.close(writing)
    try:
        with os.fdopen(reading) as told:
            number = told.readline().strip()
        assert number, "Xvfb does not start"
        yield f":{number}"
    finally:
        process.terminate()
        process.wait()
