"""What the system is asked for on each platform; the libraries of the others are stood in for."""

from __future__ import annotations

import ctypes
import os
import sys
from types import SimpleNamespace

import pytest

from bridge.audio import thread
from bridge.audio.thread import raise_priority


class Kernel32:
    def __init__(self, allows: int) -> None:
        self._allows = allows
        self.GetCurrentThread = lambda: -2 & (2**64 - 1)  # a handle as wide as a pointer
        self.asked: list[tuple[int | None, int]] = []

    def SetThreadPriority(self, handle: ctypes.c_void_p, priority: int) -> int:  # noqa: N802
        self.asked.append((handle.value, priority))
        return self._allows


@pytest.mark.parametrize(("allows", "got"), [(1, "time-critical"), (0, "normal")])
def test_windows(allows: int, got: str) -> None:
    kernel32, ticks_ms = Kernel32(allows), list[int]()
    assert thread._windows(kernel32, SimpleNamespace(timeBeginPeriod=ticks_ms.append)) == got
    assert kernel32.asked == [(-2 & (2**64 - 1), 15)]
    assert ticks_ms == [1]


@pytest.mark.parametrize(("error", "got"), [(0, "interactive"), (1, "normal")])
def test_macos(error: int, got: str) -> None:
    system = SimpleNamespace(pthread_set_qos_class_self_np=lambda kind, _: error * (kind == 0x21))
    assert thread._macos(system) == got


@pytest.mark.skipif(sys.platform != "linux", reason="another system says no in other ways")
def test_an_ordinary_user_of_linux_plays_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "sched_setscheduler", refuse)
    monkeypatch.setattr(os, "setpriority", refuse)
    thread.go_before_others()
    assert raise_priority() == "normal"
