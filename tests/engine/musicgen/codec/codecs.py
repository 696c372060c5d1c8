"""Codecs with random weights: transformers' as the reference, and ours with the same weights."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from functools import cache
from typing import Any

import torch
from torch import Tensor
from transformers import EncodecConfig, EncodecModel

from engine.musicgen.codec.decoder import AudioDecoder, DecoderState
from engine.musicgen.codec.encoder import AudioEncoder
from engine.musicgen.codec.weights import WeightLoader
from engine.musicgen.models.config import CodecConfig

_MUSICGEN = {
    "sampling_rate": 32_000,
    "upsampling_ratios": [8, 5, 4, 4],
    "use_causal_conv": False,
    "use_conv_shortcut": False,
    "target_bandwidths": [2.2],
    "num_filters": 64,
    "codebook_size": 2048,
}
SHAPES: dict[str, dict[str, Any]] = {
    "full": _MUSICGEN,
    "thin": _MUSICGEN | {"num_filters": 4, "hidden_size": 8, "codebook_size": 64},
    # Nothing as in MusicGen: an even ratio after an odd one, wide dilations, other kernels.
    "odd": _MUSICGEN
    | {
        "sampling_rate": 12_000,
        "upsampling_ratios": [3, 4, 2, 5],
        "target_bandwidths": [1.0],
        "num_filters": 2,
        "hidden_size": 6,
        "codebook_size": 32,
        "kernel_size": 5,
        "last_kernel_size": 3,
        "residual_kernel_size": 5,
        "num_residual_layers": 2,
        "dilation_growth_rate": 3,
        "num_lstm_layers": 1,
        "compress": 1,
    },
    # As EncodecConfig comes, without a word: causal, with a convolution beside each block, and
    # with far more codebooks than a model of music makes codes for.
    "causal": {"num_filters": 2, "hidden_size": 6, "codebook_size": 32, "target_bandwidths": [3.0]},
}
PREFIX = "audio_encoder."


@dataclass(frozen=True, slots=True)
class Pair:
    """One codec twice."""

    theirs: Any
    """transformers' EncodecModel."""
    config: CodecConfig

    def tensors(self) -> dict[str, Tensor]:
        """As in a MusicGen checkpoint."""
        state: dict[str, Tensor] = self.theirs.state_dict()
        return {PREFIX + name: tensor for name, tensor in state.items()}

    def decoder(self, rate: int | None = None) -> AudioDecoder:
        decoder = AudioDecoder(self.config, rate or self.config.sampling_rate)
        return loaded(self.tensors(), decoder)

    def encoder(self) -> AudioEncoder:
        decoder = AudioDecoder(self.config, self.config.sampling_rate)
        encoder = AudioEncoder(self.config, decoder.quantizer)
        loaded(self.tensors(), decoder, encoder)
        return encoder

    def codes(self, channels: int, frames: int, seed: int = 0) -> Tensor:
        """int64 `[channels, K, frames]`."""
        size = (channels, self.config.num_codebooks, frames)
        chance = torch.Generator().manual_seed(seed)
        return torch.randint(0, self.config.codebook_size, size, generator=chance)

    @torch.inference_mode()
    def decode_offline(self, codes: Tensor) -> Tensor:
        """transformers' audio of the whole, `[channels, samples]`."""
        audio: Tensor = self.theirs.decode(codes[None], [None]).audio_values
        return audio[:, 0]

    @torch.inference_mode()
    def encode_offline(self, audio: Tensor) -> Tensor:
        """transformers' codes of the whole, `[channels, K, frames]`."""
        codes: Tensor = self.theirs.encode(audio[:, None]).audio_codes
        return codes[0]


@cache
def pair(shape: str) -> Pair:
    torch.manual_seed(7)
    asked: Any = EncodecConfig(**SHAPES[shape])
    model: Any = EncodecModel(asked)
    model.eval()
    with torch.no_grad():
        for layer in model.quantizer.layers:
            layer.codebook.embed.normal_()
    return Pair(model, config_of(asked.to_dict()))


def config_of(values: dict[str, Any]) -> CodecConfig:
    lists = {name: tuple(value) for name, value in values.items() if isinstance(value, list)}
    known = {field.name for field in fields(CodecConfig)}
    return CodecConfig(**{k: v for k, v in (values | lists).items() if k in known})


def loaded(
    tensors: dict[str, Tensor], decoder: AudioDecoder, encoder: AudioEncoder | None = None
) -> AudioDecoder:
    loader = WeightLoader(decoder.parts() | (encoder.parts() if encoder else {}))
    for name, tensor in tensors.items():
        loader.take(name, tensor)
    loader.finish()
    return decoder


def states(decoder: AudioDecoder, codes: Tensor) -> Iterator[tuple[DecoderState, Tensor | None]]:
    """The state after each frame of `[channels, K, frames]`, and what was given there."""
    state = decoder.start(codes.shape[0])
    for frame in codes.unbind(2):
        state, audio = decoder.advance(state, frame)
        yield state, audio


def stream(decoder: AudioDecoder, codes: Tensor) -> Tensor:
    """All the audio of a stream, `[channels, samples]`."""
    given = [audio for _, audio in states(decoder, codes) if audio is not None]
    return torch.cat(given).t()


def error_db(found: Tensor, wanted: Tensor) -> float:
    """The largest error, against the largest sample."""
    assert found.shape == wanted.shape
    ratio = (found - wanted).abs().max() / wanted.abs().max()
    return float(20 * torch.log10(ratio + 1e-12))
