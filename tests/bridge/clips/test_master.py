"""Mastered clips, measured by others: pyloudnorm, scipy's resampler, and ffmpeg if it is here."""

from __future__ import annotations

import re
import subprocess
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.signal import resample_poly

from bridge.clips.master import (
    LOUDNESS_LUFS,
    MOST_LIMITING_DB,
    TRUE_PEAK_DB,
    Mastered,
    find_mastering,
    master,
)
from bridge.clips.request import ClipRequest, mastering_of, request_from
from bridge.clips.save import save_clip
from bridge.clips.wav import read_info, read_wav
from engine import groove
from engine.api import Audio, WeightedPrompt
from engine.errors import BadValue
from engine.host.inline import InlineEngine
from tests.bridge.clips.rendering import render_clip, save, spool
from tests.bridge.clips.samples import clip_info, noise
from tests.peers.conftest import need

pyloudnorm: Any = pytest.importorskip("pyloudnorm")

RATE = 48000
ASKED = ClipRequest((WeightedPrompt("lofi"),), seconds=1.0, master=True)


def drums(seconds: float, peak: float, body: float, channels: int = 2) -> Audio:
    """A bed of noise with short strokes, twice a second."""
    audio = noise(round(seconds * RATE), channels, level=body)
    stroke = np.exp(-np.arange(4800) / 300)[:, None] * noise(4800, channels, seed=1, level=0.3)
    for first in range(0, len(audio) - 4800, RATE // 2):
        audio[first : first + 4800] += peak * (stroke / np.abs(stroke).max()).astype(np.float32)
    return audio


def mastered(folder: Path, audio: Audio, loops: bool = False) -> tuple[Audio, Mastered]:
    with spool(folder, audio) as sound:
        how = find_mastering(sound, RATE, loops)
        assert how is not None
        return np.concatenate(list(master(sound, RATE, how, loops))), how


def lufs(audio: Audio) -> float:
    return float(pyloudnorm.Meter(RATE).integrated_loudness(audio.astype(np.float64)))


def true_peak_db(audio: Audio) -> float:
    """As BS.1770 says, four times oversampled, and finer."""
    peaks = [np.abs(resample_poly(audio.astype(np.float64), up, 1)).max() for up in (4, 16)]
    return 20 * float(np.log10(max(peaks)))


@pytest.mark.parametrize(
    ("peak", "body"), [(0.9, 0.25), (0.5, 0.02), (0.02, 0.001), (0.0, 0.3), (1.5, 0.1)]
)
@pytest.mark.parametrize("channels", [1, 2])
def test_it_comes_out_as_loud_as_it_should(
    tmp_path: Path, peak: float, body: float, channels: int
) -> None:
    audio = drums(5.0, peak, body, channels)
    out, how = mastered(tmp_path, audio)
    assert out.shape == audio.shape
    assert out.dtype == np.float32
    assert true_peak_db(out) <= TRUE_PEAK_DB
    assert how.lufs == pytest.approx(lufs(out), abs=0.02)
    limiting_db = how.gain_db + 20 * np.log10(np.abs(audio).max()) - how.ceiling_db
    if how.short_lu > 0.5:
        assert limiting_db == pytest.approx(MOST_LIMITING_DB, abs=0.01)
    else:
        assert lufs(out) == pytest.approx(LOUDNESS_LUFS, abs=0.5)
        assert limiting_db <= MOST_LIMITING_DB + 0.01


def test_clicks_in_near_silence_stay_quieter_instead_of_being_crushed(tmp_path: Path) -> None:
    audio = noise(RATE * 5, level=0.0005)
    audio[::RATE] = 0.9
    out, how = mastered(tmp_path, audio)
    assert how.short_lu > 5
    assert lufs(out) < LOUDNESS_LUFS - 5
    assert true_peak_db(out) <= TRUE_PEAK_DB


def test_what_needs_no_limiting_is_only_turned_up_or_down(tmp_path: Path) -> None:
    audio = noise(RATE * 4, level=0.01)
    out, how = mastered(tmp_path, audio)
    np.testing.assert_array_equal(out, audio * np.float32(10 ** (how.gain_db / 20)))


def test_a_loop_is_mastered_as_if_it_had_always_been_going_round(tmp_path: Path) -> None:
    """Its first stroke lies on the seam: the gain for it must already be down at the end."""
    audio = np.roll(drums(2.0, 0.9, 0.02), -20, axis=0)
    out, how = mastered(tmp_path, audio, loops=True)
    assert how.gain_db > 0
    with spool(tmp_path, np.tile(audio, (6, 1))) as sound:
        played = np.concatenate(list(master(sound, RATE, how, loops=False)))
    np.testing.assert_allclose(out, played[3 * len(audio) : 4 * len(audio)], atol=1e-5)
    assert true_peak_db(np.tile(out, (3, 1))) <= TRUE_PEAK_DB


def test_the_gain_goes_on_over_the_seam_without_a_step(tmp_path: Path) -> None:
    audio = np.roll(drums(1.0, 0.9, 0.05), -20, axis=0)
    out, _ = mastered(tmp_path, audio, loops=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        gain = np.where(np.abs(audio) > 1e-3, out / audio, np.nan)[:, 0]
    around = np.concatenate([gain[-200:], gain[:200]])
    known = around[~np.isnan(around)]
    assert known.min() < 0.9 * known.max()  # the limiter is at work there
    assert np.abs(np.diff(known)).max() < 0.05 * known.max()


@pytest.mark.parametrize("bars", [1, 4])
def test_a_loop_of_the_engine_reaches_the_loudness_and_stays_seamless(
    tmp_path: Path, bars: int
) -> None:
    asked = ClipRequest((WeightedPrompt("techno"),), bars=bars, bpm=133.3, seed=3)
    audio = render_clip(InlineEngine(partial(groove.load, RATE)), asked)
    out, _ = mastered(tmp_path, audio, loops=True)
    assert lufs(np.tile(out, (6, 1))) == pytest.approx(LOUDNESS_LUFS, abs=0.5)
    assert true_peak_db(np.tile(out, (3, 1))) <= TRUE_PEAK_DB
    seam = np.abs(out[0] - out[-1]).max()
    assert seam < np.quantile(np.abs(np.diff(out, axis=0)), 0.999)


@pytest.mark.parametrize("loops", [False, True])
@pytest.mark.parametrize("audio", [np.zeros((RATE * 2, 2), np.float32), noise(RATE // 3)])
def test_silence_and_scraps_are_left_alone(tmp_path: Path, audio: Audio, loops: bool) -> None:
    with spool(tmp_path, audio) as sound:
        assert find_mastering(sound, RATE, loops) is None


def test_a_clip_that_was_left_alone_says_why(tmp_path: Path) -> None:
    engine = InlineEngine(partial(groove.load, RATE)).info
    saved = save(tmp_path / "a.wav", noise(RATE // 3, level=0.05), ASKED, engine)
    assert saved.mastered is None
    assert "shorter than 0.4 s" in saved.warning
    assert mastering_of(read_info(saved.path)) is None


def test_a_clip_keeps_how_it_was_mastered_and_is_made_again_without_measuring(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = InlineEngine(partial(groove.load, RATE)).info
    audio = drums(3.0, 0.8, 0.03)
    first = save(tmp_path / "a.wav", audio, ASKED, engine)
    info = read_info(first.path)
    assert mastering_of(info) == first.mastered
    assert request_from(info).master
    monkeypatch.setitem(__import__("sys").modules, "pyloudnorm", None)
    with spool(tmp_path, audio) as sound:
        again = save_clip(tmp_path / "b.wav", sound, ASKED, engine, mastered=mastering_of(info))
    assert np.array_equal(read_wav(first.path).audio, read_wav(again.path).audio)


@pytest.mark.parametrize(
    "kept", [3, {}, {"gain_db": "loud", "ceiling_db": -1}, {"gain_db": 1e9, "ceiling_db": -1.6}]
)
def test_nonsense_about_mastering_is_refused(kept: object) -> None:
    with pytest.raises(BadValue, match="does not say all"):
        mastering_of(clip_info(settings={"master": kept}))


@pytest.mark.peer
def test_ffmpeg_measures_the_same(tmp_path: Path) -> None:
    engine = InlineEngine(partial(groove.load, RATE)).info
    saved = save(tmp_path / "a.wav", drums(8.0, 0.9, 0.05), ASKED, engine)
    command = [
        need("ffmpeg"),
        "-nostats",
        "-i",
        str(saved.path),
        "-af",
        "ebur128=peak=true",
        "-f",
        "null",
    ]
    told = subprocess.run([*command, "-"], capture_output=True, text=True, check=True).stderr
    summary = told[told.rindex("Summary:") :]
    loudness, peak = (float(v) for v in re.findall(r"(?:I|Peak): +(-?[\d.]+)", summary))
    assert loudness == pytest.approx(LOUDNESS_LUFS, abs=0.5)
    assert peak <= TRUE_PEAK_DB
