"""From logits to codes: guidance, temperature, top-k, and the dice.

The three are transformers' `ClassifierFreeGuidanceLogitsProcessor`, `TemperatureLogitsWarper` and
`TopKLogitsWarper`, in that order; a test compares the distributions. The draw inverts the
cumulative distribution at one uniform number for each code. Those numbers are a function of seed
and step, so a stream that was rewound draws the same again, on any device.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from engine.musicgen.directions import Knobs

_BLOCK_STEPS = 256
_MOST_BLOCKS = 4
"""So many blocks of numbers are kept: a rewind goes back two at most."""
NEARLY_ONE = 1 - 2**-20
"""A number that rounds up to 1 would fall behind the last candidate."""


def guided(logits: Tensor, guidance: Tensor) -> Tensor:
    """Away from the row without text: `[S, 2, K, V]` and `[S]` to `[S, K, V]`."""
    with_text, without = logits[:, 0], logits[:, 1]
    return without + (with_text - without) * guidance[:, None, None]


def distribution(logits: Tensor, temperature: Tensor, top_k: Tensor) -> Tensor:
    """Probabilities `[S, K, V]` of guided logits `[S, K, V]`.

    `temperature` is float `[S]`, above 0; `top_k` int64 `[S]`, 1..V: candidates as likely as the
    last of them stay, too.
    """
    scores = logits / temperature[:, None, None]
    ordered = scores.sort(dim=-1, descending=True).values
    last = (top_k - 1)[:, None, None].expand(-1, scores.shape[1], 1)
    threshold = ordered.gather(-1, last)  # [S, K, 1]
    return scores.masked_fill(scores < threshold, float("-inf")).softmax(-1)


def draw(probabilities: Tensor, uniform: Tensor) -> Tensor:
    """Codes int64 `[S, K]` from probabilities `[S, K, V]` at uniform numbers `[S, K]` in 0..1."""
    cumulative = probabilities.cumsum(-1)
    target = uniform.clamp(max=NEARLY_ONE)[..., None] * cumulative[..., -1:]
    return torch.searchsorted(cumulative, target, right=True).squeeze(-1)


def choose(logits: Tensor, knobs: Knobs, numbers: Tensor) -> Tensor:
    """Codes int64 `[S, K]` from logits `[S, 2, K, V]`, by the knobs and at the numbers `[S, K]` of
    each stream. Shapes do not depend on values and nothing waits for the device, so that a graph
    can hold all of it."""
    probabilities = distribution(guided(logits, knobs.guidance), knobs.temperature, knobs.top_k)
    return draw(probabilities, numbers)


class Dice:
    """Uniform numbers for one stream's codes, `[K]` for each step."""

    def __init__(self, codebooks: int, device: torch.device) -> None:
        self._codebooks = codebooks
        self._device = device
        self._blocks: dict[tuple[int, int], Tensor] = {}

    def numbers(self, seed: int, step: int) -> Tensor:
        """float32 `[K]`; `seed` is 0 .. 2**31 - 1."""
        block, row = divmod(step, _BLOCK_STEPS)
        return self._block(seed, block)[row]

    def _block(self, seed: int, block: int) -> Tensor:
        table = self._blocks.get((seed, block))
        if table is None:
            # Drawn on the CPU whatever the device, so that all of them agree; and not by torch,
            # whose generator looks at 32 bits of a seed only.
            generator = np.random.default_rng((seed, block))
            drawn = generator.random((_BLOCK_STEPS, self._codebooks), dtype=np.float32)
            table = self._blocks[seed, block] = torch.from_numpy(drawn).to(self._device)
            if len(self._blocks) > _MOST_BLOCKS:
                del self._blocks[next(iter(self._blocks))]
        return table
