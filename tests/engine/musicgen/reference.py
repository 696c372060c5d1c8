"""transformers' own MusicGen, as what ours is compared with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from engine.api import Recording


class Reference:
    """`MusicgenForConditionalGeneration` from a folder, on the CPU in fp32."""

    def __init__(self, folder: Path) -> None:
        from transformers import AutoTokenizer, MusicgenForConditionalGeneration

        self.model: Any = MusicgenForConditionalGeneration.from_pretrained(folder)
        self.tokenizer: Any = AutoTokenizer.from_pretrained(folder)

    @property
    def codebooks(self) -> int:
        return int(self.model.decoder.num_codebooks)

    @torch.inference_mode()
    def greedy(
        self, prompts: list[str], frames: int, guidance: float, audio: Tensor | None = None
    ) -> Tensor:
        """Codes `[B, K, frames]` that `generate` makes without sampling; those of `audio`, float32
        `[channels, samples]`, come first."""
        codes: list[Tensor] = []
        decode = self.model.audio_encoder.decode
        channels = self.model.decoder.config.audio_channels

        def listen(audio_codes: Tensor, **more: Any) -> Any:
            codes.append(audio_codes[0].clone())
            return decode(audio_codes, **more)

        more = {} if audio is None else {"input_values": audio[None]}
        self.model.audio_encoder.decode = listen
        try:
            self.model.generate(
                **self.tokenizer(prompts, return_tensors="pt", padding=True),
                **more,
                do_sample=False,
                guidance_scale=guidance,
                max_new_tokens=frames + 2 * self.codebooks,  # its last frames see padding
            )
        finally:
            self.model.audio_encoder.decode = decode
        if channels == 1:
            return codes[0][:, :, :frames]
        left, right = codes
        return torch.stack((left, right), dim=2).flatten(1, 2)[:, :, :frames]

    @staticmethod
    def recording(audio: Tensor) -> Recording:
        """Float32 `[channels, samples]` at the codec's rate."""
        return Recording(audio.T.contiguous().numpy(), 32000)
