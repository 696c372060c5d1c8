"""One file that is the whole instrument: what comes out of it is what went in."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import Tensor

from engine.errors import BadValue, EngineUnavailable
from engine.musicgen import models
from engine.musicgen.decoder import Segment
from engine.musicgen.loading import load_engine
from engine.musicgen.models import config, gguf_format, gguf_header, hub, tiny
from engine.musicgen.models.checkpoint import SYNONYMS, Checkpoint
from engine.musicgen.models.convert import TYPES, convert
from tests.engine.musicgen.playing import Player, codes, steering

STEPS = 40


def made(source: Path, target: Path, kind: str, model: str = "") -> Path:
    return convert(model or str(source), source, target, kind).path


@pytest.fixture(scope="module")
def files(tiny_mono: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The tiny model in every type that can be written; read only."""
    folder = tmp_path_factory.mktemp("gguf")
    return {kind: made(tiny_mono, folder / f"{kind}.gguf", kind) for kind in TYPES}


def played(path: Path, frames: int = 60) -> Tensor:
    """Sampled codes `[K, frames]`."""
    player = Player(path)
    stream = player.open(steering("lofi hip hop", seed=5))
    player.play([stream], frames)
    return codes(stream, 0, frames)


@torch.inference_mode()
def logits(path: Path) -> Tensor:
    """Guided ones after each of `STEPS` random codes, float64 `[steps, K, vocabulary]`."""
    player = Player(path)
    inputs = torch.randint(2048, (4, STEPS), generator=torch.Generator().manual_seed(1))
    inputs[:, 0] = 2048
    backend, text = player.engine._model.backend, player.engine._model.prompts.of("dark techno")
    cache = backend.new_cache(STEPS)
    steps = [
        backend.logits([Segment(inputs[:, step : step + 1], step, cache, text)])
        for step in range(STEPS)
    ]
    told, free = torch.cat(steps).double().unbind(1)
    return free + 3 * (told - free)


def divergence(one: Tensor, other: Tensor) -> float:
    """Mean Kullback-Leibler divergence of what is drawn from, in nats."""
    p, q = one.log_softmax(-1), other.log_softmax(-1)
    return float((p.exp() * (p - q)).sum(-1).mean())


@pytest.mark.parametrize("channels", [1, 2])
def test_f32_plays_the_very_same_codes(
    tiny_mono: Path, tiny_stereo: Path, tmp_path: Path, channels: int
) -> None:
    folder = tiny_stereo if channels == 2 else tiny_mono
    file = made(folder, tmp_path / "whole.gguf", "f32")
    assert torch.equal(played(file), played(folder))


def test_f32_keeps_every_tensor_to_the_bit(tiny_mono: Path, files: dict[str, Path]) -> None:
    wanted = load_file(tiny_mono / "model.safetensors")
    found = {name: tensor.clone() for name, tensor in Checkpoint(files["f32"]).tensors()}
    assert found.keys() == wanted.keys()
    for name, tensor in wanted.items():
        assert torch.equal(found[name], tensor), name


@pytest.mark.parametrize(("kind", "most"), [("f16", 1e-4), ("q8_0", 0.01), ("q4_0", 0.5)])
def test_what_smaller_types_cost(
    tiny_mono: Path, files: dict[str, Path], kind: str, most: float
) -> None:
    lost = divergence(logits(tiny_mono), logits(files[kind]))
    assert 0 < lost < most


def test_the_codec_and_all_that_is_small_stays_as_it_was(
    tiny_mono: Path, files: dict[str, Path]
) -> None:
    wanted = load_file(tiny_mono / "model.safetensors")
    for name, tensor in Checkpoint(files["q4_0"]).tensors():
        if name.startswith("audio_encoder.") or tensor.dim() < 2 or "attention_bias" in name:
            assert torch.equal(tensor, wanted[name]), name


def test_other_tools_read_the_same(tiny_mono: Path, files: dict[str, Path]) -> None:
    wanted = load_file(tiny_mono / "model.safetensors")
    reader = gguf.GGUFReader(files["q8_0"])
    kinds = {}
    for tensor in reader.tensors:
        name = gguf_format.long_name(tensor.name)
        kinds[name] = tensor.tensor_type.name
        assert tensor.data_offset % 32 == 0
        assert len(tensor.name.encode()) < 64
        weights = gguf.dequantize(tensor.data, tensor.tensor_type)
        assert weights.shape == tuple(wanted[name].shape)
        np.testing.assert_allclose(weights, wanted[name].numpy(), atol=0.05)
    assert kinds.keys() == wanted.keys()
    assert kinds["decoder.model.decoder.layers.0.fc1.weight"] == "Q8_0"
    assert kinds["text_encoder.shared.weight"] == "F16"  # its rows are no whole blocks
    assert kinds["decoder.model.decoder.layer_norm.weight"] == "F32"

    def value(key: str) -> object:
        field = reader.get_field(key)
        assert field is not None, key
        return field.contents()

    assert value("general.architecture") == "musicgen"
    assert value("general.file_type") == gguf.LlamaFileType.MOSTLY_Q8_0
    assert value("general.quantization_version") == gguf.GGML_QUANT_VERSION
    assert value("musicgen.block_count") == 2
    words = (tiny_mono / "tokenizer.json").read_text(encoding="utf-8")
    assert value("tokenizer.huggingface.json") == words
    sizes = value("musicgen.config_json")
    assert isinstance(sizes, str)
    assert json.loads(sizes) == json.loads((tiny_mono / "config.json").read_text())


