"""What a request sounds like, whole and in memory."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import numpy as np

from bridge.clips.render import render_clips
from bridge.clips.request import ClipRequest
from bridge.clips.save import Saved, save_clip
from bridge.clips.spool import Spool
from engine.api import Audio, EngineHandle, EngineInfo
from engine.errors import SidemanError


def render_clip(
    handle: EngineHandle,
    request: ClipRequest,
    progress: Callable[[float], None] = lambda done: None,
) -> Audio:
    """float32 `[samples, channels]`"""
    with tempfile.TemporaryDirectory() as folder:
        renders = render_clips(handle, [request], Path(folder), lambda _, done: progress(done))
        for _, sound in renders:
            if isinstance(sound, SidemanError):
                raise sound
            return sound.read(0, len(sound)).copy()
    raise AssertionError("a render ends with a sound or an error")


@contextmanager
def spool(folder: Path, audio: Audio) -> Iterator[Spool]:
    """`audio` as if it had just been rendered, in pieces of uneven length."""
    with closing(Spool(folder, audio.shape[1])) as sound:
        for piece in np.array_split(audio, 7):
            sound.append(piece)
        yield sound


def save(path: Path, audio: Audio, request: ClipRequest, engine: EngineInfo) -> Saved:
    """A clip whose sound is `audio`."""
    with spool(path.parent, audio) as sound:
        return save_clip(path, sound, request, engine)
