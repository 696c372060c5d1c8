"""One step of the decoder over memory that stays where it is: what a graph is recorded of.

It computes what `Decoder.forward` does for segments of one position, and what sampling makes of it.
No shape in it depends on a value, nothing waits for the device, and what changes from step to step
is read from buffers, so that it can be recorded on a GPU, and run as it is anywhere.

Threading: the runner's thread only.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from engine.musicgen.cuda.lanes import Group, Lanes, Shape
from engine.musicgen.cuda.texts import Texts
from engine.musicgen.decoder import Decoder, Layer, Segment
from engine.musicgen.directions import Knobs
from engine.musicgen.kv import ROWS
from engine.musicgen.sampling import choose


class StaticStep:
    """The step of batches of one shape: `fill`, call, then `made` has the codes."""

    def __init__(self, decoder: Decoder, shape: Shape, texts: Texts | None) -> None:
        self._decoder = decoder
        self.shape = shape
        self._texts = texts
        config, weight = decoder.config, decoder.norm.weight
        streams, lanes, books = shape.streams, shape.lanes, config.num_codebooks
        self._offsets, self._table = decoder.constants(weight.device, shape.span)
        self._codes = weight.new_zeros(books, streams, dtype=torch.int64)
        self._integers = weight.new_zeros(3 * lanes + ROWS * streams, dtype=torch.int64)
        self._positions, self._streams, self._places, self._predicting = torch.split(
            self._integers, [lanes, lanes, lanes, ROWS * streams]
        )
        self._numbers = weight.new_zeros(streams, books, dtype=torch.float32)
        self._knobs = Knobs(
            weight.new_ones(streams, dtype=torch.float32),
            weight.new_ones(streams, dtype=torch.float32),
            weight.new_ones(streams, dtype=torch.int64),
        )
        self.made = weight.new_zeros(streams, books, dtype=torch.int64)
        """int64 `[streams, K]`, until the next call."""
        self._held_integers: list[int] | None = None
        self._held_knobs: Knobs | None = None
        self._span = torch.arange(shape.span, device=weight.device)
        self._heads = torch.arange(config.num_attention_heads, device=weight.device)
        self._sides = torch.arange(2, device=weight.device)[:, None, None]  # keys, values

    def fill(
        self, segments: Sequence[Segment], lanes: Lanes, knobs: Knobs, numbers: Tensor
    ) -> None:
        """Have the next call compute these."""
        torch.cat([segment.inputs for segment in segments], dim=1, out=self._codes)
        self._numbers.copy_(numbers)
        if knobs is not self._held_knobs:
            self._knobs.guidance.copy_(knobs.guidance)
            self._knobs.temperature.copy_(knobs.temperature)
            self._knobs.top_k.copy_(knobs.top_k)
            self._held_knobs = knobs
        if self._texts is not None:
            self._texts.hold(lanes.texts)
        integers = [*lanes.positions, *lanes.streams, *lanes.places, *lanes.predicting]
        if integers != self._held_integers:
            # Without waiting: what comes from pageable memory is taken before the call returns.
            self._integers.copy_(torch.tensor(integers), non_blocking=True)
        after = [position + 1 for position in lanes.positions]
        self._held_integers = after + integers[len(after) :]

    def __call__(self) -> None:
        codes = choose(self.logits(), self._knobs, self._numbers)
        self.made.copy_(codes)
        self._positions.add_(1)  # the next step's, most of the time: nothing to be copied then

    def logits(self) -> Tensor:
        """float32 `[streams, ROWS, K, vocabulary]`, and the past one position longer."""
        decoder, config = self._decoder, self._decoder.config
        summed = decoder.embeddings(self._codes + self._offsets).sum(0)  # [streams, h]
        x = summed.index_select(0, self._streams)  # [lanes, h]
        x = x + self._table.index_select(0, self._positions)
        sites = list(self._sites())
        for i, layer in enumerate(decoder.layers):
            assert isinstance(layer, Layer)
            x = x + layer.self_out(self._attend(i, layer.qkv(layer.self_norm(x)), sites))
            if self._texts is not None:
                x = x + layer.text_out(self._listen(i, layer.text_q(layer.text_norm(x))))
            x = x + layer.ffn_out(decoder.activation(layer.ffn_in(layer.ffn_norm(x))))
        rows = x.index_select(0, self._predicting)  # [streams * ROWS, h]
        logits: Tensor = decoder.heads(decoder.norm(rows)).float()
        return logits.view(-1, ROWS, config.num_codebooks, config.vocab_size)

    def _attend(self, layer: int, qkv: Tensor, sites: Sequence[_Site]) -> Tensor:
        """Self-attention over `[lanes, 3 * h]`, before its output projection."""
        config = self._decoder.config
        parts = qkv.view(-1, 3, config.num_attention_heads, config.head_dim)
        heard = [site.attend(layer, parts[site.begin : site.end]) for site in sites]
        joined = heard[0] if len(heard) == 1 else torch.cat(heard)
        return joined.reshape(-1, config.hidden_size)

    def _listen(self, layer: int, asked: Tensor) -> Tensor:
        """Cross-attention of all lanes; those without text hear zeros."""
        assert self._texts is not None
        config, texts, n = self._decoder.config, self._texts, self.shape.lanes
        queries = asked.view(n, config.num_attention_heads, 1, config.head_dim)
        heard = functional.scaled_dot_product_attention(
            queries, texts.keys[layer, :n], texts.values[layer, :n], attn_mask=texts.bias[:n]
        )
        return heard.reshape(n, config.hidden_size)

    def _sites(self) -> Iterator[_Site]:
        begin = 0
        for group in self.shape.groups:
            end = begin + group.lanes
            places, positions = self._places[begin:end], self._positions[begin:end]
            # [2, n, heads] together: where in a layer of the slab the new keys and values go
            index = (self._sides, places[:, None], self._heads, positions[:, None])
            hidden = self._span > positions[:, None]  # [n, span]
            bias = torch.zeros_like(hidden, dtype=group.slab.memory.dtype)
            bias = bias.masked_fill(hidden, float("-inf"))[:, None, None]
            yield _Site(group, begin, end, places, index, bias)
            begin = end


@dataclass(frozen=True, slots=True)
class _Site:
    """A group of lanes in a step that is under way."""

    group: Group
    begin: int
    end: int
    places: Tensor
    """int64 `[n]`, in the slab."""
    index: tuple[Tensor, ...]
    bias: Tensor
    """[n, 1, 1, span]"""

    def attend(self, layer: int, qkv: Tensor) -> Tensor:
        """Write the new keys and values, and look at all so far; `[n, 3, heads, head_dim]` to
        `[n, heads, 1, head_dim]`."""
        memory = self.group.slab.memory[layer]  # [2, lanes, heads, positions, head_dim]
        memory.index_put_(self.index, qkv[:, 1:].transpose(0, 1))
        past = memory[:, :, :, : self.bias.shape[-1]]
        if self.group.first is None:
            past = past.index_select(1, self.places)
        else:
            past = past.narrow(1, self.group.first, self.group.lanes)
        keys, values = past.unbind(0)  # [n, heads, span, head_dim] each
        return functional.scaled_dot_product_attention(
            qkv[:, 0, :, None], keys, values, attn_mask=self.bias
        )
