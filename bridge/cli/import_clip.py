"""`sideman import`: clips into the host that runs."""

from __future__ import annotations

import argparse
from pathlib import Path

from bridge.clips.folder import list_clips
from bridge.handing.audacity import import_clip
from engine.errors import BadValue


def run(arguments: argparse.Namespace) -> int:
    """0 once all are in."""
    clips: list[Path] = arguments.files or [newest(arguments.clips)]
    for clip in clips:
        import_clip(clip)
        print(f"{clip.name}  in Audacity, on a new track")
    return 0


def newest(folder: Path) -> Path:
    """The clip in `folder` that was finished last. Raises BadValue if there is none."""
    clips = list_clips(folder)
    if not clips:
        raise BadValue(
            f"no clip of sideman's in {folder}: render one (/clip/render), name a file, or say"
            " --clips DIR"
        )
    return folder / clips[-1].file
