"""Building blocks of sound: seamless loops, strings, noise, ambience. Pure functions of their
arguments, float32, stereo `[samples, 2]` unless said otherwise.

Held tones are made in the frequency domain, each partial on whole bins of a loop (Nasca's PADsynth,
"PADsynth algorithm", 2006), so that a loop has no seam, no aliasing, and costs one inverse FFT.
Strings are Karplus and Strong's ("Digital synthesis of plucked-string and drum timbres", CMJ 1983)
with every period made at once from the powers of its loss filter.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Spectrum = NDArray[np.complex64]

TOP_HZ = 15_000.0
"""No partial above this: higher ones only hiss."""


@lru_cache(maxsize=1)
def _smooth_sizes() -> NDArray[np.int64]:
    """Even products of 2, 3, 5 and 7, which transform fast."""
    powers = (
        (a, b, c, d) for a in range(1, 19) for b in range(8) for c in range(5) for d in (0, 1)
    )
    sizes = [2**a * 3**b * 5**c * 7**d for a, b, c, d in powers]
    return np.array(sorted(n for n in sizes if n < 300_000), dtype=np.int64)


def fast_size(at_least: int) -> int:
    """The next length that transforms fast."""
    sizes = _smooth_sizes()
    return int(sizes[np.searchsorted(sizes, at_least)])


@lru_cache(maxsize=4096)
def loop_size(rate: int, freq_hz: float, target: int) -> tuple[int, int]:
    """A loop of about `target` samples holding a whole number of periods: (samples, periods)."""
    sizes = _smooth_sizes()
    near = sizes[(sizes > target * 0.8) & (sizes < target * 1.25)]
    cycles = near * freq_hz / rate
    error = np.abs(cycles - np.round(cycles)) / cycles
    best = int(np.argmin(error))
    return int(near[best]), round(float(cycles[best]))


def tone_loop(
    rate: int,
    freq_hz: float,
    ratios: Floats,
    amps: Floats,
    *,
    target: int,
    spread_cents: float = 0.0,
    width: float = 0.0,
    seed: int = 0,
) -> Floats:
    """A seamless loop of partials at `ratios` x `freq_hz`, RMS 1.

    `spread_cents` widens each partial to a band, as many players do; `width` 0..1 is how far the
    phases of left and right differ.
    """
    size, cycles = loop_size(rate, freq_hz, target)
    rng = np.random.default_rng(seed)
    bins = ratios * cycles
    weights = amps
    sigma = bins * (2.0 ** (spread_cents / 1200) - 1.0)
    if spread_cents > 0:
        offsets = np.linspace(-2.0, 2.0, 9, dtype=np.float32)
        bins = (bins[:, None] + sigma[:, None] * offsets).ravel()
        shape = np.exp(-0.5 * offsets**2) / 2.0
        weights = (amps[:, None] * shape).ravel()
    index = np.round(bins).astype(np.int64)
    inside = (index > 0) & (index < min(size // 2, int(TOP_HZ / rate * size)))
    index, weights = index[inside], weights[inside]
    left = rng.random(index.size) * 2 * np.pi
    right = left + width * (rng.random(index.size) * 2 - 1) * np.pi
    spectrum = np.zeros((2, size // 2 + 1), dtype=np.complex64)
    np.add.at(spectrum[0], index, (weights * np.exp(1j * left)).astype(np.complex64))
    np.add.at(spectrum[1], index, (weights * np.exp(1j * right)).astype(np.complex64))
    return unit_rms(stereo(np.fft.irfft(spectrum, size, axis=1)))


def stereo(channels: NDArray[np.floating]) -> Floats:
    """`[2, n]` to contiguous `[n, 2]`."""
    return np.ascontiguousarray(channels.T, dtype=np.float32)


def both(mono: NDArray[np.floating]) -> Floats:
    """`[n]` to `[n, 2]`, the same on either side."""
    return np.repeat(mono.astype(np.float32, copy=False), 2).reshape(-1, 2)


def unit_rms(audio: Floats) -> Floats:
    power = float(np.sqrt(np.mean(np.square(audio)))) or 1.0
    np.multiply(audio, np.float32(1.0 / power), out=audio)
    return audio


def tiled(loop: Floats, samples: int) -> Floats:
    """The loop from its start for so many samples."""
    return np.resize(loop, (samples, 2))


def decay(rate: int, samples: int, tau_s: float) -> Floats:
    """`exp(-t / tau)`, `[samples]`."""
    t = np.arange(samples, dtype=np.float32)
    out: Floats = np.exp(t * np.float32(-1.0 / (tau_s * rate)))
    return out


def soften_ends(mono: Floats, rate: int, attack_s: float, release_s: float) -> Floats:
    """In place: a raised-cosine attack and end, so that nothing clicks."""
    a, r = max(2, int(attack_s * rate)), max(2, int(release_s * rate))
    a, r = min(a, len(mono) // 2), min(r, len(mono) // 2)
    shape = (slice(None),) + (None,) * (mono.ndim - 1)
    mono[:a] *= (0.5 - 0.5 * np.cos(np.linspace(0, np.pi, a, dtype=np.float32)))[shape]
    mono[-r:] *= (0.5 + 0.5 * np.cos(np.linspace(0, np.pi, r, dtype=np.float32)))[shape]
    return mono


def noise(rate: int, samples: int, low_hz: float, high_hz: float, seed: int) -> Floats:
    """Noise of RMS 1 between two frequencies, its edges sloping, `[samples]`."""
    size = fast_size(samples)
    rng = np.random.default_rng(seed)
    freq = np.arange(size // 2 + 1, dtype=np.float32) * np.float32(rate / size)
    band = 1.0 / (1.0 + (low_hz / np.maximum(freq, 1.0)) ** 6)
    band *= 1.0 / (1.0 + (freq / high_hz) ** 6)
    phase = rng.random(freq.size, dtype=np.float32) * np.float32(2 * np.pi)
    spectrum = (band * np.exp(1j * phase)).astype(np.complex64)
    spectrum[0] = spectrum[-1] = 0
    out = np.fft.irfft(spectrum, size)[:samples].astype(np.float32)
    out *= np.float32(1.0 / (np.sqrt(np.mean(np.square(out))) or 1.0))
    return out


def string(
    rate: int, freq_hz: float, length_s: float, *, bright: float, loss: float, seed: int
) -> Floats:
    """A plucked string, `[samples]`, peak about 1. `bright` 0..1, `loss` per period (0.99 .. 1)."""
    period = rate / freq_hz
    size = fast_size(max(8, int(period)))
    count = int(length_s * freq_hz) + 2
    harmonics = np.arange(size // 2 + 1, dtype=np.float32)
    rng = np.random.default_rng(seed)
    # Plucked at a seventh of its length; the pick's width rounds the top off.
    pluck = np.abs(np.sin(np.pi * harmonics / 7))
    pluck /= np.maximum(harmonics, 1.0) ** (1.3 - 0.5 * bright)
    pluck[0] = 0
    pluck *= 1.0 / (1.0 + (harmonics * freq_hz / (2_000 + 7_000 * bright)) ** 4)
    start = (pluck * np.exp(2j * np.pi * rng.random(harmonics.size) * 0.2)).astype(np.complex64)
    angle = np.pi * harmonics / max(size, 2)
    damping = loss * (0.5 + 0.5 * bright + (0.5 - 0.5 * bright) * np.cos(angle))
    powers = np.arange(count, dtype=np.float32)[:, None]
    fall = np.exp(powers * np.log(np.maximum(damping, 1e-3)).astype(np.float32))
    wave = np.fft.irfft(start * fall, size, axis=1).ravel().astype(np.float32, copy=False)
    # Whole periods only: bend the pitch to where it belongs.
    at = np.arange(int(length_s * rate), dtype=np.float32) * np.float32(size / period)
    before = at.astype(np.int32)
    at -= before
    out: Floats = wave[before]
    out += at * (wave[before + 1] - out)
    out *= np.float32(1.0 / (float(np.max(np.abs(out))) or 1.0))
    return out


SPACES: dict[str, tuple[float, float, float]] = {
    # seconds to fall by 60 dB, share of wet sound, top of the tail in Hz
    "dry": (0.0, 0.0, 0.0),
    "room": (0.45, 0.16, 7_000.0),
    "plate": (1.1, 0.17, 7_500.0),
    "hall": (1.9, 0.22, 5_500.0),
}


AUDIBLE_TAIL = 0.6
"""Share of the time to fall by 60 dB that is kept: the rest is under the music."""


@lru_cache(maxsize=16)
def _tail(rate: int, space: str, size: int) -> Spectrum:
    """The transform of a room's two tails, `[2, bins]`."""
    rt60_s, wet, top_hz = SPACES[space]
    samples = min(tail_samples(rate, space), size)
    out = np.zeros((2, size), dtype=np.float32)
    envelope = decay(rate, samples, rt60_s / 6.9)
    rise = np.minimum(1.0, np.arange(samples, dtype=np.float32) / (0.012 * rate))
    for channel in range(2):
        tail = noise(rate, samples, 250.0, top_hz, 77 + channel) * envelope * rise
        tail[-(samples // 4) :] *= np.linspace(1, 0, samples // 4, dtype=np.float32)
        out[channel, :samples] = tail * np.float32(wet / np.sqrt(np.sum(tail**2)))
    return np.fft.rfft(out, axis=1).astype(np.complex64)


def tail_samples(rate: int, space: str) -> int:
    return int(SPACES[space][0] * rate * AUDIBLE_TAIL)


def with_space(rate: int, dry: Floats, space: str, send: float) -> Floats:
    """`dry` `[n, 2]` with the room's answer to it, longer by the tail."""
    tail = tail_samples(rate, space)
    if not tail or send <= 0:
        return dry
    # What rings after the first quarter of a second is quiet: the room need not hear it.
    heard = dry[: int(0.25 * rate)].mean(axis=1)
    # Few sizes, so that few tails are kept.
    size = fast_size(tail + 12_000 * rate // 48_000 + 64)
    spectrum = np.fft.rfft(heard, size).astype(np.complex64)
    wet = np.fft.irfft(spectrum[None, :] * _tail(rate, space, size), size, axis=1)
    out = np.zeros((max(len(dry), len(heard) + tail), 2), dtype=np.float32)
    out[: len(dry)] = dry
    out[: len(heard) + tail] += stereo(wet[:, : len(heard) + tail]) * np.float32(send)
    return out


def warm_spaces(rate: int) -> None:
    """Make the rooms' tails now and not with the first note that sounds in each."""
    click = np.ones((1, 2), dtype=np.float32)
    for space in SPACES:
        with_space(rate, click, space, 1.0)


def panned(audio: Floats, pan: float) -> Floats:
    """-1 (left) .. 1 (right), equal power, unchanged in the middle; in place."""
    if pan:
        angle = (pan + 1) * np.pi / 4
        gains = np.array([np.cos(angle), np.sin(angle)], dtype=np.float32) * np.float32(2**0.5)
        for side in (0, 1):  # three times as fast as both at once
            audio[:, side] *= gains[side]
    return audio
