"""Onset strength, and where exactly an attack is."""

from __future__ import annotations

import numpy as np
import pytest

from bridge.bench.material import pad
from bridge.warp.onsets import FPS, Onsets, attack
from engine.api import Audio

RATE = 48000


def hit(at_s: float, hz: float, rate: int = RATE, level: float = 0.5) -> Audio:
    """Two seconds with a tone that begins at once and rings, float32 `[samples, 1]`."""
    t = np.arange(2 * rate) / rate - at_s
    tone = level * np.sin(2 * np.pi * hz * t) * np.exp(-np.maximum(t, 0) * 15)
    return np.asarray((tone * (t >= 0))[:, None], np.float32)


def of(audio: Audio, rate: int = RATE) -> Onsets:
    onsets = Onsets(rate)
    onsets.feed(audio)
    return onsets


@pytest.mark.parametrize("rate", [32000, 44100, 48000])
@pytest.mark.parametrize("hz", [60.0, 400.0, 3000.0])
def test_strength_is_greatest_where_a_note_begins(rate: int, hz: float) -> None:
    onsets = of(hit(1.0, hz, rate), rate)
    strength = onsets.strength(0, onsets.count)
    assert np.argmax(strength) / FPS == pytest.approx(1.0, abs=0.025)


def test_a_low_note_is_bass_and_a_high_one_is_not() -> None:
    low, high = of(hit(1.0, 60.0)), of(hit(1.0, 3000.0))
    shares = [o.bass(90, 110).max() / o.strength(90, 110).max() for o in (low, high)]
    assert shares[0] > 2 * shares[1]


def test_a_drum_weighs_more_than_a_hat_that_begins_as_clearly() -> None:
    both = of(np.concatenate([hit(1.0, 60.0), hit(1.0, 6000.0, level=0.03)]))
    weight = both.weight(0, both.count)
    assert weight[90:110].max() > 3 * weight[290:310].max()


def test_chords_that_swell_have_hardly_any() -> None:
    swelling = of(pad(4.0, RATE, channels=1))
    struck = of(np.concatenate([hit(1.0, 400.0)] * 2))
    assert swelling.strength(10, 380).std() < 0.3 * struck.strength(10, 380).std()


def test_pieces_of_any_size_give_the_same() -> None:
    audio = hit(1.0, 400.0)
    whole, parts = of(audio), Onsets(RATE)
    for at in range(0, len(audio), 777):
        parts.feed(audio[at : at + 777])
    assert parts.count == whole.count
    np.testing.assert_allclose(
        parts.strength(0, parts.count), whole.strength(0, whole.count), atol=1e-4
    )


def test_nothing_is_left_of_what_was_rewound() -> None:
    onsets = of(hit(0.5, 60.0))
    onsets.rewind(RATE // 4)
    onsets.feed(np.zeros((2 * RATE, 1), np.float32))
    assert onsets.fed == RATE // 4 + 2 * RATE
    assert onsets.strength(0, onsets.count).max() == 0


@pytest.mark.parametrize("hz", [60.0, 400.0, 3000.0])
@pytest.mark.parametrize("away_ms", [-15, 0, 15])
def test_an_attack_is_found_to_two_milliseconds(hz: float, away_ms: int) -> None:
    onsets = of(hit(1.0, hz))
    sample, strength = attack(onsets, RATE + away_ms * RATE / 1000, 0.03)
    assert sample == pytest.approx(RATE, abs=0.002 * RATE)
    assert strength > 0.5


def test_where_nothing_begins_there_is_no_attack() -> None:
    silent = of(np.zeros((RATE, 1), np.float32))
    assert attack(silent, RATE / 2, 0.03) == (RATE / 2, 0.0)
