"""`sideman replay CLIP`: make a clip again from what it says of itself, and compare the two."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bridge.cli.progress import Progress
from bridge.clips.render import render_clip, save_clip
from bridge.clips.request import rate_of, request_from
from bridge.clips.wav import read_info, read_wav
from bridge.engines import inline_engine
from engine.errors import BadValue, SidemanError


class NotAClip(SidemanError):
    """A file that does not say what it takes to make it again."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """A clip made again."""

    path: Path
    same: bool
    """Whether every sample is the same."""
    peak_error: float
    """The largest difference of two samples, full scale is 1; infinite if the lengths differ."""


def replay(clip: Path, out: Path | None = None) -> Replayed:
    """Make `clip` again beside it, or as `out`. Raises NotAClip if it says too little."""
    if not clip.exists():
        raise NotAClip(f"there is no file {clip}")
    try:
        info = read_info(clip)
        request, rate = request_from(info), rate_of(info)
    except BadValue as error:
        raise NotAClip(str(error)) from None
    handle = inline_engine(info.engine, rate)
    try:
        with Progress(f"replay {clip.name}") as progress:
            audio = render_clip(handle, request, progress.show)
        target = out or clip.with_name(f"{clip.stem}_replay.wav")
        path = save_clip(target, audio, request, handle.info, info.created).path
    finally:
        handle.shutdown()
    old, new = read_wav(clip).audio, read_wav(path).audio
    if old.shape != new.shape:
        return Replayed(path, False, float("inf"))
    peak_error = float(np.abs(old - new).max(initial=0.0))
    return Replayed(path, peak_error == 0.0, peak_error)


def run(arguments: argparse.Namespace) -> int:
    """0 if the clip came out the same, 1 if not."""
    replayed = replay(arguments.clip, arguments.out)
    verdict = "the same samples" if replayed.same else f"differs by {replayed.peak_error:g}"
    print(f"{replayed.path}  {verdict} as {arguments.clip}")
    return 0 if replayed.same else 1
