"""An instrument out of a conversion."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import torch

from engine.musicgen.codec.encoder import AudioEncoder
from engine.musicgen.codec.quantizer import Quantizer
from engine.musicgen.loading import Parts
from engine.musicgen.models.config import ModelConfig
from engine.musicgen.openvino.backend import OpenVinoBackend
from engine.musicgen.openvino.cache import WEIGHTS
from engine.musicgen.openvino.codec import OpenVinoAudioDecoder
from engine.musicgen.openvino.conversion import Precision, converted
from engine.musicgen.openvino.store import Store
from engine.musicgen.openvino.text import OpenVinoText


def openvino_parts(
    source: Path,
    config: ModelConfig,
    rate: int,
    precision: Precision,
    positions: int,
    tell: Callable[[str], None],
) -> Parts:
    """Of the checkpoint `source`, which is brought into `precision` first if it never was.

    `positions`: the longest window, in steps. Raises EngineUnavailable.
    """
    folder = converted(source, precision, tell)
    store = Store(folder / WEIGHTS)
    channels = config.decoder.audio_channels
    books = config.decoder.num_codebooks // channels
    text = OpenVinoText(config, store)
    text.read_tokenizer(folder)

    @cache
    def encoder() -> AudioEncoder:
        loaded = AudioEncoder(config.codec, Quantizer(config.codec, books)).eval()
        for name, tensor in loaded.state_dict(keep_vars=True).items():
            tensor.copy_(torch.from_numpy(store.array(f"audio_encoder.{name}")))
        return loaded

    return Parts(
        OpenVinoBackend(config.decoder, store, precision, positions),
        text,
        OpenVinoAudioDecoder(config.codec, store, rate, books, channels),
        encoder,
    )
