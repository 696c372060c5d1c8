"""Audio to codes, for continuing a recording: in pieces, each a bounded amount of work."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from engine.errors import BadValue
from engine.musicgen.codec.quantizer import Quantizer
from engine.musicgen.codec.seanet import encoder_stack
from engine.musicgen.models.config import CodecConfig

PIECE_FRAMES = 16
"""0.32 s of audio at a time: about 70 ms of work on one core, 125 ms for stereo."""


class AudioEncoder(nn.Module):
    """EnCodec's encoder, with the codebooks of the decoder. Weights alone, float32.

    Load it together with the decoder: `WeightLoader({**decoder.parts(), **encoder.parts()})`.
    """

    def __init__(self, config: CodecConfig, quantizer: Quantizer) -> None:
        super().__init__()
        self.config = config
        self.quantizer = quantizer
        self.stack = encoder_stack(config)

    def parts(self) -> dict[str, nn.Module]:
        """By name in a checkpoint, for `WeightLoader`; the codebooks come with the decoder."""
        return {"encoder": self.stack}

    def encode(self, audio: Tensor) -> Tensor:
        """A whole recording: float32 `[channels, samples]` at the codec's rate -> int64 codes
        `[channels, K, frames]`, the last frame filled up by reflection. See `pieces`."""
        return torch.cat(list(self.pieces(audio)), 2)

    def pieces(self, audio: Tensor, piece_frames: int = PIECE_FRAMES) -> Iterator[Tensor]:
        """The same, piece by piece: codes `[channels, K, n]`, n being 0 at times.

        Memory does not grow with the length of the recording. Raises BadValue if it is empty.
        """
        samples, piece = audio.shape[1], piece_frames * self.config.hop
        if not samples:
            raise BadValue("the recording to continue has 0 samples: give at least one")
        states = self.stack.start(audio.shape[0])
        for begin in range(0, samples, piece):
            # Not around the `yield`: what the caller does between pieces is its own affair.
            with torch.inference_mode():
                x = audio[:, begin : begin + piece, None].float()  # [channels, n, 1]
                if begin + piece < samples:
                    states, vectors = self.stack.forward(states, x)
                else:
                    vectors = self.stack.finish(states, x)
                codes = self._codes(vectors)
            yield codes

    def _codes(self, vectors: Tensor) -> Tensor:
        """`[channels, n, hidden]` -> `[channels, K, n]`."""
        if not vectors.shape[1]:
            shape = (vectors.shape[0], self.quantizer.books, 0)
            return torch.zeros(shape, dtype=torch.int64, device=vectors.device)
        return self.quantizer.encode(vectors)
