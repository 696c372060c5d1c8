"""Clips read to be heard: at any rate, in two channels, as long as their bars."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bridge.clips.audition import read_sound, resampled
from bridge.clips.loop import loop_length
from bridge.clips.wav import write_wav
from engine.api import Audio
from engine.errors import BadValue
from tests.bridge.clips.samples import clip_info, noise


def tone(hz: float, rate: int, seconds: float) -> Audio:
    wave = np.sin(2 * np.pi * hz * np.arange(round(seconds * rate)) / rate)
    return np.stack([wave, wave], axis=1).astype(np.float32)


@pytest.mark.parametrize("wanted", [32000, 44100, 48000, 96000])
@pytest.mark.parametrize("rate", [32000, 44100, 48000])
def test_a_loop_of_a_tone_is_one_at_any_rate(rate: int, wanted: int) -> None:
    made = resampled(tone(1000.0, rate, 0.5), rate, wanted, wanted // 2)
    assert np.abs(made - tone(1000.0, wanted, 0.5)).max() < 1e-3


def test_what_is_too_high_for_a_rate_is_taken_out() -> None:
    made = resampled(tone(20_000.0, 48000, 0.5), 48000, 32000, 16000)
    assert np.abs(made).max() < 1e-3


def test_a_clip_of_another_rate_fits_its_bars(tmp_path: Path) -> None:
    info = clip_info(bars=1, bpm=131.0)
    audio = noise(loop_length(1, 4, 131.0, 32000), channels=1)
    sound = read_sound(write_wav(tmp_path / "a.wav", audio, 32000, info).path, 48000)
    assert sound.audio.shape == (loop_length(1, 4, 131.0, 48000), 2)
    assert (sound.bars, sound.bpm, sound.meter.beats_per_bar) == (1, 131.0, 4.0)
    assert np.array_equal(sound.audio[:, 0], sound.audio[:, 1])


def test_a_clip_of_the_servers_rate_has_its_own_samples(tmp_path: Path) -> None:
    audio = noise(96000 * 2)
    path = write_wav(tmp_path / "a.wav", audio, 48000, clip_info(), bits=32).path
    assert np.array_equal(read_sound(path, 48000).audio, audio)


def test_a_recording_is_no_loop(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "master_1.wav", noise(1000), 48000).path
    assert read_sound(path, 48000).bars == 0


def test_what_cannot_be_heard_is_refused(tmp_path: Path) -> None:
    empty = write_wav(tmp_path / "empty.wav", noise(0), 48000).path
    nan = write_wav(tmp_path / "nan.wav", np.full((9, 2), np.nan, np.float32), 48000, bits=32).path
    for path in (empty, nan, tmp_path / "none.wav"):
        with pytest.raises(BadValue, match=r"\.wav"):
            read_sound(path, 48000)
