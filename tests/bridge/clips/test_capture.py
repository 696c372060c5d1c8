"""Loops out of what was played: straight where the tempo held, bent where it changed."""

from __future__ import annotations

import numpy as np
import pytest

from bridge.clips.capture import cut_passage, length_of
from bridge.clips.request import FADE_S
from bridge.time.bars import last_bars, whole_bars
from bridge.time.tempo import Anchor, Meter, TempoMap
from engine.api import Audio
from tests.bridge.clips.samples import noise

RATE = 48000
FADE = round(FADE_S * RATE)


def tempo_of(*changes: tuple[int, float]) -> TempoMap:
    """At which sample which tempo begins; the first is where beat 0 is."""
    first, *others = changes
    tempo = TempoMap(RATE, Anchor(first[0], 0.0, first[1]))
    for sample, bpm in others:
        tempo.change(sample, bpm=bpm)
    return tempo


def strokes(tempo: TempoMap, beats: int) -> Audio:
    """A short tone on every beat, higher on every fourth."""
    out = np.zeros((round(tempo.sample_at(beats)) + RATE, 2), np.float32)
    t = np.arange(RATE // 10) / RATE
    for beat in range(beats):
        wave = np.sin(2 * np.pi * (900 if beat % 4 else 1400) * t) * np.exp(-t / 0.02)
        at = round(tempo.sample_at(beat))
        out[at : at + len(t)] += wave[:, None].astype(np.float32)
    return out


def onset(audio: Audio, near: int) -> int:
    """Where it first gets to half of its peak there."""
    part = np.abs(audio[max(0, near - 2000) : near + 2000, 0])
    return max(0, near - 2000) + int(np.argmax(part > 0.5 * part.max()))


@pytest.mark.parametrize("bpm", [97.3, 120.0, 181.77])
def test_at_one_tempo_the_samples_are_those_that_were_played(bpm: float) -> None:
    tempo = tempo_of((1000, bpm))
    played = noise(12 * RATE)
    passage = last_bars(tempo, Meter(), 11 * RATE, 2)
    loop = cut_passage(lambda a, b: played[a:b], passage, RATE)
    start = round(passage.marks[0])
    assert len(loop) == round(8 * 60 / bpm * RATE) == length_of(passage, RATE)
    assert np.array_equal(loop[:-FADE], played[start : start + len(loop) - FADE])
    assert np.array_equal(loop[-1], played[start - 1])


def test_beats_of_another_tempo_land_on_the_grid_of_the_last_one() -> None:
    tempo = tempo_of((4800, 110.0), (9 * RATE, 118.0), (11 * RATE, 131.0))
    played = strokes(tempo, 40)
    until = round(tempo.sample_at(28.5))
    passage = last_bars(tempo, Meter(), until, 4)
    loop = cut_passage(lambda a, b: played[a:b], passage, RATE)
    assert passage.bpm == 131.0
    assert len(loop) == round(16 * 60 / 131 * RATE)
    twice = np.concatenate([loop, loop])
    beat = 60 * RATE / 131
    first = onset(played, round(passage.marks[0])) - passage.marks[0]
    off_ms = [
        1000 * (onset(twice, round(i * beat)) - i * beat - first) / RATE for i in range(1, 31)
    ]
    assert np.abs(off_ms).max() < 4.0  # the stretcher's window smears a stroke by a few ms
    assert abs(np.median(off_ms)) < 1.5


def test_the_last_bars_end_on_the_line_before() -> None:
    tempo = tempo_of((500, 120.0))
    line = 500 + 6 * 2 * RATE
    for until, end in ((line, line), (line - 1, line - 2 * RATE), (line + 777, line)):
        passage = last_bars(tempo, Meter(), until, 3)
        assert passage.marks[-1] == pytest.approx(end)
        assert passage.position_samples == passage.marks[0] - 500
    assert whole_bars(tempo, Meter(), 500, line) == 6
    assert whole_bars(tempo, Meter(), 501, line - 1) == 4


def test_a_planned_jump_changes_nothing_of_what_was() -> None:
    tempo = tempo_of((0, 120.0))
    before = last_bars(tempo, Meter(), 9 * RATE, 2)
    tempo.change(9 * RATE + 500, beat=1.0)
    assert last_bars(tempo, Meter(), 9 * RATE, 2) == before
    assert whole_bars(tempo, Meter(), 0, 9 * RATE) == 4
    assert whole_bars(tempo, Meter(), 0, 10 * RATE) == 0


def test_a_bar_of_seven_eighths_ends_between_two_beats() -> None:
    tempo = tempo_of((0, 120.0))
    passage = last_bars(tempo, Meter(7, 8), 6 * RATE, 1)
    assert passage.steps == (0.0, 1.0, 2.0, 3.0, 3.5)
    assert passage.marks[-1] - passage.marks[0] == pytest.approx(3.5 * RATE / 2)
