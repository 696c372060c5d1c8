"""The same weights, the same codes: ours against transformers' own MusicGen, on the CPU in fp32."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from engine.musicgen.decoder import Segment
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


def other_shape(folder: Path, tokenizer: Path) -> Path:
    """A checkpoint as unlike MusicGen as its classes allow: a causal codec of 75 frames a second
    with more codebooks than are used, text as wide as the decoder, few positions, another
    activation and vocabulary."""
    from transformers import (
        AutoTokenizer,
        EncodecConfig,
        MusicgenConfig,
        MusicgenDecoderConfig,
        MusicgenForConditionalGeneration,
        T5Config,
    )

    torch.manual_seed(0)
    config: Any = MusicgenConfig
    model: Any = MusicgenForConditionalGeneration(
        config(
            text_encoder=T5Config(
                vocab_size=600, d_model=24, d_kv=8, d_ff=40, num_layers=2, num_heads=3
            ).to_dict(),
            audio_encoder=EncodecConfig(
                num_filters=2, hidden_size=6, codebook_size=256, target_bandwidths=[4.8]
            ).to_dict(),
            decoder=MusicgenDecoderConfig(
                vocab_size=150, hidden_size=24, num_hidden_layers=3, num_attention_heads=3,
                ffn_dim=50, max_position_embeddings=16, activation_function="gelu_new",
                num_codebooks=4, pad_token_id=150, bos_token_id=150,
            ).to_dict(),
        )
    )  # fmt: skip
    for parameter in model.decoder.parameters():
        if parameter.dim() > 1:
            torch.nn.init.normal_(parameter, std=0.4)
    settings = model.generation_config
    settings.decoder_start_token_id = settings.pad_token_id = settings.bos_token_id = 150
    model.save_pretrained(folder)
    AutoTokenizer.from_pretrained(tokenizer).save_pretrained(folder)
    return folder


@pytest.mark.filterwarnings("ignore")  # of transformers, about such a model
def test_a_checkpoint_of_quite_another_shape_is_played_as_well(
    tmp_path: Path, tiny_mono: Path
) -> None:
    folder = other_shape(tmp_path / "other", tiny_mono)
    wanted = Reference(folder).greedy(PROMPTS, 60, 3.0)
    player = Player(folder)
    streams = [player.open(steering(text, top_k=1)) for text in PROMPTS]
    audio = player.play(streams, 60)
    made = torch.stack([codes(stream, 0, 60) for stream in streams])
    assert len(set(wanted.flatten().tolist())) > 30
    assert torch.equal(made, wanted)
    assert audio[0].shape == (60 * 320, 1)


@pytest.mark.slow
def test_greedy_codes_at_the_shape_of_musicgen_small(full_shape: Path) -> None:
    reference = Reference(full_shape)
    wanted = reference.greedy(["lofi hip hop, dusty drums"], 50, 3.0)
    del reference
    player = Player(full_shape)
    stream = player.open(steering("lofi hip hop, dusty drums", top_k=1))
    while stream.steps < 54:
        player.engine.advance([stream])
    assert torch.equal(codes(stream, 0, 50), wanted[0])
