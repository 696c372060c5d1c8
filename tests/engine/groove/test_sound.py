"""Levels, colour and placement of every style, as a listener would meet them."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from engine.api import Audio
from engine.groove import GrooveEngine, load
from engine.groove.bank import Sound, SoundBank, SoundKey
from engine.groove.catalogue_played import STYLES
from engine.groove.instruments import frequency
from engine.groove.kits import KITS
from engine.groove.timbres import TONES
from engine.groove.tones import loop_size
from engine.groove.words import STYLES as STYLE_WORDS
from tests.engine.groove.playing import RATE, open_stream, play, power_db, steering

NAMES = sorted(STYLE_WORDS)
TAKES: dict[str, Audio] = {}


def take(name: str) -> Audio:
    """Sixteen seconds of a style at its own tempo."""
    if name not in TAKES:
        text = STYLE_WORDS[name][0]
        TAKES[name] = play(open_stream(text, bpm=STYLES[name].tempo_bpm), 16 * RATE)
    return TAKES[name]


def shares(audio: Audio, edges: list[float]) -> list[float]:
    """The parts of the power that lie between neighbouring frequencies."""
    power = np.abs(np.fft.rfft(audio.mean(axis=1))) ** 2
    at = [int(edge * len(audio) / RATE) for edge in edges]
    return [float(power[low:high].sum() / power.sum()) for low, high in pairwise(at)]


@pytest.mark.parametrize("name", NAMES)
def test_loudness(name: str) -> None:
    audio = take(name)
    assert audio.dtype == np.float32
    assert -18.5 < power_db(audio) < -12.5
    assert 0.2 < np.abs(audio).max() < 1.0
    assert abs(audio.mean()) < 0.003


@pytest.mark.parametrize("name", NAMES)
def test_colour(name: str) -> None:
    rumble, low, middle, _, hiss = shares(take(name), [0, 25, 150, 6_000, 9_000, 24_000])
    assert rumble < 0.02
    assert low < 0.9
    assert middle > 0.1
    assert hiss < 0.02


@pytest.mark.parametrize("name", NAMES)
def test_no_silence(name: str) -> None:
    audio = take(name)
    seconds = [power_db(audio[at : at + RATE]) for at in range(0, len(audio), RATE)]
    assert min(seconds) > -32


@pytest.mark.parametrize("name", sorted(set(NAMES) - {"chiptune"}))
def test_stereo(name: str) -> None:
    audio = take(name)
    left, right = audio[:, 0].astype(np.float64), audio[:, 1].astype(np.float64)
    assert np.sum(left * right) < 0.995 * np.sqrt(np.sum(left**2) * np.sum(right**2))
    assert abs(power_db(audio[:, :1]) - power_db(audio[:, 1:])) < 2


def test_styles_sound_different() -> None:
    def fingerprint(name: str) -> NDArray[np.float64]:
        bands = shares(take(name), [float(hz) for hz in np.geomspace(40, 12_000, 13)])
        return 10 * np.log10(np.array(bands) + 1e-9)

    prints = {name: fingerprint(name) for name in NAMES}
    for one in NAMES:
        for other in NAMES:
            if one < other:
                assert np.abs(prints[one] - prints[other]).max() > 2, (one, other)


@pytest.mark.parametrize("name", sorted(TONES))
def test_notes_begin_and_loop_without_a_click(name: str) -> None:
    pitch = 36 if name.startswith("bass") else 60
    sound = SoundBank(RATE).get(SoundKey(name, pitch, 1, "room", 0))
    assert np.abs(sound.head[0]).max() < 0.02
    if sound.loop is None:
        assert np.abs(sound.head[-1]).max() < 0.001
    else:
        round_trip = np.concatenate([sound.head, sound.loop, sound.loop])
        for seam in (len(sound.head), len(sound.head) + len(sound.loop)):
            jump = np.abs(round_trip[seam] - round_trip[seam - 1]).max()
            assert jump <= np.abs(np.diff(sound.loop, axis=0)).max() * 1.01
    assert np.all(np.diff(sound.release[:, 0]) <= 1e-6)
    assert sound.release[-1, 0] < 0.01


@pytest.mark.parametrize(("kit", "voice"), [(k, v) for k in KITS for v in KITS[k]])
def test_drums_begin_and_end_without_a_click(kit: str, voice: str) -> None:
    hit = SoundBank(RATE).get(SoundKey(f"{kit}:{voice}", 0, 1, "plate", 0)).head
    assert np.abs(hit[0]).max() < 0.02
    assert np.abs(hit[-1]).max() < 0.002
    assert 0.05 < np.abs(hit).max() < 1


@pytest.mark.parametrize("pitch", range(28, 97, 4))
def test_loops_are_in_tune(pitch: int) -> None:
    size, cycles = loop_size(RATE, frequency(pitch), 16_800)
    cents = 1_200 * np.log2(cycles * RATE / size / frequency(pitch))
    assert abs(cents) < 3


@pytest.mark.parametrize("name", ["guitar", "piano", "bass_saw", "flute", "organ"])
def test_instruments_are_in_tune(name: str) -> None:
    pitch = 45
    sound = SoundBank(RATE).get(SoundKey(name, pitch, 1, "dry", 0))
    audio = sound.head if sound.loop is None else np.tile(sound.loop, (4, 1))
    size = 2**19
    spectrum = np.abs(np.fft.rfft(audio[:, 0] * np.hanning(len(audio)), size))
    hertz = np.fft.rfftfreq(size, 1 / RATE)
    near = np.abs(hertz - frequency(pitch)) < 6
    found = hertz[near][np.argmax(spectrum[near])]
    assert abs(1_200 * np.log2(found / frequency(pitch))) < 8


def test_the_bank_is_bounded() -> None:
    bank = SoundBank(RATE)
    for pitch in range(30, 100):
        bank.get(SoundKey("pad", pitch, 1, "hall", 0))
        assert bank.nbytes <= bank.limit
    assert bank.nbytes > bank.limit / 2


def test_a_full_bank_makes_no_sound_twice_in_a_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.groove.bank.STREAM_BYTES", 1)
    engine = GrooveEngine(RATE)
    stream = engine.open(steering("jazz"))
    made: list[SoundKey] = []
    make = SoundBank._make

    def count(bank: SoundBank, key: SoundKey) -> Sound:
        made.append(key)
        return make(bank, key)

    monkeypatch.setattr(SoundBank, "_make", count)
    small = np.concatenate([engine.step([stream], 512)[0] for _ in range(100)])
    assert len(made) < 300
    assert np.array_equal(small, play(open_stream("jazz"), 51_200))


@pytest.mark.parametrize("rate", [22_050, 44_100, 96_000])
def test_other_rates(rate: int) -> None:
    engine = load(rate)
    assert engine.info.rate == rate
    stream = engine.open(open_stream("house")._segments[0].steering)
    audio = engine.step([stream], rate)[0]
    assert audio.shape == (rate, 2)
    assert -20 < power_db(audio) < -10


def test_it_says_what_it_is() -> None:
    info = load().info
    assert (info.name, info.hop, info.channels, info.keeps_time) == ("groove", 1, 2, True)
    assert info.notice == "a synthesiser, no AI"
