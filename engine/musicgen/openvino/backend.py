"""Streams' segments as calls of the decoder's network.

Threading: the runner's thread only.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.musicgen.backend import Backend
from engine.musicgen.decoder import Segment, TextKv, position_table
from engine.musicgen.directions import Knobs
from engine.musicgen.kv import ROWS
from engine.musicgen.models.config import DecoderConfig
from engine.musicgen.openvino.decoder import decoder_network
from engine.musicgen.openvino.matrices import GROUPS
from engine.musicgen.openvino.pool import BLOCK_STEPS, PagedCache, Pool
from engine.musicgen.openvino.runtime import compiled, openvino
from engine.musicgen.openvino.sampling import choose
from engine.musicgen.openvino.store import Weights

_FAR = -1e30
"""Added to the score of a token that is not there."""

Ints = NDArray[np.int32]


class OpenVinoBackend(Backend):
    """See `engine.musicgen.backend.Backend`; the same bits however many play side by side."""

    def __init__(
        self, config: DecoderConfig, store: Weights, precision: str, positions: int
    ) -> None:
        """`positions`: the longest window, in steps."""
        self._config = config
        self._store = store  # whose memory the network uses, and does not keep
        # What a group of weights meets is quantised together, which is the quickest.
        self._request = compiled(decoder_network(config, store), GROUPS[precision])
        self._pool = Pool(self._request)
        self._embeddings = store.array("decoder.embeddings")  # [K * (vocabulary + 1), h]
        self._offsets = np.arange(config.num_codebooks)[:, None] * (config.vocab_size + 1)
        self._positions = position_table(positions, config.hidden_size).numpy()
        self._texts = _Texts(config)

    @property
    def device(self) -> torch.device:
        return torch.device("cpu")

    def new_cache(self, steps: int) -> PagedCache:
        return self._pool.new_cache(steps)

    def logits(self, segments: Sequence[Segment]) -> Tensor:
        return torch.from_numpy(self._logits(segments).copy())

    def draw(self, segments: Sequence[Segment], knobs: Knobs, numbers: Tensor) -> Tensor:
        return choose(self._logits(segments), knobs, numbers)

    def _logits(self, segments: Sequence[Segment]) -> NDArray[np.float32]:
        """`[predicting, ROWS, K, vocabulary]`, until the next call."""
        lanes = [(segment, row) for segment in segments for row in range(segment.rows)]
        lengths = [segment.length for segment, _ in lanes]
        begins = np.cumsum([0, *lengths])
        self._set("x", np.concatenate([self._embedded(segment) for segment, _ in lanes]))
        self._set_ints("past_lens", [segment.start for segment, _ in lanes])
        self._set_ints("subsequence_begins", begins)
        self._set_blocks(lanes)
        texts = [segment.text if row == 0 else None for segment, row in lanes]
        if changed := self._texts.changed(texts):
            for name, array in changed.items():
                self._set(name, array)
        self._set_ints("row_text", np.repeat(self._texts.indices(texts), lengths))
        self._set_ints("predicting", _predicting(lanes, begins[1:] - 1))
        self._request.infer()
        logits: NDArray[np.float32] = self._request.get_tensor("logits").data
        return logits.reshape(-1, ROWS, self._config.num_codebooks, self._config.vocab_size)

    def _embedded(self, segment: Segment) -> NDArray[np.float32]:
        """`[n, h]`"""
        rows = self._embeddings[segment.inputs.numpy() + self._offsets]  # [K, n, h]
        positions = self._positions[segment.start : segment.start + segment.length]
        summed: NDArray[np.float32] = rows.astype(np.float32).sum(0) + positions
        return summed

    def _set_blocks(self, lanes: Sequence[tuple[Segment, int]]) -> None:
        ends = [segment.start + segment.length for segment, _ in lanes]
        used = [-(-end // BLOCK_STEPS) for end in ends]
        blocks = [
            _paged(segment).blocks[row, :count]
            for (segment, row), count in zip(lanes, used, strict=True)
        ]
        self._set_ints("block_indices", np.concatenate(blocks))
        self._set_ints("block_indices_begins", np.cumsum([0, *used]))
        self._set_ints("max_context_len", np.array(max(ends)))

    def _set_ints(self, name: str, values: Sequence[int] | NDArray[np.integer]) -> None:
        self._set(name, np.asarray(values, np.int32))

    def _set(self, name: str, array: NDArray[np.generic]) -> None:
        self._request.set_tensor(name, openvino().Tensor(array, shared_memory=False))


class _Texts:
    """What is listened to, as the network wants it: text 0 says nothing."""

    def __init__(self, config: DecoderConfig) -> None:
        heads, size = config.num_attention_heads, config.head_dim
        self._shape = config.num_hidden_layers, heads, size
        self._known: tuple[TextKv, ...] | None = None

    def changed(self, texts: Sequence[TextKv | None]) -> dict[str, NDArray[np.float32]] | None:
        """The inputs for these texts; None if they are what they were."""
        new = tuple({id(text): text for text in texts if text is not None}.values())
        if self._known is not None and [*map(id, new)] == [*map(id, self._known)]:
            return None
        self._known = new
        layers, heads, size = self._shape
        tokens = max((text.keys.shape[2] for text in new), default=1)
        count = 1 + len(new)
        keys = np.zeros((layers, count, heads, tokens, size), np.float32)
        values = np.zeros_like(keys)
        bias = np.zeros((count, 1, 1, tokens), np.float32)
        for i, text in enumerate(new, 1):
            n = text.keys.shape[2]
            keys[:, i, :, :n] = text.keys.numpy() * size**-0.5
            values[:, i, :, :n] = text.values.numpy()
            bias[i, ..., n:] = _FAR
            if text.bias is not None:
                bias[i, 0, :, :n] = text.bias.numpy()
        return {"text_keys": keys, "text_values": values, "text_bias": bias}

    def indices(self, texts: Sequence[TextKv | None]) -> Ints:
        places = {id(text): i for i, text in enumerate(self._known or (), 1)}
        return np.array([places.get(id(text), 0) for text in texts], np.int32)


def _predicting(lanes: Sequence[tuple[Segment, int]], last: NDArray[np.integer]) -> Ints:
    """The rows to predict from: of each sequence the first and the last."""
    wanted = [
        (i, i + segment.rows - 1)
        for i, (segment, row) in enumerate(lanes)
        if row == 0 and segment.predicts
    ]
    return last[np.array(wanted, np.int64).reshape(-1)].astype(np.int32)


def _paged(segment: Segment) -> PagedCache:
    assert isinstance(segment.cache, PagedCache)
    return segment.cache
