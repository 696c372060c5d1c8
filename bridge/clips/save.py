"""From a rendered sound to a clip in its place, with all it takes to make it again.

Threading: one thread.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np

from bridge.clips.loudness import BLOCK_S
from bridge.clips.master import LOUDNESS_LUFS, Mastered, find_mastering, master
from bridge.clips.pcm import dithered
from bridge.clips.request import ClipRequest, info_of
from bridge.clips.riff import Format
from bridge.clips.spool import Spool
from bridge.clips.wav import write_blocks
from engine.api import Audio, EngineInfo

PEAK_DB = -1.0
"""Clips louder than this are turned down to it: room for what a converter makes of the peaks."""

DITHERED_BITS = 16

_SHORT_LU = 0.5
"""So much below the loudness aimed at is worth a word."""


@dataclass(frozen=True, slots=True)
class Saved:
    """What became of a clip."""

    path: Path
    """Its name: the one asked for, or the next free one."""
    limited: int
    """Values beyond full scale that the file could not hold."""
    mastered: Mastered | None
    warning: str
    """One line if it is not all that was asked for, else empty."""


def save_clip(
    path: Path,
    sound: Spool,
    request: ClipRequest,
    engine: EngineInfo,
    created: datetime | None = None,
    mastered: Mastered | None = None,
) -> Saved:
    """Write the clip under `path` or the next free name: mastered if the request wants that, else
    turned down if it peaks above -1 dBFS.

    `mastered` is how it was mastered before; without it that is found out. Raises FolderError if
    the folder does not take it, NotInstalled if mastering cannot be had.
    """
    loops = bool(request.bars)
    if request.master and mastered is None:
        mastered = find_mastering(sound, engine.rate, loops)
    if mastered:
        gain_db = mastered.gain_db
        blocks = master(sound, engine.rate, mastered, loops)
    else:
        gain = safe_gain(sound.peak)
        gain_db = 20 * float(np.log10(gain))
        blocks = _turned_down(sound, gain)
    when = created or datetime.now().astimezone()
    info = info_of(request, engine, gain_db, when, mastered, sound.lock)
    bits = request.bits
    form = Format(engine.rate, sound.channels, bits, is_float=bits == 32)
    if bits == DITHERED_BITS:
        blocks = dither(blocks, bits, request.seed)
    written = write_blocks(path, blocks, form, len(sound), info)
    warnings = [_loudness_warning(mastered) if request.master else ""]
    if loops and sound.lock == "free":
        warnings.append("has no clear beat, so its first bars were taken as they are")
    warning = " and ".join(filter(None, warnings))
    return Saved(written.path, written.limited, mastered, warning)


def _turned_down(sound: Spool, gain: float) -> Iterator[Audio]:
    for block in sound.blocks():
        yield block * np.float32(gain) if gain < 1 else block


def dither(blocks: Iterable[Audio], bits: int, seed: int) -> Iterator[Audio]:
    """`blocks` with noise, always the same for a seed, so that a replay has the same bits."""
    dice = np.random.default_rng(seed)
    for block in blocks:
        yield dithered(block, bits, dice)


def safe_gain(peak: float) -> float:
    """What brings the highest sample down to `PEAK_DB`; at most 1."""
    ceiling = 10 ** (PEAK_DB / 20)
    return ceiling / peak if peak > ceiling else 1.0


def _loudness_warning(mastered: Mastered | None) -> str:
    if mastered is None:
        return f"is silent or shorter than {BLOCK_S:g} s, so it was not mastered"
    if mastered.short_lu <= _SHORT_LU:
        return ""
    return (
        f"has {mastered.lufs:.1f} LUFS, not {LOUDNESS_LUFS:g}: its peaks would have had to be"
        " crushed for more"
    )
