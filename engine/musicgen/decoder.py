"""MusicGen's transformer: codes in, logits out, for many sequences at once.

One function does every phase. A prefill is a segment of many positions, a step one of a single
position, and a batch is any mixture of them: all rows go through each weight matrix together, so
that its memory is read once, and only attention looks at each sequence by itself. The layers are
those of transformers' `MusicgenForCausalLM` (pre-norm, no biases but in the norms, exact GELU,
sinusoidal positions; Copet et al., "Simple and Controllable Music Generation", 2023); the three
projections of self-attention are one matrix here, and so are the heads.

Threading: the runner's thread only.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.errors import EngineUnavailable
from engine.musicgen.alike import AlikeLinear
from engine.musicgen.kv import ROWS, KvCache, Past
from engine.musicgen.models.config import DecoderConfig


@dataclass(frozen=True, slots=True)
class TextKv:
    """What the cross-attention of every layer looks at: a prompt's keys and values."""

    keys: Tensor
    """[layers, heads, tokens, head_dim]"""
    values: Tensor
    """The same."""
    bias: Tensor | None = None
    """[1, tokens], added to the scores; None: nothing is."""


@dataclass(frozen=True, slots=True)
class Segment:
    """`n` consecutive positions of one sequence, to be computed and remembered."""

    inputs: Tensor
    """int64 `[K, n]`"""
    start: int
    """Position of the first one. All before it are in `cache`."""
    cache: Past
    text: TextKv | None
    """What row 0 listens to. Row 1, and a sequence without text, listen to nothing: with neither
    states nor biases, cross-attention adds exactly zero."""
    rows: int = ROWS
    """1 leaves out the row without text."""
    predicts: bool = True
    """Whether the logits after its last position are wanted."""

    @property
    def length(self) -> int:
        return self.inputs.shape[1]


class Layer(nn.Module):
    """The weights of one layer."""

    def __init__(self, config: DecoderConfig) -> None:
        super().__init__()
        h, text = config.hidden_size, config.cross_attention_hidden_size or config.hidden_size
        self.self_norm = nn.LayerNorm(h)
        self.qkv = AlikeLinear(h, 3 * h)
        self.self_out = AlikeLinear(h, h)
        self.text_norm = nn.LayerNorm(h)
        self.text_q = AlikeLinear(h, h)
        self.text_kv = nn.Linear(text, 2 * h, bias=False)  # of one prompt at a time
        self.text_out = AlikeLinear(h, h)
        self.ffn_norm = nn.LayerNorm(h)
        self.ffn_in = AlikeLinear(h, config.ffn_dim)
        self.ffn_out = AlikeLinear(config.ffn_dim, h)


