"""The recording that a clip goes on from: its end read from a WAV file, and known again later."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from bridge.clips.files import shown
from bridge.clips.wav import open_wav
from engine.api import RECORDING_S, Audio, Recording
from engine.errors import BadValue


@dataclass(frozen=True, slots=True)
class Opening:
    """The end of a recording, and what a clip keeps of it to know it again."""

    file: str
    """The name of the file that it was read from, without its folder."""
    sha256: str
    """Of its rate, its shape and its samples, so that a new header alone changes nothing."""
    recording: Recording = field(compare=False, repr=False)


def read_opening(path: Path) -> Opening:
    """The last `RECORDING_S` of a WAV file, mono or stereo at any rate.

    Reads no more than that of it. Raises BadValue if it cannot be read, has no samples, or some
    that are no numbers.
    """
    with open_wav(path) as wav:
        form = wav.head.format
        audio = wav.read(max(0, len(wav) - round(RECORDING_S * form.rate)), len(wav))
        if form.channels > 2:
            raise BadValue(f"has {form.channels} channels, 1 or 2 can be gone on from: mix it down")
        if not len(audio):
            raise BadValue("is empty: there is nothing to go on from")
        if not np.isfinite(audio).all():
            raise BadValue("holds samples that are no numbers: export it again")
    return Opening(path.name, _sha256(audio, form.rate), Recording(audio, form.rate))


def _sha256(audio: Audio, rate: int) -> str:
    told = f"{rate} Hz, {audio.shape[0]} x {audio.shape[1]}\n".encode()
    return hashlib.sha256(told + audio.astype("<f4").tobytes()).hexdigest()


def find_opening(file: str, sha256: str, places: list[Path]) -> Opening:
    """The recording that a clip has kept the name and the hash of, from the first of `places`
    that has it. Raises BadValue if none does, or it is another one by now."""
    for path in places:
        if path.is_file():
            opening = read_opening(path)
            if opening.sha256 != sha256:
                raise BadValue(
                    f"{path} is not the recording that this clip goes on from (its last"
                    f" {RECORDING_S:g} s differ): name the right one with --continue-from"
                )
            return opening
    raise BadValue(
        f"this clip goes on from {shown(file)}, which is not beside it: name that recording with"
        " --continue-from"
    )
