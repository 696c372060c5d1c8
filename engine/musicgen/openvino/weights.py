"""What a conversion keeps: the arrays made of a checkpoint, one after another, by their names.

Little more than one layer is in memory at a time, in float32: an array is to be used before the
next is asked for. A matrix goes through quantisation some rows at a time, as rows have nothing to
do with each other.

`precision` is `int8`, `int4` or, as the tests want it, `fp32`: every matrix as it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial

import numpy as np
import psutil
import torch
from torch import Tensor, nn

from engine.musicgen.codec.decoder import AudioDecoder
from engine.musicgen.codec.encoder import AudioEncoder
from engine.musicgen.codec.weights import WeightLoader
from engine.musicgen.decoder import Decoder, Layer, layer_places
from engine.musicgen.models.checkpoint import Checkpoint
from engine.musicgen.models.config import DecoderConfig, ModelConfig
from engine.musicgen.openvino.matrices import Array, quantized
from engine.musicgen.text import TextEncoder

Named = Iterator[tuple[str, Array]]

MATRICES = ("qkv", "self_out", "text_q", "text_out", "ffn_in", "ffn_out")
"""Of a decoder's layer, in the precision that was asked for: what every step reads."""
NORMS = ("self_norm", "text_norm", "ffn_norm")
_SLICE = 1 << 19
"""Weights that are quantised at once: the search of `int4` has some ten copies of them."""


def compare(checkpoint: Checkpoint, config: ModelConfig) -> None:
    """Raises EngineUnavailable if a tensor of decoder or text is missing or has another shape."""
    with torch.device("meta"):
        decoder, text = Decoder(config.decoder), TextEncoder(config)
    checkpoint.compare({**decoder.destinations(), **text.destinations()})


@torch.inference_mode()
def decoder_arrays(checkpoint: Checkpoint, config: DecoderConfig, precision: str) -> Named:
    """Under `decoder.`, by the names of the attributes in `engine.musicgen.decoder`."""
    layer = Layer(config)
    prefix = "decoder.model.decoder"
    for i in range(config.num_hidden_layers):
        places = {f"{prefix}.layers.{i}.{name}": t for name, t in layer_places(layer)}
        checkpoint.copy_into(places)
        yield from _layer_arrays(f"decoder.layers.{i}", layer, precision)
    del layer, places
    with torch.device("meta"):
        whole = Decoder(config)
    whole.layers = nn.ModuleList()
    whole.to_empty(device="cpu")
    checkpoint.copy_into(whole.destinations())
    yield from norm_arrays("decoder.norm", whole.norm)
    yield from matrix("decoder.heads", whole.heads.weight, _finer(precision))
    yield table("decoder.embeddings", whole.embeddings.weight, precision)


def _layer_arrays(name: str, layer: Layer, precision: str) -> Named:
    for part in MATRICES:
        yield from matrix(f"{name}.{part}", getattr(layer, part).weight, precision)
    yield from matrix(f"{name}.text_kv", layer.text_kv.weight, _finer(precision))
    for part in NORMS:
        yield from norm_arrays(f"{name}.{part}", getattr(layer, part))


@torch.inference_mode()
def text_arrays(checkpoint: Checkpoint, config: ModelConfig, precision: str) -> Named:
    """Under `text.`, with `text.blocks.N` for the encoder's blocks and `_TextBlock`'s names."""
    with torch.device("meta"):
        shapes = TextEncoder(config).destinations()
    precision, stem = _finer(precision), "text_encoder.encoder"
    for i in range(int(config.text["num_layers"])):
        block = f"{stem}.block.{i}."
        got = _read(checkpoint, {n: t for n, t in shapes.items() if n.startswith(block)})
        yield from _block_arrays(f"text.blocks.{i}", got, block, precision)
        del got
    bias = f"{stem}.block.0.layer.0.SelfAttention.relative_attention_bias.weight"
    last = f"{stem}.final_layer_norm.weight"
    for name, short in ((bias, "text.bias"), (last, "text.norm.weight")):
        yield short, _read(checkpoint, {name: shapes[name]})[name].numpy()
    if "enc_to_dec_proj.weight" in shapes:
        names = ("enc_to_dec_proj.weight", "enc_to_dec_proj.bias")
        weight, shift = _read(checkpoint, {name: shapes[name] for name in names}).values()
        yield from matrix("text.projection", weight, precision)
        yield "text.projection.bias", shift.numpy()
        del weight
    words = "text_encoder.shared.weight"
    yield table("text.embeddings", _read(checkpoint, {words: shapes[words]})[words], precision)


