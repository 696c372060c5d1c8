"""Pitched instruments: a table of tones and the three ways in which they are made.

`held` tones have a head (attack, filter closing) and then a seamless loop that lasts as long as
the note; `struck` ones die away by themselves; `plucked` ones are strings. A sound's amplitude is
about that of a note played alone at -14 dB RMS.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from engine.groove.tones import (
    SPACES,
    Floats,
    decay,
    noise,
    panned,
    soften_ends,
    string,
    tiled,
    tone_loop,
    with_space,
)

Wave = Callable[[Floats], Floats]


def saw(h: Floats) -> Floats:
    return 1 / h


def square(h: Floats) -> Floats:
    return (h % 2 == 1) / h


def pulse(h: Floats) -> Floats:
    return np.abs(np.sin(np.pi * h / 4)) / h


def soft(h: Floats) -> Floats:
    return 1 / h**2


def hollow(h: Floats) -> Floats:
    return np.where(h % 2 == 1, 1.0, 0.35) / h**1.4


def reedy(h: Floats) -> Floats:
    return np.where(h < 7, 1.0, 6 / h) / h**0.75


def drawbars(h: Floats) -> Floats:
    """Of a tone an octave down: 8', 5 1/3', 4', 2' and a little of the rest."""
    level = np.zeros_like(h)
    for harmonic, amp in ((1, 0.35), (2, 1.0), (3, 0.5), (4, 0.6), (6, 0.22), (8, 0.25), (16, 0.05)):
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

TONES: dict[str, Tone] = {
    "bass_sub": Tone(wave=soft, cutoff=(240, 420), width=0, loop_s=0.35, attack_s=0.008,
                     release_s=0.06, send=0, level_db=2.5),
    "bass_saw": Tone(cutoff=(320, 650), bright=4, close_s=0.09, width=0, loop_s=0.35, send=0,
                     attack_s=0.004, release_s=0.04, level_db=0.5),
    "bass_square": Tone(wave=square, cutoff=(350, 700), bright=3, width=0, loop_s=0.35, send=0),
    "bass_pulse": Tone(wave=pulse, cutoff=(2_500, 4_000), width=0, loop_s=0.35, send=0,
                       attack_s=0.002, release_s=0.02, level_db=-3),
    "bass_finger": Tone(wave=hollow, cutoff=(420, 800), bright=3, close_s=0.07, width=0,
                        loop_s=0.35, attack_s=0.006, release_s=0.05, send=0.05, level_db=1.5),
    "bass_pick": Tone(wave=reedy, cutoff=(500, 900), bright=4, close_s=0.08, width=0, loop_s=0.35,
                      attack_s=0.003, release_s=0.04, send=0.05, level_db=0.5),
    "bass_upright": Tone(make="struck", wave=hollow, cutoff=(380, 650), bright=3, close_s=0.05,
                         width=0, loop_s=0.35, decay_s=0.5, attack_s=0.006, release_s=0.06,
                         send=0.15, level_db=4),
    "bass_808": Tone(make="sub", decay_s=0.9, attack_s=0.003, release_s=0.05, level_db=2.5, send=0),
    "bass_reese": Tone(cutoff=(450, 900), spread_cents=9, width=0.15, loop_s=1.36, send=0,
                       attack_s=0.01, release_s=0.06, level_db=1),
    "bass_acid": Tone(cutoff=(380, 700), bright=4.5, close_s=0.08, formants=((900, 2.5),), width=0,
                      loop_s=0.35, attack_s=0.003, release_s=0.03, send=0.05, level_db=0),
    "cellos": Tone(cutoff=(900, 1_600), spread_cents=7, width=0.5, loop_s=1.0, attack_s=0.06,
                   release_s=0.2, level_db=0),
    "piano": Tone(make="struck", wave=hollow, cutoff=(1_300, 3_200), bright=2.5, close_s=0.12,
                  spread_cents=0.8, width=0.35, loop_s=0.7, decay_s=0.9, attack_s=0.002,
                  release_s=0.12, level_db=2),
    "epiano": Tone(make="struck", wave=soft, ratios=(*_TINE, (7.1, 0.06)), cutoff=(1_600, 5_000),
                   bright=3, close_s=0.06, width=0.35, spread_cents=1.0, decay_s=1.1,
                   attack_s=0.003, release_s=0.15, level_db=1),
    "organ": Tone(wave=drawbars, octave=0.5, cutoff=(3_000, 4_500), spread_cents=2.0, width=0.4,
                  attack_s=0.006, release_s=0.05, level_db=-2),
    "clav": Tone(make="plucked", cutoff=(3_000, 6_000), decay_s=0.25, loss=0.992, release_s=0.03,
                 level_db=0),
    "stab": Tone(cutoff=(1_100, 2_200), bright=2.5, close_s=0.12, spread_cents=8, width=0.6,
                 loop_s=0.7, attack_s=0.004, release_s=0.15, level_db=-1),
    "guitar": Tone(make="plucked", cutoff=(3_000, 5_000), decay_s=0.9, loss=0.9985, release_s=0.1,
                   level_db=1),
    "guitar_mute": Tone(make="plucked", cutoff=(2_500, 4_000), decay_s=0.12, loss=0.985,
                        release_s=0.03, level_db=1),
    "guitar_drive": Tone(wave=reedy, cutoff=(2_200, 3_200), bright=1.3, close_s=0.1,
                         formants=((650, 0.8), (1_500, 1.0)), spread_cents=3, width=0.7, loop_s=1.0,
                         attack_s=0.004, release_s=0.06, level_db=-1),
    "guitar_lead": Tone(wave=reedy, cutoff=(2_400, 3_400), formants=((1_200, 1.5),),
                        spread_cents=2.5, width=0.2, attack_s=0.008, release_s=0.12, level_db=-1),
    "pad": Tone(cutoff=(900, 1_700), spread_cents=11, width=1.0, loop_s=1.36, attack_s=0.18,
                release_s=0.5, level_db=-1),
    "strings": Tone(cutoff=(1_800, 3_200), spread_cents=9, width=1.0, loop_s=1.36, attack_s=0.11,
                    release_s=0.35, level_db=-1),
    "strings_solo": Tone(cutoff=(2_400, 3_600), formants=((1_100, 0.6),), spread_cents=4, width=0.4,
                         attack_s=0.05, release_s=0.15, level_db=-2),
    "spiccato": Tone(make="struck", cutoff=(1_800, 3_600), spread_cents=7, width=0.8, decay_s=0.16,
                     close_s=0.05, bright=1.5, attack_s=0.008, release_s=0.1, level_db=1),
    "choir": Tone(wave=soft, cutoff=(3_000, 4_000), formants=_AH, spread_cents=10, width=1.0,
                  loop_s=1.36, attack_s=0.2, release_s=0.5, level_db=-1),
    "brass": Tone(wave=reedy, cutoff=(1_100, 2_400), bright=1.6, close_s=0.1, spread_cents=5,
                  width=0.7, loop_s=1.0, attack_s=0.025, release_s=0.12, level_db=-1),
    "brass_solo": Tone(wave=reedy, cutoff=(1_600, 3_000), bright=1.5, close_s=0.08, spread_cents=2,
                       width=0.2, attack_s=0.02, release_s=0.1, level_db=-2),
    "horn": Tone(wave=hollow, cutoff=(800, 1_500), bright=1.4, spread_cents=5, width=0.6,
                 loop_s=1.0, attack_s=0.045, release_s=0.25, level_db=0),
    "lead": Tone(cutoff=(2_200, 4_000), bright=1.6, close_s=0.12, spread_cents=7, width=0.5,
                 attack_s=0.005, release_s=0.15, level_db=-2),
    "lead_soft": Tone(wave=hollow, cutoff=(1_200, 2_200), spread_cents=3, width=0.3, attack_s=0.012,
                      release_s=0.15, level_db=-1),
    "square": Tone(wave=square, cutoff=(4_500, 6_500), width=0.0, loop_s=0.35, attack_s=0.002,
                   release_s=0.02, level_db=-5, send=0),
    "chip_arp": Tone(wave=pulse, cutoff=(4_500, 6_500), width=0.0, loop_s=0.35, attack_s=0.002,
                     release_s=0.015, level_db=-5, send=0),
    "flute": Tone(wave=soft, cutoff=(2_000, 3_500), spread_cents=2.5, width=0.25, attack_s=0.045,
                  release_s=0.12, breath=0.06, level_db=-1),
    "reed": Tone(wave=hollow, cutoff=(1_400, 2_600), formants=((700, 0.7), (1_400, 0.8)),
                 spread_cents=2.5, width=0.2, attack_s=0.025, release_s=0.1, breath=0.03, level_db=-1),
    "vibes": Tone(make="struck", ratios=((1.0, 1.0), (4.0, 0.16), (9.8, 0.03)), decay_s=0.9, cutoff=(3_000, 6_000),
                  width=0.35, attack_s=0.002, release_s=0.25, level_db=0),
    "bell": Tone(make="struck", ratios=_BELL, decay_s=0.8, cutoff=(4_000, 8_000), width=0.5,
                 attack_s=0.002, release_s=0.4, level_db=-2),
    "marimba": Tone(make="struck", ratios=_BAR, decay_s=0.28, cutoff=(3_000, 6_000), width=0.25,
                    attack_s=0.002, release_s=0.15, level_db=1),
    "pluck": Tone(make="struck", cutoff=(900, 2_000), bright=2.5, close_s=0.08, spread_cents=5,
                  width=0.6, decay_s=0.28, attack_s=0.003, release_s=0.1, level_db=0),
    "harp": Tone(make="plucked", cutoff=(3_000, 6_000), decay_s=1.1, loss=0.999, release_s=0.3,
                 level_db=0),
    "crackle": Tone(make="crackle", release_s=0.2, attack_s=0.05, level_db=-18, send=0),
}


@dataclass(frozen=True, slots=True)
class Sound:
    """A rendered note. `head` plays first; `loop`, if any, goes on from it for ever.

    `release` is the gain from the note's end on; `[samples, 2]` like the others.
    """

    head: Floats
    loop: Floats | None
    release: Floats

    @property
    def nbytes(self) -> int:
        return self.head.nbytes + (0 if self.loop is None else self.loop.nbytes)


def make_note(rate: int, name: str, pitch: int, hard: int, space: str, pan: float) -> Sound:
    """One note of an instrument; `hard` is 0 or 1."""
    tone = TONES[name]
    makers = {"held": _held, "struck": _struck, "plucked": _plucked, "sub": _sub,
              "crackle": _crackle}
    head, loop = makers[tone.make](rate, tone, pitch, hard)
    gain = np.float32(0.1 * 10 ** (tone.level_db / 20))
    head *= gain
    panned(head, pan)
    if loop is not None:
        loop *= gain
        panned(loop, pan)
    else:
        head = with_space(rate, head, space, tone.send)
    return Sound(head, loop, release_ramp(rate, name, space))


def frequency(pitch: int) -> float:
    return float(440.0 * 2.0 ** ((pitch - 69) / 12))


def _partials(tone: Tone, freq_hz: float, cutoff_hz: float) -> tuple[Floats, Floats]:
    """Ratios and amplitudes of a tone's partials through its filter and its body."""
    if tone.ratios:
        table = np.array(tone.ratios, dtype=np.float32)
        ratios, amps = table[:, 0], table[:, 1].copy()
    else:
        count = max(1, min(64, int(14_000 / freq_hz)))
        ratios = np.arange(1, count + 1, dtype=np.float32)
        amps = np.asarray(tone.wave(ratios), dtype=np.float32).copy()
    hz = ratios * np.float32(freq_hz)
    # Low notes keep some brightness, high ones are not cut below their fundamental.
    amps /= 1 + (hz / max(cutoff_hz, 1.5 * freq_hz)) ** 3
    for center, gain in tone.formants:
        amps *= 1 + gain * np.exp(-0.5 * ((hz - center) / (0.22 * center)) ** 2)
    return ratios, amps


