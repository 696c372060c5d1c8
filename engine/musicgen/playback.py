"""From a stream's codes to its samples, with the codec's past kept for a rewind.

Threading: the runner's thread only.
"""

from __future__ import annotations

from collections import deque
from typing import Any, Protocol

import torch
from torch import Tensor

from engine.musicgen.models.config import CodecConfig


class FrameDecoder(Protocol):
    """Codes to audio, a frame at a time; see `engine.musicgen.codec.decoder.AudioDecoder`."""

    config: CodecConfig
    hop: int
    lookahead_frames: int

    @property
    def device(self) -> torch.device:
        """Where codes are wanted."""

    def start(self, channels: int) -> Any:
        """A state: a value, which may be kept."""

    def advance(self, state: Any, codes: Tensor) -> tuple[Any, Tensor | None]:
        """The next state, and a frame of audio."""


class Playback:
    """One stream's place in the codec. Frames go in one by one, the first is number 0."""

    def __init__(self, decoder: FrameDecoder, channels: int, remembered_frames: int) -> None:
        self._decoder = decoder
        self._states: deque[Any] = deque([decoder.start(channels)], remembered_frames + 1)
        self.next = 0
        """The frame whose codes come next."""

    @property
    def oldest(self) -> int:
        """The first frame that `next` can be set back to."""
        return self.next - len(self._states) + 1

    def hear(self, codes: Tensor) -> None:
        """Take in a frame from before frame 0, int64 `[channels, K]`."""
        self._states[-1], _ = self._advance(codes)

    def play(self, codes: Tensor) -> Tensor | None:
        """Take in the codes of frame `next`; the audio of an earlier one, as far as the codec
        looks ahead, comes back: float32 `[hop, channels]`."""
        state, audio = self._advance(codes)
        self._states.append(state)
        self.next += 1
        return audio

    def rewind(self, frame: int) -> None:
        """Have `frame`, from `oldest` on, come next."""
        while self.next > frame:
            self._states.pop()
            self.next -= 1

    def _advance(self, codes: Tensor) -> tuple[Any, Tensor | None]:
        # Beside MPS the codec is on the CPU.
        here = codes.to(self._decoder.device)
        return self._decoder.advance(self._states[-1], here)
