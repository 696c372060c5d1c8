"""Tests against real third-party programs and devices.

A peer that is missing skips its tests, and fails them where `CI` is set: there, nothing may go
untested unnoticed.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from typing import NoReturn

import pytest

PACKAGES = {
    "Xvfb": "xvfb",
    "chromium": "chromium",
    "ffprobe": "ffmpeg",
    "jackd": "jackd2",
    "luac5.4": "lua5.4",
    "lua5.4": "lua5.4",
    "node": "nodejs",
    "oscdump": "liblo-tools",
    "oscsend": "liblo-tools",
    "pd": "puredata-core",
    "sclang": "supercollider-language",
    "soxi": "sox",
}
"""Which Debian package holds a program."""


def absent(what: str, remedy: str) -> NoReturn:
    """Skip the test, or fail it in CI, since `what` is not here."""
    reason = f"{what} is not here: {remedy}"
    if os.environ.get("CI", "").lower() in ("1", "true", "yes"):
        pytest.fail(reason)
    pytest.skip(reason)


def need(program: str) -> str:
    """The path of a program. Where it is missing, see `absent`."""
    path = shutil.which(program)
    if path is None:
        absent(program, f"apt-get install {PACKAGES.get(program, program)}")
    return path


@pytest.fixture(scope="session", name="need")
def need_fixture() -> Callable[[str], str]:
    return need
