"""An engine that does not keep up, and what the user hears of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bridge.pace_watch import PaceWatch
from engine.api import EngineInfo

INFO = EngineInfo(
    "musicgen", "small", "cpu", 48000, 1, 960, keeps_time=False, precision="int8", context_s=14.0
)


class Watched:
    """An engine that is looked at every half a second."""

    def __init__(self, info: EngineInfo = INFO) -> None:
        self.told: list[str] = []
        self._info = info
        self._watch = PaceWatch(self.told.append)
        self._now_s = 100.0

    def goes(self, factor: float, playing: int, for_s: float) -> list[str]:
        """What is told meanwhile."""
        before = len(self.told)
        for _ in range(round(for_s * 2)):
            self._watch.look(self._now_s, self._info, factor, playing)
            self._now_s += 0.5
        return self.told[before:]


def test_a_slow_engine_is_told_of_once_with_what_would_help() -> None:
    engine = Watched()
    assert not engine.goes(0.8, 1, for_s=4.5)
    (line,) = engine.goes(0.8, 1, for_s=60)
    assert "0.80 s of music a second" in line
    assert "a deck" in line
    for remedy in ("--precision int4", "--context 10", "a smaller --model"):
        assert remedy in line
    assert "fewer decks" not in line
    assert "\n" not in line


def test_more_decks_than_it_keeps_up_with() -> None:
    engine = Watched()
    assert not engine.goes(2.5, 2, for_s=60)
    (line,) = engine.goes(2.5, 3, for_s=60)
    assert "3 decks" in line
    assert "take fewer decks," in line


def test_what_is_taken_already_is_no_remedy() -> None:
    engine = Watched(replace(INFO, precision="int4", context_s=10.0))
    (line,) = engine.goes(0.8, 1, for_s=60)
    assert "int4" not in line
    assert "--context" not in line
    gpu = Watched(replace(INFO, device="cuda", precision="fp16"))
    assert "int4" not in gpu.goes(0.8, 1, for_s=60)[0]


def test_a_moment_is_not_worth_a_word() -> None:
    engine = Watched()
    for _ in range(10):
        assert not engine.goes(0.7, 1, for_s=3)
        assert not engine.goes(1.2, 1, for_s=1)


@pytest.mark.parametrize(("factor", "again"), [(1.05, 0), (1.2, 1)])
def test_it_is_told_again_once_it_had_well_recovered(factor: float, again: int) -> None:
    engine = Watched()
    assert len(engine.goes(0.9, 1, for_s=10)) == 1
    assert not engine.goes(factor, 1, for_s=10)
    assert len(engine.goes(0.9, 1, for_s=10)) == again


def test_silence_and_an_engine_that_has_not_played_are_not_slow() -> None:
    engine = Watched()
    assert not engine.goes(0.5, 0, for_s=60)
    assert not engine.goes(0.0, 2, for_s=60)