def _loops(rate: int, tone: Tone, pitch: int, hard: int) -> tuple[Floats, Floats]:
    """The sustained tone and the attack's brighter one, in phase, the first of RMS 1."""
    freq = frequency(pitch) * tone.octave
    target = int(tone.loop_s * rate)
    made = []
    for factor in (1.0, tone.bright):
        ratios, amps = _partials(tone, freq, tone.cutoff[hard] * factor)
        made.append((amps, tone_loop(
            rate, freq, ratios, amps, target=target, spread_cents=tone.spread_cents,
            width=tone.width, seed=pitch,
        )))
        if tone.bright == 1.0:
            return made[0][1], made[0][1]
    (dull_amps, dull), (bright_amps, bright) = made
    ratio = np.sqrt(np.sum(bright_amps**2) / np.sum(dull_amps**2))
    return dull, bright * np.float32(ratio)


def _attack(rate: int, samples: int, attack_s: float) -> Floats:
    n = min(samples, max(2, int(attack_s * rate)))
    out = np.ones(samples, dtype=np.float32)
    out[:n] = 0.5 - 0.5 * np.cos(np.linspace(0, np.pi, n, dtype=np.float32))
    return out


def _held(rate: int, tone: Tone, pitch: int, hard: int) -> tuple[Floats, Floats | None]:
    dull, bright = _loops(rate, tone, pitch, hard)
    closing = 4 * tone.close_s if tone.bright > 1 else 0.0
    samples = int(rate * max(tone.attack_s, closing, 0.01))
    head = tiled(dull, samples)
    if closing:
        fade = decay(rate, samples, tone.close_s)
        fade *= np.linspace(1, 0, samples, dtype=np.float32)
        head += (tiled(bright, samples) - head) * fade[:, None]
    if tone.breath:
        head += _breath(rate, samples, tone)
    head *= _attack(rate, samples, tone.attack_s)[:, None]
    # The loop must go on where the head ends.
    return head, np.ascontiguousarray(np.roll(dull, -samples, axis=0))


