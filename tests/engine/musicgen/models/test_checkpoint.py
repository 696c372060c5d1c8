from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from engine.errors import EngineUnavailable
from engine.musicgen.models import tiny
from engine.musicgen.models.checkpoint import Checkpoint

STATE = {
    "decoder.a": torch.arange(24, dtype=torch.float32).view(2, 3, 4),
    "decoder.b": torch.tensor([1.5, -2.0, 0.25], dtype=torch.float16),
    "decoder.c": torch.tensor([[3.0]], dtype=torch.bfloat16),
    "text.scalar": torch.tensor(7, dtype=torch.int64),
    "text.empty": torch.zeros(0, 5),
}


def refusal(use: Callable[[], object]) -> str:
    with pytest.raises(EngineUnavailable) as caught:
        use()
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.fixture(params=["safetensors", "bin"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    if request.param == "bin":
        torch.save(STATE, tmp_path / "pytorch_model.bin")
    else:
        save_file(STATE, tmp_path / "model.safetensors")
    return tmp_path


@pytest.fixture
def damaged(folder: Path) -> Path:
    """The file of weights in `folder`, to be spoilt."""
    return next(folder.iterdir())


def test_every_tensor_comes_as_it_was_stored(folder: Path) -> None:
    checkpoint = Checkpoint(folder)
    assert set(checkpoint.names) == set(STATE)
    assert checkpoint.shapes["decoder.a"] == (2, 3, 4)
    read = {name: tensor.clone() for name, tensor in checkpoint.tensors()}
    assert read.keys() == STATE.keys()
    for name, tensor in STATE.items():
        assert read[name].dtype == tensor.dtype
        assert torch.equal(read[name], tensor)


def test_prefixes(folder: Path) -> None:
    names = [name for name, _ in Checkpoint(folder).tensors(["text."])]
    assert sorted(names) == ["text.empty", "text.scalar"]


def test_copies_into_other_types_and_views(folder: Path) -> None:
    fused = torch.full((4, 3, 4), -1.0, dtype=torch.float16)
    b = torch.nn.Parameter(torch.zeros(3))
    Checkpoint(folder).copy_into({"decoder.a": fused[1:3], "decoder.b": b})
    assert torch.equal(fused[1:3], STATE["decoder.a"].half())
    assert torch.equal(fused[0], torch.full((3, 4), -1.0).half())
    assert torch.equal(b.detach(), STATE["decoder.b"].float())


def test_missing_and_misshapen_tensors(folder: Path) -> None:
    checkpoint = Checkpoint(folder)
    nothing = torch.zeros(1)
    said = refusal(lambda: checkpoint.copy_into({"decoder.x": nothing, "decoder.y": nothing}))
    assert "decoder.x and 1 more" in said
    assert str(folder) in said
    said = refusal(lambda: checkpoint.copy_into({"decoder.b": nothing}))
    assert "[3], not [1]" in said


@pytest.mark.parametrize("share", [0.0, 0.02, 0.5, 0.99])
def test_a_file_that_was_cut_off(damaged: Path, share: float) -> None:
    whole = damaged.read_bytes()
    damaged.write_bytes(whole[: int(len(whole) * share)])
    said = refusal(lambda: list(Checkpoint(damaged.parent).tensors()))
    assert str(damaged) in said
    assert "damaged" in said
    assert "copy the folder again" in said


def test_a_foreign_file(damaged: Path) -> None:
    damaged.write_bytes(b"<html>Too many requests</html>" * 100)
    assert "damaged" in refusal(lambda: Checkpoint(damaged.parent))


@pytest.mark.parametrize(
    "entry",
    [
        {"dtype": "F32", "shape": [2], "data_offsets": [0, 4]},
        {"dtype": "F32", "shape": [-1], "data_offsets": [4, 0]},
        {"dtype": "F32", "shape": [1], "data_offsets": [-4, 0]},
        {"dtype": "F32", "shape": [1]},
        {"dtype": ["F32"], "shape": [1], "data_offsets": [0, 4]},
        {"dtype": "F8_E4M3", "shape": [4], "data_offsets": [0, 4]},
        "F32",
    ],
)
def test_a_header_that_makes_no_sense(tmp_path: Path, entry: object) -> None:
    header = json.dumps({"x": entry}).encode()
    data = len(header).to_bytes(8, "little") + header + b"\0\0\0\0"
    (tmp_path / "model.safetensors").write_bytes(data)
    assert "model.safetensors" in refusal(lambda: Checkpoint(tmp_path))


def test_nothing_but_tensors_is_unpickled(tmp_path: Path) -> None:
    torch.save({"x": Path("/")}, tmp_path / "pytorch_model.bin")
    assert "damaged" in refusal(lambda: Checkpoint(tmp_path))
    torch.save({"x": [1, 2]}, tmp_path / "pytorch_model.bin")
    assert "no plain tensors" in refusal(lambda: Checkpoint(tmp_path))


def test_no_weights_at_all(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "tokenizer.json").write_text("{}")
    assert "model.safetensors" in refusal(lambda: Checkpoint(tmp_path))


def test_in_the_hubs_cache_the_remedy_is_to_delete_it(tmp_path: Path) -> None:
    snapshot = tmp_path / "models--a--b" / "snapshots" / "0123"
    snapshot.mkdir(parents=True)
    (snapshot / "model.safetensors").write_bytes(b"")
    assert f"delete {tmp_path / 'models--a--b'} " in refusal(lambda: Checkpoint(snapshot))


@pytest.mark.parametrize("shards", [1, 3])
@pytest.mark.parametrize("pickled", [False, True])
def test_shards_and_kinds_hold_the_same(
    tiny_mono: Path, tmp_path: Path, shards: int, pickled: bool
) -> None:
    folder = tiny.make(tmp_path, shards=shards, bin=pickled)
    assert len(list(folder.glob("*model*.bin" if pickled else "model*.safetensors"))) == shards
    expected = load_file(tiny_mono / "model.safetensors")
    checkpoint = Checkpoint(folder)
    assert set(checkpoint.names) == set(expected)
    for name, tensor in checkpoint.tensors():
        torch.testing.assert_close(tensor, expected[name])


def test_a_shard_that_is_missing(tmp_path: Path) -> None:
    folder = tiny.make(tmp_path, shards=2)
    gone = folder / "model-00002-of-00002.safetensors"
    gone.unlink()
    assert gone.name in refusal(lambda: Checkpoint(folder))
    shutil.copy(folder / "model-00001-of-00002.safetensors", gone)
    places = dict.fromkeys(["text_encoder.shared.weight"], torch.zeros(1))
    assert "lack text_encoder.shared.weight" in refusal(
        lambda: Checkpoint(folder).copy_into(places)
    )


_MEASURE = """
import re, sys, torch
from pathlib import Path
from engine.musicgen.models import checkpoint

checkpoint._MAPPED_BYTES = 8_000_000  # as small beside this file as the true one beside a model
weights = checkpoint.Checkpoint(Path(sys.argv[1]))
places = {name: torch.empty(shape) for name, shape in weights.shapes.items()}
# Mapped pages count in it too. Not ru_maxrss: that begins at what the parent process had.
status = Path("/proc/self/status")
peak_kb = lambda: int(re.search(r"VmHWM:\\s+(\\d+) kB", status.read_text())[1])
next(iter(weights.tensors()))  # what torch itself takes at its first use
before_kb = peak_kb()
weights.copy_into(places)
print((peak_kb() - before_kb) * 1024 / sum(place.nbytes for place in places.values()))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("pickled", [False, True])
def test_loading_takes_little_more_memory_than_the_weights(tmp_path: Path, pickled: bool) -> None:
    state = {f"{i}": torch.full((1_000_000,), float(i)) for i in range(40)}
    if pickled:
        torch.save(state, tmp_path / "pytorch_model.bin")
    else:
        save_file(state, tmp_path / "model.safetensors")
    measured = subprocess.run(
        [sys.executable, "-c", _MEASURE, str(tmp_path)], capture_output=True, text=True, check=True
    )
    share = float(measured.stdout)
    assert 0.95 < share < 1.2