def test_our_table_of_blocks_is_ggmls() -> None:
    for number, kind in gguf_format.KINDS.items():
        theirs = gguf.GGMLQuantizationType[kind.name]
        assert theirs == number
        assert gguf.GGML_QUANT_SIZES[theirs] == (kind.block, kind.block_bytes)
    assert set(TYPES.values()) <= set(gguf.LlamaFileType)


@pytest.mark.parametrize(
    "name",
    [
        "text_encoder.encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight",
        "audio_encoder.decoder.layers.13.block.1.conv.parametrizations.weight.original0",
        "decoder.model.decoder.layers.23.encoder_attn_layer_norm.weight",
    ],
)
def test_names_are_shortened_only_as_far_as_they_must_and_come_back(name: str) -> None:
    short = gguf_format.short_name(name)
    assert len(short) < 64
    assert gguf_format.long_name(short) == name
    assert (short == name) == (len(name) < 64)


def test_a_name_that_cannot_be_shortened_is_refused() -> None:
    for name in ("x" * 64, "te." + "text_encoder." * 6):
        with pytest.raises(EngineUnavailable, match="63 bytes"):
            gguf_format.short_name(name)


def test_a_file_is_taken_wherever_a_folder_is(files: dict[str, Path], tiny_mono: Path) -> None:
    file = files["q8_0"]
    assert hub.is_cached(str(file))
    assert hub.missing(file) == ""
    assert models.resolve(str(file), pytest.fail) == file
    assert config.read(file) == config.read(tiny_mono)


def test_every_kind_of_checkpoint_becomes_the_same_file(
    tmp_path: Path, files: dict[str, Path]
) -> None:
    folder = tiny.make(tmp_path / "bin", shards=2, bin=True)
    state = torch.load(folder / "pytorch_model-00002-of-00002.bin", weights_only=True)
    [(name, twin)] = SYNONYMS.items()
    state[twin] = state[name]  # as older versions of transformers wrote it
    torch.save(state, folder / "pytorch_model-00002-of-00002.bin")
    file = made(folder, tmp_path / "x.gguf", "f32")
    wanted = dict(Checkpoint(files["f32"]).tensors())
    found = dict(Checkpoint(file).tensors())
    assert found.keys() == wanted.keys()
    for name, tensor in wanted.items():
        torch.testing.assert_close(found[name], tensor)


def test_a_gguf_file_can_be_made_smaller(files: dict[str, Path], tmp_path: Path) -> None:
    again = made(files["f32"], tmp_path / "again.gguf", "q8_0")
    wanted = {name: tensor.clone() for name, tensor in Checkpoint(files["q8_0"]).tensors()}
    for name, tensor in Checkpoint(again).tensors():
        assert torch.equal(tensor, wanted[name])
    old, new = gguf_header.read(files["q8_0"]), gguf_header.read(again)
    assert new.files() == old.files()
    assert new.text("general.name") == old.text("general.name") == "mono"


def test_whose_weights_they_are_goes_with_the_file(tiny_mono: Path, tmp_path: Path) -> None:
    meta = convert("small", tiny_mono, tmp_path / "meta.gguf", "q8_0")
    assert "CC-BY-NC" in meta.note
    header = gguf_header.read(meta.path)
    assert header.text("general.license") == "cc-by-nc-4.0"
    assert header.text("general.name") == "musicgen-small"
    assert header.text("general.source.repo_url").endswith("/facebook/musicgen-small")
    info = load_engine(str(meta.path), None, "cpu", "fp32", 14.0, "my.gguf").info
    assert info.model == "my.gguf"
    assert "CC-BY-NC" in info.notice
    assert "CC-BY-NC" in convert("x", meta.path, tmp_path / "again.gguf", "q4_0").note
    assert convert("me/mine", tiny_mono, tmp_path / "mine.gguf").note == ""
    assert "random" in convert("tiny", tiny_mono, tmp_path / "tiny.gguf").note


def test_a_strangers_licence_is_named_if_it_can_be_printed(tiny_mono: Path, tmp_path: Path) -> None:
    for licence, note in (("apache-2.0", "its weights are under apache-2.0"), ("\x1b[2J\n", "")):
        path = tmp_path / "x.gguf"
        _foreign(path, {"general.license": licence}, tiny_mono)
        assert hub.file_note(path) == note


