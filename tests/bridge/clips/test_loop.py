"""Loops: exact lengths and seams that are not heard."""

from __future__ import annotations

import numpy as np
import pytest

from bridge.clips.loop import bar_beats, cut_loop, loop_length
from engine.api import Audio
from engine.errors import BadValue
from tests.bridge.clips.samples import noise

FADE = 480


def test_lengths_are_exact() -> None:
    assert loop_length(8, bar_beats(4, 4), 120, 48000) == 768000
    assert loop_length(1, bar_beats(7, 8), 90, 44100) == 102900
    assert loop_length(3, bar_beats(4, 4), 117.3, 48000) == 294629


def sine(samples: int, period: int) -> Audio:
    wave = 0.5 * np.sin(2 * np.pi * np.arange(samples) / period)
    return np.stack([wave, -wave], axis=1).astype(np.float32)


def test_a_periodic_signal_loops_exactly() -> None:
    audio = sine(30000, 100)
    loop = cut_loop(audio, 5000, 20000, FADE)
    assert loop.shape == (20000, 2)
    np.testing.assert_allclose(loop, audio[5000:25000], atol=1e-6)


def test_the_loop_ends_with_what_came_before_its_beginning() -> None:
    audio = noise(30000)
    loop = cut_loop(audio, 5000, 20000, FADE)
    assert np.array_equal(loop[:-FADE], audio[5000 : 25000 - FADE])
    assert np.array_equal(loop[-1], audio[4999])


def test_a_signal_that_does_not_fit_the_loop_gets_no_click() -> None:
    audio = sine(30000, 1234)
    loop = cut_loop(audio, 5000, 20000, FADE)
    twice = np.concatenate([loop, loop])
    steepest = np.abs(np.diff(audio, axis=0)).max()
    assert np.abs(np.diff(twice, axis=0)).max() < 2 * steepest


def test_unlike_material_is_as_loud_in_the_seam_as_around_it() -> None:
    powers = []
    for seed in range(40):
        loop = cut_loop(noise(4000, seed=seed), 1000, 2000, FADE)
        middle = loop[-3 * FADE // 4 : -FADE // 4]
        powers.append(np.mean(middle**2) / 0.2**2)
    assert np.mean(powers) == pytest.approx(1.0, abs=0.05)


def test_silence_and_no_fade_are_fine() -> None:
    assert not cut_loop(np.zeros((2000, 2), np.float32), 500, 1000, FADE).any()
    audio = noise(100)
    assert np.array_equal(cut_loop(audio, 0, 100, 0), audio)


@pytest.mark.parametrize(("start", "length"), [(FADE - 1, 1000), (500, FADE - 1), (600, 1401)])
def test_a_loop_that_does_not_fit_is_refused(start: int, length: int) -> None:
    with pytest.raises(BadValue, match="does not fit 2000 samples"):
        cut_loop(noise(2000), start, length, FADE)


def test_the_material_is_left_as_it_was() -> None:
    audio = noise(3000)
    before = audio.copy()
    cut_loop(audio, 1000, 2000, FADE)
    assert np.array_equal(audio, before)
