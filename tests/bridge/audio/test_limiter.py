from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.signal import resample_poly

from bridge.audio.limiter import Limiter
from engine.api import Audio

RATE = 48_000
CEILING = 10 ** (-1 / 20)
SAMPLES = RATE // 2


def true_peak_db(audio: Audio) -> float:
    fine = resample_poly(audio.astype(np.float64), 8, 1, axis=0)
    return float(20 * np.log10(np.abs(fine).max()))


def limited(audio: Audio, rate: int = RATE, ceiling_db: float = -1.0) -> Audio:
    """All of `audio`, limited, with the delay taken off; silence follows, so that it ends well."""
    limiter = Limiter(rate, ceiling_db)
    tail = np.zeros((RATE // 20, 2), np.float32)
    out: Audio = limiter.process(np.concatenate([audio, tail]))[limiter.latency_samples :]
    return out


def stereo(signal: NDArray[Any]) -> Audio:
    return np.stack([signal, signal], axis=1).astype(np.float32)


def bursts(seed: int, loud: float) -> Audio:
    """Noise whose level jumps about every 10 ms, as the most percussive of music does."""
    rng = np.random.default_rng(seed)
    levels = np.repeat(rng.choice([0.05, 0.3, 1.0], SAMPLES // 500), 500)
    noise: Audio = (rng.normal(size=(SAMPLES, 2)) * levels[:, None] * loud).astype(np.float32)
    return noise


TIME = np.arange(SAMPLES)
HARD = {
    "square, 480 Hz, +12 dB": stereo(4 * np.sign(np.sin(2 * np.pi * TIME / 100 + 0.1))),
    "square, 6.6 kHz, +12 dB": stereo(4 * np.sign(np.sin(2 * np.pi * TIME / 7.3 + 0.1))),
    "peaks between samples": stereo(1.2 * np.sin(np.pi * TIME / 2 + np.pi / 4)),
    "near the top of the band": stereo(2 * np.sin(2 * np.pi * TIME * 0.45)),
    "random signs": stereo(np.random.default_rng(3).choice([-1.0, 1.0], SAMPLES)),
    "clicks": stereo(8.0 * (TIME % 977 == 0)),
    "tone bursts": stereo(3 * np.sin(TIME * 0.13) * (TIME // 2400 % 2)),
    "white noise, +12 dB": bursts(1, 1.2),
    "white noise, +24 dB": bursts(2, 5.0),
}


@pytest.mark.parametrize("name", HARD)
def test_no_true_peak_is_above_the_ceiling(name: str) -> None:
    assert true_peak_db(HARD[name]) > 0
    assert true_peak_db(limited(HARD[name])) <= -1 + 0.1


@pytest.mark.parametrize("rate", [22_050, 44_100, 96_000])
@pytest.mark.parametrize("ceiling_db", [-0.1, -6.0])
def test_other_rates_and_ceilings(rate: int, ceiling_db: float) -> None:
    audio = limited(bursts(4, 2.0), rate, ceiling_db)
    assert ceiling_db - 0.5 < true_peak_db(audio) <= ceiling_db + 0.1


def test_a_steady_tone_is_brought_to_the_ceiling_and_not_bent() -> None:
    tone = stereo(2 * np.sin(2 * np.pi * 1000 * TIME / RATE))
    out = limited(tone)[RATE // 4 : RATE // 4 + 4800]
    expected = tone[RATE // 4 : RATE // 4 + 4800] * (CEILING / 2)
    assert np.abs(out - expected).max() < 0.01


def test_what_cannot_exceed_comes_out_bit_for_bit_later() -> None:
    quiet = (np.random.default_rng(5).uniform(-0.35, 0.35, (SAMPLES, 2))).astype(np.float32)
    np.testing.assert_array_equal(limited(quiet)[:SAMPLES], quiet)


def test_loud_music_below_the_ceiling_is_untouched_too() -> None:
    tone = stereo(0.85 * np.sin(2 * np.pi * 997 * TIME / RATE))
    np.testing.assert_array_equal(limited(tone)[: SAMPLES - 100], tone[: SAMPLES - 100])


def test_a_tone_at_half_the_level_comes_back_after_a_loud_moment() -> None:
    audio = stereo(0.4 * np.sin(TIME * 0.05))
    audio[1000:1200] *= 10
    out = limited(audio)
    assert np.abs(out[1200:1300]).max() < 0.3
    np.testing.assert_allclose(out[22_000:23_000], audio[22_000:23_000], atol=0.01)


def test_both_channels_are_turned_down_together() -> None:
    audio = np.stack([3 * np.sin(TIME * 0.05), 0.1 * np.sin(TIME * 0.05)], axis=1)
    out = limited(audio.astype(np.float32))
    np.testing.assert_allclose(out[:SAMPLES, 0], 30 * out[:SAMPLES, 1], atol=1e-4)


def test_gain_never_steps() -> None:
    level = np.where(TIME < 5000, 0.1, 4.0)
    out = limited(stereo(level))[:6000, 0] / level[:6000]
    assert np.abs(np.diff(out)).max() < 0.03


@given(st.lists(st.integers(0, 700), max_size=30), st.integers(0, 3))
@settings(max_examples=40)
def test_blocks_may_be_cut_anywhere(cuts: list[int], seed: int) -> None:
    rng = np.random.default_rng(seed)
    levels = np.repeat(rng.choice([0.01, 0.2, 3.0], 9), 500)
    audio = (rng.normal(size=(4500, 2)) * levels[:, None]).astype(np.float32)
    edges = [edge for edge in np.cumsum(cuts) if edge < len(audio)]
    limiter = Limiter(RATE)
    parts = [limiter.process(part) for part in np.split(audio, edges)]
    np.testing.assert_array_equal(np.concatenate(parts), Limiter(RATE).process(audio))


def test_single_samples_and_one_large_block_agree() -> None:
    audio = bursts(6, 1.0)[:1200]
    limiter = Limiter(RATE)
    parts = [limiter.process(audio[at : at + 1]) for at in range(len(audio))]
    np.testing.assert_array_equal(np.concatenate(parts), Limiter(RATE).process(audio))


@pytest.mark.parametrize("fault", [np.nan, np.inf, -np.inf, 3e38])
def test_what_is_no_sound_becomes_silence_and_the_music_goes_on(fault: float) -> None:
    audio = stereo(0.3 * np.sin(TIME * 0.05))
    expected = audio.copy()
    expected[4000:4100, 0] = 0
    audio[4000:4100, 0] = fault
    np.testing.assert_array_equal(limited(audio)[:SAMPLES], expected)


def test_the_input_is_left_as_it_is() -> None:
    audio = bursts(7, 2.0)
    before = audio.copy()
    Limiter(RATE).process(audio)
    np.testing.assert_array_equal(audio, before)


def test_it_is_not_late_by_more_than_a_few_milliseconds() -> None:
    for rate in (22_050, 44_100, 48_000, 96_000):
        assert Limiter(rate).latency_samples <= 0.002 * rate
