"""Nobody who is left alone leaves silence: rests are tied over, dying tones struck again."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from engine.api import Audio
from engine.groove.words import STYLES as STYLE_WORDS
from tests.engine.groove.playing import RATE, layer, open_stream, play, power_db

NAMES = sorted(STYLE_WORDS)
ALONE = [
    "drums only",
    "piano only", "bass only", "strings only", "guitar only", "lead only", "organ only",
    "pad only", "arp only", "no drums", "no bass, no drums", "bass and drums only", "minimal",
]  # fmt: skip


def longest_rest_s(audio: Audio) -> float:
    """The longest time for which every sample is below -60 dBFS."""
    loud = np.flatnonzero(np.abs(audio).max(axis=1) > 1e-3)
    return float(np.max(np.diff(loud, prepend=-1, append=len(audio)))) / RATE


@pytest.mark.parametrize("more", ALONE)
@pytest.mark.parametrize("name", NAMES)
def test_no_dead_air_at_a_slow_tempo(name: str, more: str) -> None:
    audio = play(open_stream(f"{STYLE_WORDS[name][0]}, {more}", bpm=60.0, seed=3), 16 * RATE, 9_600)
    assert longest_rest_s(audio) < 0.5


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("alone", ["bass", "lead", "strings", "piano", "arp"])
def test_a_solo_is_not_much_quieter_than_a_band(name: str, alone: str) -> None:
    audio = play(open_stream(f"{STYLE_WORDS[name][0]}, {alone} only", seed=1), 16 * RATE, 9_600)
    assert -23 < power_db(audio) < -11


def test_a_rest_inside_a_band_stays() -> None:
    """`house` with its drummer has the offbeat bass of the style, not a legato one."""
    band = [note for note in layer("house").bar(2, 4.0) if note.part == "bass"]
    assert band
    assert not any(note.until for note in band)


def test_a_short_rest_stays_at_a_fast_tempo_and_shrinks_at_a_slow_one() -> None:
    def rests(bpm: float) -> list[float]:
        stream = open_stream("house, bass only", bpm=bpm, temperature=0.05)
        voices = sorted(stream._segments[-1].bar(1), key=lambda voice: voice.onset)
        main = [voice for voice in voices if voice.gain > 0.3]
        return [(after.onset - before.off) / RATE for before, after in pairwise(main)]

    assert max(rests(60.0)) == pytest.approx(0.15, abs=1e-3)
    assert max(rests(200.0)) > 0.05
