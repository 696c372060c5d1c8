"""From a request to its sound: rendered by an engine, cut to length. Shared by the background
jobs, `generate` and `replay`.

Threading: one thread owns a `ClipRender`; `render_clips` also takes the handle's events, so only
the one thread that owns the handle may call it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TypeVar

from bridge.clips.bars import BestBars, Cutter, FirstBars
from bridge.clips.request import ClipRequest
from bridge.clips.riff import Format, header
from bridge.clips.spool import Spool
from bridge.warp.lock import Cut
from bridge.warp.stretch import cut
from engine.api import EngineFault, EngineHandle, StreamFault
from engine.errors import EngineError, EngineLost, SidemanError

POLL_S = 0.002
"""Wait for the next chunk: short against what a stream's ring holds, long against a poll."""

Result = TypeVar("Result")


class ClipRender:
    """One request on its way through the engine, into a spool."""

    def __init__(
        self, handle: EngineHandle, request: ClipRequest, folder: Path, cutting: Cut = cut
    ) -> None:
        """Opens the stream; `folder` takes the spool. `cutting`: where bars are stretched.

        Raises EngineLost if the engine is gone, EngineError if it cannot go on from a recording,
        BadValue if no WAV file can hold so much, FolderError if the folder cannot be had.
        """
        info = handle.info
        if request.opening and not info.continues:
            raise EngineError(
                f"engine {info.name} cannot go on from a recording: use --engine musicgen"
            )
        self._hop = info.hop
        length = request.length_samples(info.rate)
        header(
            Format(info.rate, info.channels, request.bits, request.bits == 32), length
        )  # or too long
        self._have = 0
        opening = request.opening.recording if request.opening else None
        self.sound = Spool(folder, info.channels)
        """The clip, once it is done."""
        self._cutter: Cutter
        if request.bars and not request.straight and not info.keeps_time and info.channels <= 2:
            self._end = BestBars.source_samples(request, info.rate)
            self._cutter = BestBars(request, info.rate, self.sound, folder, cutting)
        else:
            self._end = request.pre_roll_samples(info.rate) + length
            self._cutter = FirstBars(request, info.rate, self.sound)
        try:
            frames = -(-self._end // info.hop)
            steering = request.steering(info.rate)
            self._reader = handle.open(steering, length=frames, opening=opening)
        except BaseException:
            self._forget()
            raise

    @property
    def stream(self) -> int:
        return self._reader.stream

    @property
    def done(self) -> bool:
        return self._have >= self._end

    @property
    def progress(self) -> float:
        """0..1"""
        return min(1.0, self._have / self._end)

    def pump(self) -> bool:
        """Take in the next chunk; False if there is none yet. Raises EngineLost, FolderError."""
        chunk = self._reader.read()
        if chunk is None:
            return False
        assert chunk.start * self._hop == self._have, "a render goes straight on"
        self._cutter.take(chunk.audio)
        self._have += len(chunk.audio)
        if self.done:
            self._cutter.finish()
            self.sound.lock = self._cutter.state
        return True

    def close(self) -> None:
        """End the stream and forget the sound. Safe to call twice."""
        self._reader.close()
        self._forget()

    def _forget(self) -> None:
        self.sound.close()
        self._cutter.close()


def render_clips(
    handle: EngineHandle,
    requests: Sequence[ClipRequest],
    folder: Path,
    progress: Callable[[int, float], None] = lambda index, done: None,
) -> Iterator[tuple[int, Spool | SidemanError]]:
    """Make clips together, in one pass of the engine, with their spools in `folder`.

    Yields the index of each request as it ends, with its sound, which lasts until the next one is
    asked for, or with the reason why there is none: the others go on. `progress` is told how far,
    0..1, which request is. The same engine and request give the same samples, whatever the others
    are. Raises EngineLost if the engine dies.
    """
    renders: dict[int, ClipRender] = {}
    with ExitStack() as closing:
        for index, request in enumerate(requests):
            render = _attempt(partial(ClipRender, handle, request, folder))
            if isinstance(render, SidemanError):
                yield index, render
            else:
                renders[index] = render
                closing.callback(render.close)
        while renders:
            idle = True
            for index, render in list(renders.items()):
                moved = _attempt(render.pump)
                idle = idle and not moved
                progress(index, render.progress)
                if render.done or isinstance(moved, SidemanError):
                    yield index, moved if isinstance(moved, SidemanError) else render.sound
                    renders.pop(index).close()
            if idle:
                for index, reason in _faults(handle, renders).items():
                    renders.pop(index).close()
                    yield index, EngineError(reason)
                time.sleep(POLL_S)


def _attempt(do: Callable[[], Result]) -> Result | SidemanError:
    """What `do` returns, or the error that only its own clip fails of. Raises EngineLost."""
    try:
        return do()
    except EngineLost:
        raise
    except SidemanError as error:
        return error


def _faults(handle: EngineHandle, renders: dict[int, ClipRender]) -> dict[int, str]:
    """Why which of the renders have ended. Raises EngineLost if the engine has."""
    if not handle.alive():
        raise EngineLost("the engine died while it rendered: try again")
    indices = {render.stream: index for index, render in renders.items()}
    faults = {}
    for event in handle.poll():
        if isinstance(event, EngineFault):
            raise EngineLost(event.reason)
        if isinstance(event, StreamFault) and event.stream in indices:
            faults[indices[event.stream]] = event.reason
    return faults
