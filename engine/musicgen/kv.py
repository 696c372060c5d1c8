"""What a decoder remembers of a sequence: keys and values, in memory that is taken once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from engine.musicgen.models.config import DecoderConfig

ROWS = 2
"""A sequence with its prompt, and beside it the same without: what guidance compares."""


class Past(Protocol):
    """Memory for one sequence, of whichever backend: it alone reads and writes it."""

    @property
    def steps(self) -> int:
        """How many positions it has room for."""

    def copy_row(self, length: int) -> None:
        """Give row 1 the past of row 0, `length` positions of it."""


@dataclass(frozen=True, slots=True)
class KvCache:
    """Keys and values of up to `steps` positions, for `ROWS` rows.

    Position p of a sequence is at index p. What lies behind the last one written is old, and is
    never looked at: whoever reads says how far.
    """

    keys: Tensor
    """[layers, rows, heads, steps, head_dim]"""
    values: Tensor
    """The same."""

    @classmethod
    def new(
        cls, config: DecoderConfig, steps: int, device: torch.device, dtype: torch.dtype
    ) -> KvCache:
        """Written to at once: memory that only grows with the music is found too late."""
        shape = (
            config.num_hidden_layers, ROWS, config.num_attention_heads, steps, config.head_dim,
        )  # fmt: skip
        return cls(*(torch.zeros(shape, device=device, dtype=dtype) for _ in range(2)))

    @property
    def steps(self) -> int:
        return self.keys.shape[3]

    def write(self, layer: int, start: int, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Put `[rows, heads, n, head_dim]` at `start`; returns all from position 0 to there."""
        rows, _, n, _ = keys.shape
        end = start + n
        self.keys[layer, :rows, :, start:end] = keys
        self.values[layer, :rows, :, start:end] = values
        return self.keys[layer, :rows, :, :end], self.values[layer, :rows, :, :end]

    def copy_row(self, length: int) -> None:
        """Give row 1 the past of row 0, `length` positions of it."""
        for memory in (self.keys, self.values):
            memory[:, 1, :, :length] = memory[:, 0, :, :length]


def cache_bytes(config: DecoderConfig, steps: int, weight_bytes: int) -> int:
    """Of one `KvCache`."""
    layer = ROWS * config.num_attention_heads * steps * config.head_dim
    return 2 * config.num_hidden_layers * layer * weight_bytes
