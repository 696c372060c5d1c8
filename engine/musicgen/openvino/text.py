"""Prompts to what cross-attention looks at, in one network: T5's encoder, the projection to the
decoder's width, and the keys and values of every layer.

The encoder is that of transformers' `T5EncoderModel` (Raffel et al., "Exploring the Limits of
Transfer Learning", 2020; gated as of T5 1.1): norms without a mean, scores that are not scaled,
and a bias by the distance of two tokens that all blocks share.

Threading: the runner's thread only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from engine.errors import EngineUnavailable
from engine.musicgen.decoder import TextKv
from engine.musicgen.models.config import ModelConfig
from engine.musicgen.openvino.cache import TOKENIZER
from engine.musicgen.openvino.graph import Node, constant, ints, linear, named, ops, parameter
from engine.musicgen.openvino.runtime import compiled, openvino
from engine.musicgen.openvino.store import Store
from engine.musicgen.text import read_words

_QUANTIZED_TOGETHER = 32
"""Few, since T5 has single activations beside which 8 bits would lose many others. Larger groups
are no quicker, and with none OpenVINO keeps the weights twice."""


@dataclass(frozen=True, slots=True)
class T5:
    """Sizes of an encoder, by transformers' names. Its own `T5Config` takes most of a second to
    import."""

    d_model: int
    d_kv: int
    num_layers: int
    num_heads: int
    relative_attention_num_buckets: int
    relative_attention_max_distance: int
    layer_norm_epsilon: float
    feed_forward_proj: str

    @classmethod
    def of(cls, text: Mapping[str, Any]) -> T5:
        """Of a `ModelConfig`'s `text`."""
        return cls(**{part.name: text[part.name] for part in fields(cls)})

    @property
    def is_gated_act(self) -> bool:
        return self.feed_forward_proj.startswith("gated-")

    @property
    def dense_act_fn(self) -> str:
        if self.feed_forward_proj == "gated-gelu":
            return "gelu_new"  # as T5 1.1 was trained
        return self.feed_forward_proj.removeprefix("gated-")


class OpenVinoText:
    """A text's keys and values. Raises EngineUnavailable for an encoder of an unknown kind."""

    def __init__(self, config: ModelConfig, store: Store) -> None:
        self._t5 = T5.of(config.text)
        self._heads = config.decoder.num_attention_heads
        self._request = compiled(text_network(config, self._t5, store), _QUANTIZED_TOGETHER)
        self._embeddings = store.array("text.embeddings")  # [vocabulary, width]
        self._bias = store.array("text.bias")  # [buckets, heads]
        self._tokens: Callable[[str], list[int]] | None = None

    def read_tokenizer(self, folder: Path) -> None:
        """Of a conversion. Raises EngineUnavailable."""
        self._tokens = read_words(folder / TOKENIZER)

    def __call__(self, text: str) -> TextKv:
        """float32."""
        assert self._tokens is not None
        tokens = np.array(self._tokens(text))
        self._set("x", self._embeddings[tokens].astype(np.float32))
        self._set("bias", self._position_bias(len(tokens)))
        self._request.infer()
        both = torch.from_numpy(self._request.get_tensor("text_kv").data.copy())
        layers, n, _ = both.shape  # [layers, tokens, 2 * h]
        keys, values = both.view(layers, n, 2, self._heads, -1).permute(2, 0, 3, 1, 4)
        return TextKv(keys.contiguous(), values.contiguous())

    def _position_bias(self, tokens: int) -> NDArray[np.float32]:
        """`[heads, tokens, tokens]`: row by row how much a token looks at each."""
        t5, places = self._t5, np.arange(tokens)
        buckets = distance_buckets(
            places[None] - places[:, None],
            t5.relative_attention_num_buckets,
            t5.relative_attention_max_distance,
        )
        return np.ascontiguousarray(self._bias[buckets].transpose(2, 0, 1), np.float32)

    def _set(self, name: str, array: NDArray[np.float32]) -> None:
        self._request.set_tensor(name, openvino().Tensor(array, shared_memory=False))


