"""A checkpoint's tensors come under two namings, one at a time, and are checked."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from engine.errors import EngineUnavailable
from engine.musicgen.codec.decoder import AudioDecoder
from engine.musicgen.codec.weights import WeightLoader, fold
from tests.engine.musicgen.codec.codecs import PREFIX, loaded, pair, stream

NEW_G, NEW_V = ".parametrizations.weight.original0", ".parametrizations.weight.original1"
FIRST = PREFIX + "decoder.layers.0.conv"


def old_names(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {
        name.replace(NEW_G, ".weight_g").replace(NEW_V, ".weight_v"): tensor
        for name, tensor in tensors.items()
    }


def plain_names(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    plain = {}
    for name, tensor in tensors.items():
        if name.endswith(NEW_G):
            base = name.removesuffix(NEW_G)
            plain[base + ".weight"] = fold(tensor, tensors[base + NEW_V])
        elif not name.endswith(NEW_V):
            plain[name] = tensor
    return plain


def fresh() -> AudioDecoder:
    return AudioDecoder(pair("thin").config, 32_000)


def test_every_naming_of_weights_gives_the_same_audio() -> None:
    codec = pair("thin")
    codes = codec.codes(1, frames=8)
    new = codec.tensors()
    backwards = dict(reversed(new.items()))

    found = [
        stream(loaded(tensors, fresh()), codes)
        for tensors in (new, old_names(new), plain_names(new), backwards)
    ]

    assert all(torch.equal(audio, found[0]) for audio in found)


def test_only_what_belongs_to_the_codec_is_taken() -> None:
    decoder = fresh()
    loader = WeightLoader(decoder.parts())

    taken = {name for name, tensor in pair("thin").tensors().items() if loader.take(name, tensor)}

    assert not loader.take("decoder.lm_heads.0.weight", torch.zeros(1))
    assert not any(".encoder." in name or "cluster_size" in name for name in taken)
    assert f"{FIRST}.bias" in taken
    assert all(loader.wants(name) for name in taken)
    assert not loader.wants(PREFIX + "quantizer.layers.0.codebook.embed_avg")
    loader.finish()


def test_half_precision_is_widened() -> None:
    codec = pair("thin")
    tensors = {name: tensor.half() for name, tensor in codec.tensors().items()}
    codes = codec.codes(1, frames=8)

    audio = stream(loaded(tensors, fresh()), codes)

    assert audio.dtype == torch.float32
    whole = stream(codec.decoder(), codes)
    assert (audio - whole).abs().max() < 0.01 * whole.abs().max()


@pytest.mark.parametrize(
    ("missing", "message"),
    [
        (f"{FIRST}.bias", r"lacks audio_encoder\.decoder\.layers\.0\.conv\.bias:"),
        (f"{FIRST}{NEW_G}", r"layers\.0\.conv\.weight \(only half of it came, its weight_v\)"),
        (PREFIX + "quantizer.layers.1.codebook.embed", r"quantizer\.layers\.1\.codebook\.embed"),
        (PREFIX + "decoder.layers.1.lstm.weight_hh_l1", r"lstm\.weight_hh_l1"),
    ],
)
def test_a_missing_tensor_is_named(missing: str, message: str) -> None:
    tensors = pair("thin").tensors()
    del tensors[missing]

    with pytest.raises(EngineUnavailable, match=message):
        loaded(tensors, fresh())


def test_several_missing_tensors_are_counted() -> None:
    with pytest.raises(EngineUnavailable, match=r"conv\.weight and \d\d more tensors"):
        WeightLoader(fresh().parts()).finish()


@pytest.mark.parametrize(
    "name",
    [f"{FIRST}.bias", f"{FIRST}{NEW_G}", f"{FIRST}{NEW_V}", f"{FIRST}.weight"],
)
def test_a_wrong_shape_is_named(name: str) -> None:
    loader = WeightLoader(fresh().parts())

    with pytest.raises(EngineUnavailable, match=r"has the shape \[3, 2\]") as raised:
        loader.take(name, torch.zeros(3, 2))
    assert name in str(raised.value)