class Decoder(nn.Module):
    """All weights, immutable once loaded. Create it on the `meta` device, then `to_empty`."""

    def __init__(self, config: DecoderConfig) -> None:
        super().__init__()
        self.config = config
        h, k = config.hidden_size, config.num_codebooks
        self.embeddings = nn.Embedding(k * (config.vocab_size + 1), h)
        self.layers = nn.ModuleList(Layer(config) for _ in range(config.num_hidden_layers))
        self.norm = nn.LayerNorm(h)
        self.heads = AlikeLinear(h, k * config.vocab_size)
        self.activation = _activation(config.activation_function)
        self._tables: tuple[Tensor, Tensor] | None = None

    def destinations(self) -> dict[str, Tensor]:
        """Where each tensor of a checkpoint goes, by its name there: views of the weights."""
        config = self.config
        rows, vocabulary = config.vocab_size + 1, config.vocab_size
        places: dict[str, Tensor] = {}
        for k in range(config.num_codebooks):
            embedding = self.embeddings.weight[k * rows : (k + 1) * rows]
            places[f"decoder.model.decoder.embed_tokens.{k}.weight"] = embedding
            head = self.heads.weight[k * vocabulary : (k + 1) * vocabulary]
            places[f"decoder.lm_heads.{k}.weight"] = head
        for i, layer in enumerate(self.layers):
            assert isinstance(layer, Layer)
            places |= {f"decoder.model.decoder.layers.{i}.{n}": t for n, t in layer_places(layer)}
        places["decoder.model.decoder.layer_norm.weight"] = self.norm.weight
        places["decoder.model.decoder.layer_norm.bias"] = self.norm.bias
        return places

    def text_kv(self, states: Tensor) -> TextKv:
        """Of `[tokens, width]` text states, once for every prompt."""
        keys, values = [], []
        for layer in self.layers:
            assert isinstance(layer, Layer)
            both = layer.text_kv(states)  # [tokens, 2 * h]
            k, v = self._split(both, 2)  # [heads, tokens, head_dim] each
            keys.append(k)
            values.append(v)
        return TextKv(torch.stack(keys), torch.stack(values))

    def forward(self, segments: Sequence[Segment]) -> Tensor:
        """Logits after the last position of each segment that predicts, in their order.

        float32 `[predicting, ROWS, K, vocabulary]`; without a second row it is the first again.
        """
        plan = _Plan(segments)
        x = self._embed(segments, plan)  # [lanes' positions, h]
        for i, layer in enumerate(self.layers):
            assert isinstance(layer, Layer)
            x = x + layer.self_out(self._attend(i, layer.qkv(layer.self_norm(x)), plan))
            if plan.with_text:
                heard = self._listen(i, layer, x[: plan.with_text], plan)
                x = torch.cat((x[: plan.with_text] + heard, x[plan.with_text :]))
            x = x + layer.ffn_out(self.activation(layer.ffn_in(layer.ffn_norm(x))))
        return self._predict(x, plan)

    def _embed(self, segments: Sequence[Segment], plan: _Plan) -> Tensor:
        last = max(segment.start + segment.length for segment in segments)
        offsets, positions = self.constants(segments[0].inputs.device, last)
        codes = torch.cat([segment.inputs for segment in segments], dim=1)  # [K, n]
        summed = self.embeddings(codes + offsets).sum(0)  # [n, h]
        parts, at = [], 0
        for segment in segments:
            end = segment.start + segment.length
            parts.append(summed[at : at + segment.length] + positions[segment.start : end])
            at += segment.length
        return torch.cat([parts[lane.segment] for lane in plan.lanes])

    def _attend(self, layer: int, qkv: Tensor, plan: _Plan) -> Tensor:
        """Self-attention over `[positions, 3 * h]`, before its output projection."""
        q, k, v = self._split(qkv, 3)  # [heads, positions, head_dim] each
        outs: list[Tensor | None] = [None] * len(plan.lanes)
        for segment, lanes, mask in plan.sequences:
            spans = [plan.span(lane) for lane in lanes]
            queries, keys, values = (
                torch.stack([t[:, begin:end] for begin, end in spans]) for t in (q, k, v)
            )  # [rows, heads, n, head_dim] each
            assert isinstance(segment.cache, KvCache)
            keys, values = segment.cache.write(layer, segment.start, keys, values)
            heard = functional.scaled_dot_product_attention(queries, keys, values, attn_mask=mask)
            for row, lane in enumerate(lanes):
                outs[lane] = heard[row]
        return self._join(outs)

    def _listen(self, layer: int, weights: Layer, x: Tensor, plan: _Plan) -> Tensor:
        """Cross-attention of the lanes with text, which stand first."""
        (q,) = self._split(weights.text_q(weights.text_norm(x)), 1)
        outs: list[Tensor | None] = []
        for segment, lanes, _ in plan.sequences:
            if segment.text is None:
                continue
            begin, end = plan.span(lanes[0])
            text = segment.text
            heard = functional.scaled_dot_product_attention(
                q[None, :, begin:end], text.keys[layer][None], text.values[layer][None],
                attn_mask=text.bias,
            )  # fmt: skip
            outs.append(heard[0])
        out: Tensor = weights.text_out(self._join(outs))
        return out

    def _predict(self, x: Tensor, plan: _Plan) -> Tensor:
        last = [plan.span(lane)[1] - 1 for lane in plan.predicting]
        rows = torch.cat([x[:0], *(x[at : at + 1] for at in last)])  # [predicting * ROWS, h]
        logits: Tensor = self.heads(self.norm(rows)).float()
        return logits.view(-1, ROWS, self.config.num_codebooks, self.config.vocab_size)

    def _split(self, x: Tensor, parts: int) -> tuple[Tensor, ...]:
        """`[n, parts * h]` as `parts` times `[heads, n, head_dim]`."""
        heads, head_dim = self.config.num_attention_heads, self.config.head_dim
        return x.view(-1, parts, heads, head_dim).permute(1, 2, 0, 3).unbind(0)

    def _join(self, outs: Sequence[Tensor | None]) -> Tensor:
        """Lanes of `[heads, n, head_dim]`, one after the other, as `[positions, h]`."""
        joined = torch.cat([out for out in outs if out is not None], dim=1)
        return joined.transpose(0, 1).reshape(-1, self.config.hidden_size)

    def constants(self, device: torch.device, positions: int) -> tuple[Tensor, Tensor]:
        """Where each codebook's embeddings begin `[K, 1]`, and a table `[P, h]` of so many
        positions or more: a checkpoint may name fewer than are used."""
        if self._tables is None or len(self._tables[1]) < positions:
            k, rows = self.config.num_codebooks, self.config.vocab_size + 1
            offsets = (torch.arange(k, device=device) * rows)[:, None]
            length = max(self.config.max_position_embeddings, 2 * positions)
            table = position_table(length, self.config.hidden_size)
            self._tables = offsets, table.to(device, self.norm.weight.dtype)
        return self._tables


