"""What weights in few bits cost: how far the decoder's expectations are from those in fp32.

    python -m engine.bench.quality [SECONDS]

At the shape of `musicgen-small`, on two kinds of made-up weights: `random`, as transformers begins
its training with; and `trained-like`, with what makes trained weights hard to keep in few bits:
heavy tails (Student's t, 4 degrees of freedom), and rows and columns that are much larger than
others (log-normal). Both are compared step by step on the same codes, so that errors of the past
add up as they do in play. The divergence is Kullback and Leibler's, of distributions without
guidance, in nats; for a sense of scale, the entropy of the distributions themselves stands beside.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from engine.musicgen.backend import Backend, TorchBackend
from engine.musicgen.decoder import Decoder, Segment, TextKv
from engine.musicgen.models import config, published
from engine.musicgen.models.config import DecoderConfig
from engine.musicgen.openvino import weights
from engine.musicgen.openvino.backend import OpenVinoBackend
from engine.musicgen.openvino.matrices import Array
from engine.musicgen.openvino.store import Arrays

_FRAME_RATE = 50
_TOKENS = 12
_INITIAL = 0.02
"""Standard deviation of weights before training."""
_ENTROPY_NATS = 4.0
"""About as undecided as trained models are: `trained-like` heads are scaled to it."""


@dataclass(frozen=True, slots=True)
class Quality:
    """Means over steps, rows and codebooks."""

    weights: str
    precision: str
    divergence: float
    agreement: float
    """Share of codes that both find the likeliest."""
    entropy: float


@torch.inference_mode()
def measured(seconds: float) -> Iterator[Quality]:
    shape = config.parse(published.raw("small"), "small").decoder
    random = torch.Generator().manual_seed(0)
    steps = round(seconds * _FRAME_RATE)
    codes = torch.randint(0, shape.vocab_size, (shape.num_codebooks, steps), generator=random)
    for kind in ("random", "trained-like"):
        decoder = _decoder(shape, kind, random)
        width = shape.cross_attention_hidden_size or shape.hidden_size
        text = decoder.text_kv(torch.randn(_TOKENS, width, generator=random) * 0.3)
        if kind == "trained-like":
            _soften(decoder, codes, text)
        exact = _expected(TorchBackend(decoder), codes, text)
        for precision in ("int8", "int4"):
            arrays = Arrays(dict(_arrays(decoder, precision)))
            backend = OpenVinoBackend(shape, arrays, precision, steps)
            yield _compared(kind, precision, exact, _expected(backend, codes, text))


def _compared(kind: str, precision: str, exact: Tensor, few: Tensor) -> Quality:
    share = exact.exp()
    return Quality(
        kind,
        precision,
        float((share * (exact - few)).sum(-1).mean()),
        float((exact.argmax(-1) == few.argmax(-1)).float().mean()),
        float(-(share * exact).sum(-1).mean()),
    )


def _expected(backend: Backend, codes: Tensor, text: TextKv) -> Tensor:
    """Logarithms of probabilities, float64 `[steps, rows, K, V]`."""
    cache = backend.new_cache(codes.shape[1])
    return torch.cat([
        backend.logits([Segment(codes[:, i : i + 1], i, cache, text)]).double().log_softmax(-1)
        for i in range(codes.shape[1])
    ])  # fmt: skip


def _decoder(shape: DecoderConfig, kind: str, random: torch.Generator) -> Decoder:
    decoder = Decoder(shape).eval()
    for name, parameter in decoder.named_parameters():
        if "norm" in name:
            parameter.fill_(1.0 if name.endswith("weight") else 0.0)
            continue
        parameter.normal_(0, _INITIAL, generator=random)
        if kind == "trained-like" and "embeddings" not in name:
            _train(parameter, random)
    return decoder


def _train(weight: Tensor, random: torch.Generator) -> None:
    """Heavy tails, large rows and columns; as much power as before."""
    power = weight.square().mean()
    chi = torch.zeros_like(weight)
    for _ in range(4):
        chi += torch.randn(weight.shape, generator=random).square_()
    weight.div_((chi / 4).sqrt_().clamp_(min=0.1))
    for size, shape in ((0.3, (-1, 1)), (0.5, (1, -1))):
        length = weight.shape[0] if shape[0] < 0 else weight.shape[1]
        weight.mul_((torch.randn(length, generator=random) * size).exp_().view(shape))
    weight.mul_((power / weight.square().mean()).sqrt())


def _soften(decoder: Decoder, codes: Tensor, text: TextKv) -> None:
    """Scale the heads until expectations are as undecided as `_ENTROPY_NATS`."""
    few = codes[:, :10]
    for _ in range(12):
        expected = _expected(TorchBackend(decoder), few, text)
        entropy = float(-(expected.exp() * expected).sum(-1).mean())
        decoder.heads.weight.mul_(1 + 0.5 * (entropy - _ENTROPY_NATS) / _ENTROPY_NATS)


def _arrays(decoder: Decoder, precision: str) -> Iterator[tuple[str, Array]]:
    for i, layer in enumerate(decoder.layers):
        for part in weights.MATRICES:
            name = f"decoder.layers.{i}.{part}"
            yield from weights.matrix(name, getattr(layer, part).weight, precision)
        for part in weights.NORMS:
            yield from weights.norm_arrays(f"decoder.layers.{i}.{part}", getattr(layer, part))
    yield from weights.norm_arrays("decoder.norm", decoder.norm)
    yield from weights.matrix("decoder.heads", decoder.heads.weight, "int8")
    yield "decoder.embeddings", decoder.embeddings.weight.numpy().astype(np.float16)


def main() -> None:
    seconds = float(sys.argv[1]) if sys.argv[1:] else 2.0
    print("weights       precision  divergence  likeliest code alike  entropy of fp32")
    for one in measured(seconds):
        print(
            f"{one.weights:12}  {one.precision:9}  {one.divergence:10.4f}  {one.agreement:20.0%}"
            f"  {one.entropy:15.1f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
