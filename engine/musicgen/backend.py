"""The seam between streams and whatever computes the decoder.

The engine asks for the codes that come of segments and for caches to keep their past in. The eager
torch decoder is the reference; a faster one (4-bit weights, a captured graph) takes its place here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor

from engine.musicgen.decoder import Decoder, Segment, TextKv
from engine.musicgen.directions import Knobs
from engine.musicgen.kv import KvCache, Past
from engine.musicgen.sampling import choose


class Backend(Protocol):
    """Computes the decoder."""

    @property
    def device(self) -> torch.device:
        """Where codes and logits live."""

    def new_cache(self, steps: int) -> Past:
        """Memory for one sequence of up to `steps` positions. May raise what torch raises."""

    def logits(self, segments: Sequence[Segment]) -> Tensor:
        """float32 `[predicting, 2, K, vocabulary]`: with text, and without."""

    def draw(self, segments: Sequence[Segment], knobs: Knobs, numbers: Tensor) -> Tensor:
        """Codes int64 `[predicting, K]`, drawn by `knobs`, `[predicting]` each, at uniform numbers
        `[predicting, K]`. The caller may keep them."""
        return choose(self.logits(segments), knobs, numbers)


class TorchBackend(Backend):
    """The reference: `Decoder` as it stands, on any device of torch's."""

    def __init__(self, decoder: Decoder) -> None:
        self._decoder = decoder
        self._weight = decoder.norm.weight

    @property
    def device(self) -> torch.device:
        return self._weight.device

    def new_cache(self, steps: int) -> KvCache:
        return KvCache.new(self._decoder.config, steps, self.device, self._weight.dtype)

    def text_kv(self, states: Tensor) -> TextKv:
        """What cross-attention keeps of a prompt's states, `[tokens, width]`."""
        return self._decoder.text_kv(states.to(self._weight.dtype))

    def logits(self, segments: Sequence[Segment]) -> Tensor:
        logits: Tensor = self._decoder(segments)
        return logits
