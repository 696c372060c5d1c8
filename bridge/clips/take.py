"""One recording on its way to the disk, of a length that nobody knows yet.

It grows beside its place as a `.part` whose header is brought up to date every second: what a
crash leaves behind plays up to there, once it is renamed.

Threading: one thread.
"""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path

from bridge.clips.files import FolderError, open_part, place, shown, why, write_all
from bridge.clips.folder import RECORDING
from bridge.clips.pcm import encode
from bridge.clips.riff import Format, header
from engine.api import Audio

BITS = 24


class Take:
    """A WAV file, `master_<date>_<time>.wav`, that grows block by block."""

    def __init__(self, folder: Path, rate: int, channels: int, at: datetime) -> None:
        """Raises FolderError."""
        self._form = Format(rate, channels, BITS, is_float=False)
        self._path = folder / f"{RECORDING}{at:%Y-%m-%d_%H-%M-%S}.wav"
        self._head_bytes = len(header(self._form, 0))
        self._samples = 0
        self._headed_samples = 0
        self._file = open_part(self._path)
        self._part = Path(self._file.name)
        try:
            self._write(header(self._form, 0))
        except FolderError:
            self._file.close()
            self._part.unlink(missing_ok=True)
            raise

    @property
    def seconds(self) -> float:
        """Written so far."""
        return self._samples / self._form.rate

    def write(self, audio: Audio) -> None:
        """Append float32 `[samples, channels]`.

        Raises FolderError if the disk refuses, BadValue if the file would pass 4 GiB.
        """
        header(self._form, self._samples + len(audio))  # raises where that is too long
        self._write(encode(audio, BITS)[0])
        self._samples += len(audio)
        if self._samples - self._headed_samples >= self._form.rate:
            self._head()

    def _write(self, data: bytes) -> None:
        try:
            write_all(self._file, data)
        except OSError as error:
            raise FolderError(why(error, self._path.parent)) from error

    def _head(self) -> None:
        end = self._file.tell()
        self._file.seek(0)
        self._write(header(self._form, self._samples))
        self._file.seek(end)
        self._headed_samples = self._samples

    def finish(self) -> Path:
        """Put the file in its place, as far as it was written; returns where that is.

        Raises FolderError if that fails; what was recorded then stays in the `.part`.
        """
        try:
            with self._file:
                self._round_off()
                os.fsync(self._file.fileno())
            path = place(self._part, self._path)
            self._part.unlink(missing_ok=True)
        except OSError as error:
            reason = why(error, self._path.parent)
            reason = f"{reason}; the recording lies in {shown(self._part.name)}"
            raise FolderError(reason) from error
        return path

    def _round_off(self) -> None:
        """Cut what the disk took only a part of, and pad to an even length. Raises OSError."""
        frame_bytes = self._form.frame_bytes
        self._samples = max(0, self._file.tell() - self._head_bytes) // frame_bytes
        data_bytes = self._samples * frame_bytes
        self._file.truncate(self._head_bytes + data_bytes + data_bytes % 2)
        self._head()
