"""Finished clips go into the next free slot of a track."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any


class Clips:
    def __init__(self, song: Any, folder: str, track: str, show: Callable[[str], None]) -> None:
        """`show` puts a line into Live's status bar."""
        self._song = song
        self._folder = folder
        self._track = track
        self._show = show

    @property
    def handlers(self) -> dict[str, Callable[..., None]]:
        return {"/clip/done": self._done}

    def _done(self, job: int, file: str, *more: Any) -> None:
        problem = self._put(file)
        where = f"is on the track {self._track}"
        self._show(f"sideman: {file} {problem or where}")

    def _put(self, file: str) -> str:
        """Empty, or why the clip is not on the track."""
        if Path(file.replace("\\", "/")).name != file:
            return "is not a name in the clips folder"
        if not self._folder:
            return "is done; set clips_folder in settings.txt to have it on a track"
        path = Path(self._folder, file)
        if not path.is_file():
            return f"is not in {self._folder}: see clips_folder in settings.txt"
        track = self._named_track()
        if track is None:
            return f"is done; name an audio track {self._track} to have it there"
        slot = self._free_slot(track)
        if not hasattr(slot, "create_audio_clip"):
            return "is done; drag it in (Live 12.0.5 and later can do that by itself)"
        try:
            slot.create_audio_clip(str(path))
            slot.clip.warping = True
            slot.clip.looping = True
        except RuntimeError as error:
            return f"was refused by Live: {error}"
        return ""

    def _named_track(self) -> Any:
        for track in self._song.tracks:
            if track.name.strip().lower() == self._track.lower() and track.has_audio_input:
                return track
        return None

    def _free_slot(self, track: Any) -> Any:
        for slot in track.clip_slots:
            if not slot.has_clip:
                return slot
        self._song.create_scene(-1)
        return track.clip_slots[-1]