@dataclass(frozen=True, slots=True)
class _Lane:
    """One row of one segment."""

    segment: int
    row: int
    length: int


class _Plan:
    """In which order the rows of all segments stand in a batch: those with text first."""

    def __init__(self, segments: Sequence[Segment]) -> None:
        lanes = [
            _Lane(i, row, segment.length)
            for i, segment in enumerate(segments)
            for row in range(segment.rows)
        ]
        listens = [lane.row == 0 and segments[lane.segment].text is not None for lane in lanes]
        order = sorted(range(len(lanes)), key=lambda i: not listens[i])
        self.lanes = [lanes[i] for i in order]
        self.with_text = sum(lane.length for lane, text in zip(lanes, listens, strict=True) if text)
        self._ends = [0]
        for lane in self.lanes:
            self._ends.append(self._ends[-1] + lane.length)
        self.sequences = [
            (segment, self._lanes_of(i), _causal(segment)) for i, segment in enumerate(segments)
        ]
        self.predicting = [
            lane for segment, own, _ in self.sequences if segment.predicts
            for lane in (own[0], own[-1])
        ]  # fmt: skip

    def span(self, lane: int) -> tuple[int, int]:
        return self._ends[lane], self._ends[lane + 1]

    def _lanes_of(self, segment: int) -> list[int]:
        """Row 0, and row 1 if there is one."""
        own = [i for i, lane in enumerate(self.lanes) if lane.segment == segment]
        return sorted(own, key=lambda i: self.lanes[i].row)


def _causal(segment: Segment) -> Tensor | None:
    """Which of the positions so far each new one may look at: bool `[n, start + n]`."""
    n = segment.length
    if n == 1:
        return None
    ones = torch.ones(n, segment.start + n, dtype=torch.bool, device=segment.inputs.device)
    return ones.tril(segment.start)


def position_table(positions: int, width: int) -> Tensor:
    """Sinusoidal positions, float32 `[positions, width]`: cosines, then sines (tensor2tensor's
    form, as `MusicgenSinusoidalPositionalEmbedding` has it)."""
    half = width // 2
    steps = torch.exp(torch.arange(half).float() * -(math.log(10000) / (half - 1)))
    angles = torch.arange(positions).float()[:, None] * steps[None]
    table = torch.cat([angles.cos(), angles.sin()], dim=1)
    return functional.pad(table, (0, width % 2))


def _activation(name: str) -> Callable[[Tensor], Tensor]:
    from transformers.activations import ACT2FN

    try:
        found: Callable[[Tensor], Tensor] = ACT2FN[name]
    except KeyError:
        raise EngineUnavailable(
            f"config.json asks for the activation {name!r}, which transformers does not know:"
            " update it, or use another model"
        ) from None
    return found


def layer_places(layer: Layer) -> Iterator[tuple[str, Tensor]]:
    """Where each tensor of a layer goes, by its name under the layer in a checkpoint."""
    h = layer.self_out.weight.shape[0]
    for i, name in enumerate(("q_proj", "k_proj", "v_proj")):
        yield f"self_attn.{name}.weight", layer.qkv.weight[i * h : (i + 1) * h]
    yield "self_attn.out_proj.weight", layer.self_out.weight
    yield "encoder_attn.q_proj.weight", layer.text_q.weight
    yield "encoder_attn.k_proj.weight", layer.text_kv.weight[:h]
    yield "encoder_attn.v_proj.weight", layer.text_kv.weight[h:]
    yield "encoder_attn.out_proj.weight", layer.text_out.weight
    yield "fc1.weight", layer.ffn_in.weight
    yield "fc2.weight", layer.ffn_out.weight
    norms = {
        "self_attn_layer_norm": layer.self_norm,
        "encoder_attn_layer_norm": layer.text_norm,
        "final_layer_norm": layer.ffn_norm,
    }
    for name, norm in norms.items():
        yield f"{name}.weight", norm.weight
        yield f"{name}.bias", norm.bias
