"""Loudness measured in pieces is the loudness of the whole."""

from __future__ import annotations

import math
import sys
from typing import Any

import numpy as np
import pytest

from bridge.clips.loudness import LoudnessMeter, NotInstalled
from engine.api import Audio
from tests.bridge.clips.samples import noise

pyloudnorm: Any = pytest.importorskip("pyloudnorm")


def measured(audio: Audio, rate: int, pieces: int = 1) -> float:
    meter = LoudnessMeter(rate, audio.shape[1])
    for piece in np.array_split(audio, pieces):
        meter.add(piece)
    return meter.lufs()


def music(seconds: float, rate: int, channels: int) -> Audio:
    """Noise that swells, pauses and rumbles, so that gates and filters have something to do."""
    samples = round(seconds * rate)
    at_s = np.arange(samples) / rate
    level = 0.02 + 0.3 * np.sin(0.9 * at_s) ** 4 * (np.sin(0.13 * at_s) > -0.4)
    rumble = 0.3 * np.sin(2 * np.pi * 25 * at_s)
    return ((noise(samples, channels) + rumble[:, None]) * level[:, None]).astype(np.float32)


@pytest.mark.parametrize("rate", [8000, 32000, 44100, 48000])
@pytest.mark.parametrize(("seconds", "pieces"), [(0.4, 1), (5.0, 3), (6.33, 2), (17.3, 11)])
def test_it_equals_one_measurement_of_the_whole(rate: int, seconds: float, pieces: int) -> None:
    for channels in (1, 2):
        audio = music(seconds, rate, channels)
        whole = pyloudnorm.Meter(rate).integrated_loudness(audio.astype(np.float64))
        assert measured(audio, rate, pieces) == pytest.approx(whole, abs=1e-3)


def test_a_full_scale_sine_of_997_hz_has_the_loudness_that_the_norm_gives_it() -> None:
    at_s = np.arange(48000 * 8) / 48000
    sine = np.sin(2 * np.pi * 997 * at_s).astype(np.float32)[:, None]
    assert measured(sine, 48000) == pytest.approx(-3.01, abs=0.1)
    assert measured(np.repeat(sine, 2, axis=1), 48000) == pytest.approx(0.0, abs=0.1)


@pytest.mark.parametrize("samples", [0, 1, 19199])
def test_less_than_a_block_has_no_loudness(samples: int) -> None:
    assert measured(noise(samples), 48000) == -math.inf


def test_silence_has_no_loudness() -> None:
    assert measured(np.zeros((480_000, 2), np.float32), 48000) == -math.inf


def test_a_missing_library_is_named_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyloudnorm", None)
    with pytest.raises(NotInstalled, match=r"^mastering needs pyloudnorm.* pip install [^\n]*$"):
        LoudnessMeter(48000, 2)
