"""Memory for the past of streams in few large pieces, each with room for several caches.

A graph has addresses in it. Would every cache lie by itself, then a batch of streams, each with two
caches in turn, would need another graph at every change of windows. Of a slab a graph needs to know
only how many rows it takes from there; which ones is in a tensor.

Threading: the runner's thread only.
"""

from __future__ import annotations

import weakref
from dataclasses import dataclass
from itertools import count

import torch
from torch import Tensor

from engine.musicgen.kv import ROWS, KvCache
from engine.musicgen.models.config import DecoderConfig

_FIRST_CACHES = 2
"""What one deck needs."""
_MOST_CACHES = 16
_ALIGNED_STEPS = 8
"""The rows of a mask begin at 16 bytes in half precision, as the quick kernels of attention ask."""


class Slab:
    """Room for so many caches of `steps` positions."""

    def __init__(
        self,
        number: int,
        config: DecoderConfig,
        caches: int,
        steps: int,
        device: torch.device,
        dtype: torch.dtype,
    ) -> None:
        self.number = number
        self.caches = caches
        self.steps = steps
        lanes = ROWS * caches
        self.memory = torch.zeros(
            (
                config.num_hidden_layers, 2, lanes, config.num_attention_heads,
                -(-steps // _ALIGNED_STEPS) * _ALIGNED_STEPS, config.head_dim,
            ),
            device=device, dtype=dtype,
        )  # fmt: skip
        """[layers, keys and values, lanes, heads, positions, head_dim]"""
        self.free = list(range(caches))[::-1]

    @property
    def positions(self) -> int:
        return self.memory.shape[4]

    def take(self) -> SlabCache:
        """A free place, which is free again once nobody has the cache any more."""
        place = self.free.pop()
        lanes = slice(ROWS * place, ROWS * (place + 1))
        cache = SlabCache(self.memory[:, 0, lanes], self.memory[:, 1, lanes], self, place)
        weakref.finalize(cache, self.free.append, place)
        return cache


@dataclass(frozen=True, slots=True, weakref_slot=True, eq=False)
class SlabCache(KvCache):
    """A cache in a slab."""

    slab: Slab
    place: int


class Slabs:
    """All of them; a new one whenever the others are taken."""

    def __init__(self, config: DecoderConfig, like: Tensor) -> None:
        """On the device and in the precision of `like`."""
        self._config = config
        self._like = like
        self._slabs: list[Slab] = []
        self._numbers = count()

    def take(self, steps: int) -> SlabCache:
        """Memory for so many positions. May raise what torch raises."""
        for slab in self._slabs:
            if slab.steps == steps and slab.free:
                return slab.take()
        # What nobody uses is of no use for another length, either.
        self._slabs = [slab for slab in self._slabs if len(slab.free) < slab.caches]
        slab = self._grown(steps)
        self._slabs.append(slab)
        return slab.take()

    def _grown(self, steps: int) -> Slab:
        """Half as much again as there is, or as much of that as there is room for."""
        total = sum(slab.caches for slab in self._slabs)
        caches = min(max(1, total // 2), _MOST_CACHES) if total else _FIRST_CACHES
        while True:
            try:
                return self._new(caches, steps)
            except torch.OutOfMemoryError:
                if caches == 1:
                    raise
                caches //= 2

    def _new(self, caches: int, steps: int) -> Slab:
        like = self._like
        return Slab(next(self._numbers), self._config, caches, steps, like.device, like.dtype)
