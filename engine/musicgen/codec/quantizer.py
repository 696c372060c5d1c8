"""Residual vector quantisation: each codebook names what those before it left over."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from engine.musicgen.codec.weights import Shape, Weighted
from engine.musicgen.models.config import CodecConfig


class Quantizer(Weighted):
    """The first `books` of a codec's codebooks, shared by decoder and encoder."""

    entries: Tensor
    offsets: Tensor

    def __init__(self, config: CodecConfig, books: int) -> None:
        super().__init__()
        size = config.codebook_size
        self.books = books
        self.register_buffer("entries", torch.zeros(books * size, config.hidden_size))
        # Not torch's `arange`: on the device `meta` it imports all of torch's compiler.
        offsets = np.arange(books, dtype=np.int64) * size
        self.register_buffer("offsets", torch.from_numpy(offsets))
        self._size = size

    def decode(self, codes: Tensor) -> Tensor:
        """int64 codes `[B, K]` of one frame -> its vector, `[B, hidden]`."""
        return functional.embedding(codes + self.offsets, self.entries).sum(1)

    def encode(self, vectors: Tensor) -> Tensor:
        """Vectors `[B, T, hidden]` -> int64 codes of the nearest entries, `[B, K, T]`."""
        codes = []
        rest = vectors
        for entries in self.entries.view(self.books, self._size, -1):
            # The vector's own square is the same for every entry, so it decides nothing.
            distances = entries.square().sum(1) - 2 * rest @ entries.t()  # [B, T, size]
            nearest = distances.argmin(2)
            rest = rest - functional.embedding(nearest, entries)
            codes.append(nearest)
        return torch.stack(codes, 1)

    def shapes(self) -> dict[str, Shape]:
        entry: Shape = (self._size, self.entries.shape[1])
        return {f"layers.{k}.codebook.embed": entry for k in range(self.books)}

    def put(self, name: str, tensor: Tensor) -> None:
        book = int(name.split(".")[1])
        self.entries[book * self._size : (book + 1) * self._size] = tensor
