"""Prompts, blends and morphs."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from engine.api import Steering, WeightedPrompt
from engine.errors import BadValue
from engine.musicgen.decoder import Segment, TextKv
from engine.musicgen.directions import Directions, blend_of
from engine.musicgen.text import Prompts
from tests.engine.musicgen.playing import Player, steering

A, B = "lofi hip hop", "dark techno with drums, acid bass and a long description"


@pytest.fixture(scope="module")
def player(tiny_mono: Path) -> Player:
    return Player(tiny_mono)


@torch.inference_mode()
def logits(player: Player, text: TextKv | None) -> Tensor:
    """After a fixed past, `[K, V]`, with `text` to listen to."""
    backend = player.engine._model.backend
    inputs = torch.arange(80).view(4, 20)
    segment = Segment(inputs, 0, backend.new_cache(20), text, rows=1)
    return backend.logits([segment])[0, 0]


@torch.inference_mode()
def blended(player: Player, **shares: float) -> Tensor:
    names = {"a": A, "b": B, "none": ""}
    blend = player.engine._model.prompts.blend({names[k]: v for k, v in shares.items()})
    return logits(player, blend)


def test_a_blend_moves_from_one_prompt_to_the_other_without_a_step(player: Player) -> None:
    a, b = blended(player, a=1.0), blended(player, b=1.0)
    torch.testing.assert_close(blended(player, a=1 - 1e-6, b=1e-6), a, atol=1e-3, rtol=0)
    torch.testing.assert_close(blended(player, a=1e-6, b=1 - 1e-6), b, atol=1e-3, rtol=0)
    shares = torch.linspace(0, 1, 201)[1:-1].tolist()
    path = torch.stack([a, *(blended(player, a=1 - w, b=w) for w in shares), b])
    steps = path.diff(dim=0).abs().amax(dim=(1, 2))
    assert steps.max() < 0.2 * (a - b).abs().max()


def test_silence_in_a_blend_fades_to_no_prompt(player: Player) -> None:
    nothing, all_of_it = logits(player, None), blended(player, a=1.0)
    torch.testing.assert_close(blended(player, a=1e-6, none=1 - 1e-6), nothing, atol=1e-3, rtol=0)
    torch.testing.assert_close(blended(player, a=1 - 1e-6, none=1e-6), all_of_it, atol=1e-3, rtol=0)
    assert player.engine._model.prompts.blend({"": 1.0}) is None


@torch.inference_mode()
def test_a_blend_is_the_weighted_mean_of_the_states(player: Player) -> None:
    """Of two prompts of one length: mixing keys and values is mixing the states."""
    encoder = player.text
    one, two = "lofi hip hop", "dark jazz techno"
    states = [encoder(text) for text in (one, two)]
    assert states[0].shape == states[1].shape
    mixed = player.decoder.text_kv(0.25 * states[0] + 0.75 * states[1])
    blend = player.engine._model.prompts.blend({one: 0.25, two: 0.75})
    torch.testing.assert_close(logits(player, blend), logits(player, mixed), atol=1e-4, rtol=0)


def test_a_prompt_is_read_once() -> None:
    read: list[str] = []

    def reading(text: str) -> TextKv:
        read.append(text)
        return TextKv(torch.ones(1, 1, 2, 4), torch.ones(1, 1, 2, 4))

    prompts = Prompts(reading)
    for _ in range(3):
        prompts.blend({A: 0.5, B: 0.5})
        prompts.blend({A: 1.0})
    assert sorted(read) == sorted([A, B])
    for i in range(100):
        prompts.of(str(i))
    assert not prompts.knows(A)
    assert prompts.knows("99")


def test_tempo_and_key_go_with_every_text_but_an_empty_one() -> None:
    prompts = (WeightedPrompt("house ", 3), WeightedPrompt("", 1))
    assert blend_of(prompts, "120 bpm, A minor") == {"house, 120 bpm, A minor": 0.75, "": 0.25}
    assert blend_of((WeightedPrompt(""),), "120 bpm") == {"": 1.0}
    assert blend_of((WeightedPrompt("a", 1), WeightedPrompt("a", 1)), "") == {"a": 1.0}
    with pytest.raises(BadValue, match="weight above 0"):
        blend_of((WeightedPrompt("a", 0),), "")


class TestMorph:
    """Shares on their way, as steps see them."""

    @staticmethod
    def log() -> Directions:
        return Directions(steering("a"), 2048, torch.device("cpu"))

    def test_it_goes_in_a_straight_line_and_arrives(self) -> None:
        log = self.log()
        log.steer(10, 17, steering("b", morph_frames=4))
        shares = [log.at(step).blend_at(step).get("b", 0.0) for step in (16, 17, 18, 20, 21, 99)]
        assert shares == [0.0, 0.0, 0.25, 0.75, 1.0, 1.0]

    def test_equal_prompts_leave_it_alone(self) -> None:
        log = self.log()
        log.steer(10, 17, steering("b", morph_frames=4))
        log.steer(12, 19, steering("b", morph_frames=0, temperature=0.5))
        assert log.at(20).blend_at(20)["b"] == 0.75
        assert log.at(20).steering.temperature == 0.5

    def test_another_begins_where_it_is(self) -> None:
        log = self.log()
        log.steer(10, 17, steering("b", morph_frames=4))
        log.steer(12, 19, steering("c", morph_frames=2))
        assert log.at(20).blend_at(20) == {"a": 0.25, "b": 0.25, "c": 0.5}

    def test_it_can_be_taken_back(self) -> None:
        log = self.log()
        log.steer(10, 17, steering("b"))
        log.steer(20, 27, steering("c"))
        assert log.rewind(30) is None
        assert log.rewind(15) == 27
        assert log.at(99).blend_at(99) == {"b": 1.0}
        assert log.rewind(0) == 17
        assert log.at(99).blend_at(99) == {"a": 1.0}


def test_a_temperature_of_zero_is_named() -> None:
    with pytest.raises(BadValue, match="temperature 0 is out of range"):
        Directions(Steering((WeightedPrompt("a"),), temperature=0.0), 9, torch.device("cpu"))
