"""The master's spectrum in bands that are equally wide to the ear.

Threading: one thread owns a spectrum.
"""

from __future__ import annotations

import numpy as np

from engine.api import Audio

BANDS = 56
LOWEST_HZ, HIGHEST_HZ = 40.0, 16_000.0
FLOOR_DB = -84.0
"""Shown as 0; 0 dB (a sine at full scale) as 255."""

_SAMPLES = 2048
_NEGLIGIBLE = 1e-12


class Spectrum:
    def __init__(self, rate: int) -> None:
        self._last = np.zeros(_SAMPLES, np.float32)
        window = np.hanning(_SAMPLES)
        self._window = (window * (2.0 / window.sum())).astype(np.float32)
        self._weights = _weights(rate)

    def take(self, audio: Audio) -> None:
        """The next samples of the master, float32 `[2, samples]`."""
        mono = 0.5 * (audio[0, -_SAMPLES:] + audio[1, -_SAMPLES:])
        kept = self._last[len(mono) :]
        self._last = np.concatenate([kept, mono])

    def bands(self) -> bytes:
        """The level of each band just now, from the lowest on, `BANDS` bytes."""
        power = np.abs(np.fft.rfft(self._last * self._window)) ** 2
        level_db = 10.0 * np.log10(self._weights @ power + _NEGLIGIBLE)
        share = np.clip(1.0 - level_db / FLOOR_DB, 0.0, 1.0)
        return bytes(np.rint(255.0 * share).astype(np.uint8))


def band_edges_hz() -> list[float]:
    """The middle frequencies of the bands."""
    return [float(f) for f in np.geomspace(LOWEST_HZ, HIGHEST_HZ, BANDS)]


def _weights(rate: int) -> Audio:
    """How much of each bin is in each band, float32 `[BANDS, bins]`: a triangle from the band
    below to the one above, at least a bin wide on either side."""
    bin_hz = rate / _SAMPLES
    bins_hz = np.arange(_SAMPLES // 2 + 1) * bin_hz
    middle = np.geomspace(LOWEST_HZ, min(HIGHEST_HZ, 0.45 * rate), BANDS)[:, None]
    ratio = middle[1] / middle[0]
    width = np.maximum(middle * (ratio - 1.0), bin_hz)
    weights = np.maximum(0.0, 1.0 - np.abs(bins_hz[None, :] - middle) / width)
    return np.asarray(weights, np.float32)
