"""The decoder's network beside the eager decoder, on the same weights."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from engine.musicgen.backend import Backend
from engine.musicgen.decoder import Segment, TextKv
from engine.musicgen.directions import Knobs
from engine.musicgen.kv import Past
from engine.musicgen.models.checkpoint import Checkpoint
from engine.musicgen.models.config import DecoderConfig
from engine.musicgen.openvino.backend import OpenVinoBackend
from engine.musicgen.openvino.pool import BLOCK_STEPS
from engine.musicgen.openvino.sampling import choose
from engine.musicgen.openvino.store import Arrays
from engine.musicgen.openvino.weights import decoder_arrays
from engine.musicgen.sampling import choose as reference_choose
from tests.engine.musicgen.playing import Player

STEPS = 96
Pass = tuple[int, int, int, int | None]
"""Cache, start, length and text of a segment."""


class Pair:
    """A network of a precision, and the eager decoder of the same checkpoint."""

    def __init__(self, folder: Path, precision: str) -> None:
        player = Player(folder)
        self.config: DecoderConfig = player.config.decoder
        self.eager: Backend = player.engine._model.backend
        self.few = few_bits(folder, self.config, precision)
        random = torch.Generator().manual_seed(1)
        width = self.config.cross_attention_hidden_size or self.config.hidden_size
        states = [torch.randn(n, width, generator=random) * 0.3 for n in (12, 5)]
        self.texts = [player.decoder.text_kv(some) for some in states]
        shape = self.config.num_codebooks, STEPS
        self.codes = torch.randint(0, self.config.vocab_size, shape, generator=random)

    def segment(self, cache: Past, start: int, n: int = 1, text: int | None = 0) -> Segment:
        words = None if text is None else self.texts[text]
        return Segment(self.codes[:, start : start + n], start, cache, words, predicts=n == 1)


def few_bits(folder: Path, config: DecoderConfig, precision: str) -> OpenVinoBackend:
    made = decoder_arrays(Checkpoint(folder), config, precision)
    arrays = Arrays({name: array.copy() for name, array in made})
    kept = "int8" if precision == "fp32" else precision
    return OpenVinoBackend(config, arrays, kept, STEPS)


@pytest.fixture(autouse=True)
def _inference() -> Iterator[None]:
    with torch.inference_mode():
        yield


def both(pair: Pair, passes: Sequence[Sequence[Pass]]) -> list[list[Tensor]]:
    """Logits of all passes, by both; a pass is cache, start, length and text of its segments."""
    made = []
    for backend in (pair.eager, pair.few):
        caches = [backend.new_cache(STEPS) for _ in range(3)]
        made.append([
            backend.logits([pair.segment(caches[c], start, n, text) for c, start, n, text in one])
            for one in passes
        ])  # fmt: skip
    return made


def mixed() -> list[list[Pass]]:
    """A stream alone, then with another prompt and slices of a coming window beside it, then three
    in a batch, one of them without any prompt."""
    first: list[list[Pass]] = [[(0, i, 1, 0)] for i in range(40)]
    then: list[list[Pass]] = [[(0, 40 + i, 1, 1), (1, 8 * i, 8, 0)] for i in range(4)]
    last: list[list[Pass]] = [
        [(0, 44 + i, 1, 1), (1, 32 + i, 1, 0), (2, i, 1, None)] for i in range(20)
    ]
    return first + then + last


@pytest.mark.parametrize(("precision", "most"), [("fp32", 1e-6), ("int8", 0.01), ("int4", 0.4)])
@pytest.mark.parametrize("channels", [1, 2])
def test_it_expects_what_the_eager_decoder_expects(
    tiny_mono: Path, tiny_stereo: Path, precision: str, most: float, channels: int
) -> None:
    """In 32 bits all but the same, the past being kept in 16; in fewer by KL divergence."""
    pair = Pair((tiny_mono, tiny_stereo)[channels - 1], precision)
    eager, few = both(pair, mixed())
    divergence = [
        (p.exp() * (p - q)).sum(-1).mean()
        for p, q in (
            (a.double().log_softmax(-1), b.double().log_softmax(-1))
            for a, b in zip(eager, few, strict=True)
        )
    ]
    assert 0 <= torch.stack(divergence).mean() < most
    if precision == "fp32":
        for a, b in zip(eager, few, strict=True):
            torch.testing.assert_close(a, b, rtol=0, atol=0.01)


@pytest.mark.parametrize("precision", ["int8", "int4"])
def test_a_row_is_the_same_among_any_number_of_others(tiny_mono: Path, precision: str) -> None:
    pair = Pair(tiny_mono, precision)
    backend = pair.few
    caches = [backend.new_cache(STEPS) for _ in range(9)]
    for i in range(20):
        backend.logits([pair.segment(caches[0], i)])
    alone = backend.logits([pair.segment(caches[0], 20)])
    for others in range(1, 9):
        beside = [pair.segment(cache, i, text=1) for i, cache in enumerate(caches[1 : others + 1])]
        assert torch.equal(backend.logits([pair.segment(caches[0], 20), *beside])[0], alone[0])
        assert torch.equal(backend.logits([*beside, pair.segment(caches[0], 20)])[-1], alone[0])
    slices = [pair.segment(caches[1], 0, 8, 1), pair.segment(caches[2], 8, 13, None)]
    assert torch.equal(backend.logits([pair.segment(caches[0], 20), *slices])[0], alone[0])


def test_a_row_can_be_given_the_past_of_the_other(tiny_mono: Path) -> None:
    pair = Pair(tiny_mono, "int8")
    backend, cache = pair.few, pair.few.new_cache(STEPS)
    past = BLOCK_STEPS + 7
    one = [Segment(pair.codes[:, i : i + 1], i, cache, None, rows=1) for i in range(past)]
    for segment in one:
        backend.logits([segment])
    cache.copy_row(past)
    logits = backend.logits([Segment(pair.codes[:, past : past + 1], past, cache, None)])
    assert torch.equal(logits[0, 0], logits[0, 1])


def test_memory_of_caches_is_used_again(tiny_mono: Path) -> None:
    pair = Pair(tiny_mono, "int8")
    first = pair.few.new_cache(STEPS)
    blocks = set(first.blocks.flat)
    second = pair.few.new_cache(STEPS)
    assert blocks.isdisjoint(second.blocks.flat)
    del first
    assert set(pair.few.new_cache(STEPS).blocks.flat) == blocks


def test_blocks_that_were_used_before_do_not_show(tiny_mono: Path) -> None:
    pair = Pair(tiny_mono, "int8")

    def played() -> list[Tensor]:
        cache = pair.few.new_cache(STEPS)
        return [pair.few.logits([pair.segment(cache, i)]) for i in range(50)]

    for a, b in zip(played(), played(), strict=True):
        assert torch.equal(a, b)


def test_a_mix_of_prompts_is_heard_as_the_eager_decoder_hears_it(tiny_mono: Path) -> None:
    """A bias on some of its tokens among them."""
    pair = Pair(tiny_mono, "fp32")
    bias = torch.linspace(-2, 0, 12)[None]
    mixed = TextKv(pair.texts[0].keys, pair.texts[0].values, bias)
    made = [
        backend.logits([Segment(pair.codes[:, :1], 0, backend.new_cache(STEPS), mixed)])
        for backend in (pair.eager, pair.few)
    ]
    torch.testing.assert_close(*made, rtol=0, atol=0.01)


def test_codes_are_drawn_as_torch_draws_them() -> None:
    random = torch.Generator().manual_seed(3)
    logits = torch.randn(5, 2, 4, 500, generator=random) * 4
    logits[4] = 0  # all alike
    knobs = Knobs(
        torch.tensor([1.0, 3.0, 3.0, 10.0, 3.0]),
        torch.tensor([1.0, 0.1, 1.0, 2.0, 1.0]),
        torch.tensor([500, 250, 1, 40, 250]),
    )
    same = 0
    for _ in range(50):
        numbers = torch.rand(5, 4, generator=random)
        made = choose(logits.numpy(), knobs, numbers)
        assert made.dtype == torch.int64
        same += int((made == reference_choose(logits, knobs, numbers)).sum())
    assert same >= 998  # of 1000: a number may fall between two roundings
    numbers = torch.full((5, 4), float(np.nextafter(np.float32(1), np.float32(0))))
    assert choose(logits.numpy(), knobs, numbers).max() < 500
