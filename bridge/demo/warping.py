"""The demo's third act: a recording at a tempo of its own, brought onto the grid."""

from __future__ import annotations

from pathlib import Path

from bridge.clips.render import render_clips
from bridge.clips.request import ClipRequest
from bridge.clips.save import save_clip
from bridge.engines import EngineChoice, inline_engine
from bridge.warp.file import Warped, warp_file
from engine.api import WeightedPrompt
from engine.errors import SidemanError

PROMPT = "house, drums and bass"
OWN_BPM, WANTED_BPM = 113.7, 124.0
SOURCE = f"free_{OWN_BPM:g}bpm.wav"
_SECONDS = 24.0
_SEED = 7


def warp(folder: Path) -> Warped:
    """Make some music, forget its tempo, and bring it to another. Raises SidemanError."""
    handle = inline_engine(EngineChoice("groove"), None)
    request = ClipRequest((WeightedPrompt(PROMPT),), bpm=OWN_BPM, seconds=_SECONDS, seed=_SEED)
    try:
        for _, sound in render_clips(handle, [request], folder):
            if isinstance(sound, SidemanError):
                raise sound
            made = save_clip(folder / SOURCE, sound, request, handle.info).path
    finally:
        handle.shutdown()
    return warp_file(made, folder / f"{made.stem}_to_{WANTED_BPM:g}bpm.wav", WANTED_BPM)
