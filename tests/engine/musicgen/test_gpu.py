"""On a CUDA GPU, where there is one: memory as promised, and the same music as on a CPU, with steps
as graphs and without.

    pytest tests/engine/musicgen/test_gpu.py -rs -s

prints what it measured.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from engine.musicgen.backend import TorchBackend
from engine.musicgen.cuda.backend import GraphBackend
from engine.musicgen.cuda.parts import SWITCH
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


def scene(player: Player) -> list[torch.Tensor]:
    """Codes of streams that come, go, change their windows and prompts, and are rewound."""
    first = player.open(steering(PROMPTS[0], top_k=1))
    player.play([first], 150)
    second = player.open(steering(PROMPTS[1], top_k=1, guidance=1.0))
    third = player.open(steering("", top_k=1))
    player.play([first, second, third], 130)
    first.rewind(260)
    first.steer(steering(PROMPTS[2], top_k=1, morph_frames=20))
    player.play([first], 20)
    player.play([second, third, first], 60)
    return [codes(first, 0, 340).cpu(), codes(second, 0, 190).cpu(), codes(third, 0, 190).cpu()]


def test_graphs_make_the_codes_of_the_eager_decoder(
    tiny_mono: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shape: dict[str, Any] = {"window": 200, "slice_steps": 200, "rewind": 50, "device": "cuda"}
    player = Player(tiny_mono, **shape)
    backend = player.engine._model.backend
    assert isinstance(backend, GraphBackend)
    made = scene(player)
    assert backend.remark == ""
    assert any(graph.replay for graph in backend._graphs.values())
    monkeypatch.setenv(SWITCH, "0")
    eager = Player(tiny_mono, **shape)
    assert type(eager.engine._model.backend) is TorchBackend
    for ours, theirs in zip(made, scene(eager), strict=True):
        assert torch.equal(ours, theirs)


def test_graphs_of_many_streams_play_small_in_fp16(small: Path) -> None:
    engine = load_engine(str(small), None, "cuda", "fp16", 14.0, "small")
    backend = engine._model.backend
    assert isinstance(backend, GraphBackend)
    streams = [engine.open(steering(PROMPTS[i % 3], seed=i)) for i in range(8)]
    for _ in range(16):
        chunks = engine.step(streams, 50)
        assert all(np.isfinite(chunk).all() for chunk in chunks)
    assert backend.remark == ""
