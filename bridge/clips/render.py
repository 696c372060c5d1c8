"""From a request to a clip: rendered by an engine, cut to length, written with all it takes to
make it again. Shared by the background jobs, `generate` and `replay`.

Threading: one thread owns a `ClipRender`; `render_clip` also takes the handle's events, so only
the one thread that owns the handle may call it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path

import numpy as np

from bridge.clips.loop import cut_loop
from bridge.clips.request import FADE_S, ClipRequest, info_of
from bridge.clips.wav import Written, write_wav
from engine.api import Audio, EngineFault, EngineHandle, EngineInfo, StreamFault
from engine.errors import EngineError, EngineLost

PEAK_DB = -1.0
"""Clips louder than this are turned down to it: room for what a converter makes of the peaks."""

POLL_S = 0.002
"""Wait for the next chunk: short against what a stream's ring holds, long against a poll."""


class ClipRender:
    """One request on its way through the engine."""

    def __init__(self, handle: EngineHandle, request: ClipRequest) -> None:
        """Opens the stream. Raises EngineLost if the engine is gone."""
        info = handle.info
        rate, self._hop = info.rate, info.hop
        self._request = request
        self._start = request.pre_roll_samples(rate)
        self._length = request.length_samples(rate)
        self._fade = min(round(FADE_S * rate), self._start, self._length) if request.bars else 0
        frames = -(-(self._start + self._length) // info.hop)
        self._stream = np.zeros((frames * info.hop, info.channels), np.float32)
        self._have = 0
        self._reader = handle.open(request.steering(rate), length=frames)

    @property
    def stream(self) -> int:
        return self._reader.stream

    @property
    def done(self) -> bool:
        return self._have >= len(self._stream)

    @property
    def progress(self) -> float:
        """0..1"""
        return self._have / len(self._stream)

    def pump(self) -> bool:
        """Take in the next chunk; False if there is none yet. Raises EngineLost."""
        chunk = self._reader.read()
        if chunk is None:
            return False
        at = chunk.start * self._hop
        fitting = chunk.audio[: max(0, len(self._stream) - at)]
        self._stream[at : at + len(fitting)] = fitting
        self._have = at + len(fitting)
        return True

    def audio(self) -> Audio:
        """The clip, once it is done: float32 `[samples, channels]`."""
        return cut_loop(self._stream, self._start, self._length, self._fade)

    def close(self) -> None:
        self._reader.close()


def render_clip(
    handle: EngineHandle, request: ClipRequest, progress: Callable[[float], None] | None = None
) -> Audio:
    """The clip that `request` asks for: float32 `[samples, channels]` at `handle.info.rate`.

    The same engine and request give the same samples. Raises EngineLost if the engine dies, and
    EngineError with its reason if it gives up.
    """
    return render_clips(handle, [request], progress)[0]


def render_clips(
    handle: EngineHandle,
    requests: Sequence[ClipRequest],
    progress: Callable[[float], None] | None = None,
) -> list[Audio]:
    """The clips that `requests` ask for, made together in one pass of the engine.

    `progress` is told how far the slowest is, 0..1. Raises as `render_clip` does.
    """
    with ExitStack() as closing:
        renders = []
        for request in requests:
            renders.append(ClipRender(handle, request))
            closing.callback(renders[-1].close)
        while not all(render.done for render in renders):
            # Counted, not `any`: every one of them is to be moved on in turn.
            if sum(render.pump() for render in renders if not render.done):
                if progress:
                    progress(min(render.progress for render in renders))
                continue
            _check(handle, {render.stream for render in renders})
            time.sleep(POLL_S)
        return [render.audio() for render in renders]


def _check(handle: EngineHandle, streams: set[int]) -> None:
    if not handle.alive():
        raise EngineLost("the engine died while it rendered: try again")
    for event in handle.poll():
        if isinstance(event, EngineFault):
            raise EngineLost(event.reason)
        if isinstance(event, StreamFault) and event.stream in streams:
            raise EngineError(event.reason)


def save_clip(
    path: Path,
    audio: Audio,
    request: ClipRequest,
    engine: EngineInfo,
    created: datetime | None = None,
) -> Written:
    """Write the clip under `path` or the next free name, turned down if it peaks above -1 dBFS.

    Raises FolderError if the folder does not take it.
    """
    gain = _safe_gain(audio)
    if gain < 1:
        audio = audio * np.float32(gain)
    gain_db = 20 * float(np.log10(gain))
    when = created or datetime.now().astimezone()
    return write_wav(path, audio, engine.rate, info_of(request, engine, gain_db, when))


def _safe_gain(audio: Audio) -> float:
    """What brings the highest sample down to `PEAK_DB`; at most 1."""
    peak = max(float(audio.max()), -float(audio.min()))
    ceiling = 10 ** (PEAK_DB / 20)
    return ceiling / peak if peak > ceiling else 1.0
