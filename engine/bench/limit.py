"""What a step must read, and how fast this machine's memory is: no step can be quicker.

A step reads the weights of all layers and heads once, whatever the number of rows, and the keys
and values of every row's past. Left out are what is small beside them: embeddings, norms, a
prompt's keys and values, scales of quantised weights, and all that is written.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.musicgen.models.config import DecoderConfig
from engine.musicgen.options import TAIL_SHARE

if TYPE_CHECKING:  # sizes are asked for where there is no torch
    import torch

_ROUNDS = 8
"""The quickest counts."""
_HALF_BYTES = 2


@dataclass(frozen=True, slots=True)
class Limit:
    """Of one decoder on one machine."""

    config: DecoderConfig
    frame_rate: float
    bytes_per_s: float

    def steps_s(self, precision: str, context_s: float, rows: int = 2, streams: int = 1) -> float:
        """Steps per second at most, with `context_s` of music in memory, `rows` a stream."""
        positions = context_s * self.frame_rate * rows * streams
        read = weight_bytes(self.config, precision) + positions * kv_bytes(self.config, precision)
        return self.bytes_per_s / read


def weight_bytes(config: DecoderConfig, precision: str) -> float:
    """Of what every step reads."""
    h = config.hidden_size
    # q, k, v and out of self-attention, q and out of cross-attention, and the two of the ffn.
    layer = 6 * h * h + 2 * h * config.ffn_dim
    heads = config.num_codebooks * config.vocab_size * h
    return (config.num_hidden_layers * layer + heads) * bits(precision) / 8


def kv_bytes(config: DecoderConfig, precision: str) -> int:
    """Of one position in one row; what is smaller than half precision keeps its past in that."""
    width = max(bits(precision) // 8, _HALF_BYTES)
    return 2 * config.num_hidden_layers * config.hidden_size * width


def bits(precision: str) -> int:
    """Of one weight, by the name of its precision: `bf16`, `int4`."""
    return int("".join(letter for letter in precision if letter.isdigit()))


def mean_context_s(steps: int, frame_rate: float, window_s: float | None) -> float:
    """How much of its past a stream hears in its first `steps` steps on average. When a window is
    full its end begins the next; None: there are no windows."""
    window = steps + 1 if window_s is None else round(window_s * frame_rate)
    tail = round(window * TAIL_SHARE)
    past = (n if n < window else tail + (n - window) % (window - tail) for n in range(steps))
    return sum(past) / max(steps, 1) / frame_rate


def bytes_per_s(device: torch.device, count: int) -> float:
    """What the memory delivers to a reader, or to a copy (read and written), whichever is more."""
    import torch

    memory = torch.ones(count // 4, device=device)
    other = torch.empty_like(memory)
    read_s = min(_seconds(device, lambda: memory.sum()) for _ in range(_ROUNDS))
    copy_s = min(_seconds(device, lambda: other.copy_(memory)) for _ in range(_ROUNDS))
    return max(count / read_s, 2 * count / copy_s)


def synchronise(device: torch.device) -> None:
    """Wait until a device that works by itself has done what it was told."""
    import torch

    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


def _seconds(device: torch.device, work: Callable[[], object]) -> float:
    synchronise(device)
    begun_s = time.perf_counter()
    work()
    synchronise(device)
    return time.perf_counter() - begun_s
