"""What the demo makes of what it heard."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from bridge.app import App
from bridge.audio.null import NullOutput
from bridge.demo.ear import Ear
from bridge.demo.events import Event
from bridge.demo.following import Followed
from bridge.demo.play import Played
from bridge.demo.report import table
from bridge.demo.result import result_of
from bridge.demo.story import LOOPS
from bridge.warp.conform import Judgement
from bridge.warp.file import Warped

RATE, BLOCK = 48000, 480


class Master:
    """An output on a clock that stands still unless told, and an ear on what is written to it."""

    def __init__(self) -> None:
        self.now_s = 100.0
        self.output = self._output()
        self.recording = SimpleNamespace(running=False)
        self.decks: dict[int, Any] = {1: SimpleNamespace(sounding=False)}
        self.headroom_s = 2.0
        session = SimpleNamespace(decks=self.decks, headroom_s=lambda: self.headroom_s)
        app = SimpleNamespace(
            config=SimpleNamespace(rate=RATE), conductor=self, recording=self.recording,
            session=session,
        )  # fmt: skip
        self.ear = Ear(cast(App, app), lambda: self.now_s)
        self._at = 0

    def _output(self) -> NullOutput:
        output = NullOutput(RATE, BLOCK, lambda: self.now_s)
        output.start()
        return output

    def replace_output(self) -> None:
        self.output = self._output()

    def play(self, level: float, blocks: int, first: int = 0) -> None:
        """`blocks` blocks, each written as the one before is taken; silent before `first`."""
        for block in range(blocks):
            audio = np.full((BLOCK, 2), level, np.float32)
            audio[: max(0, first - block * BLOCK)] = 0
            self.ear.hear(self._at, audio)
            self.output.write(audio)
            self._at += BLOCK
            self.now_s += BLOCK / RATE


def test_edges_are_timed_by_what_the_device_takes() -> None:
    master = Master()
    master.play(0.0, 10)
    master.play(0.5, 20, first=100)
    master.play(0.0, 20)
    ear = master.ear
    assert ear.after(100.0, sounds=True) == pytest.approx(0.1 + 100 / RATE, abs=0.011)
    sounds, silence = ear.edges
    assert (sounds.sounds, silence.sounds) == (True, False)
    assert silence.at_s - sounds.at_s == pytest.approx(0.2 - 100 / RATE)
    assert ear.after(sounds.mixed_s + 0.001, sounds=True) is None


def test_short_pauses_are_no_silence() -> None:
    master = Master()
    for _ in range(5):
        master.play(0.5, 5)
        master.play(0.0, 5)
    assert [edge.sounds for edge in master.ear.edges] == [True]


def test_another_output_goes_on_where_the_first_one_was() -> None:
    master = Master()
    master.play(0.0, 10)
    master.replace_output()
    master.play(0.0, 10)
    master.play(0.5, 1)
    (edge,) = master.ear.edges
    assert edge.at_s == pytest.approx(100.2, abs=0.011)


def test_headroom_counts_while_a_deck_sounds() -> None:
    master = Master()
    master.headroom_s = 0.0
    master.play(0.0, 3)
    master.decks[1].sounding = True
    master.headroom_s = 1.5
    master.play(0.1, 3)
    master.headroom_s = 0.25
    master.play(0.1, 1)
    assert master.ear.headroom_s == (1.5, 0.25)


def played(*events: Event, finished: bool = True) -> Played:
    return Played(
        events=events, ear=Master().ear, rate=RATE, output="null", latency_s=0.0, xruns=0, late=0,
        finished=finished,
    )  # fmt: skip


def heard(address: str, *args: Any) -> Event:
    return Event("heard", 0.0, "1.1", address, args)


def test_each_broken_promise_has_its_line(tmp_path: Path) -> None:
    events = (
        heard("/error", "/deck/1/prompt", "is wrong"),
        heard("/clip/failed", 2, "cancelled"),
        heard("/clip/done", 1, "a.wav", 7.0, 124.0, 4),
        Event("sent", 0.0, "17.1", "/panic", (), "", "silence"),
    )
    lines = result_of(played(*events, finished=False), tmp_path).failures()
    assert lines == [
        "/error: /deck/1/prompt is wrong",
        "/clip/failed: 2 cancelled",
        "the client did not come to the end of the story",
        "the master was not recorded",
        f"1 loops were rendered, not {len(LOOPS)}",
        "/panic was not heard",
    ]


def test_a_table_can_be_made_of_anything(tmp_path: Path) -> None:
    warped = Warped(tmp_path / "x.wav", "free", 0.0, False, 0.0, 0.0, Judgement())
    result = result_of(played(), tmp_path)
    rows = table(result, Followed((), 0), warped, tmp_path, "nothing to replay")
    assert [row.split()[0] for row in rows if not row.startswith(" ")] == [
        "master", "replay", "tempo", "onsets", "latency", "xruns", "headroom",
        "following", "warp",
    ]  # fmt: skip
