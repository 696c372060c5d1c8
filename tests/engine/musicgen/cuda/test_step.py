"""One static step against the eager decoder: every shape that a batch may have."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from engine.musicgen.cuda.lanes import Lanes
from engine.musicgen.cuda.slabs import Slabs
from engine.musicgen.cuda.step import StaticStep
from engine.musicgen.cuda.texts import AllTexts
from engine.musicgen.decoder import Decoder, Segment, TextKv
from engine.musicgen.directions import Knobs
from engine.musicgen.kv import KvCache
from engine.musicgen.sampling import choose
from tests.engine.musicgen.playing import Player

STEPS = 300
TOLERANCE = 2e-5
"""Of logits whose spread is about 1, in fp32: attention adds up in another order."""

Wanted = tuple[int, int, str | None]
"""Start, rows, text; `a|b` is a blend."""


class Pair:
    """The same segments for both decoders, with a random past of the same kind."""

    def __init__(self, folder: Path) -> None:
        self.player = Player(folder)
        self.decoder: Decoder = self.player.decoder
        self.slabs = Slabs(self.decoder.config, self.decoder.norm.weight)
        self.texts = AllTexts(self.decoder.config, self.decoder.norm.weight)
        self.random = torch.Generator().manual_seed(0)

    def segments(self, wanted: list[Wanted]) -> tuple[list[Segment], list[Segment]]:
        ours, theirs = [], []
        books = self.decoder.config.num_codebooks
        for start, rows, text in wanted:
            own = self.slabs.take(STEPS)
            other = KvCache.new(self.decoder.config, STEPS, torch.device("cpu"), torch.float32)
            for mine, their in ((own.keys, other.keys), (own.values, other.values)):
                their.copy_(torch.randn(their.shape, generator=self.random))
                mine[:, :, :, :STEPS] = their
            codes = torch.randint(2048, (books, 1), generator=self.random)
            kv = self.text(text)
            ours.append(Segment(codes, start, own, kv, rows))
            theirs.append(Segment(codes, start, other, kv, rows))
        return ours, theirs

    def text(self, text: str | None) -> TextKv | None:
        if text is None:
            return None
        parts = text.split("|")
        return self.player.engine._model.prompts.blend({part: 1 / len(parts) for part in parts})

    def step(self, segments: list[Segment]) -> tuple[StaticStep, Lanes]:
        lanes = Lanes(segments)
        shape = lanes.shape
        texts = self.texts.of(shape.lanes, shape.tokens) if shape.tokens else None
        return StaticStep(self.decoder, shape, texts), lanes


@pytest.fixture(scope="module", params=["mono", "stereo"])
def pair(request: pytest.FixtureRequest, tiny_mono: Path, tiny_stereo: Path) -> Pair:
    return Pair(tiny_mono if request.param == "mono" else tiny_stereo)


LONG = "a very long description of a very slow piece, " * 3
BATCHES: dict[str, list[Wanted]] = {
    "first step of all": [(0, 2, "jazz")],
    "one row": [(40, 1, "jazz")],
    "no text": [(40, 1, None)],
    "two rows without text": [(40, 2, None)],
    "last of a span": [(127, 2, "jazz")],
    "first of a span": [(128, 2, "jazz")],
    "last of a window": [(299, 2, "jazz")],
    "a long text": [(10, 2, LONG)],
    "a blend": [(10, 2, f"jazz|{LONG}|techno")],
    "a blend with silence": [(10, 2, "jazz|")],
    "many": [(5, 2, "jazz"), (200, 1, "techno"), (130, 2, None), (0, 2, LONG), (17, 1, None)],
    "many without text": [(5, 1, None), (200, 1, None), (130, 1, None)],
}


def cache(segment: Segment) -> KvCache:
    assert isinstance(segment.cache, KvCache)
    return segment.cache


def knobs(streams: int) -> Knobs:
    return Knobs(
        torch.linspace(1.5, 4, streams),
        torch.linspace(0.7, 1.1, streams),
        torch.linspace(250, 20, streams).long(),
    )


@pytest.mark.parametrize("name", BATCHES)
@torch.inference_mode()
def test_logits_and_codes_are_those_of_the_eager_decoder(pair: Pair, name: str) -> None:
    ours, theirs = pair.segments(BATCHES[name])
    step, lanes = pair.step(ours)
    turned = knobs(len(ours))
    numbers = torch.rand(len(ours), pair.decoder.config.num_codebooks, generator=pair.random)
    wanted: Tensor = pair.decoder(theirs)
    step.fill(ours, lanes, turned, numbers)
    torch.testing.assert_close(step.logits(), wanted, atol=TOLERANCE, rtol=0)
    step()
    assert torch.equal(step.made, choose(wanted, turned, numbers))


@torch.inference_mode()
def test_it_writes_the_new_position_and_nothing_else(pair: Pair) -> None:
    ours, theirs = pair.segments([(5, 1, "jazz"), (200, 2, "jazz"), (64, 2, None)])
    step, lanes = pair.step(ours)
    numbers = torch.zeros(3, pair.decoder.config.num_codebooks)
    step.fill(ours, lanes, knobs(3), numbers)
    step()
    pair.decoder(theirs)
    for mine, their in zip(map(cache, ours), map(cache, theirs), strict=True):
        for own, other in ((mine.keys, their.keys), (mine.values, their.values)):
            torch.testing.assert_close(own[:, :, :, :STEPS], other, atol=TOLERANCE, rtol=0)


@torch.inference_mode()
def test_nothing_of_one_batch_is_left_in_the_next(pair: Pair) -> None:
    """The same buffers and caches for other streams, texts and knobs."""
    first, _ = pair.segments([(60, 2, LONG), (100, 2, "techno"), (3, 2, "jazz")])
    step, lanes = pair.step(first)
    step.fill(first, lanes, knobs(3), torch.zeros(3, pair.decoder.config.num_codebooks))
    step()
    _, theirs = pair.segments([(9, 2, None), (120, 2, LONG), (77, 2, "house")])
    second = []
    for before, their in zip(first, theirs, strict=True):
        cache(before).keys[:, :, :, :STEPS] = cache(their).keys
        cache(before).values[:, :, :, :STEPS] = cache(their).values
        second.append(Segment(their.inputs, their.start, before.cache, their.text))
    lanes = Lanes(second)
    assert lanes.shape == step.shape
    turned = Knobs(torch.full((3,), 2.0), torch.full((3,), 0.9), torch.full((3,), 100))
    numbers = torch.rand(3, pair.decoder.config.num_codebooks, generator=pair.random)
    step.fill(second, lanes, turned, numbers)
    step()
    assert torch.equal(step.made, choose(pair.decoder(theirs), turned, numbers))
