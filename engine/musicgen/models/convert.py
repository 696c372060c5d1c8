"""A checkpoint written as one GGUF file, that is the whole instrument.

Tensors are read, quantised and written one at a time, a slice of rows at a time, so that the size
of a model does not matter. The file grows beside its place and gets its name when it is complete.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.errors import BadValue, EngineUnavailable
from engine.musicgen.models import config as configs
from engine.musicgen.models import gguf_format, gguf_header, hub, new_file, pages
from engine.musicgen.models.checkpoint import SYNONYMS, Checkpoint
from engine.musicgen.models.gguf_file import SLICE, quantiser

TYPES: Mapping[str, int] = {"q8_0": 7, "q4_0": 2, "f16": 1, "f32": 0}
"""What can be written, and llama.cpp's number of such a file."""
DEFAULT_TYPE = "q8_0"

_QUANTISED_VERSION = 2
"""Of the blocks' layout, ggml's GGML_QNT_VERSION."""
_BLOCK = 32
_LICENCE_LINK = "https://creativecommons.org/licenses/by-nc/4.0/"


@dataclass(frozen=True, slots=True)
class Converted:
    """What was written."""

    path: Path
    size_bytes: int
    note: str
    """What its weights may be used for; empty if nothing is known."""


def check(target: Path, kind: str, force: bool) -> None:
    """Raises BadValue for what need not be begun: done before anything is downloaded."""
    if kind == "q4_k_m":
        raise BadValue(
            "--type q4_k_m cannot be written: the gguf package reads such weights and does not "
            "make them; use q4_0 or q8_0"
        )
    if kind not in TYPES:
        raise BadValue(f"--type {kind!r} is none of {', '.join(TYPES)}")
    if target.suffix.lower() != ".gguf":
        raise BadValue(f"-o {target}: the name must end in .gguf, by which --model knows it")
    if target.is_dir():
        raise BadValue(f"-o {target} is a folder: name a file in it")
    if target.exists() and not force:
        raise new_file.taken(target)


def convert(
    model: str,
    source: Path,
    target: Path,
    kind: str = DEFAULT_TYPE,
    force: bool = False,
    show: Callable[[float], None] = lambda done: None,
) -> Converted:
    """Write the checkpoint `source`, which the user calls `model`, as `target`.

    `show` takes how much is done, 0..1. A file of that name is left alone unless `force` is set.
    Raises BadValue, EngineUnavailable for a checkpoint that cannot be read, EngineError for a file
    that cannot be written.
    """
    check(target, kind, force)
    sizes = configs.read(source)
    checkpoint = Checkpoint(source)
    plan = _plan(checkpoint, kind)
    entries = _origin(model, source) | _facts(sizes, plan) | _texts(source)
    needed = sum(tensor.size for tensor in plan.values())
    with new_file.written(target, needed, force) as part:
        writer = _writer(part, kind, entries, plan)
        try:
            _write(writer, checkpoint, plan, show)
        finally:
            writer.close()
    return Converted(target, target.stat().st_size, hub.file_note(target))


