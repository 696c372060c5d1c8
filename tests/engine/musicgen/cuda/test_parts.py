"""Graphs are taken where they work, and nowhere else."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.musicgen.backend import TorchBackend
from engine.musicgen.codec.decoder import AudioDecoder
from engine.musicgen.cuda.backend import GraphBackend
from engine.musicgen.cuda.codec import GraphAudioDecoder
from engine.musicgen.cuda.parts import accelerated, recorded
from tests.engine.musicgen.cuda.tape import Refusing, TapeRecorder
from tests.engine.musicgen.playing import Player


@pytest.fixture(scope="module")
def player(tiny_mono: Path) -> Player:
    return Player(tiny_mono)


@pytest.fixture
def audio(player: Player) -> AudioDecoder:
    audio = player.engine._model.audio
    assert isinstance(audio, AudioDecoder)
    return audio


def test_none_where_there_is_no_cuda(player: Player, audio: AudioDecoder) -> None:
    backend, codec, remark = accelerated(player.decoder, audio)
    assert type(backend) is TorchBackend
    assert codec is audio
    assert remark == ""


def test_a_step_is_tried_before_it_is_needed(player: Player, audio: AudioDecoder) -> None:
    recorder = TapeRecorder()
    backend, codec, remark = recorded(player.decoder, audio, recorder)
    assert (recorder.runs, recorder.recordings, recorder.replays) == (1, 1, 1)
    assert isinstance(backend, GraphBackend)
    assert isinstance(codec, GraphAudioDecoder)
    assert remark == ""


def test_a_driver_that_cannot_record_is_named(player: Player, audio: AudioDecoder) -> None:
    backend, codec, remark = recorded(player.decoder, audio, Refusing())
    assert type(backend) is TorchBackend
    assert codec is audio
    assert "not permitted" in remark