def distance_buckets(ahead: NDArray[np.int64], buckets: int, longest: int) -> NDArray[np.int64]:
    """T5's bucket of each distance: half of them are for what stands behind, half of those for
    a distance each, and the rest grow with its logarithm up to `longest`."""
    half = buckets // 2
    exact = half // 2
    distance = np.abs(ahead)
    # In float32, as transformers takes it, so that both cut at the same place.
    grown = np.log(np.maximum(distance, 1).astype(np.float32) / np.float32(exact))
    share = grown / np.float32(np.log(longest / exact)) * np.float32(half - exact)
    far = np.minimum(exact + share.astype(np.int64), half - 1)
    found: NDArray[np.int64] = np.where(distance < exact, distance, far) + half * (ahead > 0)
    return found


def text_network(config: ModelConfig, t5: T5, store: Store) -> Any:
    """Float32: `x` `[tokens, width]`, the words, and `bias` `[heads, tokens, tokens]` to
    `text_kv` `[layers, tokens, 2 * h]`, keys before values."""
    o = ops()
    inputs = parameter("x", [-1, t5.d_model], np.float32)
    bias = parameter("bias", [t5.num_heads, -1, -1], np.float32)
    x = inputs
    for i in range(t5.num_layers):
        block = f"text.blocks.{i}"
        x = o.add(x, _attention(_norm(x, store, f"{block}.self_norm", t5), bias, store, block, t5))
        x = o.add(x, _feed_forward(_norm(x, store, f"{block}.ffn_norm", t5), store, block, t5))
    x = _norm(x, store, "text.norm", t5)
    if "text.projection.bias" in store:
        x = o.add(linear(x, store, "text.projection"), constant(store, "text.projection.bias"))
    layers = range(config.decoder.num_hidden_layers)
    both = [linear(x, store, f"decoder.layers.{i}.text_kv") for i in layers]
    stacked = o.concat([o.unsqueeze(layer, ints(0)) for layer in both], 0)
    return openvino().Model([named(stacked, "text_kv")], [inputs, bias], "text")


def _attention(x: Node, bias: Node, store: Store, block: str, t5: T5) -> Node:
    """`[tokens, width]` to the same, over all heads."""
    o = ops()
    qkv = linear(x, store, f"{block}.qkv")
    split = o.reshape(qkv, ints(0, 3, t5.num_heads, t5.d_kv), True)  # [tokens, 3, heads, d_kv]
    parts = o.split(o.transpose(split, ints(1, 2, 0, 3)), 0, 3)
    q, k, v = (o.squeeze(part, ints(0)) for part in parts.outputs())  # [heads, tokens, d_kv]
    shares = o.softmax(o.add(o.matmul(q, k, False, True), bias), 2)
    heard = o.transpose(o.matmul(shares, v, False, False), ints(1, 0, 2))
    joined = o.reshape(heard, ints(0, t5.num_heads * t5.d_kv), True)
    return linear(joined, store, f"{block}.out")


def _feed_forward(x: Node, store: Store, block: str, t5: T5) -> Node:
    o = ops()
    inner = linear(x, store, f"{block}.ffn_in")
    if t5.is_gated_act:
        gate = _activated(linear(x, store, f"{block}.ffn_gate"), t5.dense_act_fn)
        return linear(o.multiply(gate, inner), store, f"{block}.ffn_out")
    return linear(_activated(inner, t5.dense_act_fn), store, f"{block}.ffn_out")


def _activated(x: Node, name: str) -> Node:
    o = ops()
    if name == "relu":
        return o.relu(x)
    if name in ("gelu", "gelu_new"):
        return o.gelu(x, "erf" if name == "gelu" else "tanh")
    if name in ("silu", "swish"):
        return o.swish(x)
    raise EngineUnavailable(
        f"int8 and int4 know no text encoder with {name!r}: take --precision bf16"
    )


def _norm(x: Node, store: Store, name: str, t5: T5) -> Node:
    """Root mean square over the last axis, in T5's form: no mean, no bias."""
    o = ops()
    mean = o.reduce_mean(o.multiply(x, x), ints(1), True)
    root = o.sqrt(o.add(mean, o.constant(np.float32(t5.layer_norm_epsilon))))
    return o.multiply(o.divide(x, root), constant(store, f"{name}.weight"))
