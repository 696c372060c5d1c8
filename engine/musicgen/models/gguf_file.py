"""A GGUF file as a checkpoint: config, tokenizer and all weights in one.

Weights that are quantised there are brought back to float32 one tensor at a time, and from there
into the precision they are kept in.
"""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from engine.errors import EngineUnavailable
from engine.musicgen.models import gguf_header, pages
from engine.musicgen.models.gguf_header import TensorPlace

_DTYPES = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}
"""Stored as torch has them."""
SLICE = 1 << 17
"""Weights that are quantised or brought back at once: numpy takes some 20 bytes for each, and is
quickest when these fit into a processor's cache."""


class GgufFile:
    """The tensors of a GGUF file, one at a time, by their names in transformers' checkpoints.

    Raises EngineUnavailable for a file that cannot be used.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._places = gguf_header.read(path).tensors
        self.shapes = {place.name: place.shape for place in self._places}

    def read(self, names: Collection[str]) -> Iterator[tuple[str, Tensor]]:
        """Name and tensor, in the order of the file; float32 if it is quantised there."""
        wanted = set(names)
        with self._path.open("rb", buffering=0) as file:
            for place in self._places:
                if place.name not in wanted:
                    continue
                file.seek(place.start)
                try:
                    raw = pages.read(file, place.size)
                except EOFError:
                    raise gguf_header.damaged(self._path, f"it ends within {place.name}") from None
                yield place.name, _tensor(raw, place)
                del raw


def _tensor(raw: Tensor, place: TensorPlace) -> Tensor:
    """A tensor of `place.shape` from its bytes, uint8 `[size]`."""
    dtype = _DTYPES.get(place.kind.name)
    if dtype is not None:
        return raw.view(dtype).view(place.shape)
    quants = quantiser()
    kind = quants.GGMLQuantizationType[place.kind.name]
    blocks = raw.view(-1, place.kind.block_bytes).numpy()  # [blocks, bytes]
    floats = pages.empty(4 * len(blocks) * place.kind.block).view(torch.float32)
    weights = floats.view(len(blocks), place.kind.block).numpy()
    step = SLICE // place.kind.block
    for first in range(0, len(blocks), step):
        row = blocks[first : first + step].reshape(1, -1)  # It goes through few rows at a time.
        weights[first : first + step].reshape(1, -1)[:] = quants.dequantize(row, kind)
    return floats.view(place.shape)


def quantiser() -> Any:
    """The module that knows ggml's blocks. Raises EngineUnavailable if it is not installed."""
    try:
        import gguf.quants
    except ImportError:
        raise EngineUnavailable(
            "the package gguf is not installed, which GGUF files need: "
            "pip install 'sideman[musicgen]'"
        ) from None
    return gguf.quants


@contextmanager
def folder_of(path: Path) -> Iterator[Path]:
    """A folder with the small files of a checkpoint: `path`, or for a GGUF file one for a while."""
    if not gguf_header.is_gguf(path):
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="sideman-") as folder:
        for name, text in gguf_header.read(path).files().items():
            (Path(folder) / name).write_bytes(text.encode())
        yield Path(folder)
