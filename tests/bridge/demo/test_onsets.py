"""Strikes found in audio whose strikes are known."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from bridge.demo.onsets import Fit, fit_passage, strikes
from engine.api import Audio

RATE = 48000


def kick(level: float = 1.0) -> NDArray[np.float64]:
    """A falling sine under a click of noise, as drum machines make it, `[samples]`."""
    t = np.arange(round(0.5 * RATE)) / RATE
    body = np.sin(2 * np.pi * (50 * t + 5 * (1 - np.exp(-t / 0.028)))) * np.exp(-t / 0.13)
    click = np.random.default_rng(5).normal(size=len(t)) * np.exp(-t / 0.003) * 0.2
    return np.asarray(level * 0.4 * (body + click))


def clap(level: float = 0.5) -> NDArray[np.float64]:
    t = np.arange(round(0.2 * RATE)) / RATE
    return np.asarray(level * np.random.default_rng(7).normal(size=len(t)) * np.exp(-t / 0.05))


def played(
    hits: list[tuple[float, NDArray[np.float64]]], length_s: float = 5.0, bits: int = 24
) -> Audio:
    """Sounds laid on whole samples and rounded as a file does, float32 `[samples, 2]`."""
    out = np.zeros(round(length_s * RATE))
    for at, sound in hits:
        begin = round(at)
        part = sound[: len(out) - begin]
        out[begin : begin + len(part)] += part
    scale = 2.0 ** (bits - 1)
    out = np.round(out * scale) / scale
    return np.repeat(out[:, None], 2, axis=1).astype(np.float32)


def grid(bpm: float, count: int = 8, first: float = 7000.25) -> list[float]:
    return [first + k * 60 * RATE / bpm for k in range(count)]


def measured(audio: Audio, bpm: float) -> Fit:
    fit = fit_passage(audio, RATE, bpm)
    assert fit is not None
    return fit


@pytest.mark.parametrize("bpm", [97.3, 124.0, 132.0])
def test_strikes_on_the_grid_are_within_a_sample_of_it(bpm: float) -> None:
    levels = [1.0, 0.9, 1.1, 0.95, 1.05, 0.88, 1.0, 0.93]
    audio = played([(at, kick(level)) for at, level in zip(grid(bpm), levels, strict=True)])
    fit = measured(audio, bpm)
    assert fit.strikes == 8
    assert fit.worst_samples < 1.0  # they lie on whole samples, the grid does not
    assert fit.bpm == pytest.approx(bpm, abs=0.005)


def test_places_are_exact_to_a_hundredth_of_a_sample() -> None:
    at = [7000.0, 31013.0, 55001.0, 79777.0]
    found = strikes(played([(s, kick()) for s in at]), RATE)
    assert np.diff(found) == pytest.approx(np.diff(at), abs=0.01)


@pytest.mark.parametrize("off", [-40.0, -3.0, 3.0, 40.0])
def test_one_strike_off_the_grid_shows(off: float) -> None:
    at = [round(place) + off * (k == 4) for k, place in enumerate(grid(120.0, first=7000.0))]
    fit = measured(played([(place, kick()) for place in at]), 120.0)
    assert fit.strikes == 8
    assert fit.worst_samples == pytest.approx(abs(off) * 7 / 8, abs=0.02)


def test_the_wrong_tempo_shows() -> None:
    audio = played([(at, kick()) for at in grid(124.1)])
    fit = measured(audio, 124.0)
    assert fit.worst_samples > 30
    assert fit.bpm == pytest.approx(124.1, abs=0.005)


def test_other_drums_and_ghost_notes_are_left_out() -> None:
    places = grid(124.0)
    audio = played(
        [(at, kick()) for at in places]
        + [(at, clap()) for at in places[1::2]]
        + [(at + 9000.5, kick(0.2)) for at in places]
    )
    fit = measured(audio, 124.0)
    assert fit.strikes == 4
    assert fit.worst_samples < 1.0


def test_what_cannot_be_measured_gives_none() -> None:
    silence = np.zeros((RATE, 2), np.float32)
    assert fit_passage(silence, RATE, 120.0) is None
    assert fit_passage(silence[:0], RATE, 120.0) is None
    assert fit_passage(played([(7000.0, kick())]), RATE, 120.0) is None
    assert fit_passage(played([(7000.0, kick())])[:7100], RATE, 120.0) is None
