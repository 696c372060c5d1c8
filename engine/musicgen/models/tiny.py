"""Checkpoints with random weights: a tiny one for dry runs and tests, a full one for benchmarks.

They make noise, never music. The files are laid out as those that Meta published are (tensor
names included), so all that reads one reads the other; the tiny one has the real codec's rate and
hop, and sizes small enough to play at many times real time on any machine.
"""

from __future__ import annotations

import json
import math
import shutil
import tempfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import platformdirs
import torch
from safetensors.torch import save_file
from torch import Tensor
from transformers import (
    EncodecConfig,
    EncodecModel,
    MusicgenConfig,
    MusicgenForConditionalGeneration,
)
from transformers.utils import logging

from engine.errors import EngineUnavailable
from engine.musicgen.models import published, tiny_words

VERSION = 2
"""In the name of the cached folder: raise it when what `make` writes changes."""
LOUDNESS_DBFS = -16.0
"""RMS of random codes decoded: plainly heard, with its peaks below full scale."""
DTYPES = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}


def cached() -> Path:
    """The folder of `make()` with its defaults, in the user's cache; made once.

    Raises EngineUnavailable if the cache cannot be written.
    """
    return _once(f"tiny-{VERSION}", make, "5 MB")


def cached_full_shape() -> Path:
    """The same of `full_shape()`."""
    return _once(f"full-small-{VERSION}", full_shape, "2.4 GB")


def _once(name: str, make: Callable[[Path], Path], needs: str) -> Path:
    folder = platformdirs.user_cache_path("sideman") / name
    if folder.is_dir():
        return folder
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        # Beside it and renamed, so that nobody ever finds half of it.
        made = Path(tempfile.mkdtemp(prefix=f"{folder.name}.", dir=folder.parent))
        try:
            make(made).rename(folder)
        except OSError:
            if not folder.is_dir():  # Else another process was quicker.
                raise
        finally:
            shutil.rmtree(made, ignore_errors=True)
    except OSError as error:
        raise EngineUnavailable(
            f"no room for the {name.partition('-')[0]} model: {folder.parent} cannot be written "
            f"({error.strerror}); it needs {needs} there"
        ) from None
    return folder


def make(
    folder: Path,
    *,
    channels: int = 1,
    seed: int = 0,
    shards: int = 1,
    bin: bool = False,
    layers: int = 2,
    width: int = 32,
    heads: int = 4,
    text_width: int = 24,
) -> Path:
    """A complete tiny checkpoint in `folder`, with its tokenizer; returns `folder`.

    `channels` 2 makes a stereo one (8 codebooks). `shards` files hold the weights, safetensors or
    pickled (`bin`). With `text_width` equal to `width` it has no `enc_to_dec_proj`. The same
    arguments give the same weights (the codec's volume to the accuracy of a float32 sum).
    """
    raw = published.raw("small", channels)
    raw["text_encoder"] |= {
        "vocab_size": tiny_words.SIZE,
        "d_model": text_width,
        "d_kv": 8,
        "d_ff": 2 * text_width,
        "num_layers": 2,
        "num_decoder_layers": 2,
        "num_heads": 4,
    }
    raw["audio_encoder"] |= {"num_filters": 4, "hidden_size": 16, "codebook_dim": 16}
    raw["decoder"] |= {
        "num_hidden_layers": layers,
        "hidden_size": width,
        "num_attention_heads": heads,
        "ffn_dim": 4 * width,
    }
    return _write(folder, raw, seed, torch.float32, shards, bin)


def full_shape(
    folder: Path,
    *,
    size: str = "small",
    channels: int = 1,
    seed: int = 0,
    precision: str = "fp32",
    shards: int = 1,
    bin: bool = False,
) -> Path:
    """Random weights in the true shape of `facebook/musicgen-SIZE`, for benchmarks.

    Only the tokenizer is the tiny one. In fp32 small takes 2.4 GB of disk and 13 GB are large's.
    """
    return _write(folder, published.raw(size, channels), seed, DTYPES[precision], shards, bin)


def _write(
    folder: Path, raw: dict[str, Any], seed: int, dtype: torch.dtype, shards: int, pickled: bool
) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    with _quiet():
        shapes = _shapes(raw)
        louder = _codec_gain(raw, shapes, seed)
    _write_json(folder / "config.json", raw | {"torch_dtype": str(dtype).removeprefix("torch.")})
    _write_json(folder / "generation_config.json", _GENERATION)
    tiny_words.write(folder)
    index: dict[str, str] = {}
    for place, names in enumerate(_split(shapes, shards), 1):
        tensors = {name: _weight(name, shapes[name], seed, raw).to(dtype) for name in names}
        for name in tensors.keys() & _last_conv(shapes):
            tensors[name] *= louder
        file = _file_name(place, shards, pickled)
        index |= dict.fromkeys(names, file)
        if pickled:
            torch.save(tensors, folder / file)
        else:
            save_file(tensors, folder / file, metadata={"format": "pt"})
    if shards > 1:
        whole = sum(shape.numel() for shape in shapes.values()) * dtype.itemsize
        _write_json(
            folder / f"{_STEMS[pickled]}{_ENDS[pickled]}.index.json",
            {"metadata": {"total_size": whole}, "weight_map": index},
        )
    return folder


