"""The pulse of some seconds of onset strength."""

from __future__ import annotations

import numpy as np
import pytest

from bridge.warp.onsets import FPS
from bridge.warp.pulse import Wave, find_pulse

SECONDS = 8.0
PRIOR_BPM = 96.0


def hits(bpm: float) -> Wave:
    """A bell of 20 ms on each beat, as the tracker smooths them."""
    t = np.arange(round(SECONDS * FPS)) / FPS
    phase_s = (t + 30 / bpm) % (60 / bpm) - 30 / bpm
    return np.exp(-0.5 * (phase_s / 0.02) ** 2)


def swells(seed: int) -> Wave:
    """Wind and strings: a few of them, each over half a second, at no regular times."""
    random = np.random.default_rng(seed)
    wave = np.zeros(round(SECONDS * FPS))
    wave[random.integers(0, len(wave), 4)] = random.random(4)
    bell = np.exp(-0.5 * (np.arange(-120, 121) / 30.0) ** 2)
    return np.convolve(wave, bell, mode="same")


@pytest.mark.parametrize("bpm", [PRIOR_BPM, 80.0, 112.0, 48.0, 140.0])
def test_a_beat_is_found_near_the_expected_tempo_and_far_from_it(bpm: float) -> None:
    pulse = find_pulse(hits(bpm), PRIOR_BPM, None)

    assert pulse.bpm == pytest.approx(bpm, rel=0.01)
    assert pulse.strength > 0.5


def test_what_swells_is_not_taken_for_a_fast_beat() -> None:
    pulses = [find_pulse(swells(seed), PRIOR_BPM, None) for seed in range(40)]

    assert max(pulse.bpm for pulse in pulses) <= 1.26 * PRIOR_BPM
