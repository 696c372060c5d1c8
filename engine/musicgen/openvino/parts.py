"""An instrument out of a conversion."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import cache
from pathlib import Path
from typing import Any, cast

import torch

from engine.musicgen.codec.encoder import AudioEncoder
from engine.musicgen.codec.quantizer import Quantizer
from engine.musicgen.decoder import Segment
from engine.musicgen.loading import Parts
from engine.musicgen.models.config import ModelConfig
from engine.musicgen.openvino.backend import OpenVinoBackend
from engine.musicgen.openvino.cache import WEIGHTS
from engine.musicgen.openvino.codec import OpenVinoAudioDecoder
from engine.musicgen.openvino.conversion import Precision, converted
from engine.musicgen.openvino.runtime import core
from engine.musicgen.openvino.store import Store
from engine.musicgen.openvino.text import OpenVinoText

_RELEASE_EVERY_S = 0.05


def openvino_parts(
    source: Path,
    config: ModelConfig,
    rate: int,
    precision: str,
    positions: int,
    tell: Callable[[str], None],
) -> Parts:
    """Of the checkpoint `source`, which is brought into `precision` first if it never was.

    `positions`: the longest window, in steps. Raises EngineUnavailable.
    """
    folder = converted(source, cast(Precision, precision), tell)
    store = Store(folder / WEIGHTS)
    core()  # imports OpenVINO, which two threads at once must not
    with ThreadPoolExecutor(2) as threads:
        decoder = threads.submit(_backend, store, config, precision, positions)
        others = threads.submit(_others, folder, store, config, rate)
        # OpenVINO makes copies of its own. What they were made from would add up meanwhile.
        both: list[Future[Any]] = [decoder, others]
        while wait(both, _RELEASE_EVERY_S).not_done:
            store.release()
    store.release()
    backend, (text, audio) = decoder.result(), others.result()

    @cache
    def encoder() -> AudioEncoder:
        books = config.decoder.num_codebooks // config.decoder.audio_channels
        loaded = AudioEncoder(config.codec, Quantizer(config.codec, books)).eval()
        for name, tensor in loaded.state_dict(keep_vars=True).items():
            tensor.copy_(torch.from_numpy(store.array(f"audio_encoder.{name}")))
        store.release()
        return loaded

    return Parts(backend, text, audio, encoder, audio_beside=True)


@torch.inference_mode()
def _backend(store: Store, config: ModelConfig, precision: str, positions: int) -> OpenVinoBackend:
    """Run once, as the others: it is then that OpenVINO copies the weights."""
    backend = OpenVinoBackend(config.decoder, store, precision, positions)
    inputs = torch.zeros(config.decoder.num_codebooks, 1, dtype=torch.int64)
    backend.logits([Segment(inputs, 0, backend.new_cache(1), None)])
    return backend


def _others(
    folder: Path, store: Store, config: ModelConfig, rate: int
) -> tuple[OpenVinoText, OpenVinoAudioDecoder]:
    text = OpenVinoText(config, store)
    text.read_tokenizer(folder)
    text("")
    channels = config.decoder.audio_channels
    books = config.decoder.num_codebooks // channels
    audio = OpenVinoAudioDecoder(config.codec, store, rate, books, channels)
    audio.advance(audio.start(channels), torch.zeros(channels, books, dtype=torch.int64))
    return text, audio
