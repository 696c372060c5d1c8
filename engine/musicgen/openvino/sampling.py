"""`engine.musicgen.sampling` for a few streams on a CPU: the same codes, in a fifth of the time.

The threshold of top-k is found by selection instead of by sorting, in numpy, which takes less
time than torch to begin a small operation.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.musicgen.directions import Knobs
from engine.musicgen.sampling import NEARLY_ONE


def choose(logits: NDArray[np.float32], knobs: Knobs, numbers: Tensor) -> Tensor:
    """See `engine.musicgen.sampling.choose`; logits `[S, 2, K, V]`."""
    guidance, temperature = (
        knob.numpy()[:, None, None] for knob in (knobs.guidance, knobs.temperature)
    )
    with_text, without = logits[:, 0], logits[:, 1]
    scores = (without + (with_text - without) * guidance) / temperature  # [S, K, V]
    codes = [
        _drawn(of_one, int(top_k), at)
        for of_one, top_k, at in zip(scores, knobs.top_k, numbers.numpy(), strict=True)
    ]
    return torch.from_numpy(np.stack(codes))


def _drawn(
    scores: NDArray[np.float32], top_k: int, numbers: NDArray[np.float32]
) -> NDArray[np.int64]:
    """Codes `[K]` from scores `[K, V]`."""
    last = scores.shape[1] - top_k
    threshold = np.partition(scores, last, axis=1)[:, last, None]
    shares = np.exp(scores - scores.max(1, keepdims=True))
    shares[scores < threshold] = 0
    cumulative = shares.cumsum(1)
    targets = np.minimum(numbers, NEARLY_ONE) * cumulative[:, -1]
    pairs = zip(cumulative, targets, strict=True)
    return np.array([np.searchsorted(row, at, "right") for row, at in pairs], np.int64)
