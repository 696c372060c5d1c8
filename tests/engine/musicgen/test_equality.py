"""The same weights, the same codes: ours against transformers' own MusicGen, on the CPU in fp32."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from engine.musicgen.decoder import Segment
from engine.musicgen.models import tiny
from tests.engine.musicgen.playing import Player, codes, steering
from tests.engine.musicgen.reference import Reference

PROMPTS = ["lofi hip hop", "dark techno with drums and a very long description, acid bass", "jazz"]


@pytest.fixture(scope="module", params=["mono", "stereo"])
def pair(
    request: pytest.FixtureRequest, tiny_mono: Path, tiny_stereo: Path
) -> tuple[Player, Reference]:
    folder = tiny_mono if request.param == "mono" else tiny_stereo
    return Player(folder), Reference(folder)


@pytest.mark.parametrize("guidance", [1.0, 3.0])
@pytest.mark.parametrize("prompts", [PROMPTS[:1], PROMPTS], ids=["one", "three"])
def test_greedy_codes_are_those_of_generate(
    pair: tuple[Player, Reference], prompts: list[str], guidance: float
) -> None:
    player, reference = pair
    wanted = reference.greedy(prompts, 120, guidance)
    streams = [player.open(steering(text, top_k=1, guidance=guidance)) for text in prompts]
    player.play(streams, 120)
    made = torch.stack([codes(stream, 0, 120) for stream in streams])
    assert (
        len(set(wanted.flatten().tolist())) > 30
    )  # a reference that says one thing for ever proves nothing
    assert torch.equal(made, wanted)


@torch.inference_mode()
def test_logits_are_those_of_the_reference(pair: tuple[Player, Reference]) -> None:
    player, reference = pair
    inputs = torch.randint(2048, (reference.codebooks, 50))
    inputs[:, 0] = 2048
    text = player.engine._model.prompts.of(PROMPTS[1])
    states = player_states(reference, PROMPTS[1])
    wanted = [
        reference.model.decoder(input_ids=inputs, encoder_hidden_states=given).logits[:, -1]
        for given in (states, torch.zeros_like(states))
    ]
    cache = player.engine._model.backend.new_cache(50)
    first, last = inputs[:, :30], inputs[:, 30:]
    player.decoder([Segment(first, 0, cache, text, predicts=False)])
    made = player.decoder([Segment(last, 30, cache, text)])
    torch.testing.assert_close(made[0], torch.stack(wanted), atol=1e-4, rtol=0)


def player_states(reference: Reference, text: str) -> Tensor:
    tokens = reference.tokenizer(text, return_tensors="pt")
    states = reference.model.text_encoder(**tokens).last_hidden_state
    projected: Tensor = reference.model.enc_to_dec_proj(states)
    return projected


@torch.inference_mode()
def test_continuing_makes_the_codes_of_generate_with_an_audio_prompt(
    pair: tuple[Player, Reference],
) -> None:
    player, reference = pair
    channels = player.config.decoder.audio_channels
    noise = 0.1 * torch.randn(channels, 40 * 640, generator=torch.Generator().manual_seed(1))
    wanted = reference.greedy([PROMPTS[0]], 100, 3.0, audio=noise)[0]
    stream = player.open(steering(PROMPTS[0], top_k=1), reference.recording(noise))
    player.play([stream], 60)
    assert torch.equal(codes(stream, -40, 60), wanted[:, :100])


@pytest.mark.slow
def test_greedy_codes_at_the_shape_of_musicgen_small(tmp_path: Path) -> None:
    folder = tiny.full_shape(tmp_path / "small")
    reference = Reference(folder)
    wanted = reference.greedy(["lofi hip hop, dusty drums"], 100, 3.0)
    del reference
    player = Player(folder)
    stream = player.open(steering("lofi hip hop, dusty drums", top_k=1))
    while stream.steps < 104:
        player.engine.advance([stream])
    assert torch.equal(codes(stream, 0, 100), wanted[0])
