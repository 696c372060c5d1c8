"""Guidance, temperature, top-k and the dice, against transformers' processors."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from engine.musicgen.sampling import Dice, distribution, draw, guided

V = 2048


def theirs(logits: Tensor, guidance: float, temperature: float, top_k: int) -> Tensor:
    """Probabilities `[K, V]` of logits `[2, K, V]` by transformers' own processors."""
    from transformers import (
        ClassifierFreeGuidanceLogitsProcessor,
        TemperatureLogitsWarper,
        TopKLogitsWarper,
    )

    ids = torch.zeros(logits.shape[1], 1, dtype=torch.int64)
    scores = torch.cat((logits[0], logits[1]))  # with text, then without: [2 * K, V]
    guide: Any = ClassifierFreeGuidanceLogitsProcessor
    scores = guide(guidance)(ids, scores)
    scores = TemperatureLogitsWarper(temperature)(ids, scores)
    probabilities: Tensor = TopKLogitsWarper(top_k)(ids, scores).softmax(-1)
    return probabilities


def test_the_distribution_is_that_of_transformers_for_each_stream() -> None:
    logits = 4 * torch.randn(4, 2, 4, V, generator=torch.Generator().manual_seed(0))
    logits[3, :, :, 100:200] = logits[3, :, :, :1]  # ties
    knobs = [(3.0, 0.85, 250), (1.5, 1.3, 1), (10.0, 0.05, V), (2.0, 1.0, 30)]
    guidance, temperature, top_k = (torch.tensor(column) for column in zip(*knobs, strict=True))
    made = distribution(guided(logits, guidance), temperature, top_k)
    for mine, own, (g, t, k) in zip(made, logits, knobs, strict=True):
        torch.testing.assert_close(mine, theirs(own, g, t, k), atol=1e-6, rtol=1e-5)


def test_draws_follow_the_distribution() -> None:
    generator = torch.Generator().manual_seed(0)
    probabilities = (2 * torch.randn(1, 1, 30, generator=generator)).softmax(-1)
    n = 200_000
    uniform = torch.rand(n, 1, generator=generator)
    drawn = draw(probabilities.expand(n, 1, 30), uniform)[:, 0]
    counts = torch.bincount(drawn, minlength=30) / n
    expected = probabilities[0, 0]
    deviation = (expected * (1 - expected) / n).sqrt()
    assert ((counts - expected).abs() < 5 * deviation + 1e-9).all()


@pytest.mark.parametrize("uniform", [0.0, 0.5, 1 - 2**-24])
def test_nothing_impossible_is_drawn(uniform: float) -> None:
    probabilities = torch.zeros(1, 2, V)
    probabilities[0, 0, 7] = 1.0
    probabilities[0, 1, 100:103] = 1 / 3
    codes = draw(probabilities, torch.full((1, 2), uniform))[0]
    assert codes[0] == 7
    assert 100 <= codes[1] <= 102


def test_dice_depend_on_seed_and_step_alone() -> None:
    dice, other = (Dice(4, torch.device("cpu")) for _ in range(2))
    steps = [0, 5, 255, 256, 1000, 3, 100_000, 5]
    first = [dice.numbers(3, step) for step in steps]
    again = [other.numbers(3, step) for step in reversed(steps)]
    for a, b in zip(first, reversed(again), strict=True):
        assert torch.equal(a, b)
    assert torch.equal(first[1], first[-1])
    assert not torch.equal(dice.numbers(4, 5), first[1])
    seeds = torch.stack([dice.numbers(seed, 0) for seed in range(500)])
    assert len(set(seeds.flatten().tolist())) == seeds.numel()
    blocks = torch.stack([dice.numbers(3, 256 * block) for block in range(500)])
    assert len(set(blocks.flatten().tolist())) == blocks.numel()
    assert 0.45 < seeds.mean() < 0.55