def _breath(rate: int, samples: int, tone: Tone) -> Floats:
    puff = noise(rate, samples, 1_500, 6_000, 3) * np.linspace(1, 0, samples, dtype=np.float32)
    return (puff * np.float32(tone.breath * 4))[:, None]


def _struck(rate: int, tone: Tone, pitch: int, hard: int) -> tuple[Floats, Floats | None]:
    dull, bright = _loops(rate, tone, pitch, hard)
    tau_s = tone.decay_s * 2.0 ** ((60 - pitch) / 30)
    samples = int(rate * min(3.0, tau_s * 4))
    out = tiled(dull, samples)
    if tone.bright > 1:
        out += (tiled(bright, samples) - out) * decay(rate, samples, tone.close_s)[:, None]
    out *= (decay(rate, samples, tau_s) * np.float32(1.6))[:, None]
    return soften_ends(out, rate, tone.attack_s, 0.3 * samples / rate), None


def _plucked(rate: int, tone: Tone, pitch: int, hard: int) -> tuple[Floats, Floats | None]:
    tau_s = tone.decay_s * 2.0 ** ((60 - pitch) / 36)
    length_s = min(2.5, tau_s * 3)
    bright = tone.cutoff[hard] / 9_000
    mono = string(rate, frequency(pitch), length_s, bright=bright, loss=tone.loss, seed=pitch)
    mono *= decay(rate, mono.size, tau_s) * np.float32(3.2)
    soften_ends(mono, rate, 0.0008, 0.25 * length_s)
    out = np.repeat(mono[:, None], 2, axis=1)
    late = int(0.0007 * rate)  # a hair of width, as two microphones hear it
    out[late:, 1] = 0.8 * out[late:, 1] + 0.2 * mono[:-late]
    return out, None


