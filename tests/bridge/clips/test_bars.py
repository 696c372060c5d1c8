"""Loops of an engine that keeps no time: whole bars on the grid, chosen from more than needed."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pytest

from bridge.clips.bars import spare_bars
from bridge.clips.render import render_clips
from bridge.clips.request import ClipRequest, request_from
from bridge.clips.save import save_clip
from bridge.clips.spool import Spool
from bridge.clips.wav import read_info
from engine import fake
from engine.api import Audio, WeightedPrompt
from engine.host.inline import InlineEngine
from tests.bridge.clips.rendering import render_clip
from tests.bridge.warp.drummer import RATE, Drummer, beats_in, notes_in

BPM = 120.0
BEAT = RATE * 60 / BPM


def loop(bars: int = 2, bpm: float = BPM, own_bpm: float = 117.3, first_s: float = 0.4) -> Audio:
    request = ClipRequest((WeightedPrompt("drums"),), bars=bars, bpm=bpm)
    return render_clip(InlineEngine(lambda: Drummer(own_bpm, first_s)), request)


@pytest.mark.parametrize("own_bpm", [100.0, 117.3, 143.0])
def test_every_beat_falls_on_the_grid_from_the_first_sample_on(own_bpm: float) -> None:
    audio = loop(own_bpm=own_bpm)
    assert len(audio) == round(8 * BEAT)
    round_and_round = np.concatenate([np.zeros((RATE, 2), np.float32), *[audio] * 4])
    # What the end fades into is the attack of the first beat.
    beats = np.array(beats_in(round_and_round[:-480])) - RATE
    assert len(beats) == 32
    assert beats == pytest.approx(np.arange(32) * BEAT, abs=0.005 * RATE)


def test_it_begins_with_the_first_beat_of_a_bar() -> None:
    audio = loop(first_s=0.9)
    notes = notes_in(audio, [i * BEAT for i in range(8)])
    assert len(set(notes[:4])) == len(set(notes[4:])) == 1
    assert notes[0] != notes[4]


def test_the_same_request_gives_the_same_loop() -> None:
    assert np.array_equal(loop(), loop())


def test_the_bars_that_run_into_each_other_are_chosen() -> None:
    drummer = Drummer(BPM, 0.0)
    broken = round((2 + 1) * 4 * BEAT)  # the bar after the first loop that could be taken
    drummer.audio[broken - round(BEAT) : broken] = 0  # a rest before it: no way into the first bar
    request = ClipRequest((WeightedPrompt("drums"),), bars=2, bpm=BPM)
    audio = render_clip(InlineEngine(lambda: drummer), request)
    assert len(beats_in(np.concatenate([np.zeros((RATE, 2), np.float32), audio]))) == 8


def test_without_a_beat_it_is_what_the_engine_played() -> None:
    request = ClipRequest((WeightedPrompt("pad"),), bars=2, bpm=BPM)
    handle = InlineEngine(partial(fake.load, RATE))
    plain = ClipRequest((WeightedPrompt("pad"),), seconds=8.0)
    audio, stream = render_clip(handle, request), render_clip(handle, plain)
    bar, same = round(4 * BEAT), len(audio) - RATE // 100
    assert np.array_equal(audio[:same], stream[bar : bar + same])


def test_the_clip_says_how_it_lies_on_the_grid_and_warns_where_it_does_not(tmp_path: Path) -> None:
    request = ClipRequest((WeightedPrompt("pad"),), bars=2, bpm=BPM)
    for handle, lock, warning in (
        (InlineEngine(lambda: Drummer(117.3, 0.4)), "locked", ""),
        (InlineEngine(partial(fake.load, RATE)), "free", "has no clear beat"),
    ):
        for _, sound in render_clips(handle, [request], tmp_path):
            assert isinstance(sound, Spool)
            saved = save_clip(tmp_path / "a.wav", sound, request, handle.info)
        assert warning in saved.warning
        info = read_info(saved.path)
        assert info.settings["lock"] == lock
        assert not request_from(info).straight


def test_a_clip_from_before_there_was_a_choice_is_made_again_as_it_was() -> None:
    old = ClipRequest((WeightedPrompt("drums"),), bars=2, bpm=BPM, straight=True)
    plain = ClipRequest((WeightedPrompt("drums"),), seconds=8.0)
    audio = render_clip(InlineEngine(lambda: Drummer(117.3, 0.4)), old)
    stream = render_clip(InlineEngine(lambda: Drummer(117.3, 0.4)), plain)
    bar, same = round(4 * BEAT), len(audio) - RATE // 100
    assert np.array_equal(audio[:same], stream[bar : bar + same])


def test_more_bars_to_choose_from_for_longer_loops_but_not_without_end() -> None:
    assert [spare_bars(bars) for bars in (1, 4, 8, 16, 64)] == [2, 2, 4, 8, 8]
