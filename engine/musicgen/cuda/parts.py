"""With graphs where there is a CUDA GPU and they work; else as everywhere."""

from __future__ import annotations

import os

from engine.musicgen.backend import TorchBackend
from engine.musicgen.codec.decoder import AudioDecoder
from engine.musicgen.cuda.backend import GraphBackend
from engine.musicgen.cuda.codec import GraphAudioDecoder
from engine.musicgen.cuda.recorder import CudaRecorder, Recorder
from engine.musicgen.decoder import Decoder
from engine.musicgen.playback import FrameDecoder

SWITCH = "SIDEMAN_CUDA_GRAPHS"
"""An environment variable; 0 turns graphs off."""


def accelerated(
    decoder: Decoder, audio: AudioDecoder
) -> tuple[TorchBackend | GraphBackend, FrameDecoder, str]:
    """What computes the decoder, loaded by now, and the codec; one line about it, if need be."""
    device = decoder.norm.weight.device
    if device.type != "cuda" or os.environ.get(SWITCH) == "0":
        return TorchBackend(decoder), audio, ""
    return recorded(decoder, audio, CudaRecorder(device))


def recorded(
    decoder: Decoder, audio: AudioDecoder, recorder: Recorder
) -> tuple[TorchBackend | GraphBackend, FrameDecoder, str]:
    """By this recorder, if it can."""
    backend = GraphBackend(decoder, recorder)
    if remark := backend.try_out():
        return TorchBackend(decoder), audio, remark
    return backend, GraphAudioDecoder(audio, recorder), ""