def _sub(rate: int, tone: Tone, pitch: int, hard: int) -> tuple[Floats, Floats | None]:
    """The long bass drum of an 808: a sine that settles, warmed by drive."""
    samples = int(rate * tone.decay_s * 3)
    t = np.arange(samples, dtype=np.float32) / np.float32(rate)
    settle = 0.5 * 0.02 * (1 - np.exp(-t / np.float32(0.02)))
    wave = np.sin(np.float32(2 * np.pi * frequency(pitch)) * (t + settle))
    wave = np.tanh(wave * np.float32(1.4 + 0.8 * hard)) * np.float32(1.4)
    wave = (wave * decay(rate, samples, tone.decay_s)).astype(np.float32)
    soften_ends(wave, rate, tone.attack_s, 0.3)
    return np.repeat(wave[:, None], 2, axis=1), None


def _crackle(rate: int, tone: Tone, pitch: int, hard: int) -> tuple[Floats, Floats | None]:
    """Dust on a record: sparse soft ticks over a breath of noise, as a loop of four seconds."""
    samples = 4 * rate
    rng = np.random.default_rng(71)
    ticks = np.zeros((samples, 2), dtype=np.float32)
    at = rng.integers(0, samples - 200, 90)
    tick = noise(rate, 160, 1_000, 7_000, 73) * decay(rate, 160, 0.0006)
    for start in at:
        gains = rng.random(2).astype(np.float32) ** 2 * np.float32(5)
        ticks[start : start + 160] += tick[:, None] * gains
    bed = noise(rate, samples + rate // 4, 300, 5_000, 79)
    blend = np.linspace(0, 1, rate // 4, dtype=np.float32)
    bed[: rate // 4] = bed[: rate // 4] * blend**0.5 + bed[samples:] * (1 - blend) ** 0.5
    loop = ticks + (bed[:samples] * np.float32(0.25))[:, None]
    samples = int(tone.attack_s * rate)
    head = loop[:samples] * _attack(rate, samples, tone.attack_s)[:, None]
    return head, np.ascontiguousarray(np.roll(loop, -samples, axis=0))


def release_ramp(rate: int, name: str, space: str) -> Floats:
    """Gain after a note's end: the tone stops quickly, its room rings on."""
    tone = TONES[name]
    rt60_s, wet, _ = SPACES[space]
    wet *= tone.send * 1.2
    samples = int(rate * max(tone.release_s * 2.5, rt60_s * 0.8 if wet else 0.0))
    t = np.arange(samples, dtype=np.float32)
    dry = np.exp(-t / np.float32(rate * tone.release_s / 2.5))
    tail = np.exp(-t * np.float32(6.9 / max(rt60_s, 0.1) / rate)) if wet else 0.0
    ramp = (dry * np.float32(1 - wet) + tail * np.float32(wet)).astype(np.float32)
    ramp *= np.minimum(1, np.linspace(4, 0, samples, dtype=np.float32))
    return np.ascontiguousarray(np.repeat(ramp[:, None], 2, axis=1))
