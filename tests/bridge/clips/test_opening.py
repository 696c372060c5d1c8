"""The recording that a clip goes on from: its end, and whether it is still the same one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from bridge.clips.opening import find_opening, read_opening
from engine.api import RECORDING_S
from engine.errors import BadValue
from tests.bridge.clips.samples import noise


def written(path: Path, samples: int, rate: int, channels: int = 2, kind: str = "FLOAT") -> Path:
    soundfile.write(path, noise(samples, channels), rate, subtype=kind)
    return path


@pytest.mark.parametrize("rate", [8000, 22050, 96000])
@pytest.mark.parametrize("channels", [1, 2])
def test_of_a_long_recording_the_end_is_read(tmp_path: Path, rate: int, channels: int) -> None:
    path = written(tmp_path / "long.wav", rate * 31, rate, channels)
    opening = read_opening(path)
    assert opening.recording.rate == rate
    assert opening.recording.audio.shape == (RECORDING_S * rate, channels)
    whole, _ = soundfile.read(path, dtype="float32", always_2d=True)
    assert np.array_equal(opening.recording.audio, whole[rate:])


@pytest.mark.parametrize("kind", ["PCM_16", "PCM_24", "PCM_32", "FLOAT"])
def test_a_short_recording_is_read_whole(tmp_path: Path, kind: str) -> None:
    path = written(tmp_path / "short.wav", 5000, 44100, kind=kind)
    audio, _ = soundfile.read(path, dtype="float32", always_2d=True)
    np.testing.assert_allclose(read_opening(path).recording.audio, audio, atol=1e-6)


def test_what_cannot_be_gone_on_from_says_why_and_names_the_file(tmp_path: Path) -> None:
    written(tmp_path / "surround.wav", 100, 48000, 6)
    written(tmp_path / "empty.wav", 0, 48000)
    soundfile.write(tmp_path / "nan.wav", np.full((9, 1), np.nan), 48000, subtype="FLOAT")
    (tmp_path / "text.wav").write_text("la la la")
    for name, part in {
        "surround.wav": "6 channels", "empty.wav": "is empty", "nan.wav": "no numbers",
        "text.wav": "not a WAV file", "gone.wav": "cannot be read",
    }.items():  # fmt: skip
        with pytest.raises(BadValue, match=rf"^{name}.*{part}"):
            read_opening(tmp_path / name)


def test_it_is_known_again_by_its_samples(tmp_path: Path) -> None:
    opening = read_opening(written(tmp_path / "a.wav", 5000, 44100, kind="PCM_24"))
    audio, _ = soundfile.read(tmp_path / "a.wav", always_2d=True)
    moved = tmp_path / "b.wav"
    soundfile.write(moved, audio, 44100, subtype="FLOAT")
    places = [tmp_path / "not there.wav", moved]
    assert find_opening("a.wav", opening.sha256, places).sha256 == opening.sha256


def test_another_recording_of_the_name_is_refused(tmp_path: Path) -> None:
    opening = read_opening(written(tmp_path / "a.wav", 5000, 44100))
    for changed in (
        written(tmp_path / "b.wav", 5001, 44100),
        written(tmp_path / "c.wav", 5000, 48000),
    ):
        with pytest.raises(BadValue, match=r"not the recording.*--continue-from"):
            find_opening("a.wav", opening.sha256, [changed])


def test_a_missing_recording_is_named_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(BadValue, match=r"goes on from a\.wav.*--continue-from"):
        find_opening("a.wav", "0" * 64, [tmp_path / "a.wav"])
