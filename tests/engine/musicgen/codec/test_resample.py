"""The filter between two rates: what passes, what does not, and where in time it lies."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from engine.errors import BadValue
from engine.musicgen.codec.resample import PASSBAND, Resampler

RATES = [
    (32_000, 48_000),
    (32_000, 44_100),
    (32_000, 22_050),
    (32_000, 16_000),
    (44_100, 32_000),
    (48_000, 32_000),
]


def tone(hz: float, rate: int, samples: int) -> torch.Tensor:
    """A sine of full scale, `[1, samples]`."""
    wave = np.sin(2 * np.pi * hz * np.arange(samples) / rate)
    return torch.from_numpy(wave.astype(np.float32))[None]


def middle(audio: torch.Tensor) -> NDArray[np.float64]:
    """Without the edges, where the filter meets silence."""
    return audio[0, 1_000:-1_000].double().numpy()


def level_db(wave: NDArray[np.float64]) -> float:
    """Against a sine of full scale."""
    return float(10 * np.log10(2 * np.mean(wave**2) + 1e-30))


@pytest.mark.parametrize("place", [0.01, 0.1, 0.5, PASSBAND])
@pytest.mark.parametrize(("rate_in", "rate_out"), RATES)
def test_a_tone_that_both_rates_hold_passes_unchanged(
    rate_in: int, rate_out: int, place: float
) -> None:
    # Not quite at the place: its samples should fall on no simple pattern.
    hz = place * min(rate_in, rate_out) / 2 - 1.234
    samples = rate_in // 2

    found = Resampler(rate_in, rate_out).convert(tone(hz, rate_in, samples))

    # Level and place in time together.
    wanted = tone(hz, rate_out, found.shape[1])
    assert level_db(middle(found) - middle(wanted)) < -110


@pytest.mark.parametrize("beyond", [1.0, 1.02, 1.2])
@pytest.mark.parametrize(("rate_in", "rate_out"), [r for r in RATES if r[0] > r[1]])
def test_what_the_lower_rate_cannot_hold_is_kept_out(
    rate_in: int, rate_out: int, beyond: float
) -> None:
    hz = beyond * rate_out / 2 + 1.234

    found = Resampler(rate_in, rate_out).convert(tone(hz, rate_in, rate_in // 2))

    assert level_db(middle(found)) < -110


@pytest.mark.parametrize(("rate_in", "rate_out"), [r for r in RATES if r[0] < r[1]])
def test_no_image_appears_above_what_was_there(rate_in: int, rate_out: int) -> None:
    hz = 0.85 * rate_in / 2
    found = middle(Resampler(rate_in, rate_out).convert(tone(hz, rate_in, rate_in)))

    spectrum = np.abs(np.fft.rfft(found * np.kaiser(len(found), 20)))
    image = int((rate_in - hz) / rate_out * len(found))
    around = spectrum[image - 50 : image + 50].max()
    assert 20 * np.log10(around / spectrum.max()) < -110


@pytest.mark.parametrize(("rate_in", "rate_out"), RATES)
def test_a_constant_stays_one(rate_in: int, rate_out: int) -> None:
    found = middle(Resampler(rate_in, rate_out).convert(torch.ones(1, rate_in // 2)))

    assert np.abs(found - 1).max() < 3e-6  # -110 dB


@pytest.mark.parametrize(("rate_in", "rate_out"), RATES)
def test_nothing_drifts_over_a_minute(rate_in: int, rate_out: int) -> None:
    impulses = torch.zeros(1, 60 * rate_in)
    impulses[0, ::rate_in] = 1

    found = Resampler(rate_in, rate_out).convert(impulses)

    assert found.shape == (1, 60 * rate_out)
    seconds = found.view(60, rate_out)[1:-1]
    assert (seconds.argmax(1) == 0).all()
    assert (seconds - seconds[0]).abs().max() < 1e-6


@pytest.mark.parametrize("samples", [0, 1, 440, 441, 442, 100_003])
def test_the_length_is_rounded_up(samples: int) -> None:
    if not samples:
        with pytest.raises(BadValue, match="0 samples"):
            Resampler(44_100, 32_000).convert(torch.zeros(1, 0))
        return
    found = Resampler(44_100, 32_000).convert(torch.zeros(2, samples))
    assert found.shape == (2, -(-samples * 32_000 // 44_100))


def test_rates_with_too_little_in_common_are_refused() -> None:
    with pytest.raises(BadValue, match="47999 Hz cannot be brought to 32000 Hz"):
        Resampler(47_999, 32_000)
