"""MusicGen's transformer as one network of OpenVINO's: a step of any number of sequences, or
slices of a coming window beside it, in one call.

The same layers as `engine.musicgen.decoder`, which is the reference, over rows that lie together:
`[rows, width]`, a row for each new position of each sequence. Their past is in blocks of one pool
(paged attention; Kwon et al., "Efficient Memory Management for Large Language Model Serving with
PagedAttention", 2023), which the network writes to itself.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from engine.errors import EngineUnavailable
from engine.musicgen.models.config import DecoderConfig
from engine.musicgen.openvino.graph import (
    Node,
    ints,
    layer_norm,
    linear,
    named,
    ops,
    parameter,
)
from engine.musicgen.openvino.runtime import openvino
from engine.musicgen.openvino.store import Weights

_ACTIVATIONS = {"gelu": ("gelu", "erf"), "gelu_new": ("gelu", "tanh"), "relu": ("relu",)}
"""transformers' names, and the operations that they are here with their options."""


def decoder_network(config: DecoderConfig, store: Weights) -> Any:
    """The network. Its inputs, int32 but where said, for `r` rows of `s` sequences:

    `x` float32 `[r, h]`: embeddings with positions. `past_lens` `[s]`, `subsequence_begins`
    `[s + 1]` in rows, `block_indices` `[blocks]`, `block_indices_begins` `[s + 1]`,
    `max_context_len` `[]`: where the sequences' past lies. `text_keys`, `text_values` float32
    `[layers, texts, heads, tokens, head_dim]`, the keys scaled by `head_dim ** -0.5` (a factor in
    the network would be drawn into the weights, and they out of their few bits). `text_bias`
    float32 `[texts, 1, 1, tokens]`. `row_text` `[r]`: which text a row listens to. `predicting`
    `[p]`: the rows whose logits are wanted. `key_cache.I`, `value_cache.I`: the pool, of layer I.

    Its output, `logits`: float32 `[p, K * vocabulary]`. Raises EngineUnavailable for an
    activation that it does not know.
    """
    return _Builder(config, store).network()


