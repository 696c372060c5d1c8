"""The codec's frames from a tape are those of the codec itself, to the bit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from engine.musicgen.codec.decoder import AudioDecoder
from engine.musicgen.cuda.codec import GraphAudioDecoder
from tests.engine.musicgen.cuda.tape import Refusing, TapeRecorder
from tests.engine.musicgen.playing import Player


@pytest.fixture(scope="module", params=["mono", "stereo"])
def inner(request: pytest.FixtureRequest, tiny_mono: Path, tiny_stereo: Path) -> AudioDecoder:
    folder = tiny_mono if request.param == "mono" else tiny_stereo
    audio = Player(folder).engine._model.audio
    assert isinstance(audio, AudioDecoder)
    return audio


def random_codes(inner: AudioDecoder, channels: int, frames: int, seed: int) -> list[Tensor]:
    generator = torch.Generator().manual_seed(seed)
    shape = (channels, inner.quantizer.books)
    return [torch.randint(2048, shape, generator=generator) for _ in range(frames)]


def played(decoder: Any, state: Any, codes: list[Tensor]) -> tuple[list[Any], Tensor]:
    """The states after each frame, and all audio."""
    states, parts = [state], []
    for frame in codes:
        state, audio = decoder.advance(state, frame)
        states.append(state)
        if audio is not None:
            parts.append(audio)
    return states, torch.cat(parts)


@pytest.mark.parametrize("channels", [1, 2])
def test_samples_are_those_of_the_codec(inner: AudioDecoder, channels: int) -> None:
    recorder = TapeRecorder()
    decoder = GraphAudioDecoder(inner, recorder)
    codes = random_codes(inner, channels, 40, seed=0)
    _, wanted = played(inner, inner.start(channels), codes)
    _, made = played(decoder, decoder.start(channels), codes)
    assert torch.equal(made, wanted)
    assert recorder.recordings == 1
    assert recorder.replays > 20


def test_a_state_is_a_value_that_may_be_kept(inner: AudioDecoder) -> None:
    """As a rewind needs it, with another stream played in between."""
    decoder = GraphAudioDecoder(inner, TapeRecorder())
    codes = random_codes(inner, 1, 40, seed=1)
    _, wanted = played(inner, inner.start(1), codes)
    states, made = played(decoder, decoder.start(1), codes)
    played(decoder, decoder.start(1), random_codes(inner, 1, 20, seed=2))
    assert torch.equal(made, wanted)
    for back in (0, 4, 10, 30):
        _, again = played(decoder, states[back], codes[back:])
        assert torch.equal(again, wanted[-len(again) :])


def test_a_codec_that_cannot_be_recorded_plays_on(inner: AudioDecoder) -> None:
    refusing = Refusing()
    decoder = GraphAudioDecoder(inner, refusing)
    codes = random_codes(inner, 1, 40, seed=3)
    _, wanted = played(inner, inner.start(1), codes)
    _, made = played(decoder, decoder.start(1), codes)
    assert torch.equal(made, wanted)
    assert refusing.recordings == 1
