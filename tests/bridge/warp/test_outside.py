"""Work in another process: what comes back, and what happens when that process is gone."""

from __future__ import annotations

import operator
import os
from collections.abc import Iterator

import psutil
import pytest

from bridge.warp.outside import Outside


@pytest.fixture
def outside() -> Iterator[Outside]:
    outside = Outside()
    yield outside
    outside.close()


def test_it_is_another_process(outside: Outside) -> None:
    assert outside.call(os.getpid) != os.getpid()
    assert outside.call(os.getpid) == outside.call(os.getpid)


def test_an_error_comes_back_and_the_next_call_works(outside: Outside) -> None:
    with pytest.raises(ZeroDivisionError):
        outside.call(operator.truediv, 1, 0)
    assert outside.call(operator.add, 1, 2) == 3


def test_a_dead_process_costs_no_call(outside: Outside) -> None:
    process = psutil.Process(outside.call(os.getpid))
    process.kill()
    process.wait()
    assert outside.call(operator.add, 1, 2) == 3


def test_closed_it_works_here(outside: Outside) -> None:
    process = psutil.Process(outside.call(os.getpid))
    outside.close()
    assert not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    assert outside.call(os.getpid) == os.getpid()
    outside.close()
