from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor
from transformers import AutoTokenizer, MusicgenForConditionalGeneration

from engine.errors import EngineUnavailable
from engine.musicgen.models import config, hub, published, tiny, tiny_words

WORDS = ["dark techno, 120 bpm", "soft jazz piano"]


@pytest.fixture(scope="module")
def models(tiny_mono: Path, tiny_stereo: Path) -> dict[int, Any]:
    """transformers' model by channels."""
    loaded = {}
    load: Any = MusicgenForConditionalGeneration.from_pretrained
    for channels, folder in ((1, tiny_mono), (2, tiny_stereo)):
        model, report = load(folder, output_loading_info=True)
        assert not report["missing_keys"]
        assert not report["unexpected_keys"]
        assert not report["mismatched_keys"]
        loaded[channels] = model.eval()
    return loaded


def play(model: Any, folder: Path, sample: bool) -> Tensor:
    """Audio `[B, C, S]` of `WORDS`."""
    tokens = AutoTokenizer.from_pretrained(folder)(WORDS, padding=True, return_tensors="pt")
    torch.manual_seed(1)
    with torch.inference_mode():
        audio: Tensor = model.generate(**tokens, do_sample=sample, max_new_tokens=103)
    return audio


@pytest.mark.parametrize("sample", [False, True])
@pytest.mark.parametrize("channels", [1, 2])
def test_makes_noise(
    models: dict[int, Any], tiny_mono: Path, tiny_stereo: Path, channels: int, sample: bool
) -> None:
    audio = play(models[channels], tiny_mono if channels == 1 else tiny_stereo, sample)
    assert audio.shape == (2, channels, 64_000)  # 3 of 103 steps go to the delays
    loud_dbfs = 20 * audio.square().mean(2).sqrt().log10()
    assert (loud_dbfs > -20).all()
    assert (loud_dbfs < -12).all()
    assert audio.abs().max() < 1
    assert not torch.equal(audio[0], audio[1])  # other words, other noise
    if channels == 2:
        assert not torch.equal(audio[:, 0], audio[:, 1])
    frames = audio[0, 0].view(100, 640)
    assert len({tuple(frame.tolist()) for frame in frames}) == 100


def test_the_encoder_uses_many_codes(models: dict[int, Any], tiny_mono: Path) -> None:
    audio = play(models[1], tiny_mono, True)[:1]
    with torch.inference_mode():
        codes = models[1].audio_encoder.encode(audio).audio_codes[0, 0]  # [K, T]
    assert codes.shape == (4, 100)
    assert all(len(book.unique()) > 40 for book in codes)


def test_words(tiny_mono: Path) -> None:
    words: Any = AutoTokenizer.from_pretrained(tiny_mono)
    ids = words(["techno", "house", "warm house", "Übermut ☃", ""])["input_ids"]
    assert len({tuple(text) for text in ids}) == 5
    assert all(text[-1] == words.eos_token_id == 1 for text in ids)
    assert words.pad_token_id == 0
    assert max(max(text) for text in ids) < tiny_words.SIZE
    padded = words(["techno", "warm house"], padding=True, return_tensors="pt")
    assert padded["attention_mask"].tolist() == [[1, 1, 0], [1, 1, 1]]
    assert words.decode(ids[2], skip_special_tokens=True) == "warm house"


def test_size_and_seed(tiny_mono: Path, tmp_path: Path) -> None:
    assert sum(path.stat().st_size for path in tiny_mono.iterdir()) < 5_000_000
    weights = load_file(tiny_mono / "model.safetensors")
    same = load_file(tiny.make(tmp_path / "same") / "model.safetensors")
    other = load_file(tiny.make(tmp_path / "other", seed=1) / "model.safetensors")
    for name, tensor in weights.items():
        torch.testing.assert_close(same[name], tensor)
    name = "decoder.lm_heads.0.weight"
    assert not torch.equal(other[name], weights[name])
    assert not torch.equal(weights[name], weights["decoder.lm_heads.1.weight"])


def test_other_shapes(tmp_path: Path) -> None:
    folder = tiny.make(tmp_path, layers=3, width=24, heads=2, text_width=24)
    sizes = config.read(folder)
    assert (sizes.decoder.num_hidden_layers, sizes.decoder.head_dim) == (3, 12)
    assert not sizes.decoder.projects_text(sizes.text_width)
    assert not [name for name in load_file(folder / "model.safetensors") if "enc_to_dec" in name]


def test_the_full_shape(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """With one layer for 24, so that it is quick."""
    monkeypatch.setitem(published.SIZES, "small", (1, 1024, 16))
    folder = tiny.full_shape(tmp_path, precision="bf16", shards=2)
    sizes = config.read(folder)
    weights = [load_file(path) for path in sorted(folder.glob("*.safetensors"))]
    stored = {name: tensor for shard in weights for name, tensor in shard.items()}
    assert len(weights) == 2
    assert {tensor.dtype for tensor in stored.values()} == {torch.bfloat16}
    played = {name: t for name, t in stored.items() if not name.startswith("audio_encoder")}
    assert 2 * sum(tensor.numel() for tensor in played.values()) == (
        sizes.parameter_bytes("bf16") - 4 * sizes.codec.parameters()
    )
    assert stored["text_encoder.shared.weight"].shape == (32128, 768)


def test_the_users_copy_is_made_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("platformdirs.user_cache_path", lambda name: tmp_path / name)
    folder = tiny.cached()
    assert hub.missing(folder) == ""
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]
    monkeypatch.setattr(tiny, "make", None)  # it would fail to be made again
    assert tiny.cached() == folder


def test_half_a_copy_is_never_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def fill_the_disk(folder: Path) -> Path:
        (folder / "config.json").write_text("{}")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("platformdirs.user_cache_path", lambda name: tmp_path / name)
    monkeypatch.setattr(tiny, "make", fill_the_disk)
    with pytest.raises(EngineUnavailable, match="No space left on device"):
        tiny.cached()
    assert list((tmp_path / "sideman").iterdir()) == []


def test_another_process_may_be_quicker(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    make = tiny.make

    def make_late(folder: Path) -> Path:
        make(tmp_path / "sideman" / f"tiny-{tiny.VERSION}")
        return make(folder)

    monkeypatch.setattr("platformdirs.user_cache_path", lambda name: tmp_path / name)
    monkeypatch.setattr(tiny, "make", make_late)
    folder = tiny.cached()
    assert hub.missing(folder) == ""
    assert list(folder.parent.iterdir()) == [folder]
