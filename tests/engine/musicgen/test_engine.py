"""The engine as its host sees it: in a process, out of memory, in little memory."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from engine import musicgen
from engine.api import HANG_S, Audio, Event, StreamFault
from engine.errors import BadValue, EngineError, OutOfMemory
from engine.host.client import start_process
from engine.host.inline import InlineEngine
from engine.musicgen.decoder import Segment
from engine.musicgen.directions import Knobs
from engine.musicgen.models.checkpoint import SYNONYMS
from engine.musicgen.sampling import choose
from tests.engine.host.helpers import play, render
from tests.engine.musicgen.playing import Player, steering

ROOT = Path(__file__).parents[3]


def test_it_says_what_it_is(tiny_stereo: Path) -> None:
    engine = musicgen.load(str(tiny_stereo), rate=48000, device="cpu", name="tiny")
    info = engine.info
    assert (info.name, info.model, info.device) == ("musicgen", "tiny", "cpu")
    assert (info.rate, info.channels, info.hop) == (48000, 2, 960)
    assert "noise" in info.notice
    assert info.continues
    assert not info.keeps_time
    assert info.patience_s >= HANG_S
    own = musicgen.load(str(tiny_stereo), device="cpu", name="facebook/musicgen-stereo-small")
    assert (own.info.rate, own.info.hop) == (32000, 640)
    assert "CC-BY-NC" in own.info.notice


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"context_s": 5.0}, "--context 5 is out of range 10..30"),
        ({"rate": 11025}, "11025"),
        ({"device": "tpu"}, "none of auto cuda mps cpu"),
    ],
)
def test_bad_values_are_named(tiny_mono: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises(BadValue, match=message):
        musicgen.load(str(tiny_mono), **options)


def test_a_process_plays_what_the_callers_own_thread_plays(tiny_mono: Path) -> None:
    load = partial(musicgen.load, str(tiny_mono), rate=48000, device="cpu", precision="fp32")
    inline = InlineEngine(load)
    process = start_process(load)
    try:
        clips = [
            render(engine, [engine.open(steering("jazz", seed=3), length=150)])[0]
            for engine in (inline, process)
        ]
        np.testing.assert_array_equal(clips[0].audio, clips[1].audio)
        live = process.open(steering("jazz", seed=3), lookahead=100)
        made = play(process, live, 90).audio
        np.testing.assert_array_equal(made[: 90 * 960], clips[0].audio[: 90 * 960])
        live.close()
    finally:
        process.shutdown()


def test_checkpoints_as_transformers_writes_them_play_the_same(
    tmp_path: Path, tiny_mono: Path
) -> None:
    from safetensors.torch import load_file, save_file
    from transformers import AutoTokenizer, MusicgenForConditionalGeneration

    model: Any = MusicgenForConditionalGeneration
    model.from_pretrained(tiny_mono).save_pretrained(tmp_path / "shards", max_shard_size="1MB")
    AutoTokenizer.from_pretrained(tiny_mono).save_pretrained(tmp_path / "shards")
    assert len(list((tmp_path / "shards").glob("*.safetensors"))) > 1
    shutil.copytree(tiny_mono, tmp_path / "other")
    tensors = load_file(tmp_path / "other" / "model.safetensors")
    for name, other in SYNONYMS.items():
        tensors[other] = tensors.pop(name)
    save_file(tensors, tmp_path / "other" / "model.safetensors")
    (expected,) = played(tiny_mono)
    for folder in ("shards", "other"):
        np.testing.assert_array_equal(played(tmp_path / folder)[0], expected)


def played(folder: Path) -> list[Audio]:
    player = Player(folder)
    return player.play([player.open(steering("jazz"))], 30)


@pytest.mark.parametrize("precision", ["fp32", "bf16", "fp16"])
def test_every_precision_plays(tiny_mono: Path, precision: str) -> None:
    engine = musicgen.load(str(tiny_mono), device="cpu", precision=precision)
    assert engine.info.precision == precision
    [audio] = engine.step([engine.open(steering("jazz"))], 60)
    assert 0.05 < float(np.std(audio)) < 0.5


class Cramped:
    """A backend with room for so many segments that predict, as a GPU that others use too."""

    def __init__(self, inner: Any, room: int, error: Exception) -> None:
        self._inner = inner
        self._room = room
        self._error = error
        self.device = inner.device
        self.new_cache = inner.new_cache
        self.text_kv = inner.text_kv

    def logits(self, segments: Sequence[Segment]) -> Tensor:
        if sum(segment.predicts for segment in segments) > self._room:
            raise self._error
        logits: Tensor = self._inner.logits(segments)
        return logits

    def draw(self, segments: Sequence[Segment], knobs: Knobs, numbers: Tensor) -> Tensor:
        return choose(self.logits(segments), knobs, numbers)


MEMORY_ERRORS = [
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
    RuntimeError("[enforce fail] DefaultCPUAllocator: not enough memory: you tried to allocate 9"),
    MemoryError(),
]


@pytest.mark.parametrize("error", MEMORY_ERRORS, ids=["cuda", "cpu", "python"])
def test_a_full_device_gives_up_the_newest_deck_and_the_others_play_on(
    tiny_mono: Path, error: Exception
) -> None:
    player = Player(tiny_mono)
    model = player.engine._model
    object.__setattr__(model, "backend", Cramped(model.backend, 2, error))
    engine = InlineEngine(lambda: player.engine)
    decks = [engine.open(steering(text), lookahead=900) for text in ("jazz", "techno", "house")]
    faults: list[Event] = []
    while not faults:
        faults = engine.poll()
    made = [play(engine, deck, 80) for deck in decks[:2]]
    (fault,) = faults
    assert isinstance(fault, StreamFault)
    assert fault.stream == decks[2].stream
    assert "fewer decks" in fault.reason
    alone = Player(tiny_mono)
    expected = alone.play([alone.open(steering("jazz"))], 80)[0]
    np.testing.assert_array_equal(made[0].audio[: len(expected)], expected)


def test_other_errors_are_no_lack_of_memory(tiny_mono: Path) -> None:
    player = Player(tiny_mono)
    model = player.engine._model
    object.__setattr__(model, "backend", Cramped(model.backend, 0, RuntimeError("a bug")))
    with pytest.raises(RuntimeError, match="a bug"):
        player.play([player.open(steering())], 1)


def test_no_room_for_one_more_stream_is_an_error_of_that_stream(
    tiny_mono: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    player = Player(tiny_mono)

    def full(_: int) -> None:
        raise MEMORY_ERRORS[0]

    monkeypatch.setattr(player.engine._model.backend, "new_cache", full)
    with pytest.raises(EngineError, match="out of memory") as caught:
        player.open(steering())
    assert not isinstance(caught.value, OutOfMemory)


MEASURED = """
import sys
from bridge.cli import main
assert main(sys.argv[1:]) == 0
peak = next(line for line in open('/proc/self/status') if line.startswith('VmHWM'))
print(int(peak.split()[1]))
"""


def peak_mb(folder: Path, model: Path, precision: str, seconds: int) -> float:
    """The most memory that `sideman generate` of so many seconds takes."""
    words = ("generate", "jazz", "--engine", "musicgen", "--model", str(model), "--device", "cpu",
             "--precision", precision, "-t", str(seconds),
             "-o", str(folder / f"{seconds}.wav"))  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, *words], cwd=ROOT, capture_output=True, text=True,
        env={**os.environ, "XDG_CACHE_HOME": str(folder)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return int(done.stdout.split()[-1]) / 1024


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.skipif(sys.platform != "linux", reason="reads a process's peak as Linux tells it")
@pytest.mark.parametrize("precision", ["fp32", "int4"])
def test_memory_does_not_grow_with_the_music(
    precision: str, tmp_path: Path, tiny_mono: Path
) -> None:
    # A window is 30 s at most: what would grow with the music has grown after three of them.
    if precision == "int4":
        pytest.importorskip("openvino")
        peak_mb(tmp_path, tiny_mono, precision, 1)  # which converts it
    short, long = (peak_mb(tmp_path, tiny_mono, precision, seconds) for seconds in (10, 100))
    assert long - short < 20
