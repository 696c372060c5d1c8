"""Renders: exact lengths, the same samples again, and all it takes for that in the file."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from bridge.clips.opening import Opening
from bridge.clips.render import render_clips
from bridge.clips.request import ClipRequest, opening_of, rate_of, request_from
from bridge.clips.wav import read_info, read_wav
from engine import fake, groove
from engine.api import EngineHandle, Recording, WeightedPrompt
from engine.errors import BadValue, EngineError, EngineLost, SidemanError
from engine.host.inline import InlineEngine
from tests.bridge.clips.handles import RATE, WatchedEngine
from tests.bridge.clips.rendering import render_clip, save
from tests.bridge.clips.samples import clip_info, noise

BLEND = (WeightedPrompt("lofi", 2.0), WeightedPrompt("jazz", 0.5))
LOOP = ClipRequest(BLEND, bars=2, bpm=117.3, numerator=3, denominator=4, seed=9, temperature=0.5)


def inline(rate: int = RATE, hop: int = 1) -> EngineHandle:
    return InlineEngine(partial(fake.load, rate, hop=hop))


@pytest.mark.parametrize("hop", [1, 640])
def test_a_loop_has_exactly_the_samples_of_its_bars(hop: int) -> None:
    audio = render_clip(inline(32000, hop), LOOP)
    assert audio.shape == (round(2 * 3 * 60 / 117.3 * 32000), 2)
    assert audio.dtype == np.float32


def test_a_loop_is_what_the_engine_plays_from_beat_0_on() -> None:
    plain = ClipRequest(BLEND, seconds=20.0, seed=9, temperature=0.5)
    one_bar = round(3 * 60 / 117.3 * RATE)
    # Two tones may beat against each other as if there was a beat in them.
    loop = render_clip(inline(), replace(LOOP, straight=True))
    stream = render_clip(inline(), plain)
    same = len(loop) - RATE // 100
    assert np.array_equal(loop[:same], stream[one_bar : one_bar + same])
    assert np.array_equal(loop[-1], stream[one_bar - 1])


def test_beat_0_falls_on_the_first_sample_after_a_bar_of_pre_roll() -> None:
    engine = WatchedEngine()
    render_clip(engine, LOOP)
    timing = engine.opened[0].timing
    assert timing is not None
    assert (timing.sample, timing.beat) == (round(3 * 60 / 117.3 * RATE), 0.0)
    assert (timing.bpm, timing.beats_per_bar) == (117.3, 3.0)


def test_without_a_tempo_the_engine_keeps_its_own() -> None:
    engine = WatchedEngine()
    audio = render_clip(engine, ClipRequest(BLEND, seconds=1.5))
    assert len(audio) == 1.5 * RATE
    assert engine.opened[0].timing is None


def test_progress_goes_up_to_1() -> None:
    told: list[float] = []
    render_clip(inline(), LOOP, told.append)
    assert told == sorted(told)
    assert told[-1] == 1.0


def test_a_clip_can_be_made_again_from_its_file(tmp_path: Path) -> None:
    engine = inline()
    first = save(tmp_path / "a.wav", render_clip(engine, LOOP), LOOP, engine.info).path
    info = read_info(first)
    assert (info.engine, rate_of(info)) == ("fake", RATE)
    again = request_from(info)
    assert again == LOOP
    other = inline(rate_of(info))
    second = save(tmp_path / "a.wav", render_clip(other, again), again, other.info).path
    assert second.name == "a_2.wav"
    assert np.array_equal(read_wav(first).audio, read_wav(second).audio)


def test_a_clip_keeps_the_words_and_the_recording_that_it_goes_on_from(tmp_path: Path) -> None:
    opening = Opening("before.wav", "0" * 64, Recording(noise(100), 44100))
    asked = replace(LOOP, words="117 bpm, A minor", opening=opening)
    path = save(tmp_path / "a.wav", noise(round(6 * 60 / 117.3 * RATE)), asked, inline().info).path
    info = read_info(path)
    assert opening_of(info) == ("before.wav", "0" * 64)
    assert request_from(info, opening) == asked


def test_a_clip_keeps_what_its_engine_says_of_itself(tmp_path: Path) -> None:
    plain = inline().info
    exact = replace(plain, precision="bf16", context_s=20.0)
    audio = noise(round(6 * 60 / 117.3 * RATE))
    for engine, kept in (plain, ("", 0.0)), (exact, ("bf16", 20.0)):
        settings = read_info(save(tmp_path / "a.wav", audio, LOOP, engine).path).settings
        assert (settings["model"], settings["device"]) == ("fake-1", "cpu")
        assert (settings.get("precision"), settings.get("context_s")) == kept


@pytest.mark.parametrize("kept", [3, "x.wav", ["x.wav"], ["x.wav", 3]])
def test_nonsense_about_the_recording_is_refused(kept: object) -> None:
    with pytest.raises(BadValue, match="does not say all"):
        opening_of(clip_info(settings={"opening": kept}))


@pytest.mark.parametrize("channels", [1, 2])
def test_a_clip_has_the_channels_of_its_engine(tmp_path: Path, channels: int) -> None:
    engine = InlineEngine(partial(fake.load, RATE, channels))
    path = save(tmp_path / "a.wav", render_clip(engine, LOOP), LOOP, engine.info).path
    assert read_wav(path).audio.shape[1] == channels


def test_of_several_clips_each_ends_by_itself_and_a_broken_one_alone(tmp_path: Path) -> None:
    requests = [
        ClipRequest((WeightedPrompt(prompt),), seconds=seconds)
        for prompt, seconds in (("lofi", 3.0), ("!crash", 9.0), ("jazz", 0.5))
    ]
    ended = {}
    for index, sound in render_clips(inline(), requests, tmp_path):
        ended[index] = str(sound) if isinstance(sound, SidemanError) else len(sound) / RATE
    assert list(ended) == [2, 0, 1]
    assert (ended[2], ended[0]) == (0.5, 3.0)
    assert "told to crash" in str(ended[1])


def test_a_clip_that_is_too_loud_is_turned_down_as_a_whole(tmp_path: Path) -> None:
    engine = inline()
    audio = render_clip(engine, LOOP)
    loud = audio * np.float32(4 / np.abs(audio).max())
    written = save(tmp_path / "a.wav", loud, LOOP, engine.info)
    kept = read_wav(written.path).audio
    assert written.limited == 0
    assert np.abs(kept).max() == pytest.approx(10 ** (-1 / 20), abs=1e-6)
    np.testing.assert_allclose(kept / np.abs(kept).max(), loud / 4, atol=1e-6)
    assert read_info(written.path).settings["gain_db"] == pytest.approx(-13.04, abs=0.01)


def test_a_quiet_clip_is_left_alone(tmp_path: Path) -> None:
    engine = inline()
    audio = render_clip(engine, LOOP)
    path = save(tmp_path / "a.wav", audio, LOOP, engine.info).path
    np.testing.assert_allclose(read_wav(path).audio, audio, atol=2**-24)


def test_an_engine_that_breaks_says_why() -> None:
    broken = replace(LOOP, prompts=(WeightedPrompt("!crash"),))
    with pytest.raises(EngineError, match="told to crash"):
        render_clip(inline(), broken)


def test_an_engine_that_dies_is_lost() -> None:
    engine = WatchedEngine()
    engine.on_read = lambda reads: engine.shutdown() if reads == 2 else None
    with pytest.raises(EngineLost):
        render_clip(engine, LOOP)


@pytest.mark.parametrize(
    "changes",
    [
        {"bpm": 19.0}, {"bpm": float("nan")}, {"bpm": 0.0}, {"bars": -1}, {"numerator": 0},
        {"denominator": 33}, {"seed": -1}, {"seed": 2**31}, {"bars": 10**9}, {"prompts": ()},
        {"prompts": (WeightedPrompt("x", 0.0),)}, {"bars": 0}, {"bars": 0, "seconds": 86401.0},
        {"bars": 101, "bpm": 20.0},
    ],
)  # fmt: skip
def test_nonsense_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(BadValue):
        replace(LOOP, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "settings",
    [{}, {"prompts": 3}, {"prompts": [["x"]]}, {"prompts": [["x", "heavy"]], "temperature": 1}],
)
def test_a_clip_without_its_settings_cannot_be_made_again(settings: dict[str, object]) -> None:
    info = clip_info(settings=settings)
    for read in (request_from, rate_of):
        with pytest.raises(BadValue, match="does not say all"):
            read(info)


@pytest.mark.parametrize("prompt", ["techno", "ambient in A minor", "lofi hip hop, no drums"])
def test_a_groove_loop_has_no_step_at_its_seam_and_is_the_same_again(prompt: str) -> None:
    asked = ClipRequest((WeightedPrompt(prompt),), bars=2, bpm=133.3, seed=3)
    loop = render_clip(InlineEngine(groove.load), asked)
    seam = np.abs(loop[0] - loop[-1]).max()
    assert seam < np.quantile(np.abs(np.diff(loop, axis=0)), 0.999)
    assert np.array_equal(loop, render_clip(InlineEngine(groove.load), asked))
