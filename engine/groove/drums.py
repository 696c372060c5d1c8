"""Drum kits: a table of pieces and the few ways in which they are made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from engine.groove.tones import (
    Floats,
    decay,
    noise,
    panned,
    soften_ends,
    tone_loop,
    with_space,
)


@dataclass(frozen=True, slots=True)
class Piece:
    """One drum: how it is made, with what, how loud, where it stands."""

    make: Callable[..., Floats]
    settings: dict[str, float]
    level_db: float = 0.0
    pan: float = 0.0
    send: float = 0.5
    """How much of it the room hears."""


def kick(
    rate: int, hard: float, *, low: float, high: float, bend: float, length: float,
    click: float = 0.3, drive: float = 1.5,
) -> Floats:
    """A sine that falls from `high` to `low` Hz within about `bend` s, driven, with a click."""
    n = int(rate * (length * 4 + 0.02))
    t = np.arange(n, dtype=np.float32) / np.float32(rate)
    fall = np.exp(-t / np.float32(bend))
    phase = 2 * np.pi * (low * t + (high - low) * bend * (1 - fall))
    body = np.sin(phase) * decay(rate, n, length)
    body = np.tanh(body * np.float32(drive * (0.7 + 0.3 * hard))) / np.float32(np.tanh(drive))
    m = int(0.012 * rate)
    body[:m] += noise(rate, m, 1_200, 6_000, 5) * decay(rate, m, 0.003) * np.float32(click * hard * 0.4)
    return soften_ends(body.astype(np.float32), rate, 0.0006, 0.03)


def snare(
    rate: int, hard: float, *, tone: float, ring: float, rattle: float, low: float, high: float,
    mix: float, gate: float = 0.0,
) -> Floats:
    """Two drum-head modes and noise of the snares; `gate` seconds of gated room."""
    n = int(rate * max(0.12, rattle * 5, ring * 5, gate + 0.05))
    t = np.arange(n, dtype=np.float32) / np.float32(rate)
    drop = tone * 0.35 * 0.012 * (1 - np.exp(-t / np.float32(0.012)))
    head = np.sin(2 * np.pi * (tone * t + drop)) + 0.55 * np.sin(2 * np.pi * (tone * 1.58 * t + drop))
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
    rate: int, hard: float, *, low: float, high: float, length: float, ring: float = 0.3,
    pitch: float = 420.0,
) -> Floats:
    """Hats and cymbals: high noise and a cluster of inharmonic partials."""
    n = int(rate * (length * 5 + 0.01))
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
    out = np.zeros(n, dtype=np.float32)
    for ratio in (1.0, 1.48):
        loop = tone_loop(rate, tone * ratio, h, 1 / h**1.3, target=4_000, seed=7)[:, 0]
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
    return soften_ends(held.astype(np.float32) * decay(rate, n, length) * np.float32(0.4), rate,
                       0.0005, 0.01)


_HATS = {
    "hat": Piece(metal, {"low": 6_500, "high": 11_000, "length": 0.03}, -13, 0.25, 0.15),
    "open": Piece(metal, {"low": 5_500, "high": 10_500, "length": 0.16}, -13, 0.25, 0.2),
    "ride": Piece(metal, {"low": 3_500, "high": 9_000, "length": 0.28, "ring": 0.55, "pitch": 330},
                  -15, -0.35, 0.2),
    "crash": Piece(metal, {"low": 2_800, "high": 9_500, "length": 0.55, "ring": 0.2}, -10, -0.3, 0.3),
}
_HANDS = {
    "shaker": Piece(shake, {"low": 4_500, "high": 10_000, "length": 0.05}, -14, -0.4, 0.2),
    "conga_hi": Piece(drum, {"tone": 330, "length": 0.07, "skin": 0.25}, -10, 0.4, 0.5),
    "conga_lo": Piece(drum, {"tone": 205, "length": 0.11, "skin": 0.2}, -9, 0.3, 0.5),
    "cowbell": Piece(bell, {"tone": 540, "length": 0.06}, -15, -0.3, 0.3),
    "rim": Piece(drum, {"tone": 1_650, "length": 0.012, "bend": 0.0, "skin": 0.5}, -9, -0.15, 0.6),
    "clap": Piece(clap, {"low": 700, "high": 6_500, "length": 0.07}, -6, 0.0, 0.7),
    "tom_hi": Piece(drum, {"tone": 190, "length": 0.13}, -6, 0.35, 0.6),
    "tom_mid": Piece(drum, {"tone": 140, "length": 0.15}, -6, 0.0, 0.6),
    "tom_lo": Piece(drum, {"tone": 95, "length": 0.19}, -5, -0.35, 0.6),
}
_COMMON = _HATS | _HANDS


def _kick(level_db: float, **settings: float) -> Piece:
    return Piece(kick, settings, level_db, 0.0, 0.05)


def _snare(level_db: float, send: float = 0.6, **settings: float) -> Piece:
    return Piece(snare, settings, level_db, 0.0, send)


KITS: dict[str, dict[str, Piece]] = {
    "lofi": _COMMON | {
        "kick": _kick(-1.5, low=52, high=150, bend=0.03, length=0.1, click=0.15, drive=2.0),
        "snare": _snare(-4, tone=185, ring=0.06, rattle=0.07, low=900, high=5_000, mix=0.6),
        "hat": Piece(metal, {"low": 5_500, "high": 8_000, "length": 0.028}, -16, 0.2, 0.1),
        "open": Piece(metal, {"low": 5_000, "high": 8_000, "length": 0.12}, -16, 0.2, 0.2),
    },
    "909": _COMMON | {
        "kick": _kick(0, low=50, high=230, bend=0.028, length=0.13, click=0.5, drive=2.2),
        "snare": _snare(-5, tone=200, ring=0.05, rattle=0.07, low=1_000, high=8_000, mix=0.65),
    },
    "techno": _COMMON | {
        "kick": _kick(0.5, low=47, high=260, bend=0.024, length=0.15, click=0.5, drive=3.0),
        "snare": _snare(-6, tone=210, ring=0.04, rattle=0.06, low=1_200, high=7_000, mix=0.7),
    },
    "808": _COMMON | {
        "kick": _kick(0, low=46, high=170, bend=0.03, length=0.17, click=0.35, drive=1.8),
        "snare": _snare(-4, tone=190, ring=0.05, rattle=0.09, low=1_200, high=8_000, mix=0.6),
        "hat": Piece(metal, {"low": 7_000, "high": 11_500, "length": 0.022}, -14, 0.2, 0.08),
    },
    "gated": _COMMON | {
        "kick": _kick(0, low=50, high=190, bend=0.03, length=0.12, click=0.5, drive=2.0),
        "snare": _snare(-4, 0.9, tone=175, ring=0.07, rattle=0.08, low=700, high=7_000, mix=0.6,
                        gate=0.18),
    },
    "break": _COMMON | {
        "kick": _kick(-0.5, low=56, high=210, bend=0.022, length=0.09, click=0.6, drive=2.4),
        "snare": _snare(-2, tone=215, ring=0.05, rattle=0.06, low=900, high=8_500, mix=0.58),
    },
    "acoustic": _COMMON | {
        "kick": _kick(-0.5, low=58, high=140, bend=0.02, length=0.09, click=0.6, drive=1.6),
        "snare": _snare(-3.5, tone=195, ring=0.07, rattle=0.075, low=1_000, high=7_500, mix=0.58),
    },
    "rock": _COMMON | {
        "kick": _kick(0, low=56, high=160, bend=0.018, length=0.085, click=0.8, drive=2.0),
        "snare": _snare(-2, 0.8, tone=185, ring=0.08, rattle=0.09, low=900, high=7_500, mix=0.58),
    },
    "jazz": _COMMON | {
        "kick": _kick(-5, low=62, high=120, bend=0.02, length=0.09, click=0.3, drive=1.2),
        "snare": _snare(-7, tone=210, ring=0.06, rattle=0.06, low=1_200, high=6_500, mix=0.65),
        "ride": Piece(metal, {"low": 3_500, "high": 8_000, "length": 0.22, "ring": 0.6, "pitch": 310},
                      -11, -0.3, 0.3),
    },
    "brush": _COMMON | {
        "kick": _kick(-4, low=60, high=120, bend=0.02, length=0.09, click=0.3, drive=1.2),
        "snare": Piece(shake, {"low": 1_200, "high": 6_000, "length": 0.09}, -3, 0.0, 0.4),
    },
    "reggae": _COMMON | {
        "kick": _kick(-1, low=52, high=130, bend=0.025, length=0.11, click=0.3, drive=1.6),
        "snare": _snare(-4, tone=260, ring=0.06, rattle=0.05, low=1_200, high=7_000, mix=0.5),
        "rim": Piece(drum, {"tone": 1_500, "length": 0.015, "bend": 0.0, "skin": 0.5}, -5, 0.0, 0.9),
    },
    "latin": _COMMON | {
        "kick": _kick(-4, low=56, high=130, bend=0.02, length=0.09, click=0.3, drive=1.4),
        "conga_hi": Piece(drum, {"tone": 330, "length": 0.07, "skin": 0.25}, -6, 0.4, 0.5),
        "conga_lo": Piece(drum, {"tone": 205, "length": 0.11, "skin": 0.2}, -5, 0.3, 0.5),
    },
    "orchestra": _COMMON | {
        "kick": Piece(drum, {"tone": 58, "length": 0.28, "bend": 0.5, "skin": 0.2}, -1, 0.0, 0.9),
        "snare": _snare(-8, 0.9, tone=190, ring=0.04, rattle=0.05, low=1_200, high=7_000, mix=0.75),
        "tom_lo": Piece(drum, {"tone": 82, "length": 0.3, "bend": 0.3}, -5, -0.3, 0.9),
        "tom_mid": Piece(drum, {"tone": 110, "length": 0.25, "bend": 0.3}, -6, 0.3, 0.9),
    },
    "chip": {
        "kick": _kick(-2, low=60, high=420, bend=0.03, length=0.06, click=0.0, drive=4.0),
        "snare": Piece(chip_noise, {"step": 7_000, "length": 0.06}, -8, 0.0, 0.0),
        "hat": Piece(chip_noise, {"step": 14_000, "length": 0.016}, -15, 0.0, 0.0),
        "open": Piece(chip_noise, {"step": 12_000, "length": 0.06}, -15, 0.0, 0.0),
        "clap": Piece(chip_noise, {"step": 5_000, "length": 0.05}, -8, 0.0, 0.0),
        "rim": Piece(chip_noise, {"step": 9_000, "length": 0.012}, -11, 0.2, 0.0),
        "shaker": Piece(chip_noise, {"step": 11_000, "length": 0.02}, -15, -0.2, 0.0),
        "crash": Piece(chip_noise, {"step": 10_000, "length": 0.2}, -14, 0.0, 0.0),
        "tom_hi": _kick(-5, low=160, high=420, bend=0.05, length=0.06, click=0.0, drive=4.0),
        "tom_mid": _kick(-5, low=120, high=320, bend=0.05, length=0.06, click=0.0, drive=4.0),
        "tom_lo": _kick(-5, low=85, high=240, bend=0.05, length=0.07, click=0.0, drive=4.0),
    },
}


def make_drum(rate: int, kit: str, voice: str, hard: float, space: str) -> Floats:
    """One hit, `[samples, 2]`, peak about 0.5 for a kick at full velocity."""
    piece = KITS[kit].get(voice) or KITS["acoustic"][voice]
    mono = piece.make(rate, hard, **piece.settings)
    mono -= np.mean(mono) * np.hanning(len(mono)).astype(np.float32) * 2
    both = np.repeat(mono[:, None], 2, axis=1) * np.float32(0.5 * 10 ** (piece.level_db / 20))
    return with_space(rate, panned(both, piece.pan), space, piece.send)