def _block_arrays(name: str, got: Mapping[str, Tensor], block: str, precision: str) -> Named:
    attention, forward = f"{block}layer.0.", f"{block}layer.1."
    qkv = torch.cat([got[f"{attention}SelfAttention.{part}.weight"] for part in "qkv"])
    yield from matrix(f"{name}.qkv", qkv, precision)
    yield from matrix(f"{name}.out", got[f"{attention}SelfAttention.o.weight"], precision)
    # A gated one has two matrices on the way in: what passes, and how much of it.
    for part, short in (("wi", "ffn_in"), ("wi_0", "ffn_gate"), ("wi_1", "ffn_in")):
        weight = got.get(f"{forward}DenseReluDense.{part}.weight")
        if weight is not None:
            yield from matrix(f"{name}.{short}", weight, precision)
    yield from matrix(f"{name}.ffn_out", got[f"{forward}DenseReluDense.wo.weight"], precision)
    yield f"{name}.self_norm.weight", got[f"{attention}layer_norm.weight"].numpy()
    yield f"{name}.ffn_norm.weight", got[f"{forward}layer_norm.weight"].numpy()


def audio_encoder_arrays(encoder: AudioEncoder) -> Named:
    """Under `audio_encoder.`, all its buffers as they are."""
    for name, tensor in encoder.state_dict().items():
        yield f"audio_encoder.{name}", tensor.numpy()


def codec(checkpoint: Checkpoint, config: ModelConfig) -> tuple[AudioDecoder, AudioEncoder]:
    """Filled, in float32, at the codec's own rate. Raises EngineUnavailable."""
    books = config.decoder.num_codebooks // config.decoder.audio_channels
    audio = AudioDecoder(config.codec, config.codec.sampling_rate, books).eval()
    encoder = AudioEncoder(config.codec, audio.quantizer).eval()
    loader = WeightLoader({**audio.parts(), **encoder.parts()})
    for name, tensor in checkpoint.tensors(["audio_encoder."]):
        loader.take(name, tensor)
        del tensor  # Before the next is read.
    loader.finish()
    return audio, encoder


def matrix(name: str, weight: Tensor, precision: str) -> Named:
    """The arrays of `weight`, float32 `[n, k]`: `graph.linear` reads them."""
    if precision == "fp32":
        yield name, weight.numpy()
        return
    # An even number of rows, so that what is packed two in a byte ends with a byte.
    rows = max(2, _SLICE // weight.shape[1] // 2 * 2)
    with ThreadPoolExecutor(psutil.cpu_count(logical=False) or 1) as threads:
        pieces = list(threads.map(partial(_quantized, precision), torch.split(weight, rows)))
    for ending in pieces[0]:
        yield name + ending, np.concatenate([piece[ending] for piece in pieces])


@torch.inference_mode()  # which holds for one thread
def _quantized(precision: str, weight: Tensor) -> dict[str, Array]:
    return quantized(weight, precision)


@contextmanager
def threads_for_themselves() -> Iterator[None]:
    """To convert in: torch has one thread in each of those that quantise.

    Its own would wait for each other after each small step, and on a machine that is busy with
    something else that took twenty times as long.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def table(name: str, weight: Tensor, precision: str) -> tuple[str, Array]:
    """Embeddings, of which few rows are read: float16, if its range is enough."""
    half = weight.half()
    if precision == "fp32" or (half.isinf().any() and not weight.isinf().any()):
        return name, weight.numpy()
    return name, half.numpy()


def norm_arrays(name: str, norm: nn.LayerNorm) -> Named:
    yield f"{name}.weight", norm.weight.numpy()
    yield f"{name}.bias", norm.bias.numpy()


def _finer(precision: str) -> str:
    """For what is read once in a while, or matters more than it weighs."""
    return "int8" if precision == "int4" else precision


def _read(checkpoint: Checkpoint, shapes: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Those tensors, float32."""
    places = {name: torch.empty(shape.shape) for name, shape in shapes.items()}
    checkpoint.copy_into(places)
    return places
