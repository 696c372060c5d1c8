"""Prompts as OpenVINO reads them, against transformers' encoder and torch's products."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from transformers import T5Config
from transformers.models.t5.modeling_t5 import T5Attention

from engine.errors import EngineUnavailable
from engine.musicgen.decoder import Decoder, TextKv
from engine.musicgen.models import config as configs
from engine.musicgen.models.checkpoint import Checkpoint
from engine.musicgen.openvino.store import Store
from engine.musicgen.openvino.text import T5, OpenVinoText, distance_buckets
from engine.musicgen.openvino.weights import decoder_arrays, text_arrays
from engine.musicgen.openvino.writer import Writer
from engine.musicgen.text import TextEncoder

PROMPTS = ("lofi", "dark techno with drums, acid bass and a long description", "lofi hip hop " * 70)


@dataclass(frozen=True)
class Made:
    """Random weights in a folder, and the modules that have the same."""

    folder: Path
    text: TextEncoder
    decoder: Decoder

    def ours(self, precision: str) -> OpenVinoText:
        path, config = self.folder / f"{precision}.store", configs.read(self.folder)
        checkpoint = Checkpoint(self.folder)
        with Writer(path, 3 * len(checkpoint.names)) as writer:
            for name, array in decoder_arrays(checkpoint, config.decoder, precision):
                writer.add(name, array)
            for name, array in text_arrays(checkpoint, config, precision):
                writer.add(name, array)
            writer.finish()
        text = OpenVinoText(config, Store(path))
        text.read_tokenizer(self.folder)
        return text

    @torch.inference_mode()
    def expected(self, prompt: str) -> TextKv:
        return self.decoder.text_kv(self.text(prompt))


def make(folder: Path, tiny: Path, kind: str, projected: bool = True) -> Made:
    """Like `tiny`, with another text encoder."""
    shutil.copytree(tiny, folder)
    raw = json.loads((folder / "config.json").read_text())
    raw["text_encoder"] |= {"feed_forward_proj": kind, "relative_attention_max_distance": 60}
    if not projected:
        raw["text_encoder"]["d_model"] = raw["decoder"]["hidden_size"]
    (folder / "config.json").write_text(json.dumps(raw))
    config = configs.read(folder)
    torch.manual_seed(0)
    text, decoder = TextEncoder(config).eval(), Decoder(config.decoder).eval()
    for name, tensor in text.destinations().items():
        if "norm" in name:  # Not all ones, as they begin.
            tensor.uniform_(0.5, 1.5)
    tensors = {**text.destinations(), **decoder.destinations()}
    (folder / "model.safetensors").unlink()
    save_file({n: t.detach().clone() for n, t in tensors.items()}, folder / "model.safetensors")
    text.read_tokenizer(folder)
    return Made(folder, text, decoder)


def off(ours: TextKv, expected: TextKv) -> float:
    """How large the difference is beside what is expected."""
    pairs = ((ours.keys, expected.keys), (ours.values, expected.values))
    return max(float((a - b).norm() / b.norm()) for a, b in pairs)


@pytest.mark.parametrize("kind", ["relu", "gelu", "gated-gelu", "gated-silu"])
def test_every_kind_of_t5(kind: str, tiny_mono: Path, tmp_path: Path) -> None:
    made = make(tmp_path / "model", tiny_mono, kind)
    exact, rough = made.ours("fp32"), made.ours("int8")
    for prompt in PROMPTS:
        expected = made.expected(prompt)
        found = exact(prompt)
        assert found.keys.shape == expected.keys.shape
        torch.testing.assert_close(found.keys, expected.keys, atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(found.values, expected.values, atol=1e-4, rtol=1e-4)
        assert off(rough(prompt), expected) < 0.02


def test_a_text_encoder_as_wide_as_the_decoder(tiny_mono: Path, tmp_path: Path) -> None:
    made = make(tmp_path / "model", tiny_mono, "relu", projected=False)
    assert off(made.ours("fp32")(PROMPTS[1]), made.expected(PROMPTS[1])) < 1e-5


def test_a_long_prompt_between_short_ones_changes_nothing(tiny_mono: Path, tmp_path: Path) -> None:
    ours = make(tmp_path / "model", tiny_mono, "relu").ours("int8")
    short, _, again = (ours(PROMPTS[i]) for i in (0, 2, 0))
    assert short.keys.equal(again.keys)
    assert short.values.equal(again.values)


@pytest.mark.parametrize("kind", ["relu", "gelu", "gelu_new", "gated-gelu", "gated-silu"])
def test_sizes_are_those_of_transformers(kind: str, tiny_mono: Path) -> None:
    text = {**configs.read(tiny_mono).text, "feed_forward_proj": kind}
    ours, theirs = T5.of(text), T5Config(**text)
    for name in (*(part.name for part in fields(T5)), "is_gated_act", "dense_act_fn"):
        assert getattr(ours, name) == getattr(theirs, name), name


@pytest.mark.parametrize(("buckets", "longest"), [(32, 128), (16, 20), (8, 300)])
def test_distances_fall_into_the_buckets_of_transformers(buckets: int, longest: int) -> None:
    ahead = np.arange(-400, 401)
    bucket_of: Any = T5Attention._relative_position_bucket
    expected = bucket_of(
        torch.from_numpy(ahead), bidirectional=True, num_buckets=buckets, max_distance=longest
    )
    assert distance_buckets(ahead, buckets, longest).tolist() == expected.tolist()


def test_an_activation_that_is_not_known_is_named(tiny_mono: Path, tmp_path: Path) -> None:
    made = make(tmp_path / "model", tiny_mono, "tanh")
    with pytest.raises(EngineUnavailable, match=r"'tanh'.*--precision bf16"):
        made.ours("int8")


def test_words_too_large_for_half_precision_are_kept_whole(tiny_mono: Path, tmp_path: Path) -> None:
    made = make(tmp_path / "model", tiny_mono, "relu")
    checkpoint, config = Checkpoint(made.folder), configs.read(made.folder)
    assert dict(text_arrays(checkpoint, config, "int8"))["text.embeddings"].dtype == np.float16
    tensors = {name: tensor.clone() for name, tensor in checkpoint.tensors()}
    tensors["text_encoder.shared.weight"][3, 4] = 1e6
    save_file(tensors, made.folder / "model.safetensors")
    words = dict(text_arrays(Checkpoint(made.folder), config, "int8"))["text.embeddings"]
    assert words[3, 4] == 1e6
