"""On a CUDA GPU, where there is one: memory as promised, and the same music as on a CPU.

    pytest tests/engine/musicgen/test_gpu.py -rs -s

prints what it measured.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from engine.musicgen.loading import load_engine
from engine.musicgen.models import tiny
from tests.engine.musicgen.playing import Player, codes, steering

pytestmark = [
    pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA GPU"),
    pytest.mark.slow,
    pytest.mark.timeout(600),
]

PROMPTS = ["lofi hip hop, dusty drums", "dub techno, deep bass, tape echo", "jazz trio, brushes"]
GB = 1e9


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random weights in the shape of musicgen-small, which cost the same to run."""
    return tiny.full_shape(tmp_path_factory.mktemp("small") / "small")


@pytest.fixture(autouse=True)
def _empty_gpu() -> Iterator[None]:
    yield
    torch.cuda.empty_cache()


def peak_gb(folder: Path, prompts: list[str], seconds: int) -> float:
    """The most GPU memory that torch has reserved for a render of so many prompts in one pass."""
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    engine = load_engine(str(folder), None, "cuda", "fp16", 14.0, "small")
    frames = 50 * seconds
    streams = [engine.open(steering(text), None, frames) for text in prompts]
    for _ in range(0, frames, 50):
        engine.step(streams, 50)
    peak = torch.cuda.max_memory_reserved() / GB
    print(f"\n{len(prompts)} x {seconds} s in fp16: {peak:.2f} GB")
    return peak


def test_one_stream_of_small_in_fp16_stays_within_what_was_promised(small: Path) -> None:
    assert peak_gb(small, PROMPTS[:1], 10) <= 2.1


def test_three_prompts_in_one_pass_need_little_more(small: Path) -> None:
    assert peak_gb(small, PROMPTS, 10) - peak_gb(small, PROMPTS[:1], 10) <= 0.3


def test_memory_does_not_grow_with_the_music(small: Path) -> None:
    assert peak_gb(small, PROMPTS[:1], 30) - peak_gb(small, PROMPTS[:1], 10) <= 0.1


def test_greedy_codes_are_those_of_the_cpu(tiny_mono: Path) -> None:
    made = []
    for device in ("cpu", "cuda"):
        player = Player(tiny_mono, device=device)
        stream = player.open(steering(PROMPTS[0], top_k=1))
        player.play([stream], 60)
        made.append(codes(stream, 0, 60).cpu())
    assert torch.equal(*made)


def test_a_rewind_gives_the_same_samples(tiny_mono: Path) -> None:
    player = Player(tiny_mono, window=120, slice_steps=120, device="cuda")
    stream = player.open(steering(PROMPTS[0]))
    [first] = player.play([stream], 150)
    stream.rewind(130)
    [again] = player.play([stream], 20)
    np.testing.assert_array_equal(again, first[130 * 640 :])