class _Builder:
    def __init__(self, config: DecoderConfig, store: Weights) -> None:
        self._config, self._store = config, store
        heads, size = config.num_attention_heads, config.head_dim
        i32, f32 = np.int32, np.float32
        self._inputs: list[Node] = []
        self._x = self._input("x", [-1, config.hidden_size], f32)
        names = ("past_lens", "subsequence_begins", "block_indices", "block_indices_begins")
        self._where = [self._input(name, [-1], i32) for name in names]
        self._longest = self._input("max_context_len", [], i32)
        shape = [config.num_hidden_layers, -1, heads, -1, size]
        texts = [self._input(f"text_{side}", shape, f32) for side in ("keys", "values")]
        self._text_keys, self._text_values = (
            ops().split(text, ops().constant(np.int64(0)), shape[0]).outputs() for text in texts
        )
        self._row_text = self._input("row_text", [-1], i32)
        bias = self._input("text_bias", [-1, 1, 1, -1], f32)
        self._bias = ops().gather(bias, self._row_text, ints(0))
        self._predicting = self._input("predicting", [-1], i32)

    def network(self) -> Any:
        o, x = ops(), self._x
        for i in range(self._config.num_hidden_layers):
            x = o.add(x, self._self_attention(i, x))
            x = o.add(x, self._cross_attention(i, x))
            x = o.add(x, self._feed_forward(i, x))
        x = o.gather(x, self._predicting, ints(0))
        x = layer_norm(x, self._store, "decoder.norm")
        logits = named(linear(x, self._store, "decoder.heads"), "logits")
        return openvino().Model([logits], self._inputs, "decoder")

    def _input(self, name: str, shape: list[int], dtype: Any) -> Node:
        node = parameter(name, shape, dtype)
        self._inputs.append(node)
        return node

    def _linear(self, layer: int, name: str, x: Node) -> Node:
        return linear(x, self._store, f"decoder.layers.{layer}.{name}")

    def _normed(self, layer: int, name: str, x: Node) -> Node:
        return layer_norm(x, self._store, f"decoder.layers.{layer}.{name}")

    def _self_attention(self, layer: int, x: Node) -> Node:
        o = ops()
        qkv = self._linear(layer, "qkv", self._normed(layer, "self_norm", x))  # [r, 3 * h]
        parts = o.split(qkv, o.constant(np.int64(1)), 3).outputs()
        pool = [self._pool(f"{side}_cache.{layer}") for side in ("key", "value")]
        attended = self._paged(parts, pool)
        return self._linear(layer, "self_out", attended)

    def _pool(self, name: str) -> Node:
        """Blocks in whichever layout and precision OpenVINO keeps them."""
        node = self._input(name, [-1, -1, -1, -1], openvino().Type.dynamic)
        heads, size = self._config.num_attention_heads, self._config.head_dim
        info = node.get_rt_info()
        for key, value in (("num_heads", heads), ("head_size", size)):
            info[key] = value
        return node

    def _paged(self, qkv: list[Node], pool: list[Node]) -> Node:
        """Write keys and values to the pool, then attend to all up to them: `[r, h]`."""
        o = ops()
        heads, size = self._config.num_attention_heads, self._config.head_dim
        inputs = [*qkv, *(n.output(0) for n in (*pool, *self._where)), *self._unused_from(9)]
        try:
            attention = openvino().op._PagedAttentionExtension(inputs)
        except (AttributeError, RuntimeError) as error:
            reason = str(error).splitlines()[0]
            raise EngineUnavailable(
                f"this version of OpenVINO attends otherwise ({reason}): install openvino 2026.4,"
                " or take --precision bf16"
            ) from None
        info = attention.get_rt_info()
        for side in "kv":
            info[f"num_{side}_heads"], info[f"{side}_head_size"] = heads, size
        return o.reshape(attention.output(0), ints(-1, heads * size), False)

    def _unused_from(self, first: int) -> list[Node]:
        """The inputs of paged attention from the ninth on: but for the scale and the longest
        context, what other models need (windows, ALiBi, eviction, sparsity, sinks)."""
        o = ops()
        none: dict[int, Node] = {i: np.zeros(0, np.int32) for i in range(first, 28)}
        none |= {i: np.zeros(0, np.float32) for i in (11, 16, 17)}
        none |= {i: np.int32(0) for i in (10, 18, 19, 21)}
        none |= {9: np.float32(self._config.head_dim**-0.5)}
        none |= {20: np.zeros((0, 0, 0, 0), np.float32), 26: np.zeros(0, np.uint8)}
        nodes = {i: o.constant(value) for i, value in none.items()} | {12: self._longest}
        return [nodes[i].output(0) for i in sorted(nodes)]

    def _cross_attention(self, layer: int, x: Node) -> Node:
        o = ops()
        heads, size = self._config.num_attention_heads, self._config.head_dim
        asked = self._linear(layer, "text_q", self._normed(layer, "text_norm", x))
        query = o.reshape(asked, ints(-1, heads, 1, size), False)
        keys, values = (
            o.gather(o.squeeze(side[layer], ints(0)), self._row_text, ints(0))
            for side in (self._text_keys, self._text_values)
        )  # [r, heads, tokens, head_dim] each
        scores = o.add(o.matmul(query, keys, False, True), self._bias)
        heard = o.matmul(o.softmax(scores, -1), values, False, False)  # [r, heads, 1, head_dim]
        return self._linear(layer, "text_out", o.reshape(heard, ints(-1, heads * size), False))

    def _feed_forward(self, layer: int, x: Node) -> Node:
        inner = self._linear(layer, "ffn_in", self._normed(layer, "ffn_norm", x))
        return self._linear(layer, "ffn_out", self._activated(inner))

    def _activated(self, x: Node) -> Node:
        name = self._config.activation_function
        if name not in _ACTIVATIONS:
            raise EngineUnavailable(
                f"config.json asks for the activation {name!r}, which int8 and int4 have not: take"
                " --precision bf16"
            )
        operation, *options = _ACTIVATIONS[name]
        return getattr(ops(), operation)(x, *options)
