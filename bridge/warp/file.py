"""A WAV file brought onto the grid: what `sideman warp` does.

Threading: one thread.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bridge.clips.riff import Format
from bridge.clips.spool import BLOCK_SAMPLES, Spool
from bridge.clips.wav import WavReader, open_wav, write_blocks
from bridge.warp.conform import Conform, Judgement
from engine.api import Audio
from engine.errors import BadValue

SHORTEST_S = 1.0
_TOP = 10 ** (-0.3 / 20)
"""Where peaks go that would not fit: integers hold no more than full scale, and what a converter
makes of two samples that reach it is higher."""


@dataclass(frozen=True, slots=True)
class Warped:
    """What became of a recording."""

    path: Path
    """The name asked for, or the next free one."""
    state: str
    """`locked`, or `free`: it has no clear beat, or one too far from the tempo wanted."""
    bpm: float
    """The recording's own tempo, as far as it has one."""
    clear: bool
    dropped_s: float
    """What lay before its first bar."""
    turned_down_db: float
    """So that its peaks fit: stretched, they may be higher."""
    judgement: Judgement


def warp_file(
    source: Path,
    out: Path,
    bpm: float,
    from_bpm: float | None = None,
    progress: Callable[[float], None] = lambda done: None,
) -> Warped:
    """Bring the recording `source` to `bpm`, as `out`, in memory of fixed size.

    Rate, channels and bits stay as they are. Raises BadValue if it cannot be read, is shorter than
    a second or has more than two channels, FolderError if the folder does not take it.
    """
    for name, value in (("--bpm", bpm), ("--from-bpm", from_bpm)):
        if value is not None and not 20 <= value <= 400:
            raise BadValue(f"{name} {value:g} is out of range 20..400")
    with open_wav(source) as wav:
        form = wav.head.format
        _check(wav)
        conform = Conform(form.rate, form.channels, bpm, from_bpm)
        spool = Spool(out.absolute().parent, form.channels)
        try:
            for audio in _conformed(wav, conform, progress):
                spool.append(audio)
            gain = _TOP / spool.peak if spool.peak > 1.0 and not form.is_float else 1.0
            blocks = (block * np.float32(gain) for block in spool.blocks())
            written = write_blocks(out, blocks, _writable(form), len(spool))
        finally:
            spool.close()
    lock = conform.lock
    return Warped(
        written.path,
        "locked" if conform.judgement.locked_share > 0 else "free",
        lock.bpm,
        lock.clear,
        conform.dropped_s,
        20 * float(np.log10(gain)),
        conform.judgement,
    )


def _check(wav: WavReader) -> None:
    form = wav.head.format
    if form.channels > 2:
        raise BadValue(f"has {form.channels} channels: mix it down to one or two")
    if len(wav) < SHORTEST_S * form.rate:
        raise BadValue(
            f"is {len(wav) / form.rate:.2f} s long: a beat takes at least {SHORTEST_S:g} s to find"
        )


def _conformed(
    wav: WavReader, conform: Conform, progress: Callable[[float], None]
) -> Iterator[Audio]:
    for at in range(0, len(wav), BLOCK_SAMPLES):
        yield from conform.feed(wav.read(at, at + BLOCK_SAMPLES))
        progress(min(1.0, (at + BLOCK_SAMPLES) / len(wav)))
    yield from conform.finish()


def _writable(form: Format) -> Format:
    """The nearest that is written: 32 bit integers and 64 bit floats are not."""
    bits = 32 if form.is_float else min(24, form.bits)
    return Format(form.rate, form.channels, bits, form.is_float)
