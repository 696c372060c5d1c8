"""Pitched instruments as data: what `instruments` makes their notes from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from engine.groove.tones import Floats

_DRAWBARS = ((1, 0.35), (2, 1.0), (3, 0.5), (4, 0.6), (6, 0.22), (8, 0.25), (16, 0.05))

Wave = Callable[[Floats], Floats]


def saw(h: Floats) -> Floats:
    return np.reciprocal(h)


def square(h: Floats) -> Floats:
    return np.where(h % 2 == 1, np.reciprocal(h), np.float32(0))


def pulse(h: Floats) -> Floats:
    out: Floats = np.abs(np.sin(np.float32(np.pi / 4) * h)) * np.reciprocal(h)
    return out


def soft(h: Floats) -> Floats:
    out: Floats = np.reciprocal(h * h)
    return out


def hollow(h: Floats) -> Floats:
    return np.where(h % 2 == 1, np.float32(1), np.float32(0.35)) * np.power(h, np.float32(-1.4))


def reedy(h: Floats) -> Floats:
    out: Floats = np.minimum(np.float32(1), 6 / h) * np.power(h, np.float32(-0.75))
    return out


def drawbars(h: Floats) -> Floats:
    """Of a tone an octave down: 8', 5 1/3', 4', 2' and a little of the rest."""
    level = np.zeros_like(h)
    for harmonic, amp in _DRAWBARS:
        level[h == harmonic] = amp
    return level


@dataclass(frozen=True, slots=True)
class Tone:
    """How an instrument sounds; frequencies in Hz, times in seconds."""

    make: str = "held"
    wave: Wave = saw
    cutoff: tuple[float, float] = (1_500.0, 3_000.0)
    """Low-pass of the sustained tone, played softly and hard."""
    bright: float = 1.0
    """The attack's cutoff over the sustained one's."""
    close_s: float = 0.1
    """Time in which the attack's brightness fades."""
    formants: tuple[tuple[float, float], ...] = ()
    """(Hz, gain) of resonances of the body."""
    spread_cents: float = 0.0
    width: float = 0.3
    loop_s: float = 0.7
    attack_s: float = 0.006
    release_s: float = 0.08
    decay_s: float = 1.0
    """Of struck and plucked tones, at middle C."""
    ratios: tuple[tuple[float, float], ...] = ()
    """Partials of bells (ratio, level) instead of harmonics."""
    breath: float = 0.0
    octave: float = 1.0
    level_db: float = 0.0
    send: float = 0.5
    loss: float = 0.997


_BELL = ((1.0, 1.0), (2.76, 0.45), (5.4, 0.2), (8.9, 0.08))
_BAR = ((1.0, 1.0), (3.93, 0.25), (9.2, 0.06))
_TINE = ((1.0, 1.0), (2.0, 0.18), (3.0, 0.06), (4.0, 0.03))
_AH = ((700.0, 3.0), (1_150.0, 2.0), (2_800.0, 0.6))