def _foreign(
    path: Path,
    entries: dict[str, str],
    folder: Path,
    architecture: str = "musicgen",
    tensor: tuple[NDArray[Any], int] = (np.ones((2, 32), np.float32), 0),
) -> None:
    """A file as another program might write it."""
    writer = gguf.GGUFWriter(path, architecture)
    writer.add_array("tokenizer.ggml.tokens", ["<s>", "a", "bc"])
    writer.add_array("tokenizer.ggml.scores", [0.5, 1.5])
    for key, value in entries.items():
        writer.add_string(key, value)
    for name in gguf_format.NEEDED if architecture == "musicgen" else ():
        writer.add_string(gguf_format.TEXTS[name], (folder / name).read_text(encoding="utf-8"))
    writer.add_tensor("x", tensor[0], raw_dtype=gguf.GGMLQuantizationType(tensor[1]))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


@pytest.mark.parametrize("kind", ["Q4_1", "Q5_0", "Q5_1", "BF16"])
def test_weights_that_other_tools_made_smaller(tmp_path: Path, tiny_mono: Path, kind: str) -> None:
    """Of those that the package can make, to be had here."""
    weights = np.linspace(-1, 1, 3 * 64, dtype=np.float32).reshape(3, 64)
    stored = gguf.GGMLQuantizationType[kind]
    path = tmp_path / "x.gguf"
    _foreign(path, {}, tiny_mono, tensor=(gguf.quantize(weights, stored), stored))
    [(name, tensor)] = Checkpoint(path).tensors()
    assert name == "x"
    np.testing.assert_allclose(tensor.float().numpy(), weights, atol=0.08)


@pytest.mark.parametrize("kind", ["Q4_K", "Q5_K", "Q6_K"])
def test_weights_that_only_other_tools_can_make_smaller(
    tmp_path: Path, tiny_mono: Path, kind: str
) -> None:
    stored = gguf.GGMLQuantizationType[kind]
    chance = np.random.default_rng(1)
    blocks = chance.integers(0, 64, (3, 2 * gguf.GGML_QUANT_SIZES[stored][1]), dtype=np.uint8)
    path = tmp_path / "x.gguf"
    _foreign(path, {}, tiny_mono, tensor=(blocks, stored))
    [(_, tensor)] = Checkpoint(path).tensors()
    assert tensor.shape == (3, 512)
    np.testing.assert_array_equal(tensor.numpy(), gguf.dequantize(blocks, stored))


def test_another_models_file_is_named(tmp_path: Path, tiny_mono: Path) -> None:
    path = tmp_path / "llama.gguf"
    _foreign(path, {}, tiny_mono, "llama")
    with pytest.raises(EngineUnavailable, match=r"'llama'.*sideman convert") as caught:
        models.resolve(str(path), pytest.fail)
    assert "\n" not in str(caught.value)
    assert not hub.is_cached(str(path))


def test_a_file_without_our_weights_names_the_first_one(tmp_path: Path, tiny_mono: Path) -> None:
    path = tmp_path / "x.gguf"
    _foreign(path, {}, tiny_mono)
    with pytest.raises(EngineUnavailable, match=r"lack decoder.* sideman convert"):
        load_engine(str(path), None, "cpu", "fp32", 14.0, "")


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json"])
def test_a_file_that_another_program_made_says_what_it_lacks(
    tmp_path: Path, tiny_mono: Path, name: str
) -> None:
    path = tmp_path / "x.gguf"
    writer = gguf.GGUFWriter(path, "musicgen")
    for other in set(gguf_format.NEEDED) - {name}:
        writer.add_string(gguf_format.TEXTS[other], (tiny_mono / other).read_text(encoding="utf-8"))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()
    with pytest.raises(EngineUnavailable, match=rf"no {name} inside"):
        models.resolve(str(path), pytest.fail)


def test_a_checkpoint_without_the_newer_tokenizer_says_how_to_get_it(
    tiny_mono: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(tiny_mono, tmp_path / "old")
    (folder / "tokenizer.json").rename(folder / "spiece.model")
    with pytest.raises(EngineUnavailable, match=r"tokenizer\.json.*save_pretrained"):
        convert(str(folder), folder, tmp_path / "x.gguf")
    assert not list(tmp_path.glob("x*"))


def test_weights_too_large_for_f16_are_refused(tiny_mono: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(tiny_mono, tmp_path / "loud")
    state = load_file(folder / "model.safetensors")
    state["decoder.lm_heads.0.weight"][0, 0] = 1e6
    save_file(state, folder / "model.safetensors")
    with pytest.raises(EngineUnavailable, match=r"lm_heads.*too large"):
        convert(str(folder), folder, tmp_path / "x.gguf", "f16")


@pytest.mark.parametrize("kind", ["q4_k_m", "int8"])
def test_types_that_cannot_be_written(tiny_mono: Path, tmp_path: Path, kind: str) -> None:
    with pytest.raises(BadValue, match="q4_0") as caught:
        convert("x", tiny_mono, tmp_path / "x.gguf", kind)
    assert kind in str(caught.value)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_q8_0_at_the_shape_of_musicgen_small(tmp_path: Path, full_shape: Path) -> None:
    file = made(full_shape, tmp_path / "small.gguf", "q8_0")
    assert file.stat().st_size < 0.36 * (full_shape / "model.safetensors").stat().st_size
    assert divergence(logits(full_shape), logits(file)) < 0.01
    file.unlink()
