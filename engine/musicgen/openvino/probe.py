"""How long a step would take here: measured on a few layers, before there is a whole model."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import torch

from engine.musicgen.decoder import Segment
from engine.musicgen.models.config import DecoderConfig, ModelConfig
from engine.musicgen.openvino.backend import OpenVinoBackend
from engine.musicgen.openvino.matrices import GROUPS, Array
from engine.musicgen.openvino.store import Arrays
from engine.musicgen.options import CONTEXT_RANGE_S

_LAYERS = 4
"""Enough that a laptop's caches do not hold them."""
_TAKEN = 5
_SHARE = 0.7
"""Of a step's time, for the decoder: the rest is for tails, sampling, the codec, and the DAW."""


def is_in_time(config: ModelConfig, precision: str, decks: int) -> bool:
    """Whether so many streams with guidance would play in real time with the shortest context."""
    context_steps = round(CONTEXT_RANGE_S[0] * config.codec.frame_rate)
    took_s = step_s(config.decoder, precision, decks, context_steps)
    return took_s * config.codec.frame_rate < _SHARE


@torch.inference_mode()
def step_s(config: DecoderConfig, precision: str, streams: int, context_steps: int) -> float:
    """A step of so many streams, each with a past of `context_steps`, in seconds."""
    few = min(_LAYERS, config.num_hidden_layers)
    one_s, few_s = (
        _timed(replace(config, num_hidden_layers=layers), precision, streams, context_steps)
        for layers in (1, few)
    )
    each_s = max(0.0, few_s - one_s) / max(1, few - 1)
    return one_s + each_s * (config.num_hidden_layers - 1)


def _timed(config: DecoderConfig, precision: str, streams: int, context_steps: int) -> float:
    store = Arrays(dict(_noise(config, precision)))
    backend = OpenVinoBackend(config, store, precision, context_steps + 1)
    inputs = torch.zeros(config.num_codebooks, 1, dtype=torch.int64)
    segments = [
        Segment(inputs, context_steps, backend.new_cache(context_steps + 1), None)
        for _ in range(streams)
    ]
    took_s = []
    for _ in range(_TAKEN):
        began_s = time.perf_counter()
        backend.logits(segments)
        took_s.append(time.perf_counter() - began_s)
    return min(took_s)


def _noise(config: DecoderConfig, precision: str) -> Iterator[tuple[str, Array]]:
    """Weights of the right sizes."""
    h, ffn = config.hidden_size, config.ffn_dim
    sizes = {"qkv": (3 * h, h), "ffn_in": (ffn, h), "ffn_out": (h, ffn)}
    sizes |= dict.fromkeys(("self_out", "text_q", "text_out"), (h, h))
    for i in range(config.num_hidden_layers):
        for name, (n, k) in sizes.items():
            yield from _matrix(f"decoder.layers.{i}.{name}", n, k, precision)
        for name in ("self_norm", "text_norm", "ffn_norm"):
            yield from _norm(f"decoder.layers.{i}.{name}", h)
    yield from _norm("decoder.norm", h)
    yield from _matrix("decoder.heads", config.num_codebooks * config.vocab_size, h, "int8")
    rows = config.num_codebooks * (config.vocab_size + 1)
    yield "decoder.embeddings", np.ones((rows, h), np.float16)


def _matrix(name: str, n: int, k: int, precision: str) -> Iterator[tuple[str, Array]]:
    random, group = np.random.default_rng(0), GROUPS[precision]
    if k % group:
        precision, group = "int8", k
    groups = k // group
    if precision == "int8":
        values = np.frombuffer(random.bytes(n * k), np.int8).copy()
        yield f"{name}.i8", values.reshape(n, groups, group)
        yield f"{name}.scale", np.full((n, groups, 1), 1e-4, np.float32)
        return
    packed = np.frombuffer(random.bytes(n * k // 2), np.uint8).copy()
    yield f"{name}.u4", packed.reshape(n, groups, group // 2)
    yield f"{name}.zero", np.full(n * groups // 2, 0x88, np.uint8)
    yield f"{name}.scale", np.full((n, groups, 1), 1e-3, np.float16)


def _norm(name: str, width: int) -> Iterator[tuple[str, Array]]:
    yield f"{name}.weight", np.ones(width, np.float32)
    yield f"{name}.bias", np.zeros(width, np.float32)