# fmt: off
TONES: dict[str, Tone] = {
    "bass_sub": Tone(wave=soft, cutoff=(240, 420), width=0, loop_s=0.35, attack_s=0.008,
                     release_s=0.06, send=0, level_db=-0.5),
    "bass_saw": Tone(cutoff=(320, 650), bright=4, close_s=0.09, width=0, loop_s=0.35, send=0,
                     attack_s=0.004, release_s=0.04, level_db=2),
    "bass_square": Tone(wave=square, cutoff=(350, 700), bright=3, width=0, loop_s=0.35, send=0,
                        level_db=1),
    "bass_pulse": Tone(wave=pulse, cutoff=(2_500, 4_000), width=0, loop_s=0.35, send=0,
                       attack_s=0.002, release_s=0.02, level_db=-1),
    "bass_finger": Tone(wave=hollow, cutoff=(420, 800), bright=3, close_s=0.07, width=0,
                        loop_s=0.35, attack_s=0.006, release_s=0.05, send=0.05, level_db=-1.5),
    "bass_pick": Tone(wave=reedy, cutoff=(500, 900), bright=4, close_s=0.08, width=0, loop_s=0.35,
                      attack_s=0.003, release_s=0.04, send=0.05, level_db=1.5),
    "bass_upright": Tone(make="struck", wave=hollow, cutoff=(380, 650), bright=3, close_s=0.05,
                         width=0, loop_s=0.35, decay_s=0.5, attack_s=0.006, release_s=0.06,
                         send=0.15, level_db=-2),
    "bass_808": Tone(make="sub", decay_s=0.9, attack_s=0.003, release_s=0.05, send=0,
                     level_db=-2.5),
    "bass_reese": Tone(cutoff=(450, 900), spread_cents=9, width=0.15, loop_s=1.1, send=0,
                       attack_s=0.01, release_s=0.06, level_db=-2),
    "bass_acid": Tone(cutoff=(380, 700), bright=4.5, close_s=0.08, formants=((900, 2.5),), width=0,
                      loop_s=0.35, attack_s=0.003, release_s=0.03, send=0.05, level_db=1.5),
    "cellos": Tone(cutoff=(900, 1_600), spread_cents=7, width=0.5, loop_s=1.0, attack_s=0.06,
                   release_s=0.2, level_db=0),
    "piano": Tone(make="struck", wave=hollow, cutoff=(1_300, 3_200), bright=2.5, close_s=0.12,
                  spread_cents=0.8, width=0.35, loop_s=0.7, decay_s=0.9, attack_s=0.002,
                  release_s=0.12, level_db=2),
    "epiano": Tone(make="struck", wave=soft, ratios=(*_TINE, (7.1, 0.06)), cutoff=(1_600, 5_000),
                   bright=3, close_s=0.06, width=0.35, spread_cents=1.0, decay_s=1.1,
                   attack_s=0.003, release_s=0.15, level_db=1),
    "organ": Tone(wave=drawbars, octave=0.5, cutoff=(3_000, 4_500), spread_cents=2.0, width=0.4,
                  attack_s=0.006, release_s=0.05, level_db=0),
    "clav": Tone(make="plucked", cutoff=(3_000, 6_000), decay_s=0.25, loss=0.992, release_s=0.03,
                 level_db=4),
    "stab": Tone(cutoff=(1_100, 2_200), bright=2.5, close_s=0.12, spread_cents=8, width=0.6,
                 loop_s=0.7, attack_s=0.004, release_s=0.15, level_db=2.5),
    "guitar": Tone(make="plucked", cutoff=(3_000, 5_000), decay_s=0.9, loss=0.9985, release_s=0.1,
                   level_db=5),
    "guitar_mute": Tone(make="plucked", cutoff=(2_500, 4_000), decay_s=0.12, loss=0.985,
                        release_s=0.03, level_db=8),
    "guitar_drive": Tone(wave=reedy, cutoff=(2_200, 3_200), bright=1.3, close_s=0.1,
                         formants=((650, 0.8), (1_500, 1.0)), spread_cents=3, width=0.7, loop_s=1.0,
                         attack_s=0.004, release_s=0.06, level_db=1.5),
    "guitar_lead": Tone(wave=reedy, cutoff=(2_400, 3_400), formants=((1_200, 1.5),),
                        spread_cents=2.5, width=0.2, attack_s=0.008, release_s=0.12, level_db=-1),
    "pad": Tone(cutoff=(900, 1_700), spread_cents=11, width=1.0, loop_s=1.1, attack_s=0.18,
                release_s=0.5, level_db=-1),
    "strings": Tone(cutoff=(1_800, 3_200), spread_cents=9, width=1.0, loop_s=1.1, attack_s=0.11,
                    release_s=0.35, level_db=-1),
    "strings_solo": Tone(cutoff=(2_400, 3_600), formants=((1_100, 0.6),), spread_cents=4, width=0.4,
                         attack_s=0.05, release_s=0.15, level_db=-2),
    "spiccato": Tone(make="struck", cutoff=(1_800, 3_600), spread_cents=7, width=0.8, decay_s=0.16,
                     close_s=0.05, bright=1.5, attack_s=0.008, release_s=0.1, level_db=1),
    "choir": Tone(wave=soft, cutoff=(3_000, 4_000), formants=_AH, spread_cents=10, width=1.0,
                  loop_s=1.1, attack_s=0.2, release_s=0.5, level_db=-1),
    "brass": Tone(wave=reedy, cutoff=(1_100, 2_400), bright=1.6, close_s=0.1, spread_cents=5,
                  width=0.7, loop_s=1.0, attack_s=0.025, release_s=0.12, level_db=-1),
    "brass_solo": Tone(wave=reedy, cutoff=(1_600, 3_000), bright=1.5, close_s=0.08, spread_cents=2,
                       width=0.2, attack_s=0.02, release_s=0.1, level_db=-2),
    "horn": Tone(wave=hollow, cutoff=(800, 1_500), bright=1.4, spread_cents=5, width=0.6,
                 loop_s=1.0, attack_s=0.045, release_s=0.25, level_db=0),
    "lead": Tone(cutoff=(2_200, 4_000), bright=1.6, close_s=0.12, spread_cents=7, width=0.5,
                 attack_s=0.005, release_s=0.15, level_db=-1),
    "lead_soft": Tone(wave=hollow, cutoff=(1_200, 2_200), spread_cents=3, width=0.3, attack_s=0.012,
                      release_s=0.15, level_db=-1),
    "square": Tone(wave=square, cutoff=(4_500, 6_500), width=0.0, loop_s=0.35, attack_s=0.002,
                   release_s=0.02, level_db=3, send=0),
    "chip_arp": Tone(wave=pulse, cutoff=(4_500, 6_500), width=0.0, loop_s=0.35, attack_s=0.002,
                     release_s=0.015, level_db=3, send=0),
    "flute": Tone(wave=soft, cutoff=(2_000, 3_500), spread_cents=2.5, width=0.25, attack_s=0.045,
                  release_s=0.12, breath=0.06, level_db=-1),
    "reed": Tone(wave=hollow, cutoff=(1_400, 2_600), formants=((700, 0.7), (1_400, 0.8)),
                 spread_cents=2.5, width=0.2, attack_s=0.025, release_s=0.1, breath=0.03,
                 level_db=-1),
    "vibes": Tone(make="struck", ratios=((1.0, 1.0), (4.0, 0.16), (9.8, 0.03)), decay_s=0.9,
                  cutoff=(3_000, 6_000), width=0.35, attack_s=0.002, release_s=0.25, level_db=0),
    "bell": Tone(make="struck", ratios=_BELL, decay_s=0.8, cutoff=(4_000, 8_000), width=0.5,
                 attack_s=0.002, release_s=0.4, level_db=0),
    "marimba": Tone(make="struck", ratios=_BAR, decay_s=0.28, cutoff=(3_000, 6_000), width=0.25,
                    attack_s=0.002, release_s=0.15, level_db=1),
    "pluck": Tone(make="struck", cutoff=(900, 2_000), bright=2.5, close_s=0.08, spread_cents=5,
                  width=0.6, decay_s=0.28, attack_s=0.003, release_s=0.1, level_db=2),
    "harp": Tone(make="plucked", cutoff=(3_000, 6_000), decay_s=1.1, loss=0.999, release_s=0.3,
                 level_db=4),
    "crackle": Tone(make="crackle", release_s=0.2, attack_s=0.05, level_db=-18, send=0),
}
# fmt: on
