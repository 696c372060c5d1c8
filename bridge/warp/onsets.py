"""Onset strength: how much of a sudden there is in a stream of audio, 100 times a second.

Spectral flux of logarithmic band energies (Böck and Widmer, "Maximum filter vibrato suppression for
onset detection", DAFx 2013, without the filter): what rises in a band since the frame before,
summed over the bands.

Threading: one thread owns an `Onsets`.
"""

from __future__ import annotations

from math import ceil

import numpy as np
from numpy.typing import NDArray

from bridge.audio.line import AudioLine
from engine.api import Audio

FPS = 100
"""Frames a second."""
_WINDOW_S = 0.023
_BANDS = 24
_LOW_HZ, _HIGH_HZ = 30.0, 8000.0
_BASS_BANDS = 4
"""The lowest bands: up to some 150 Hz."""
_GAIN = 1000.0
"""Of energies before the logarithm: music of -60 dBFS counts, the noise of a pause does not."""
KEPT_S = 30.0
_ENOUGH = 0.5
"""Of the steepest rise near a beat, for an earlier one to be the attack."""

Frames = NDArray[np.float32]


class Onsets:
    """The frames of a mono mix. Frame `i` is about samples `i * hop .. i * hop + window`."""

    def __init__(self, rate: int) -> None:
        self.rate = rate
        self.hop = round(rate / FPS)
        self.window = 2 * round(_WINDOW_S * rate / 2)
        self.audio = AudioLine(round(KEPT_S * rate), 1)
        """The mix, for a closer look."""
        self.first = 0
        """The oldest frame that is kept."""
        self._bands: Frames = np.zeros((0, _BANDS), np.float32)
        self._hann = np.hanning(self.window).astype(np.float32)
        self._filters = _triangles(rate, self.window)

    @property
    def count(self) -> int:
        """Frames so far, with those that are not kept any more."""
        return self.first + len(self._bands)

    @property
    def fed(self) -> int:
        """Samples so far."""
        return self.audio.end

    def feed(self, audio: Audio) -> None:
        """The next samples, float32 `[samples, channels]`."""
        self.audio.write(self.audio.end, audio.mean(axis=1, keepdims=True, dtype=np.float32))
        count = max(0, (self.fed - self.window) // self.hop + 1)
        new = count - self.count
        if new <= 0:
            return
        at = self.count * self.hop
        mono = self.audio.read(at, (new - 1) * self.hop + self.window)[:, 0]
        frames = np.lib.stride_tricks.sliding_window_view(mono, self.window)[:: self.hop]
        spectra = np.abs(np.fft.rfft(frames * self._hann)).astype(np.float32)  # [new, bins]
        bands = np.log1p(_GAIN * (spectra @ self._filters)).astype(np.float32)
        self._bands = np.concatenate([self._bands, bands])
        surplus = len(self._bands) - round(KEPT_S * FPS)
        if surplus > FPS:
            self._bands = self._bands[surplus:]
            self.first += surplus

    def rewind(self, sample: int) -> None:
        """Forget what follows `sample`."""
        self.audio.forget(sample)
        count = max(0, (self.fed - self.window) // self.hop + 1)
        self._bands = self._bands[: max(0, count - self.first)]

    def strength(self, first: int, last: int) -> Frames:
        """Of frames `first..last`, float32 `[last - first]`."""
        strength: Frames = self._flux(first, last).sum(axis=1)
        return strength

    def bass(self, first: int, last: int) -> Frames:
        """What of that is in the lowest bands."""
        strength: Frames = self._flux(first, last)[:, :_BASS_BANDS].sum(axis=1)
        return strength

    def weight(self, first: int, last: int) -> Frames:
        """How loud what begins there is, in all bands and again in the lowest, each by its mean.

        On a logarithmic scale a hat begins as clearly as a drum; this tells which is which.
        """
        flux = _rises(np.log1p(np.expm1(self._known(first, last)) / _GAIN))
        whole, low = flux.sum(axis=1), flux[:, :_BASS_BANDS].sum(axis=1)
        weight = whole / max(float(whole.mean()), 1e-9) + low / max(float(low.mean()), 1e-9)
        return _padded(weight, last - first)

    def _flux(self, first: int, last: int) -> Frames:
        """float32 `[last - first, bands]`; nothing rises where nothing is known."""
        return _padded(_rises(self._known(first, last)), last - first)

    def _known(self, first: int, last: int) -> Frames:
        """Band energies from the frame before `first` on, float32 `[frames, bands]`."""
        return self._bands[max(0, first - 1 - self.first) : max(0, last - self.first)]


def _rises(bands: Frames) -> Frames:
    return np.maximum(np.diff(bands, axis=0), 0.0)


def _padded(rows: Frames, count: int) -> Frames:
    """`count` of them, of which those that are missing at the beginning are zero."""
    missing = max(0, count - len(rows))
    return np.concatenate([np.zeros((missing, *rows.shape[1:]), np.float32), rows])


def _triangles(rate: int, window: int) -> Frames:
    """Filters that are evenly wide to the ear, float32 `[bins, bands]` (the mel scale)."""
    high_hz = min(_HIGH_HZ, 0.45 * rate)
    mel = np.linspace(_mel(_LOW_HZ), _mel(high_hz), _BANDS + 2)
    edges_hz = 700.0 * (10 ** (mel / 2595.0) - 1)
    bins_hz = np.fft.rfftfreq(window, 1 / rate)
    low, mid, high = edges_hz[:-2], edges_hz[1:-1], edges_hz[2:]
    rising = (bins_hz[:, None] - low) / (mid - low)
    falling = (high - bins_hz[:, None]) / (high - mid)
    filters = np.maximum(0.0, np.minimum(rising, falling))
    # A band narrower than a bin would see nothing: it gets the nearest.
    for band in np.flatnonzero(filters.sum(axis=0) == 0):
        filters[int(np.argmin(np.abs(bins_hz - mid[band]))), band] = 1.0
    even: Frames = (filters / filters.sum(axis=0) / (window / 4)).astype(np.float32)
    return even


def _mel(hz: float) -> float:
    return float(2595.0 * np.log10(1 + hz / 700.0))


def attack(onsets: Onsets, sample: float, reach_s: float) -> tuple[float, float]:
    """The steepest rise of level within `reach_s` of a sample, and how much louder it gets there
    (0..1). It is found to a millisecond, which a frame of the spectrum does not tell."""
    rate = onsets.rate
    hop = max(1, round(rate / 1000))
    side = 5
    first = round(sample - reach_s * rate) - 2 * side * hop
    count = ceil(2 * reach_s * rate / hop) + 4 * side
    mono = onsets.audio.read(first, count * hop)[:, 0]
    # The first difference: an attack is short, what rings on is mostly low.
    edge = np.abs(np.diff(mono, prepend=mono[:1]))
    level = edge.reshape(count, hop).max(axis=1)
    sums = np.concatenate([[0.0], np.cumsum(level)])
    after = sums[2 * side :] - sums[side:-side]
    before = sums[side:-side] - sums[: -2 * side]
    rise = after - before  # [count - 2 * side + 1], at frame i + side
    best = _first_of_the_best(rise)
    total = float(after[best] + before[best])
    if rise[best] <= 0 or total <= 0:
        return sample, 0.0
    # From the middle of the rise back to where it begins.
    at = best + side
    floor_level = before[best] / side
    threshold = floor_level + 0.3 * (level[at : at + side].max() - floor_level)
    begin = next((i for i in range(max(0, at - 2), at + side) if level[i] > threshold), at)
    within = edge[begin * hop : (begin + 1) * hop]
    fine = int(np.argmax(within > threshold)) if (within > threshold).any() else 0
    return float(first + begin * hop + fine), float(rise[best]) / total


def _first_of_the_best(rise: NDArray[np.float64]) -> int:
    """The first peak that is near the highest: of the bursts of a clap over a drum, the drum."""
    middle = (len(rise) - 1) / 2
    likely = rise * (1.0 - 0.5 * ((np.arange(len(rise)) - middle) / middle) ** 2)
    peaks = (likely[1:-1] >= likely[:-2]) & (likely[1:-1] > likely[2:])
    good = np.flatnonzero(peaks & (likely[1:-1] > _ENOUGH * likely.max()))
    return int(good[0]) + 1 if len(good) else int(np.argmax(likely))
