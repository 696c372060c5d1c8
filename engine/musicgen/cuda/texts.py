"""What the rows of a step listen to, where graphs find it.

Threading: the runner's thread only.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from engine.musicgen.decoder import TextKv
from engine.musicgen.models.config import DecoderConfig


class Texts:
    """Keys and values for so many lanes, with room for so many tokens each.

    A lane without text hears tokens of value zero, of which cross-attention makes exactly zero.
    """

    def __init__(self, config: DecoderConfig, lanes: int, tokens: int, like: Tensor) -> None:
        shape = (
            config.num_hidden_layers, lanes, config.num_attention_heads, tokens, config.head_dim,
        )  # fmt: skip
        self.keys, self.values = (like.new_zeros(shape) for _ in range(2))
        """[layers, lanes, heads, tokens, head_dim]"""
        self.bias = like.new_zeros(lanes, 1, 1, tokens)
        self._held: list[TextKv | None] = [None] * lanes

    def hold(self, texts: Sequence[TextKv | None]) -> None:
        """Copy in what is not there yet; a lane each, the first ones."""
        for lane, text in enumerate(texts):
            if text is not self._held[lane]:
                self._put(lane, text)
                self._held[lane] = text

    def _put(self, lane: int, text: TextKv | None) -> None:
        bias = self.bias[lane, 0]  # [1, tokens]
        if text is None:
            self.values[:, lane] = 0
            bias.zero_()
            return
        n = text.keys.shape[2]
        self.keys[:, lane, :, :n] = text.keys
        self.values[:, lane, :, :n] = text.values
        bias[:, n:] = float("-inf")
        bias[:, :n] = 0 if text.bias is None else text.bias


class AllTexts:
    """One `Texts` for all graphs that need about as much: a prompt is not copied for each."""

    def __init__(self, config: DecoderConfig, like: Tensor) -> None:
        self._config = config
        self._like = like
        self._known: dict[tuple[int, int], Texts] = {}

    def of(self, lanes: int, tokens: int) -> Texts:
        room = 1 << (lanes - 1).bit_length()
        texts = self._known.get((room, tokens))
        if texts is None:
            texts = Texts(self._config, room, tokens, self._like)
            self._known[room, tokens] = texts
        return texts
