"""`sideman warp`: recordings onto the grid, what is said of them, and what is refused."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from bridge.bench.material import Material, band, pad, steady
from bridge.cli import main
from engine.api import Audio

RATE = 22050


@pytest.fixture(scope="module")
def played() -> Material:
    return band(steady(117.3), 20.0, RATE, channels=1)


def write(path: Path, audio: Audio, subtype: str = "PCM_16", rate: int = RATE) -> Path:
    soundfile.write(path, audio, rate, subtype)
    return path


def warp(*words: str | Path) -> int:
    return main(["warp", *(str(word) for word in words)])


def begin_late_ms(audio: NDArray[np.float64], bpm: float) -> list[float]:
    """How late what is loud begins around each beat of a grid from sample 0 on."""
    every, reach = 60 * RATE / bpm, round(0.05 * RATE)
    edges = np.abs(np.diff(audio, prepend=0.0))
    late = []
    for beat in range(1, int((len(audio) - reach) / every)):
        at = round(beat * every)
        near = edges[at - reach : at + reach]
        begins = int(np.argmax(near > 0.3 * near.max())) - reach
        late.append(1000.0 * begins / RATE)
    return late


def test_beats_of_a_recording_land_on_the_grid_from_sample_0(
    tmp_path: Path, played: Material, capsys: pytest.CaptureFixture[str]
) -> None:
    source, out = write(tmp_path / "in.wav", played.audio), tmp_path / "out.wav"
    assert warp(source, "--bpm", "120", "-o", out) == 0
    told = capsys.readouterr()
    assert told.err == ""
    assert told.out.count("\n") == 1
    match = re.search(
        r"out\.wav  (\d+) beats of about (\d+\.\d) BPM, 100 % locked to 120; .*"
        r"before, (\d+\.\d), (\d+\.\d) ms after; 0\.37 s before beat 1 dropped",
        told.out,
    )
    assert match
    assert abs(float(match[2]) - 117.3) < 1.0
    assert abs(int(match[1]) - len(played.beats)) <= 3
    assert float(match[3]) < 5
    assert float(match[4]) < 20
    audio, rate = soundfile.read(out)
    assert rate == RATE
    assert soundfile.info(out).subtype == "PCM_16"
    late = np.abs(begin_late_ms(audio[: 36 * RATE * 60 // 120], 120))
    assert np.median(late) < 5


def test_nothing_is_lost_at_the_end(tmp_path: Path) -> None:
    material = band(steady(61.0), 20.0, RATE, channels=1)
    # The last thing to be heard: less than a beat before the end, and no beat after it.
    material.audio[-2000:-1000, 0] += 0.5 * np.sin(np.arange(1000)).astype(np.float32)
    source, out = write(tmp_path / "in.wav", material.audio), tmp_path / "out.wav"
    assert warp(source, "--bpm", "60", "-o", out) == 0
    audio, _ = soundfile.read(out)
    expected_s = (20.0 - material.beats[0] / RATE) * 61 / 60
    assert len(audio) / RATE == pytest.approx(expected_s, abs=0.15)
    assert np.abs(audio[-2200:]).max() > 0.3


def test_double_time_is_judged_by_its_own_grid(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    material = band(steady(150.0), 16.0, RATE, channels=1)
    source = write(tmp_path / "in.wav", material.audio)
    out = tmp_path / "out.wav"
    assert warp(source, "--bpm", "80", "--from-bpm", "150", "-o", out) == 0
    match = re.search(r"before, (\d+\.\d), (\d+\.\d) ms after", capsys.readouterr().out)
    assert match
    assert float(match[2]) < 20


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "FLOAT"])
def test_a_recording_without_a_beat_comes_out_as_it_was(
    tmp_path: Path, subtype: str, capsys: pytest.CaptureFixture[str]
) -> None:
    source = write(tmp_path / "in.wav", pad(14.0, RATE), subtype)
    out = tmp_path / "out.wav"
    assert warp(source, "--bpm", "120", "-o", out) == 0
    assert "free, left as it was: no clear beat" in capsys.readouterr().out
    before, after = (soundfile.read(path, dtype="int32")[0] for path in (source, out))
    np.testing.assert_array_equal(after, before)
    assert soundfile.info(out).subtype == subtype
    assert soundfile.info(out).channels == 2


def test_a_beat_that_is_too_far_off_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = write(tmp_path / "in.wav", band(steady(90.0), 14.0, RATE).audio)
    assert warp(source, "--bpm", "130", "--from-bpm", "90", "-o", tmp_path / "out.wav") == 0
    assert re.search(r"free, .* of (89|90)\.\d BPM is too far from 130", capsys.readouterr().out)


def test_a_file_that_is_there_is_never_written_over(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = write(tmp_path / "in.wav", pad(2.0, RATE))
    kept = source.read_bytes()
    assert warp(source, "--bpm", "120", "-o", source) == 0
    assert source.read_bytes() == kept
    assert (tmp_path / "in_2.wav").exists()
    assert "in_2.wav" in capsys.readouterr().out


def test_what_cannot_be_warped_is_refused_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = write(tmp_path / "good.wav", pad(2.0, RATE))
    text = tmp_path / "text.wav"
    text.write_text("no music")
    empty = tmp_path / "empty.wav"
    empty.touch()
    three = write(tmp_path / "three.wav", np.zeros((RATE * 2, 3), np.float32))
    cases = [
        (tmp_path / "none.wav", "120", "none.wav cannot be read"),
        (text, "120", "text.wav"),
        (empty, "120", "empty.wav"),
        (write(tmp_path / "bare.wav", np.zeros((0, 1), np.float32)), "120", "at least 1 s"),
        (write(tmp_path / "short.wav", pad(0.5, RATE)), "120", "is 0.50 s long"),
        (three, "120", "3 channels: mix it down"),
        (good, "5", "--bpm 5 is out of range 20..400"),
        (good, "nan", "out of range 20..400"),
    ]
    for source, bpm, said in cases:
        assert warp(source, "--bpm", bpm, "-o", tmp_path / "out.wav") == 2, source
        told = capsys.readouterr()
        assert said in told.err
        assert told.err.count("\n") == 1
        assert told.out == ""
    assert warp(good, "--bpm", "120", "-o", good / "out.wav") == 1
    assert capsys.readouterr().err.count("\n") == 1
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {"good.wav", "text.wav", "empty.wav", "bare.wav", "short.wav", "three.wav"}
