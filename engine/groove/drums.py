"""The ways in which drums are made. Each gives one hit, mono, peak about 1, for `hard` 0..1."""

from __future__ import annotations

import numpy as np

from engine.groove.tones import Floats, decay, noise, soften_ends, tone_loop


def kick(
    rate: int,
    hard: float,
    *,
    low: float,
    high: float,
    bend: float,
    length: float,
    click: float = 0.3,
    drive: float = 1.5,
) -> Floats:
    """A sine that falls from `high` to `low` Hz within about `bend` s, driven, with a click."""
    n = int(rate * (length * 4 + 0.02))
    t = np.arange(n, dtype=np.float32) / np.float32(rate)
    fall = np.exp(-t / np.float32(bend))
    phase = 2 * np.pi * (low * t + (high - low) * bend * (1 - fall))
    body = np.sin(phase) * decay(rate, n, length)
    body = np.tanh(body * np.float32(drive * (0.7 + 0.3 * hard))) / np.float32(np.tanh(drive))
    m = int(0.012 * rate)
    tick = noise(rate, m, 1_200, 6_000, 5) * decay(rate, m, 0.003)
    body[:m] += tick * np.float32(click * hard * 0.4)
    return soften_ends(body.astype(np.float32), rate, 0.0006, 0.03)


def snare(
    rate: int,
    hard: float,
    *,
    tone: float,
    ring: float,
    rattle: float,
    low: float,
    high: float,
    mix: float,
    gate: float = 0.0,
) -> Floats:
    """Two drum-head modes and noise of the snares; `gate` seconds of gated room."""
    n = int(rate * max(0.12, rattle * 5, ring * 5, gate + 0.05))
    t = np.arange(n, dtype=np.float32) / np.float32(rate)
    drop = tone * 0.35 * 0.012 * (1 - np.exp(-t / np.float32(0.012)))
    head = np.sin(2 * np.pi * (tone * t + drop))
    head += 0.55 * np.sin(2 * np.pi * (tone * 1.58 * t + drop))
    body = head.astype(np.float32) * decay(rate, n, ring)
    hiss = noise(rate, n, low, high * (0.75 + 0.25 * hard), 11)
    envelope = decay(rate, n, rattle) * np.float32(0.5)
    if gate:
        envelope += (t < gate) * decay(rate, n, gate) * np.float32(0.22)
    out = (1 - mix) * body + mix * hiss * envelope
    return soften_ends(out.astype(np.float32), rate, 0.0008, 0.02)


def clap(rate: int, hard: float, *, low: float, high: float, length: float) -> Floats:
    """Several hands within 30 ms."""
    n = int(rate * (0.035 + length * 5))
    hiss = noise(rate, n, low, high, 23)
    t = np.arange(n, dtype=np.float32) / np.float32(rate)
    envelope = np.zeros(n, dtype=np.float32)
    for k, start in enumerate((0.0, 0.009, 0.019, 0.028)):
        tau = length if k == 3 else 0.0035
        late = t >= start
        envelope[late] += np.exp(-(t[late] - np.float32(start)) / np.float32(tau)) * (0.6 + 0.1 * k)
    return soften_ends(hiss * envelope * np.float32(0.5), rate, 0.0006, 0.02)


def metal(
    rate: int,
    hard: float,
    *,
    low: float,
    high: float,
    length: float,
    ring: float = 0.3,
    pitch: float = 420.0,
) -> Floats:
    """Hats and cymbals: high noise and a cluster of inharmonic partials."""
    n = int(rate * (length * 4 + 0.01))
    hiss = noise(rate, n, low, high * (0.8 + 0.2 * hard), 31)
    ratios = np.array([1, 1.342, 1.2312, 1.6532, 1.9523, 2.1523], dtype=np.float32)
    ratios = np.concatenate([ratios * k for k in (6, 9, 12, 15)])
    amps = np.linspace(1, 0.4, ratios.size, dtype=np.float32)
    loop = tone_loop(rate, pitch, ratios, amps, target=9_000, seed=3)[:, 0]
    cluster = np.resize(loop, n)
    stick = decay(rate, n, 0.006) * np.float32(0.5 * hard)
    out = (hiss * (1 - ring) + cluster * ring) * (decay(rate, n, length) + stick)
    return soften_ends(out.astype(np.float32) * np.float32(0.4), rate, 0.0008, length)


def drum(
    rate: int, hard: float, *, tone: float, length: float, bend: float = 0.3, skin: float = 0.15
) -> Floats:
    """Toms, congas, timpani, wood: a damped mode or two that bends down a little."""
    n = int(rate * length * 5)
    t = np.arange(n, dtype=np.float32) / np.float32(rate)
    phase = 2 * np.pi * tone * (t + bend * 0.03 * (1 - np.exp(-t / np.float32(0.03))))
    body = np.sin(phase) * decay(rate, n, length)
    body += 0.35 * np.sin(phase * 1.59) * decay(rate, n, length * 0.5)
    body += noise(rate, n, tone * 3, 6_000, 41) * decay(rate, n, 0.008) * np.float32(skin * hard)
    return soften_ends(body.astype(np.float32) * np.float32(0.8), rate, 0.001, 0.03)


def shake(rate: int, hard: float, *, low: float, high: float, length: float) -> Floats:
    """Shaker, tambourine, brush: noise that swells and falls."""
    n = int(rate * length * 3)
    t = np.arange(n, dtype=np.float32) / np.float32(rate * length)
    envelope = np.minimum(t * 4, 1.0) ** 2 * np.exp(-t * 2)
    hiss = noise(rate, n, low, high * (0.7 + 0.3 * hard), 47)
    return soften_ends(hiss * envelope * np.float32(0.35), rate, 0.002, length * 0.5)


def bell(rate: int, hard: float, *, tone: float, length: float) -> Floats:
    """Cowbell: two square-ish tones."""
    n = int(rate * length * 5)
    h = np.arange(1, 12, 2, dtype=np.float32)
    amps = (1 / h**1.3).astype(np.float32)
    out = np.zeros(n, dtype=np.float32)
    for ratio in (1.0, 1.48):
        loop = tone_loop(rate, tone * ratio, h, amps, target=4_000, seed=7)[:, 0]
        out += np.resize(loop, n)
    return soften_ends(out * decay(rate, n, length) * np.float32(0.25), rate, 0.0008, 0.02)


def chip_noise(rate: int, hard: float, *, step: float, length: float) -> Floats:
    """Noise held for `step` Hz at a time, as the old sound chips made it."""
    n = int(rate * length * 4)
    rng = np.random.default_rng(59)
    values = rng.choice(np.array([-1, 1], dtype=np.float32), int(n * step / rate) + 2)
    at = (np.arange(n) * (step / rate)).astype(np.int64)
    held = values[at] - np.mean(values[at])
    # A gentle smoothing keeps the steps' edges from hissing.
    held = np.convolve(held, np.array([0.25, 0.5, 0.25], dtype=np.float32), mode="same")
    return soften_ends(
        held.astype(np.float32) * decay(rate, n, length) * np.float32(0.4), rate, 0.0005, 0.01
    )
