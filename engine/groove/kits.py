"""Drum kits: tables of pieces, each with how it is made, how loud it is and where it stands."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from engine.groove.drums import bell, chip_noise, clap, drum, kick, metal, shake, snare
from engine.groove.tones import Floats, both, panned, with_space


@dataclass(frozen=True, slots=True)
class Piece:
    """One drum: how it is made, with what, how loud, where it stands."""

    make: Callable[..., Floats]
    settings: dict[str, float]
    level_db: float = 0.0
    pan: float = 0.0
    send: float = 0.5
    """How much of it the room hears."""


# fmt: off
_HATS = {
    "hat": Piece(metal, {"low": 6_500, "high": 11_000, "length": 0.03}, -11, 0.25, 0.0),
    "open": Piece(metal, {"low": 5_500, "high": 10_500, "length": 0.16}, -11, 0.25, 0.0),
    "ride": Piece(metal, {"low": 3_500, "high": 9_000, "length": 0.28, "ring": 0.55, "pitch": 330},
                  -15, -0.35, 0.2),
    "crash": Piece(metal, {"low": 2_800, "high": 9_500, "length": 0.55, "ring": 0.2}, -10,
                   -0.3, 0.3),
}
_HANDS = {
    "shaker": Piece(shake, {"low": 4_500, "high": 10_000, "length": 0.05}, -12, -0.4, 0.0),
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
# fmt: on


def _kick(level_db: float, **settings: float) -> Piece:
    return Piece(kick, settings, level_db - 2.5, 0.0, 0.0)


def _snare(level_db: float, send: float = 0.6, **settings: float) -> Piece:
    return Piece(snare, settings, level_db + 1.5, 0.0, send)


# fmt: off
KITS: dict[str, dict[str, Piece]] = {
    "lofi": _COMMON | {
        "kick": _kick(0.5, low=52, high=150, bend=0.03, length=0.1, click=0.15, drive=2.0),
        "snare": _snare(-4, tone=185, ring=0.06, rattle=0.07, low=900, high=5_000, mix=0.6),
        "hat": Piece(metal, {"low": 5_500, "high": 8_000, "length": 0.028}, -14, 0.2, 0.0),
        "open": Piece(metal, {"low": 5_000, "high": 8_000, "length": 0.12}, -14, 0.2, 0.0),
    },
    "909": _COMMON | {
        "kick": _kick(0, low=50, high=230, bend=0.028, length=0.13, click=0.5, drive=2.2),
        "snare": _snare(-5, tone=200, ring=0.05, rattle=0.07, low=1_000, high=8_000, mix=0.65),
    },
    "techno": _COMMON | {
        "kick": _kick(-1.0, low=47, high=260, bend=0.024, length=0.15, click=0.5, drive=3.0),
        "snare": _snare(-6, tone=210, ring=0.04, rattle=0.06, low=1_200, high=7_000, mix=0.7),
    },
    "808": _COMMON | {
        "kick": _kick(0, low=46, high=170, bend=0.03, length=0.17, click=0.35, drive=1.8),
        "snare": _snare(-4, tone=190, ring=0.05, rattle=0.09, low=1_200, high=8_000, mix=0.6),
        "hat": Piece(metal, {"low": 7_000, "high": 11_500, "length": 0.022}, -12, 0.2, 0.0),
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
        "kick": _kick(1, low=58, high=140, bend=0.02, length=0.09, click=0.6, drive=1.6),
        "snare": _snare(-3.5, tone=195, ring=0.07, rattle=0.075, low=1_000, high=7_500, mix=0.58),
    },
    "rock": _COMMON | {
        "kick": _kick(0, low=56, high=160, bend=0.018, length=0.085, click=0.8, drive=2.0),
        "snare": _snare(-2, 0.8, tone=185, ring=0.08, rattle=0.09, low=900, high=7_500, mix=0.58),
    },
    "jazz": _COMMON | {
        "kick": _kick(-5, low=62, high=120, bend=0.02, length=0.09, click=0.3, drive=1.2),
        "snare": _snare(-7, tone=210, ring=0.06, rattle=0.06, low=1_200, high=6_500, mix=0.65),
        "ride": Piece(metal, {"low": 3_500, "high": 8_000, "length": 0.22, "ring": 0.6,
                              "pitch": 310}, -11, -0.3, 0.3),
    },
    "brush": _COMMON | {
        "kick": _kick(-4, low=60, high=120, bend=0.02, length=0.09, click=0.3, drive=1.2),
        "snare": Piece(shake, {"low": 1_200, "high": 6_000, "length": 0.09}, -3, 0.0, 0.4),
    },
    "reggae": _COMMON | {
        "kick": _kick(-1, low=52, high=130, bend=0.025, length=0.11, click=0.3, drive=1.6),
        "snare": _snare(-4, tone=260, ring=0.06, rattle=0.05, low=1_200, high=7_000, mix=0.5),
        "rim": Piece(drum, {"tone": 1_500, "length": 0.015, "bend": 0.0, "skin": 0.5}, -5, 0.0,
                     0.9),
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
        "snare": Piece(chip_noise, {"step": 7_000, "length": 0.06}, -4, 0.0, 0.0),
        "hat": Piece(chip_noise, {"step": 14_000, "length": 0.016}, -9, 0.0, 0.0),
        "open": Piece(chip_noise, {"step": 12_000, "length": 0.06}, -13, 0.0, 0.0),
        "clap": Piece(chip_noise, {"step": 5_000, "length": 0.05}, -8, 0.0, 0.0),
        "rim": Piece(chip_noise, {"step": 9_000, "length": 0.012}, -11, 0.2, 0.0),
        "shaker": Piece(chip_noise, {"step": 11_000, "length": 0.02}, -15, -0.2, 0.0),
        "crash": Piece(chip_noise, {"step": 10_000, "length": 0.2}, -14, 0.0, 0.0),
        "tom_hi": _kick(-5, low=160, high=420, bend=0.05, length=0.06, click=0.0, drive=4.0),
        "tom_mid": _kick(-5, low=120, high=320, bend=0.05, length=0.06, click=0.0, drive=4.0),
        "tom_lo": _kick(-5, low=85, high=240, bend=0.05, length=0.07, click=0.0, drive=4.0),
    },
}
# fmt: on


def make_drum(rate: int, kit: str, voice: str, hard: float, space: str) -> Floats:
    """One hit, `[samples, 2]`, peak about 0.5 for a kick at full velocity."""
    piece = KITS[kit].get(voice) or KITS["acoustic"][voice]
    mono = piece.make(rate, hard, **piece.settings)
    # No offset is left, and none appears at the ends.
    x = np.linspace(0, 1, len(mono), dtype=np.float32)
    mono -= np.mean(mono) * np.float32(6) * x * (1 - x)
    reference = 0.4 if piece.make is kick else 0.65
    hit = both(mono * np.float32(reference * 10 ** (piece.level_db / 20)))
    return with_space(rate, panned(hit, piece.pan), space, piece.send)
