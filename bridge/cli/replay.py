"""`sideman replay CLIP`: make a clip again from what it says of itself, and compare the two."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bridge.cli.progress import Progress
from bridge.clips.info import ClipInfo
from bridge.clips.opening import Opening, find_opening
from bridge.clips.render import render_clips
from bridge.clips.request import ClipRequest, mastering_of, opening_of, rate_of, request_from
from bridge.clips.save import save_clip
from bridge.clips.spool import BLOCK_SAMPLES
from bridge.clips.wav import open_wav, read_info
from bridge.engines import EngineChoice, inline_engine, model_state
from engine.api import EngineHandle
from engine.errors import BadValue, EngineUnavailable, SidemanError


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


def replay(clip: Path, out: Path | None = None, continue_from: Path | None = None) -> Replayed:
    """Make `clip` again beside it, or as `out`.

    A clip that goes on from a recording needs it: `continue_from`, or a file of the name that the
    clip has kept, beside it or in the current folder. Raises NotAClip if the clip says too little
    or its recording is missing, EngineUnavailable if its engine or model cannot be had here.
    """
    if not clip.exists():
        raise NotAClip(f"there is no file {clip}")
    try:
        info = read_info(clip)
        request = request_from(info, _opening(clip, info, continue_from))
        choice, rate = _choice(info), rate_of(info)
    except BadValue as error:
        raise NotAClip(str(error)) from None
    target = out or clip.with_name(f"{clip.stem}_replay.wav")
    handle = _engine(choice, rate)
    try:
        path = _make(handle, request, target, info, Progress(f"replay {clip.name}"))
    finally:
        handle.shutdown()
    peak_error = compare(clip, path)
    return Replayed(path, peak_error == 0.0, peak_error)


def _opening(clip: Path, info: ClipInfo, named: Path | None) -> Opening | None:
    kept = opening_of(info)
    if kept is None:
        return None
    file, sha256 = kept
    name = Path(file).name
    return find_opening(name, sha256, [named] if named else [clip.parent / name, Path(name)])


def _choice(info: ClipInfo) -> EngineChoice:
    """The engine that the clip was made by. Raises BadValue."""
    kept = info.settings
    return EngineChoice(
        info.engine,
        str(kept.get("model", "")) if info.engine != "groove" else "",
        str(kept.get("device", "auto")),
        str(kept.get("precision") or "auto"),
        float(context_s) if (context_s := kept.get("context_s")) else None,
    )


def _engine(choice: EngineChoice, rate: int) -> EngineHandle:
    """Raises EngineUnavailable: nothing is downloaded for this."""
    maker = " ".join(filter(None, [choice.name, choice.model]))
    if choice.name == "musicgen":
        state = model_state(choice.model)
        if state.installed and not state.cached:
            raise EngineUnavailable(
                f"the clip was made by {maker}, which is not on this disk: sideman generate"
                f" --model {choice.model} gets it"
            )
    try:
        return inline_engine(choice, rate)
    except (EngineUnavailable, BadValue) as error:
        raise EngineUnavailable(
            f"the clip was made by {maker}, which cannot be had here: {error}"
        ) from None


def _make(
    handle: EngineHandle, request: ClipRequest, path: Path, info: ClipInfo, progress: Progress
) -> Path:
    with progress:
        renders = render_clips(handle, [request], path.parent, lambda _, done: progress.show(done))
        for _, sound in renders:
            if isinstance(sound, SidemanError):
                raise sound
            made = save_clip(path, sound, request, handle.info, info.created, mastering_of(info))
            return made.path
    raise AssertionError("a render ends with a sound or an error")


def compare(one: Path, other: Path) -> float:
    """The largest difference of two samples of two WAV files; infinite if their shapes differ."""
    peak_error = 0.0
    with open_wav(one) as old, open_wav(other) as new:
        if len(old) != len(new) or old.head.format.channels != new.head.format.channels:
            return float("inf")
        for first in range(0, len(old), BLOCK_SAMPLES):
            last = first + BLOCK_SAMPLES
            difference = np.abs(old.read(first, last) - new.read(first, last))
            peak_error = max(peak_error, float(difference.max()))
    return peak_error


def run(arguments: argparse.Namespace) -> int:
    """0 if the clip came out the same, 1 if not."""
    replayed = replay(arguments.clip, arguments.out, arguments.continue_from)
    verdict = "the same samples" if replayed.same else f"differs by {replayed.peak_error:g}"
    print(f"{replayed.path}  {verdict} as {arguments.clip}")
    return 0 if replayed.same else 1