@dataclass(frozen=True, slots=True)
class _Planned:
    """A tensor to be written."""

    short: str
    shape: tuple[int, ...]
    kind: str

    @property
    def stored_shape(self) -> tuple[int, ...]:
        """Of the array that is written: bytes, if it is quantised."""
        if self.kind in _FLOATS:
            return self.shape
        *outer, row = self.shape
        return (*outer, row // _BLOCK * _block_bytes(self.kind))

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype(_FLOATS.get(self.kind, np.uint8))

    @property
    def size(self) -> int:
        return math.prod(self.stored_shape) * self.dtype.itemsize


_FLOATS: Mapping[str, type[Any]] = {"F32": np.float32, "F16": np.float16}


def _block_bytes(kind: str) -> int:
    return next(known.block_bytes for known in gguf_format.KINDS.values() if known.name == kind)


def _plan(checkpoint: Checkpoint, kind: str) -> dict[str, _Planned]:
    """What is written, in the checkpoint's order, by the names there."""
    twice = {other for name, other in SYNONYMS.items() if name in checkpoint.names}
    return {
        name: _Planned(gguf_format.short_name(name), shape, _kind(name, shape, kind))
        for name, shape in checkpoint.shapes.items()
        if name not in twice
    }


def _kind(name: str, shape: tuple[int, ...], wanted: str) -> str:
    """How a tensor is stored in a file of the type `wanted`."""
    # The codec runs in float32, and what is neither matrix nor large is worth nothing to save.
    small = len(shape) < 2 or "relative_attention_bias" in name
    if wanted == "f32" or small or name.startswith("audio_encoder."):
        return "F32"
    if wanted == "f16" or len(shape) != 2 or shape[-1] % _BLOCK:
        return "F16"
    # What goes in and comes out is kept finer, as llama.cpp keeps it: with the words at 4 bits
    # what is drawn from was three times as far off, for a file that is a fourteenth smaller.
    between = name.startswith("decoder.") and ".layers." in name
    return wanted.upper() if between else "Q8_0"


def _origin(model: str, source: Path) -> dict[str, str]:
    """GGUF's `general.` keys: what this is, whose, and on what terms."""
    if gguf_header.is_gguf(source):
        old = gguf_header.read(source)
        kept = ("name", "organization", "license", "license.link", "source.repo_url")
        return {f"general.{key}": old.text(f"general.{key}") for key in kept}
    if model == hub.TINY or hub.existing(model) is not None:
        return {"general.name": model if model == hub.TINY else source.resolve().name}
    owner, name = hub.full_id(model).split("/")
    origin = {
        "general.name": name,
        "general.organization": owner,
        "general.source.repo_url": f"https://huggingface.co/{owner}/{name}",
    }
    if hub.licence_note(model):
        origin |= {"general.license": hub.META_LICENCE, "general.license.link": _LICENCE_LINK}
    return origin


def _facts(sizes: configs.ModelConfig, plan: Mapping[str, _Planned]) -> dict[str, str | int]:
    """What other tools show of a model, under the names that GGUF has for it."""
    decoder, codec = sizes.decoder, sizes.codec
    millions = sum(math.prod(tensor.shape) for tensor in plan.values()) / 1e6
    label = f"{millions / 1000:.1f}B" if millions >= 1000 else f"{millions:.3g}M"
    return {
        "general.type": "model",
        "general.size_label": label,
        "musicgen.block_count": decoder.num_hidden_layers,
        "musicgen.context_length": decoder.max_position_embeddings,
        "musicgen.embedding_length": decoder.hidden_size,
        "musicgen.feed_forward_length": decoder.ffn_dim,
        "musicgen.attention.head_count": decoder.num_attention_heads,
        "musicgen.codebook_count": decoder.num_codebooks,
        "musicgen.audio_channels": decoder.audio_channels,
        "musicgen.sampling_rate": codec.sampling_rate,
    }


def _texts(source: Path) -> dict[str, str]:
    """The small files of the checkpoint, by their keys."""
    if gguf_header.is_gguf(source):
        files = gguf_header.read(source).files()
    else:
        files = {name: _text(source / name) for name in gguf_format.TEXTS}
    if not files["tokenizer.json"]:
        raise EngineUnavailable(
            f"{source} has no tokenizer.json, which a GGUF file needs: save its tokenizer anew "
            "with transformers, AutoTokenizer.from_pretrained(DIR).save_pretrained(DIR)"
        )
    return {gguf_format.TEXTS[name]: text for name, text in files.items() if text}


def _text(path: Path) -> str:
    """Empty if there is no such file."""
    try:
        return path.read_bytes().decode()
    except FileNotFoundError:
        return ""
    except (OSError, ValueError) as error:
        raise EngineUnavailable(f"{path} cannot be read ({error}): copy the model again") from None


def _writer(
    part: Path, kind: str, entries: Mapping[str, str | int], plan: Mapping[str, _Planned]
) -> Any:
    """A writer that has written all but the tensors' bytes."""
    quants = quantiser()
    import gguf

    writer = gguf.GGUFWriter(part, gguf_format.ARCHITECTURE)
    for key, value in entries.items():
        if isinstance(value, str):
            writer.add_string(key, value)
        else:
            writer.add_uint32(key, value)
    writer.add_file_type(TYPES[kind])
    writer.add_quantization_version(_QUANTISED_VERSION)
    for tensor in plan.values():
        stored = quants.GGMLQuantizationType[tensor.kind]
        shape, size = tensor.stored_shape, tensor.size
        writer.add_tensor_info(tensor.short, shape, tensor.dtype, size, raw_dtype=stored)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    return writer


def _write(
    writer: Any,
    checkpoint: Checkpoint,
    plan: Mapping[str, _Planned],
    show: Callable[[float], None],
) -> None:
    left = dict(plan)
    whole, done = sum(tensor.size for tensor in plan.values()), 0
    for name, tensor in checkpoint.tensors():
        planned = left.pop(name, None)
        if planned is not None:
            writer.write_tensor_data(_stored(name, tensor, planned))
            done += planned.size
            show(done / whole)
        del tensor  # Before the next is read.
    assert not left, left


def _stored(name: str, tensor: Tensor, planned: _Planned) -> NDArray[Any]:
    """The array to write, of `planned.stored_shape`."""
    if planned.kind == "F32":
        array: NDArray[Any] = tensor.to(torch.float32).contiguous().numpy()
        return array
    if planned.kind == "F16":
        half = tensor.to(torch.float16).contiguous()
        if half.isinf().any() and not tensor.isinf().any():
            raise EngineUnavailable(f"{name} has weights too large for f16: use --type f32")
        return half.numpy()
    return _quantised(tensor, planned)


def _quantised(tensor: Tensor, planned: _Planned) -> NDArray[np.uint8]:
    """uint8 `[rows, bytes of a row]`"""
    quants = quantiser()
    kind = quants.GGMLQuantizationType[planned.kind]
    stored: NDArray[np.uint8] = pages.empty(planned.size).numpy().reshape(planned.stored_shape)
    step = max(1, SLICE // planned.shape[-1])
    for first in range(0, planned.shape[0], step):
        rows = tensor[first : first + step].to(torch.float32).contiguous().numpy()
        blocks = quants.quantize(rows.reshape(1, -1), kind)  # It goes through few rows at a time.
        stored[first : first + step] = blocks.reshape(len(rows), -1)
    return stored
