"""Engines that only exist where the host's tests start a process for them."""

from __future__ import annotations

import dataclasses
import os
import sys

from engine import fake


def telling_imports() -> fake.FakeEngine:
    """Its notice lists what of the bridge, or of the parent's main module, the process has."""
    found = [name for name in sys.modules if name.split(".")[0] in ("bridge", "pytest")]
    return fake.FakeEngine(dataclasses.replace(fake.load().info, notice=" ".join(found)))


def breaking() -> fake.FakeEngine:
    raise ValueError("two\nlines")


def dying() -> fake.FakeEngine:
    os._exit(7)


def never() -> fake.FakeEngine:
    while True:
        os.read(os.pipe()[0], 1)


def finding_a_short_file() -> fake.FakeEngine:
    """As pickle and many readers of weights say it; it is not the end of the command pipe."""
    raise EOFError("Ran out of input")
