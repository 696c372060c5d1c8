"""The last whole bars of a deck and of the master become clips while the music goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from bridge.cli.replay import NotAClip, replay
from bridge.clips.info import ClipInfo
from bridge.clips.loop import loop_length
from bridge.clips.request import FADE_S
from bridge.clips.wav import read_info, read_wav
from bridge.osc.feedback import Feedback
from bridge.services import Clips, News
from bridge.state import State
from engine import fake
from engine.api import Audio
from tests.bridge.rig import RATE, Rig

FADE = round(FADE_S * RATE)
BAR = 2 * RATE  # 4/4 at 120


class Stage(Rig):
    """A rig that captures into a folder, and knows its sound to the sample."""

    def __init__(self, folder: Path, factory: Callable[..., object]) -> None:
        self.folder = folder
        self.clips = Clips(folder, lambda: self.keeper.handle(), News(Feedback(State())), rate=RATE)
        super().__init__(factory, clips=self.clips)  # type: ignore[arg-type]

    def close(self) -> None:
        self.clips.close()
        super().close()

    def captured(self) -> tuple[Audio, ClipInfo]:
        """The one clip that there is, once it is done."""
        self.clips.close()
        (done,) = self.client.answers("/clip/done")
        path = self.folder / str(done[1])
        return read_wav(path).audio, read_info(path)


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    stage = Stage(tmp_path, partial(fake.load, rate=RATE))
    yield stage
    stage.close()


def begin(stage: Stage) -> int:
    """Play deck 1; returns the sample of beat 0."""
    stage.send("/deck/1/prompt", "night drive")
    stage.send("/deck/1/play")
    stage.run(0.1)
    return stage.session.transport.map.anchors[0].sample


def test_a_deck_is_captured_as_it_was_before_gain_and_mute(stage: Stage) -> None:
    start = begin(stage)
    stage.send("/deck/1/gain", -20.0)
    stage.run(4.7)
    stage.send("/deck/1/mute", 1)
    stage.run(2.0)
    played = stage.session.decks[1].memory.read(start, start + 3 * BAR)
    stage.send("/deck/1/capture", 2)
    stage.run(0.05)
    audio, info = stage.captured()
    assert len(audio) == 2 * BAR
    np.testing.assert_allclose(audio[:-FADE], played[BAR : 3 * BAR - FADE], atol=2**-23)
    np.testing.assert_allclose(audio[-1], played[BAR - 1], atol=2**-23)
    assert (info.prompt, info.bpm, info.bars) == ("night drive", 120.0, 2)
    assert info.time_reference_samples == BAR


def test_a_job_is_told_from_beginning_to_end(stage: Stage) -> None:
    begin(stage)
    stage.run(2.5)
    stage.send("/deck/1/capture", 1)
    stage.run(0.05)
    stage.clips.close()
    told = [(address, args) for address, args in stage.client.heard if address.startswith("/clip")]
    name = "night-drive_120bpm_1bars_1.wav"
    assert told == [
        ("/clip/accepted", (1, "night drive")),
        ("/clip/progress", (1, 1.0)),
        ("/clip/done", (1, name, 2.0, 120.0, 1)),
        ("/clip/changed", (name, "came", name)),
    ]
    assert (stage.folder / name).exists()


def test_the_master_is_captured_as_it_was_heard(stage: Stage) -> None:
    start = begin(stage)
    stage.send("/deck/1/gain", -12.0)
    stage.run(2.5)
    stage.send("/master/capture", 1)
    stage.run(0.05)
    audio, info = stage.captured()
    heard = stage.audio()
    np.testing.assert_allclose(audio[:-FADE], heard[start : start + BAR - FADE], atol=2**-23)
    assert info.prompt == "master"


def test_capturing_does_not_change_what_is_heard(tmp_path: Path) -> None:
    sounds = []
    for wants in (True, False):
        stage = Stage(tmp_path, partial(fake.load, rate=RATE))
        begin(stage)
        stage.run(2.5)
        if wants:
            stage.send("/deck/1/capture", 1)
        stage.run(1.0)
        sounds.append(stage.audio())
        assert stage.late == []
        stage.close()
    with_it, without = sounds
    assert np.array_equal(with_it, without)


@pytest.mark.parametrize(
    ("seconds", "bars", "message"),
    [
        (2.5, 2, "deck 1 has played 1 whole bars"),
        (30.0, 15, "15 bars are more than is remembered (12 bars, 26 s)"),
    ],
)
def test_bars_that_are_not_there_are_refused(
    stage: Stage, seconds: float, bars: int, message: str
) -> None:
    begin(stage)
    stage.run(seconds)
    stage.send("/deck/1/capture", bars)
    stage.run(0.05)
    ((address, text),) = stage.client.answers("/error")
    assert address == "/deck/1/capture"
    assert message in str(text)
    assert stage.client.answers("/clip/accepted") == []


def test_a_deck_that_never_played_has_nothing(stage: Stage) -> None:
    begin(stage)
    stage.send("/deck/2/capture", 1)
    stage.run(0.05)
    assert "has not played yet" in str(stage.client.answers("/error"))


def test_what_a_deck_played_outlives_its_stop_and_its_next_start(stage: Stage) -> None:
    start = begin(stage)
    stage.run(4.5)
    stage.send("/deck/1/stop", "none")
    stage.run(0.3)
    played = stage.session.decks[1].memory.read(start, start + 2 * BAR)
    stage.send("/deck/1/play", "none")
    stage.run(0.5)
    stage.send("/deck/1/stop", "none")
    stage.run(9.0)
    stage.send("/deck/1/capture", 2)
    stage.run(0.05)
    audio, _ = stage.captured()
    np.testing.assert_allclose(audio[:-FADE], played[: 2 * BAR - FADE], atol=2**-23)


def test_the_stopped_transport_is_no_bar(stage: Stage) -> None:
    start = begin(stage)
    stage.run(2.5)
    stage.send("/stop")
    stage.run(5.0)
    played = stage.session.decks[1].memory.read(start, start + BAR)
    stage.send("/deck/1/capture", 1)
    stage.run(0.05)
    audio, _ = stage.captured()
    np.testing.assert_allclose(audio[:-FADE], played[: BAR - FADE], atol=2**-23)


def test_bars_across_a_jump_are_none(stage: Stage) -> None:
    begin(stage)
    stage.run(4.5)
    stage.send("/position", 1.0)
    stage.run(0.2)
    stage.send("/deck/1/capture", 1)
    stage.run(0.05)
    assert "has played 0 whole bars" in str(stage.client.answers("/error"))


def test_where_the_tempo_changed_the_clip_has_the_last_one(stage: Stage) -> None:
    begin(stage)
    stage.run(3.1)
    stage.send("/tempo", 132.0)
    stage.run(3.0)
    stage.send("/deck/1/capture", 2)
    stage.run(0.05)
    audio, info = stage.captured()
    assert info.bpm == 132.0
    assert len(audio) == loop_length(2, 4.0, 132.0, RATE)
    pieces = np.array_split(np.abs(audio).max(axis=1), 800)
    assert min(piece.max() for piece in pieces) > 0.01  # the tone has no holes where beats join


def test_a_seven_eighths_bar_is_a_whole_bar(stage: Stage) -> None:
    stage.send("/signature", 7, 8)
    begin(stage)
    stage.run(4.0)
    stage.send("/deck/1/capture", 1)
    stage.run(0.05)
    audio, info = stage.captured()
    assert len(audio) == round(3.5 * RATE / 2)
    assert (info.numerator, info.denominator) == (7, 8)


def test_replay_says_that_it_was_played_live(stage: Stage) -> None:
    begin(stage)
    stage.run(2.5)
    stage.send("/deck/1/capture", 1)
    stage.run(0.05)
    stage.captured()
    with pytest.raises(NotAClip, match="played live"):
        replay(next(stage.folder.glob("*.wav")))
