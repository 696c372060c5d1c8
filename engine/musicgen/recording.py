"""A recording as what a stream goes on from: cut to its end, at the codec's rate and channels."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from engine.api import Audio, Recording
from engine.errors import BadValue
from engine.musicgen.codec.encoder import AudioEncoder
from engine.musicgen.stream import Model


class Opening:
    """The last frames of a recording. Raises BadValue if there is not one whole frame."""

    def __init__(self, recording: Recording, model: Model, encoder: AudioEncoder) -> None:
        config = encoder.config
        most = model.policy.tail_steps
        spare = config.hop  # for the resampler, which blurs where it begins
        samples = -(-(most + 1) * config.hop * recording.rate // config.sampling_rate) + spare
        audio = _at_rate(_finite(recording.audio)[-samples:], recording.rate, config.sampling_rate)
        self.frames = min(most, len(audio) // config.hop)
        if not self.frames:
            raise BadValue(
                f"a recording of {len(recording.audio)} samples at {recording.rate} Hz is too short"
                f" to go on from: it needs {1000 / config.frame_rate:g} ms or more"
            )
        tail = _with_channels(audio[-self.frames * config.hop :], model.config.audio_channels)
        self._audio = torch.from_numpy(np.ascontiguousarray(tail.T))  # [channels, samples]
        self._encoder = encoder

    def codes(self) -> Iterator[Tensor]:
        """Int64 `[channels, K, n]`, encoded piece by piece as they are asked for."""
        device = self._encoder.quantizer.entries.device
        return self._encoder.pieces(self._audio.to(device))


def _finite(audio: Audio) -> Audio:
    if not np.isfinite(audio).all():
        raise BadValue("the recording to go on from has samples that are no numbers: mend it")
    return audio


def _at_rate(audio: Audio, rate: int, wanted: int) -> Audio:
    if rate == wanted:
        return audio
    import soxr

    resampled: Audio = soxr.resample(audio, rate, wanted)
    return resampled


def _with_channels(audio: Audio, channels: int) -> Audio:
    """Mono as both sides, many channels as their mean."""
    if audio.shape[1] == channels:
        return audio
    mono = audio.mean(axis=1, keepdims=True, dtype=np.float32)
    return np.repeat(mono, channels, axis=1)
