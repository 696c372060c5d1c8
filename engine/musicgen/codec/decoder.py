"""Codes to audio as a delay line: a frame of codes in, the audio of a frame some way back out.

EnCodec's convolutions look ahead, so the audio of frame t is settled only when the codes of frame
t + `lookahead_frames` are known. It is never given earlier, and so never has to be taken back:
what comes out is, sample for sample, what decoding the whole at once would have given.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from engine.musicgen.codec.layers import Tail
from engine.musicgen.codec.quantizer import Quantizer
from engine.musicgen.codec.resample import Resampler
from engine.musicgen.codec.seanet import States, decoder_stack
from engine.musicgen.codec.served import check, hop_at
from engine.musicgen.models.config import CodecConfig


@dataclass(frozen=True, slots=True)
class DecoderState:
    """Where a stream stands. A value: no tensor of it is ever changed, so any may be kept."""

    frames: int
    """How many frames of codes have come."""
    layers: States
    pending: Tensor
    """Samples at the codec's rate, `[channels, n]`, decoded and not yet used up."""

    @property
    def nbytes(self) -> int:
        """What it keeps in memory."""
        kept = [self.pending]
        for state in self.layers:
            kept += [state.kept] if isinstance(state, Tail) else state
        return sum(tensor.untyped_storage().nbytes() for tensor in kept)


class AudioDecoder(nn.Module):
    """EnCodec's decoder and, if the output rate is another, a resampler. Weights alone, float32.

    The channels of a stream are decoded side by side by one mono codec. Load it with
    `WeightLoader(decoder.parts())`. Raises BadValue if a frame has no whole number of samples at
    the output `rate`, and EngineUnavailable if the codec is of a kind that cannot be streamed.
    """

    def __init__(self, config: CodecConfig, rate: int, books: int | None = None) -> None:
        super().__init__()
        check(config)
        self.config = config
        self.hop = hop_at(config, rate)
        """Output samples per frame."""
        self.quantizer = Quantizer(config, books or config.num_codebooks)
        self.stack = decoder_stack(config)
        self.resampler = (
            None if rate == config.sampling_rate else Resampler(config.sampling_rate, rate)
        )
        self.lookahead_samples = self.stack.lookahead_samples
        """The codec's own, at the codec's rate: 2402, or 75 ms, for EnCodec at 32 kHz."""
        self._reach = self.resampler.reach if self.resampler else 0
        self.lookahead_frames = -(-(self.lookahead_samples + self._reach) // config.hop)
        """How many frames of codes must follow a frame before its audio is given."""

    @property
    def device(self) -> torch.device:
        return self.quantizer.entries.device

    def parts(self) -> dict[str, nn.Module]:
        """By name in a checkpoint, for `WeightLoader`."""
        return {"decoder": self.stack, "quantizer": self.quantizer}

    @torch.inference_mode()
    def start(self, channels: int) -> DecoderState:
        """The state before the first frame of a stream of so many channels."""
        silence = self.quantizer.entries.new_zeros(channels, self._reach)
        return DecoderState(0, self.stack.start(channels), silence)

    @torch.inference_mode()
    def advance(self, state: DecoderState, codes: Tensor) -> tuple[DecoderState, Tensor | None]:
        """Take the codes of the next frame; give the audio of the frame `lookahead_frames` before.

        `codes` is int64 `[channels, K]`, the audio float32 `[hop, channels]`, None for the first
        `lookahead_frames` frames. Always one frame, with tensors of the same shapes, so that a
        stream has the same bits however its frames were grouped (on one device, with one number
        of torch threads).
        """
        assert codes.shape == (state.pending.shape[0], self.quantizer.books)
        vector = self.quantizer.decode(codes)[:, None]  # [channels, 1, hidden]
        layers, decoded = self.stack.forward(state.layers, vector)
        pending = torch.cat((state.pending, decoded[:, :, 0]), 1)
        frames = state.frames + 1
        if frames <= self.lookahead_frames:
            return DecoderState(frames, layers, pending), None
        hop = self.config.hop
        audio = pending[:, : hop + 2 * self._reach]
        if self.resampler is not None:
            audio = self.resampler(audio)  # [channels, self.hop]
        after = DecoderState(frames, layers, pending[:, hop:].clone())
        return after, audio.t().contiguous()
