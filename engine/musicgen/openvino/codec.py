"""EnCodec's decoder through OpenVINO, in the place of the one in torch: a frame of codes in, a
frame of audio out. What lies between is in `codec_network`.

Threading: the runner's thread only.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.musicgen.codec.decoder import AudioDecoder
from engine.musicgen.models.config import CodecConfig
from engine.musicgen.openvino.codec_network import AFTER, PREFIX, CodecNetwork, Shape
from engine.musicgen.openvino.matrices import Array, quantized
from engine.musicgen.openvino.runtime import compiled, openvino
from engine.musicgen.openvino.store import Store

_WORTH_IT = 1 << 21
"""Weights of a matrix in 8 bits: MusicGen's LSTM and first upsampling, 25 of 29 million. The two
next smaller ones would save 0.2 ms of a frame, and cost 4 dB of signal to noise."""
_GROUP = 64
"""Weights of an upsampling's row with a scale of their own: 2.4 dB better than one for all 1024,
and no slower. The LSTM has one for a row, whose error is 60 dB down as it is."""
_QUANTIZED_TOGETHER = 0
"""The other side of a product stays float32: with a row or two it is the weights that take time.
In 8 bits it would save nothing."""
_ALIGNMENT = 16
"""Floats: a cache line."""

Floats = NDArray[np.float32]


def codec_arrays(audio: AudioDecoder, precision: str = "int8") -> Iterator[tuple[str, Array]]:
    """What `OpenVinoAudioDecoder` wants in its store, of a filled float32 `audio`.

    By name: `codec.` and the path of the buffer under `audio.parts()`. The largest matrices are
    in 8 bits unless `precision` is `fp32`, as `.i8` `[n, groups, group]` and `.scale` float32
    `[n, groups, 1]`; the codebooks never are, for the encoder needs them.
    """
    for part, module in audio.parts().items():
        for name, tensor in module.named_buffers(prefix=PREFIX + part):
            if not tensor.is_floating_point():
                continue
            if precision == "fp32" or part != "decoder" or tensor.numel() < _WORTH_IT:
                yield name, tensor.numpy()
                continue
            group = _GROUP if name.endswith(".weight") else tensor.shape[1]
            for ending, array in quantized(tensor, "int8", group).items():
                yield name + ending, array


@dataclass(frozen=True, slots=True)
class DecoderState:
    """Where a stream stands. A value: its array is never changed, so any may be kept."""

    frames: int
    """How many frames of codes have come."""
    kept: Floats
    """What the layers carry, one behind another."""


class OpenVinoAudioDecoder:
    """See `engine.musicgen.codec.decoder.AudioDecoder`, whose place it takes, with the weights of
    a store. Raises what that raises."""

    def __init__(
        self, config: CodecConfig, store: Store, rate: int, books: int | None, channels: int
    ) -> None:
        """`books`: how many codebooks are used, None for all. `channels`: of every stream."""
        with torch.device("meta"):
            shape = AudioDecoder(config, rate, books)
        self.config = config
        self.hop = shape.hop
        """Output samples per frame."""
        self.lookahead_samples = shape.lookahead_samples
        self.lookahead_frames = shape.lookahead_frames
        """How many frames of codes must follow a frame before its audio is given."""
        self._channels = channels
        # A view of the store's memory, and so what keeps it mapped for the network, too.
        self._entries = store.array(f"{PREFIX}quantizer.entries")
        self._offsets = np.arange(shape.quantizer.books) * config.codebook_size
        network = CodecNetwork(shape, store, channels)
        self._request = compiled(network.model(), _QUANTIZED_TOGETHER)
        self._placed = network.placed
        self._settled_frames = network.settled_frames
        self._tables_of = -1
        self._bind(network.states)

    def _bind(self, states: dict[str, Shape]) -> None:
        """Memory for the network's inputs and outputs, given to it once."""
        self._kept, before = _in_one(states)
        self._kept_after, after = _in_one(states)
        self._vector = np.zeros((self._channels, 1, self.config.hidden_size), np.float32)
        self._audio = np.zeros((self.hop, self._channels), np.float32)
        self._tables = {name: place(0) for name, place in self._placed.items()}
        outputs = {name + AFTER: array for name, array in after.items()}
        ports = {"vector": self._vector, "audio": self._audio, **before, **outputs, **self._tables}
        for name, array in ports.items():
            self._request.set_tensor(name, openvino().Tensor(array, shared_memory=True))

    @property
    def device(self) -> torch.device:
        return torch.device("cpu")

    def start(self, channels: int) -> DecoderState:
        """The state before the first frame of a stream."""
        assert channels == self._channels
        return DecoderState(0, np.zeros_like(self._kept))

    def advance(self, state: DecoderState, codes: Tensor) -> tuple[DecoderState, Tensor | None]:
        """Take the codes of the next frame; give the audio of the frame `lookahead_frames` before.

        `codes` is int64 `[channels, K]`, the audio float32 `[hop, channels]`, None for the first
        `lookahead_frames` frames.
        """
        assert codes.shape == (self._channels, len(self._offsets))
        self._place(min(state.frames, self._settled_frames))
        self._kept[:] = state.kept
        self._vector[:, 0] = self._entries[codes.numpy() + self._offsets].sum(1)
        self._request.infer(share_outputs=True)
        after = DecoderState(state.frames + 1, self._kept_after.copy())
        if after.frames <= self.lookahead_frames:
            return after, None
        return after, torch.from_numpy(self._audio.copy())

    def _place(self, frame: int) -> None:
        """Have the tables be those of that frame of a stream."""
        if frame != self._tables_of:
            for name, table in self._tables.items():
                table[...] = self._placed[name](frame)
            self._tables_of = frame


def _in_one(shapes: dict[str, Shape]) -> tuple[Floats, dict[str, Floats]]:
    """Zeros in one array, and its parts by name."""
    sizes = [math.prod(shape) for shape in shapes.values()]
    ends = np.cumsum([0, *(-(-size // _ALIGNMENT) * _ALIGNMENT for size in sizes)])
    whole = np.zeros(ends[-1], np.float32)
    parts = {
        name: whole[begin : begin + size].reshape(shape)
        for (name, shape), begin, size in zip(shapes.items(), ends, sizes, strict=False)
    }
    return whole, parts
