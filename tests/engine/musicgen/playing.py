"""Streams of a model, with their codes laid open."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from engine.api import Audio, Recording, Steering, WeightedPrompt
from engine.musicgen.context import WindowPolicy
from engine.musicgen.decoder import Decoder
from engine.musicgen.loading import load_engine
from engine.musicgen.models.config import ModelConfig, read
from engine.musicgen.stream import MusicGenStream
from engine.musicgen.text import TextEncoder


def steering(text: str = "lofi hip hop", **more: Any) -> Steering:
    prompts = more.pop("prompts", (WeightedPrompt(text),))
    return Steering(prompts, **more)


class Player:
    """An engine from a folder; `window` in steps, with slices of a tail."""

    def __init__(
        self,
        folder: Path,
        window: int = 700,
        slice_steps: int = 8,
        rewind: int = 60,
        device: str = "cpu",
        precision: str = "fp32",
    ) -> None:
        self.folder = folder
        self.engine = load_engine(str(folder), None, device, precision, 14.0, "test")
        self.config: ModelConfig = read(folder)
        model = self.engine._model
        policy = WindowPolicy(window, window // 2, slice_steps, min(rewind, window // 4))
        object.__setattr__(model, "policy", policy)

    @property
    def lag(self) -> int:
        return self.engine._model.lag

    @property
    def decoder(self) -> Decoder:
        decoder: Decoder = self.engine._model.backend._decoder  # type: ignore[attr-defined]
        return decoder

    @property
    def text(self) -> TextEncoder:
        """Whatever reads prompts for the engine."""
        cells = self.engine._model.prompts._read.__closure__ or ()
        (parts,) = [c.cell_contents for c in cells if hasattr(c.cell_contents, "text")]
        encoder: TextEncoder = parts.text
        return encoder

    def open(
        self, first: Steering, opening: Recording | None = None, length: int | None = None
    ) -> MusicGenStream:
        stream = self.engine.open(first, opening, length)
        assert isinstance(stream, MusicGenStream)
        return stream

    def play(self, streams: Sequence[MusicGenStream], frames: int) -> list[Audio]:
        return self.engine.step(streams, frames)


def codes(stream: MusicGenStream, first: int, end: int) -> Tensor:
    """Int64 `[K, end - first]`, as far as the stream remembers them."""
    ring = stream._codes._ring
    return ring[:, torch.arange(first, end) % ring.shape[1]].clone()


def differs(a: Audio, b: Audio) -> int:
    """The first sample in which two pieces differ, or their length."""
    n = min(len(a), len(b))
    other = np.flatnonzero((a[:n] != b[:n]).any(axis=1))
    return int(other[0]) if len(other) else n
