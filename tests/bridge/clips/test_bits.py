"""Clips of 16, 24 and 32 bits, and the noise that goes with 16."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from bridge.cli.replay import replay
from bridge.clips.pcm import dithered
from bridge.clips.request import ClipRequest, request_from
from bridge.clips.save import save_clip
from bridge.clips.wav import open_wav, read_info, read_wav
from engine import groove
from engine.api import WeightedPrompt
from engine.errors import BadValue
from engine.host.inline import InlineEngine
from tests.bridge.clips.rendering import render_clip, spool
from tests.bridge.clips.samples import noise

RATE = 16000
REQUEST = ClipRequest((WeightedPrompt("lofi hip hop"),), bars=1, bpm=120.0, seed=3)


@pytest.mark.parametrize("bits", [16, 24, 32])
def test_a_clip_has_the_bits_asked_for_and_replay_makes_the_same_again(
    tmp_path: Path, bits: int
) -> None:
    engine = InlineEngine(partial(groove.load, rate=RATE))
    request = replace(REQUEST, bits=bits)
    audio = render_clip(engine, request)
    with spool(tmp_path, audio) as sound:
        path = save_clip(tmp_path / "a.wav", sound, request, engine.info).path
    with open_wav(path) as wav:
        assert (wav.head.format.bits, wav.head.format.is_float) == (bits, bits == 32)
    assert request_from(read_info(path)).bits == bits
    assert replay(path).same


def test_a_clip_from_before_there_was_a_choice_has_24(tmp_path: Path) -> None:
    engine = InlineEngine(partial(groove.load, rate=RATE))
    with spool(tmp_path, render_clip(engine, REQUEST)) as sound:
        info = read_info(save_clip(tmp_path / "a.wav", sound, REQUEST, engine.info).path)
    settings = {name: value for name, value in info.settings.items() if name != "bits"}
    assert request_from(replace(info, settings=settings)).bits == 24


def test_what_is_too_quiet_for_16_bits_is_still_there_on_average(tmp_path: Path) -> None:
    engine = InlineEngine(partial(groove.load, rate=RATE))
    quiet = np.full((REQUEST.length_samples(RATE), 2), 0.3 / 2**15, np.float32)
    with spool(tmp_path, quiet) as sound:
        request = replace(REQUEST, bits=16)
        path = save_clip(tmp_path / "a.wav", sound, request, engine.info).path
    written = read_wav(path).audio
    assert np.abs(written).max() * 2**15 == pytest.approx(1.0)
    assert written.mean() * 2**15 == pytest.approx(0.3, abs=0.02)


def test_the_noise_is_the_same_however_the_audio_is_cut() -> None:
    audio = noise(5000)
    whole = dithered(audio, 16, np.random.default_rng(1))
    dice = np.random.default_rng(1)
    pieces = [dithered(piece, 16, dice) for piece in np.array_split(audio, 7)]
    assert np.array_equal(whole, np.concatenate(pieces))


def test_other_bits_are_refused() -> None:
    with pytest.raises(BadValue, match="a clip of 20 bits cannot be written: 16, 24 or 32"):
        replace(REQUEST, bits=20)
