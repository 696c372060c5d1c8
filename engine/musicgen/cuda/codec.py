"""The codec's frame as a CUDA graph, beside the decoder's step: 128 operations told of as 4.

The first frames of a stream, whose shapes grow, are left to the codec as it stands, and so is
everything once a frame could not be recorded.

Threading: the runner's thread only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.musicgen.codec.decoder import AudioDecoder, DecoderState
from engine.musicgen.codec.layers import Tail
from engine.musicgen.cuda.recorder import Recorder


@dataclass(frozen=True, slots=True)
class FlatState:
    """A `DecoderState` as one tensor, copied in one go. A value, too."""

    frames: int
    flat: Tensor
    like: DecoderState
    """Of the same shapes."""

    def spread(self) -> DecoderState:
        """As the codec wants it, in the same memory."""
        sizes = [tensor.numel() for tensor in _tensors(self.like)]
        parts = iter(torch.split(self.flat, sizes))
        layers = tuple(_like(state, parts) for state in self.like.layers)
        return DecoderState(self.frames, layers, next(parts).view_as(self.like.pending))


class GraphAudioDecoder:
    """See `engine.musicgen.playback.FrameDecoder`: the same samples as those of `inner`."""

    def __init__(self, inner: AudioDecoder, recorder: Recorder) -> None:
        self._inner = inner
        self._recorder = recorder
        self.config = inner.config
        self.hop = inner.hop
        self.lookahead_frames = inner.lookahead_frames
        self._frames: dict[int, _StaticFrame] = {}
        self._refused = False

    @property
    def device(self) -> torch.device:
        return self._inner.device

    def start(self, channels: int) -> DecoderState:
        return self._inner.start(channels)

    @torch.inference_mode()
    def advance(
        self, state: DecoderState | FlatState, codes: Tensor
    ) -> tuple[DecoderState | FlatState, Tensor | None]:
        """See `AudioDecoder.advance`."""
        if isinstance(state, DecoderState):
            if self._refused or not self._is_steady(state):
                return self._inner.advance(state, codes)
            flat = torch.cat([tensor.flatten() for tensor in _tensors(state)])
            state = FlatState(state.frames, flat, state)
        frame = None if self._refused else self._frame(state, codes)
        if frame is None or not frame.play(self._recorder, state.flat, codes):
            self._refused = True
            return self._inner.advance(state.spread(), codes)
        after = FlatState(state.frames + 1, frame.after.clone(), frame.like)
        return after, frame.audio.clone()

    def _is_steady(self, state: DecoderState) -> bool:
        begun = all(layer.begun for layer in state.layers if isinstance(layer, Tail))
        return begun and state.frames > self.lookahead_frames

    def _frame(self, state: FlatState, codes: Tensor) -> _StaticFrame:
        channels = len(codes)
        if channels not in self._frames:
            self._frames[channels] = _StaticFrame(self._inner, state, codes)
        return self._frames[channels]


class _StaticFrame:
    """One frame for streams of so many channels, over memory that stays where it is."""

    def __init__(self, inner: AudioDecoder, state: FlatState, codes: Tensor) -> None:
        self._inner = inner
        self.like = state.like
        self._before = torch.empty_like(state.flat)
        self._codes = torch.empty_like(codes)
        self._state = FlatState(state.frames, self._before, state.like).spread()
        self.after = torch.empty_like(state.flat)
        self.audio = state.flat.new_empty(inner.hop, len(codes))
        self._warm = False
        self._replay: Callable[[], None] | None = None

    def play(self, recorder: Recorder, state: Tensor, codes: Tensor) -> bool:
        """Whether it went well; then `after` and `audio` are good until the next one."""
        self._before.copy_(state)
        self._codes.copy_(codes)
        if self._replay is not None:
            self._replay()
        elif not self._warm:
            recorder.run(self)
            self._warm = True
        else:
            try:
                self._replay = recorder.record(self)
            except RuntimeError:  # out of memory is one, too
                return False
        return True

    def __call__(self) -> None:
        after, audio = self._inner.advance(self._state, self._codes)
        assert audio is not None
        torch.cat([tensor.flatten() for tensor in _tensors(after)], out=self.after)
        self.audio.copy_(audio)


def _tensors(state: DecoderState) -> Iterator[Tensor]:
    for layer in state.layers:
        if isinstance(layer, Tail):
            yield layer.kept
        else:
            yield from layer
    yield state.pending


def _like(state: Tail | tuple[Tensor, ...], parts: Iterator[Tensor]) -> Tail | tuple[Tensor, ...]:
    if isinstance(state, Tail):
        return Tail(next(parts).view_as(state.kept), state.begun)
    return tuple(next(parts).view_as(tensor) for tensor in state)