_GENERATION = {
    "bos_token_id": 2048,
    "decoder_start_token_id": 2048,
    "do_sample": True,
    "guidance_scale": 3.0,
    "max_length": 1500,
    "pad_token_id": 2048,
}
_STEMS = {False: "model", True: "pytorch_model"}
_ENDS = {False: ".safetensors", True: ".bin"}


def _file_name(place: int, shards: int, pickled: bool) -> str:
    part = f"-{place:05d}-of-{shards:05d}" if shards > 1 else ""
    return f"{_STEMS[pickled]}{part}{_ENDS[pickled]}"


def _shapes(raw: dict[str, Any]) -> dict[str, torch.Size]:
    """What is stored, by the names in Meta's files: the weight norm's are older than torch's."""
    with torch.device("meta"):
        model = MusicgenForConditionalGeneration(MusicgenConfig(**_parts(raw)))
    stored = {
        name.replace("parametrizations.weight.original0", "weight_g").replace(
            "parametrizations.weight.original1", "weight_v"
        ): tensor.shape
        for name, tensor in model.state_dict().items()
    }
    stored.pop("text_encoder.encoder.embed_tokens.weight", None)  # is text_encoder.shared
    return stored


def _parts(raw: dict[str, Any]) -> dict[str, Any]:
    return {name: dict(raw[name]) for name in ("text_encoder", "audio_encoder", "decoder")}


def _split(shapes: Mapping[str, torch.Size], shards: int) -> list[list[str]]:
    """The names in `shards` lists of about equally many bytes, none empty."""
    names = sorted(shapes)
    whole = sum(shape.numel() for shape in shapes.values())
    lists: list[list[str]] = [[] for _ in range(shards)]
    before = 0
    for name in names:
        lists[min(before * shards // whole, shards - 1)].append(name)
        before += shapes[name].numel()
    return lists


def _weight(name: str, shape: torch.Size, seed: int, raw: dict[str, Any]) -> Tensor:
    """A tensor scaled so that signals keep their size through the layers.

    So what is sampled depends on the words, the position and what was played, and never sticks.
    """
    # Its own generator by name: independent of the order, the shards and other tensors.
    chance = torch.Generator().manual_seed(zlib.crc32(f"{name} {seed}".encode()))
    kind = name.rpartition(".")[2]
    if "norm" in name:
        return torch.full(shape, float(kind == "weight"))
    if kind == "inited":
        return torch.ones(shape)
    if kind == "weight_g":
        return torch.full(shape, 1.2)  # Elu takes a little away
    if kind == "embed_avg":
        name = name.removesuffix("_avg")
        return _weight(name, shape, seed, raw)
    return torch.randn(shape, generator=chance) * _deviation(name, kind, shape, raw)


def _deviation(name: str, kind: str, shape: torch.Size, raw: dict[str, Any]) -> float:
    if "bias" in kind:
        return 0.05
    if kind in ("weight_v", "cluster_size"):
        return 1.0
    if "embed" in name or "shared" in name:
        # Codes are summed over the codebooks: to about 1, as large as the position.
        return 1.0 if "text_encoder" in name else 0.5
    across = 1 / math.sqrt(shape[-1])
    if "lm_heads" in name:
        return 3 * across  # Far from even odds, and far from certain ones.
    if "SelfAttention.q" in name:
        # T5 divides nothing by the root of a head's width.
        return across / math.sqrt(raw["text_encoder"]["d_kv"])
    return across


def _last_conv(shapes: Mapping[str, torch.Size]) -> set[str]:
    """The tensors that scale the decoded audio."""
    stem = "audio_encoder.decoder.layers."
    layers = {int(name.removeprefix(stem).split(".")[0]) for name in shapes if stem in name}
    return {f"{stem}{max(layers)}.conv.{kind}" for kind in ("weight_g", "bias")}


def _codec_gain(raw: dict[str, Any], shapes: Mapping[str, torch.Size], seed: int) -> float:
    """How much louder the codec must be for `LOUDNESS_DBFS`, measured on 1 s of random codes."""
    codec: Any = EncodecModel(EncodecConfig(**raw["audio_encoder"]))
    prefix = "audio_encoder."
    legacy = {"weight_g": "original0", "weight_v": "original1"}
    weights = {}
    for name in (name for name in shapes if name.startswith(prefix)):
        stem, _, kind = name.removeprefix(prefix).rpartition(".")
        kind = f"parametrizations.weight.{legacy[kind]}" if kind in legacy else kind
        weights[f"{stem}.{kind}"] = _weight(name, shapes[name], seed, raw)
    codec.load_state_dict(weights)
    chance = torch.Generator().manual_seed(seed)
    codes = torch.randint(2048, (1, 1, 4, 50), generator=chance)  # [1, B, K, T]
    with torch.inference_mode():
        audio = codec.decode(codes, [None]).audio_values  # [B, C, S]
    return float(10 ** (LOUDNESS_DBFS / 20) / audio.square().mean().sqrt())


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


@contextmanager
def _quiet() -> Iterator[None]:
    """transformers warns of the pad token 2048, which is as it should be."""
    before = logging.get_verbosity()
    logging.set_verbosity(40)  # errors only
    try:
        yield
    finally:
        logging.set_verbosity(before)
