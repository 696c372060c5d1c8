"""A checkpoint in few bits: a folder made of it once, and mapped at every start from then on.

It holds `weights.safetensors` and all else that loading needs of the checkpoint. `cache` says
where it is kept and finds it without torch, `weights` knows what is in it.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable
from itertools import chain
from pathlib import Path
from typing import Literal

from engine.errors import EngineUnavailable
from engine.musicgen.models import config as configs
from engine.musicgen.models import hub
from engine.musicgen.models.checkpoint import Checkpoint
from engine.musicgen.models.config import ModelConfig
from engine.musicgen.models.gguf_file import folder_of
from engine.musicgen.openvino import cache, weights
from engine.musicgen.openvino.codec import codec_arrays
from engine.musicgen.openvino.writer import Writer
from engine.musicgen.text import Tokenizer

Precision = Literal["int8", "int4"]
Tell = Callable[[str], None]

_BYTES = {"int8": 1.0, "int4": 0.54}
"""Of a weight of a layer, its share of the scales included."""
_WEIGHTS_PER_S = {"int8": 60e6, "int4": 30e6}
"""On a laptop that has other things to do, with reading the checkpoint."""
_TELL_EVERY_S = 10.0
_MOST_ARRAYS = 3
"""Made of one tensor of a checkpoint."""


def converted(source: Path, precision: Precision, tell: Tell) -> Path:
    """The folder of the conversion of `source`, a checkpoint's folder or a GGUF file.

    It is made now if it is not there; `tell` then gets a line before, and more while it takes
    long. Raises EngineUnavailable for a checkpoint that cannot be used and a cache that cannot be
    written. Killed at any moment it leaves nothing that would be taken for a conversion.
    """
    found = cache.find(source, precision)
    if found:
        return found
    config, checkpoint = configs.read(source), Checkpoint(source)
    weights.compare(checkpoint, config)
    target = cache.place(source, precision)
    if cache.is_whole(target):
        return target
    size = _size(checkpoint, precision)
    tell(_announcement(source, checkpoint, precision, size))
    with cache.made(target, size) as part:
        _copy_small_files(source, part)
        _write_tokenizer(source, config, part / cache.TOKENIZER)
        with weights.threads_for_themselves():
            _write(part / cache.WEIGHTS, checkpoint, config, precision, _Progress(size, tell))
        if cache.place(source, precision) != target:
            raise EngineUnavailable(f"{source} was changed while it was read: start again")
    return target


def _size(checkpoint: Checkpoint, precision: Precision) -> int:
    """About how many bytes the conversion has; rather more."""
    whole = 0.0
    for name, shape in checkpoint.shapes.items():
        if name.startswith("audio_encoder."):
            each = 4.0
        elif "embed_tokens" in name or "shared" in name:
            each = 2.0
        elif name.startswith("decoder.") and ".layers." in name:
            each = _BYTES[precision]
        else:
            each = _BYTES["int8"]
        whole += math.prod(shape) * each
    return int(1.02 * whole)


def _announcement(source: Path, checkpoint: Checkpoint, precision: Precision, size: int) -> str:
    count = sum(math.prod(shape) for shape in checkpoint.shapes.values())
    long_s = max(1, round(count / _WEIGHTS_PER_S[precision]))
    return (
        f"bringing the weights of {source.name} into {precision.removeprefix('int')} bits, once: "
        f"some {long_s} s, and {size / 1e9:.2f} GB in {hub.show(cache.folder())}"
    )


class _Progress:
    """Says how far it has come, once in a while."""

    def __init__(self, whole: int, tell: Tell) -> None:
        self._whole, self._tell = whole, tell
        self._last_s = time.monotonic()

    def __call__(self, done: int) -> None:
        now_s = time.monotonic()
        if now_s - self._last_s >= _TELL_EVERY_S:
            self._last_s = now_s
            self._tell(f"{min(99, 100 * done // self._whole)} % of the weights are converted")


def _copy_small_files(source: Path, part: Path) -> None:
    with folder_of(source) as files:
        for name in hub.SMALL_FILES:
            if (files / name).is_file():
                with (part / name).open("xb") as file:
                    file.write((files / name).read_bytes())
                    file.flush()
                    os.fsync(file.fileno())


def _write_tokenizer(source: Path, config: ModelConfig, path: Path) -> None:
    """As transformers makes it of all of a checkpoint's files, in the one that says it all."""
    from transformers import T5Config

    Tokenizer(source, T5Config(**config.text)).save(path)
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def _write(
    path: Path,
    checkpoint: Checkpoint,
    config: ModelConfig,
    precision: Precision,
    progress: _Progress,
) -> None:
    audio, encoder = weights.codec(checkpoint, config)
    with Writer(path, _MOST_ARRAYS * len(checkpoint.names)) as writer:
        for name, array in chain(codec_arrays(audio), weights.audio_encoder_arrays(encoder)):
            writer.add(name, array)
        del audio, encoder, array
        for name, array in chain(
            weights.decoder_arrays(checkpoint, config.decoder, precision),
            weights.text_arrays(checkpoint, config, precision),
        ):
            writer.add(name, array)
            progress(path.stat().st_size)
        writer.finish()
