"""MusicGen as an `engine.api.Engine`: one decoder, one codec, and streams in lockstep.

Threading: the runner's thread only, and one beside it that decodes audio where that pays: while the
decoder is at a step, the codec is at the frame before.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from contextlib import contextmanager

import torch
from torch import Tensor

from engine.api import Audio, EngineInfo, Recording, Steering, Stream
from engine.errors import EngineError, OutOfMemory
from engine.musicgen.codec.encoder import AudioEncoder
from engine.musicgen.directions import Knobs
from engine.musicgen.kv import Past
from engine.musicgen.recording import Opening
from engine.musicgen.stream import Model, MusicGenStream

Frames = Sequence[Callable[[], Tensor]]


class MusicGenEngine:
    """See `engine.api.Engine`."""

    def __init__(
        self,
        model: Model,
        encoder: Callable[[], AudioEncoder],
        info: EngineInfo,
        caches: Iterable[Past] = (),
    ) -> None:
        """`encoder` gives the codec's other half when it is asked for; `caches` are the first to
        be used."""
        self._model = model
        self._encoder = encoder
        self.info = info
        self._pool = list(caches)
        """Caches that streams have left: zeroed memory takes time to get."""
        self._knobs: tuple[tuple[Knobs, ...], Knobs] | None = None
        self._beside = ThreadPoolExecutor(1, "codec") if model.audio_beside else None

    @torch.inference_mode()
    def open(
        self, steering: Steering, opening: Recording | None = None, length: int | None = None
    ) -> Stream:
        heard = None
        if opening is not None:
            heard = Opening(opening, self._model, self._encoder())
        in_place = length is not None and self._model.policy.slices == 1
        with _memory_named(EngineError):
            caches = tuple(self._take_cache() for _ in range(1 if in_place else 2))
        stream = MusicGenStream(
            self._model, steering, caches, self.advance,
            (heard.frames, heard.codes()) if heard else (0, iter(())),
        )  # fmt: skip
        weakref.finalize(stream, self._pool.extend, caches)
        return stream

    @torch.inference_mode()
    def step(self, streams: Sequence[Stream], frames: int) -> list[Audio]:
        playing = [_ours(stream) for stream in streams]
        with _memory_named(OutOfMemory):
            for stream in playing:
                while stream.prepare():
                    pass
            parts: list[list[Tensor]] = [[] for _ in playing]
            with self._frames_into(parts) as play:
                for _ in range(frames):
                    # After a rewind, steps that are still good lie ahead.
                    if waiting := [stream for stream in playing if stream.needs_step]:
                        self.advance(waiting)
                    play([stream.take_frame() for stream in playing])
            return [torch.cat(part).cpu().numpy() for part in parts]

    @contextmanager
    def _frames_into(self, parts: list[list[Tensor]]) -> Iterator[Callable[[Frames], None]]:
        """Takes what makes a frame of each stream; when it is left, all have been made."""

        def make(frames: Frames) -> None:
            for part, frame in zip(parts, frames, strict=True):
                part.append(frame())

        if self._beside is None:
            yield make
            return
        made: list[Future[None]] = []

        def make_beside(frames: Frames) -> None:
            # Never more than one behind: the codes that they read do not wait for ever.
            wait_for(made)
            made.append(beside.submit(make, frames))

        beside = self._beside
        try:
            yield make_beside
        finally:
            wait_for(made)
        for future in made:
            future.result()

    @torch.inference_mode()
    def advance(self, streams: Sequence[MusicGenStream]) -> None:
        """One step of the decoder for all streams, together; nothing in it waits for the device."""
        segments = [stream.begin() for stream in streams]
        made = self._model.backend.draw(
            [segment for own in segments for segment in own],
            self._stacked(tuple(stream.direction.knobs for stream in streams)),
            torch.stack([stream.numbers() for stream in streams]),
        )
        for stream, codes in zip(streams, made, strict=True):
            stream.end(codes)

    def close(self) -> None:
        self._pool.clear()
        if self._beside is not None:
            self._beside.shutdown()

    def _take_cache(self) -> Past:
        if self._pool:
            return self._pool.pop()
        return self._model.backend.new_cache(self._model.policy.window_steps)

    def _stacked(self, knobs: tuple[Knobs, ...]) -> Knobs:
        """`[S]` of each, stacked again only when one of them was turned."""
        if self._knobs is None or self._knobs[0] != knobs:
            columns = zip(*((k.guidance, k.temperature, k.top_k) for k in knobs), strict=True)
            self._knobs = knobs, Knobs(*(torch.stack(column) for column in columns))
        return self._knobs[1]


def _ours(stream: Stream) -> MusicGenStream:
    assert isinstance(stream, MusicGenStream)
    return stream


@contextmanager
def _memory_named(kind: type[EngineError]) -> Iterator[None]:
    """Out of memory as `kind`: torch has an error of its own for GPUs, none for the CPU."""
    try:
        yield
    except torch.OutOfMemoryError as error:
        raise kind(_NO_ROOM) from error
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, MemoryError) or "not enough memory" in str(error):
            raise kind(_NO_ROOM) from error
        raise


_NO_ROOM = "out of memory: play fewer decks, a shorter --context or a lower --precision"
