"""Onsets on the grid: by the stream's own word, and measured from the audio."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.api import Audio, Timing
from engine.groove.stream import GrooveStream
from tests.engine.groove.playing import (
    RATE,
    layer,
    open_stream,
    play,
    play_with,
    power_db,
    steering,
)

KICKS = "techno, kick only"


def attacks(audio: Audio, apart: int) -> list[int]:
    """Samples at which a sound begins out of silence or out of an old tail."""
    size = np.abs(audio).max(axis=1)
    found: list[int] = []
    quiet = 0.0
    for at in np.flatnonzero(size > 1e-5):
        if not found or at - found[-1] > apart:
            quiet = float(size[max(0, at - 64) : at].max(initial=0.0))
            if size[at : at + 96].max() > 8 * quiet + 0.02:
                found.append(int(at))
    return found


@pytest.mark.parametrize("bpm", [20.0, 61.7, 97.0, 120.0, 133.333, 174.0, 400.0])
def test_kicks_are_heard_on_their_sample(bpm: float) -> None:
    stream = open_stream(KICKS, bpm=bpm, temperature=0.05)
    frames = int(min(8 * 60 / bpm, 10) * RATE)
    audio = play(stream, frames)
    beat = 60 * RATE / bpm
    strong = [frame for frame, at, _ in stream.onsets(0, frames) if at == int(at)]
    assert strong
    for frame in strong:
        assert abs(frame - round(frame / beat) * beat) <= 0.5
        before, after = audio[max(0, frame - 40) : frame], audio[frame : frame + 120]
        assert np.abs(after).max() > 0.02
        assert np.abs(before).max(initial=0) < np.abs(after).max()
    assert attacks(audio, int(0.05 * RATE))[0] in (0, 1)


def expected(stream: GrooveStream, text: str, timing: Timing, start: int, end: int) -> None:
    """What the stream says begins in `[start, end)` is what the score has there."""
    beats = timing.beats_per_bar

    def sample(at: float) -> float:
        return timing.sample + (at - timing.beat) * 60 * RATE / timing.bpm

    music = layer(text)
    found = []
    for bar in range(-40, 80):
        first = timing.bar_beat + (bar - timing.bar) * beats
        for note in music.bar(bar, beats):
            at = sample(first + note.beat)
            if start <= np.floor(at + 0.5) < end:
                found.append((at, note.part))
    said = stream.onsets(start, end)
    assert len(said) == len(found)
    for (frame, _, _), (at, _) in zip(said, sorted(found), strict=True):
        assert abs(frame - at) <= 0.5 + 1e-6


@pytest.mark.parametrize("beats", [3.0, 3.5, 4.0, 5.0])
@pytest.mark.parametrize("beat", [-37.25, 0.0, 1_003.5])
@pytest.mark.parametrize("bpm", [20.0, 123.4, 400.0])
def test_any_anchor_and_meter(bpm: float, beat: float, beats: float) -> None:
    timing = Timing(-1_234.56, beat, bpm, beats, bar_beat=beat - 1, bar=3)
    stream = open_stream("funk", timing=timing)
    expected(stream, "funk", timing, 0, 4 * RATE)


def check_once_each(tempos: list[tuple[int, float]]) -> None:
    """Every note of the score begins exactly once, in order, through tempo changes."""
    timing = Timing(0.0, 0.0, 120.0)
    stream = open_stream("house")
    for frame, bpm in tempos:
        if frame > stream.position:
            play(stream, frame - stream.position)
        beat = timing.beat + (frame - timing.sample) * timing.bpm / (60 * RATE)
        timing = Timing(float(frame), beat, bpm)
        stream.steer(steering("house", timing=timing))
    end = tempos[-1][0] + RATE
    play(stream, end - stream.position)
    last = timing.beat + (end - 0.5 - timing.sample) * timing.bpm / (60 * RATE)
    music = layer("house")
    score = sorted(
        4.0 * bar + note.beat
        for bar in range(int(last // 4) + 1)
        for note in music.bar(bar, 4.0)
        if 4.0 * bar + note.beat < last
    )
    played = [beat for _, beat, _ in stream.onsets(0, end)]
    assert np.allclose(sorted(played), score)
    assert [f for f, _, _ in sorted(stream.onsets(0, end), key=lambda o: o[1])] == sorted(
        f for f, _, _ in stream.onsets(0, end)
    )


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 5 * RATE), st.floats(20, 400)), min_size=1, max_size=8))
def test_tempo_changes_lose_and_repeat_nothing(tempos: list[tuple[int, float]]) -> None:
    check_once_each(sorted(tempos, key=lambda change: change[0]))


def test_a_ramp_of_tempo_changes() -> None:
    check_once_each([(256 * i + 1, 90 + i * 0.7) for i in range(300)])


@pytest.mark.parametrize("nudge", [-0.2, -0.01, 0.01, 0.2])
def test_a_small_correction_of_the_beat_repeats_nothing(nudge: float) -> None:
    stream = open_stream("house")
    play(stream, RATE)
    stream.steer(steering("house", timing=Timing(RATE, 2.0 + nudge, 120.0)))
    play(stream, RATE)
    stream.steer(steering("house", timing=Timing(2 * RATE, 4.0 + nudge, 121.0)))
    play(stream, RATE)
    counts: dict[tuple[float, str], int] = {}
    for _, beat, part in stream.onsets(0, 3 * RATE):
        counts[beat, part] = counts.get((beat, part), 0) + 1
    music = layer("house")
    for bar in range(1):
        for note in music.bar(bar, 4.0):
            same = sum(n.beat == note.beat and n.part == note.part for n in music.bar(bar, 4.0))
            assert counts[4.0 * bar + note.beat, note.part] == same


def test_a_jump_of_the_beat_plays_from_there() -> None:
    stream = open_stream(KICKS)
    play(stream, 10_000)
    stream.steer(steering(KICKS, timing=Timing(10_000, 100.0, 120.0)))
    assert (10_000, 100.0, "drums") in stream.onsets(10_000, 20_000)


def test_a_tempo_change_leaves_no_gap() -> None:
    change = steering("ambient", timing=Timing(30_000, 30_000 / 24_000, 63.0))
    audio = play_with(open_stream("ambient"), [(30_000, change)], 60_000)
    around = [power_db(audio[at : at + 480]) for at in range(28_000, 33_000, 480)]
    assert max(around) - min(around) < 6
    steps = np.abs(np.diff(audio, axis=0)).max(axis=1)
    assert steps[29_990:30_010].max() <= steps[20_000:29_900].max()


def test_without_timing_the_prompt_has_a_tempo() -> None:
    for text, beat in (("techno 100 bpm, kick only", 28_800), ("dnb, drums only", 60 * RATE / 174)):
        stream = open_stream(text, bpm=None)
        for frame, at, _ in stream.onsets(0, 2 * RATE):
            assert abs(frame - at * beat) <= 0.5


def test_a_slow_held_chord_still_sounds_at_its_end() -> None:
    audio = play(open_stream("ambient, strings only", bpm=20.0), 12 * RATE, 16_384)
    assert power_db(audio[int(11.0 * RATE) : int(11.5 * RATE)]) > -40
