"""The figures of loops: they tell a good loop from a bad one."""

from __future__ import annotations

import random

from bridge.bench import loops
from bridge.bench.material import band, pad, steady
from bridge.time.bars import last_bars
from bridge.time.tempo import Anchor, Meter, TempoMap


def test_a_band_in_time_loops_without_a_seam_that_is_heard() -> None:
    music = band(steady(117.3), 24.0, 48000, jitter_s=0.0, seed=1)
    tempo = TempoMap(48000, Anchor(round(music.beats[0]), 0.0, 117.3))
    seam = loops.seam_of(music.audio, last_bars(tempo, Meter(), 22 * 48000, 8))
    assert seam.onset_ms <= 1.0
    assert seam.flux <= 1.0
    assert seam.step < seam.plain_step
    assert seam.step <= 1.0


def test_a_plain_cut_through_held_chords_is_told() -> None:
    tempo = TempoMap(48000, Anchor(0, 0.0, 117.3))
    seam = loops.seam_of(pad(24.0, 48000), last_bars(tempo, Meter(), 22 * 48000, 8))
    assert seam.plain_step > 5.0
    assert seam.plain_flux > 5.0
    assert seam.step <= 1.0
    assert seam.flux < seam.plain_flux / 5


def test_lengths_of_random_bars_are_exact() -> None:
    assert all(loops.is_exact(random.Random(seed)) for seed in range(30))
