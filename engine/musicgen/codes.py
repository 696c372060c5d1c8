"""A stream's codes, and the delay pattern in which the decoder takes and makes them.

Step s makes, for each codebook k, the code of frame s - delay(k); its inputs are the codes of the
step before. The delays are 0, 1, 2, 3 (in stereo 0, 0, 1, 1 ...: left and right of a codebook
together), as `MusicgenForCausalLM.build_delay_pattern_mask` lays them out.

Threading: the runner's thread only.
"""

from __future__ import annotations

import torch
from torch import Tensor

from engine.musicgen.models.config import DecoderConfig


class Codes:
    """The codes of the last `frames` frames on the device, and how steps see them."""

    def __init__(self, config: DecoderConfig, frames: int, device: torch.device) -> None:
        k = config.num_codebooks
        self._channels = config.audio_channels
        self._pad = config.decoder_start_token_id
        self._ring = torch.full((k, frames), self._pad, device=device)  # [K, frames]
        self._books = torch.arange(k, device=device)  # [K]
        self._delays = self._books // self._channels  # [K]
        places = torch.arange(frames, device=device)[:, None] - self._delays
        self._places = places % frames  # [frames, K]: a table, since a step has few operations
        self._made: tuple[int, Tensor] | None = None
        """The step that was put last, and its codes: what the next one takes."""
        self.delay = (k - 1) // self._channels
        """Steps after the first code of a frame until its last."""

    def inputs(self, base: int, first_step: int, steps: int) -> Tensor:
        """What steps `first_step` .. take, in a window whose position 0 is step `base`.

        int64 `[K, steps]`; what lies before the window is padding.
        """
        whole = first_step - 1 - self.delay >= base
        if whole and steps == 1 and self._made is not None and self._made[0] == first_step - 1:
            return self._made[1][:, None]
        last = torch.arange(first_step - 1, first_step - 1 + steps, device=self._ring.device)
        frames = last[None] - self._delays[:, None]  # [K, steps]
        codes = self._ring.gather(1, frames % self._ring.shape[1])
        if whole:
            return codes
        return codes.masked_fill(frames < base, self._pad)

    def put(self, step: int, made: Tensor) -> None:
        """Take in what a step has made, int64 `[K]`, and keep it. Frames before 0 keep what they
        have."""
        places = self._places[step % self._ring.shape[1]]
        if step < self.delay:
            made = torch.where(self._delays <= step, made, self._ring[self._books, places])
        self._ring[self._books, places] = made
        self._made = step, made

    def open(self, codes: Tensor) -> int:
        """Codes of a recording, int64 `[channels, K / channels, frames]`, before frame 0; returns
        how many frames these are."""
        length = codes.shape[2]
        places = torch.arange(-length, 0, device=self._ring.device) % self._ring.shape[1]
        opened = codes.transpose(0, 1).reshape(-1, length)  # [K, frames], channels interleaved
        self._ring[:, places] = opened.to(self._ring.device)
        return length

    def frame(self, frame: int) -> Tensor:
        """All codes of one frame, int64 `[channels, K / channels]`."""
        column = self._ring[:, frame % self._ring.shape[1]]  # [K], channels interleaved
        return column.view(-1, self._channels).T
