"""Makes the notes of the pitched instruments that `timbres` describes.

`held` tones have a head (attack, filter closing) and then a seamless loop that lasts as long as
the note; `struck` ones die away by themselves; `plucked` ones are strings. A sound's amplitude is
about that of a note played alone at -14 dB RMS.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

from engine.groove.timbres import TONES, Tone
from engine.groove.tones import (
    SPACES,
    Floats,
    both,
    decay,
    noise,
    panned,
    soften_ends,
    string,
    tiled,
    tone_loop,
    with_space,
)


def make_note(
    rate: int, name: str, pitch: int, hard: int, space: str, pan: float
) -> tuple[Floats, Floats | None]:
    """One note of an instrument: its head, and the loop that goes on from it, if it is held.

    `hard` is 0 or 1, `pan` -1 .. 1.
    """
    tone = TONES[name]
    makers = {
        "held": _held,
        "struck": _struck,
        "plucked": _plucked,
        "sub": _sub,
        "crackle": _crackle,
    }
    head, loop = makers[tone.make](rate, tone, pitch, hard)
    gain = np.float32(0.13 * 10 ** (tone.level_db / 20))
    head *= gain
    panned(head, pan)
    if loop is not None:
        loop *= gain
        panned(loop, pan)
    else:
        head = with_space(rate, head, space, tone.send)
    return head, loop


def frequency(pitch: int) -> float:
    return float(440.0 * 2.0 ** ((pitch - 69) / 12))


def ring_s(name: str, pitch: int) -> float | None:
    """Seconds after which a note dies away by itself; None if it is held."""
    tone = TONES[name]
    return _length_s(tone, pitch) if tone.make in _LASTS else None


_LASTS = {"struck": 3.5, "plucked": 3.0, "sub": 3.0}
"""Time constants for which a tone of each make is made."""
_LONGEST_S = 1.8
_STEEPNESS = {"struck": 30, "plucked": 36}
"""Semitones up over which a tone comes to die twice as fast."""


def _tau_s(tone: Tone, pitch: int) -> float:
    slope = _STEEPNESS.get(tone.make)
    return tone.decay_s * (2.0 ** ((60 - pitch) / slope) if slope else 1.0)


def _length_s(tone: Tone, pitch: int) -> float:
    length_s = _tau_s(tone, pitch) * _LASTS[tone.make]
    return length_s if tone.make == "sub" else min(_LONGEST_S, length_s)


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

    def loop(factor: float) -> tuple[Floats, float]:
        ratios, amps = _partials(tone, freq, tone.cutoff[hard] * factor)
        made = tone_loop(
            rate, freq, ratios, amps,
            target=target, spread_cents=tone.spread_cents, width=tone.width, seed=pitch,
        )  # fmt: skip
        return made, float(np.sqrt(np.sum(amps**2)))

    dull, power = loop(1.0)
    if tone.bright == 1.0:
        return dull, dull
    bright, more = loop(tone.bright)
    return dull, bright * np.float32(more / power)


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
        head += (tiled(bright, samples) - head) * both(fade)
    if tone.breath:
        head += _breath(rate, samples, tone)
    head *= both(_attack(rate, samples, tone.attack_s))
    # The loop must go on where the head ends.
    return head, np.ascontiguousarray(np.roll(dull, -samples, axis=0))


def _breath(rate: int, samples: int, tone: Tone) -> Floats:
    puff = noise(rate, samples, 1_500, 6_000, 3) * np.linspace(1, 0, samples, dtype=np.float32)
    return (puff * np.float32(tone.breath * 4))[:, None]


def _struck(rate: int, tone: Tone, pitch: int, hard: int) -> tuple[Floats, Floats | None]:
    dull, bright = _loops(rate, tone, pitch, hard)
    tau_s = _tau_s(tone, pitch)
    samples = int(rate * _length_s(tone, pitch))
    out = tiled(dull, samples)
    if tone.bright > 1:
        first = min(samples, int(rate * tone.close_s * 5))
        opening = both(decay(rate, first, tone.close_s))
        out[:first] += (tiled(bright, first) - out[:first]) * opening
    envelope = decay(rate, samples, tau_s) * np.float32(1.6)
    out *= both(soften_ends(envelope, rate, tone.attack_s, 0.4 * samples / rate))
    return out, None


def _plucked(rate: int, tone: Tone, pitch: int, hard: int) -> tuple[Floats, Floats | None]:
    tau_s = _tau_s(tone, pitch)
    length_s = _length_s(tone, pitch)
    bright = tone.cutoff[hard] / 9_000
    freq = frequency(pitch)
    # It dies away period by period, so that each is free of an offset.
    loss = tone.loss * math.exp(-1.0 / (freq * tau_s))
    mono = string(rate, freq, length_s, bright=bright, loss=loss, seed=pitch) * np.float32(3.2)
    soften_ends(mono, rate, 0.0008, 0.25 * length_s)
    out = both(mono)
    late = int(0.0007 * rate)  # a hair of width, as two microphones hear it
    out[late:, 1] = 0.8 * out[late:, 1] + 0.2 * mono[:-late]
    return out, None


def _sub(rate: int, tone: Tone, pitch: int, hard: int) -> tuple[Floats, Floats | None]:
    """The long bass drum of an 808: a sine that settles, warmed by drive."""
    samples = int(rate * _length_s(tone, pitch))
    t = np.arange(samples, dtype=np.float32) / np.float32(rate)
    settle = 0.5 * 0.02 * (1 - np.exp(-t / np.float32(0.02)))
    wave = np.sin(np.float32(2 * np.pi * frequency(pitch)) * (t + settle))
    wave = np.tanh(wave * np.float32(1.4 + 0.8 * hard)) * np.float32(1.4)
    wave = (wave * decay(rate, samples, tone.decay_s)).astype(np.float32)
    soften_ends(wave, rate, tone.attack_s, 0.3)
    return both(wave), None


def _crackle(rate: int, tone: Tone, pitch: int, hard: int) -> tuple[Floats, Floats | None]:
    loop = _dust(rate)
    samples = int(tone.attack_s * rate)
    head = loop[:samples] * _attack(rate, samples, tone.attack_s)[:, None]
    return head, np.roll(loop, -samples, axis=0)


@lru_cache(maxsize=1)
def _dust(rate: int) -> Floats:
    """Dust on a record: sparse soft ticks over a breath of noise, as a loop of four seconds."""
    samples = 4 * rate
    rng = np.random.default_rng(71)
    ticks = np.zeros((samples, 2), dtype=np.float32)
    at = rng.integers(0, samples - 200, 90)
    tick = noise(rate, 160, 1_000, 7_000, 73) * decay(rate, 160, 0.0006)
    for start in at:
        gains = rng.random(2).astype(np.float32) ** 2 * np.float32(5)
        ticks[start : start + 160] += tick[:, None] * gains
    turn, seam = 2 * rate, rate // 4  # the breath comes twice in a loop
    bed = noise(rate, turn + seam, 300, 5_000, 79)
    blend = np.linspace(0, 1, seam, dtype=np.float32)
    bed[:seam] = bed[:seam] * blend**0.5 + bed[turn:] * (1 - blend) ** 0.5
    ticks += np.tile(bed[:turn] * np.float32(0.25), 2)[:, None]
    return ticks


INAUDIBLE = 0.004
"""Gain at which a note's room is cut off: 48 dB down."""


def release_ramp(rate: int, name: str, space: str) -> Floats:
    """Gain after a note's end, `[samples, 2]`: the tone stops quickly, its room rings on."""
    tone = TONES[name]
    rt60_s, wet, _ = SPACES[space]
    wet *= tone.send * 1.2
    ring_s = rt60_s / 6.9 * math.log(max(wet, INAUDIBLE) / INAUDIBLE)
    samples = int(rate * max(tone.release_s * 2.2, ring_s))
    t = np.arange(samples, dtype=np.float32)
    dry = np.exp(-t / np.float32(rate * tone.release_s / 2.5))
    tail = np.exp(-t * np.float32(6.9 / max(rt60_s, 0.1) / rate)) if wet else 0.0
    ramp = (dry * np.float32(1 - wet) + tail * np.float32(wet)).astype(np.float32)
    ramp *= np.minimum(1, np.linspace(4, 0, samples, dtype=np.float32))
    return both(ramp)
