"""Clips of what was just played, cut out of the memory of a deck or of the master.

Threading: `submit` may be called from any thread and does not wait. One worker thread reads the
memory, at once, and writes the file.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Hashable
from datetime import datetime
from pathlib import Path
from queue import SimpleQueue

import numpy as np

from bridge.clips.info import ClipInfo
from bridge.clips.jobs import RenderJobs
from bridge.clips.loop import cut_loop, loop_length
from bridge.clips.names import clip_name
from bridge.clips.request import FADE_S
from bridge.clips.save import DITHERED_BITS, dither, safe_gain
from bridge.clips.wav import write_wav
from bridge.decks.recall import Taken
from bridge.time.bars import Passage
from bridge.warp.lock import Cut
from bridge.warp.stretch import CONTEXT_S, bend, cut
from engine.api import Audio
from engine.errors import SidemanError

Read = Callable[[int, int], Audio]
"""Of float32 `[samples, channels]`, from one sample of the output up to another."""

_log = logging.getLogger(__name__)


class Captures:
    """The captures of one server; their ids are those of its other jobs."""

    def __init__(
        self, folder: Path, rate: int, jobs: RenderJobs, bits: int = 24, cutting: Cut = cut
    ) -> None:
        """`cutting`: where bars are stretched if the tempo changed in them."""
        self._folder = folder
        self._rate = rate
        self._jobs = jobs
        self._bits = bits
        self._cutting = cutting
        self._waiting: SimpleQueue[tuple[int, Taken] | None] = SimpleQueue()
        self._worker = threading.Thread(target=self._work, name="captures", daemon=True)
        self._worker.start()

    def submit(self, taken: Taken, asker: Hashable) -> int:
        """Make a clip of bars that were played; returns the job's id."""
        job = self._jobs.begin(taken.text, asker)
        self._waiting.put((job, taken))
        return job

    def close(self) -> None:
        """Finish what was asked for. Safe to call twice."""
        self._waiting.put(None)
        self._worker.join()

    def _work(self) -> None:
        while (item := self._waiting.get()) is not None:
            job, taken = item
            try:
                path = self._make(taken)
            except SidemanError as error:
                self._jobs.fail(job, str(error))
            except Exception:  # the next one must find a worker
                _log.exception("a capture broke")
                self._jobs.fail(job, "an error inside sideman: see the server's log, and report it")
            else:
                passage = taken.passage
                seconds = length_of(passage, self._rate) / self._rate
                self._jobs.finish(job, path.name, seconds, passage.bpm, passage.bars)

    def _make(self, taken: Taken) -> Path:
        """Raises BadValue if it is forgotten meanwhile, FolderError."""
        audio = cut_passage(taken.memory.read, taken.passage, self._rate, self._cutting)
        gain = safe_gain(float(np.abs(audio).max(initial=0.0)))
        info = _info(taken, self._bits, 20 * float(np.log10(gain)))
        name = clip_name(taken.text, info.bpm, info.bars, info.seed)
        quieter = audio if gain == 1.0 else audio * np.float32(gain)
        if self._bits == DITHERED_BITS:
            (quieter,) = dither([quieter], self._bits, taken.seed)
        return write_wav(self._folder / name, quieter, self._rate, info, self._bits).path


def length_of(passage: Passage, rate: int) -> int:
    """Samples of a loop of these bars at the tempo of the last of them."""
    return loop_length(passage.bars, passage.meter.beats_per_bar, passage.bpm, rate)


def cut_passage(read: Read, passage: Passage, rate: int, cutting: Cut = cut) -> Audio:
    """The bars as a loop at the tempo of the last of them, float32 `[length_of, channels]`.

    Where the tempo was the same throughout, the samples are those that were played. Else each beat
    is stretched to its length. The end runs into what came before the beginning.
    """
    length = length_of(passage, rate)
    beat_samples = 60.0 * rate / passage.bpm
    fade = min(round(FADE_S * rate), length)
    targets = [round(step * beat_samples) for step in passage.steps]
    targets[-1] = length
    first = round(passage.marks[0])
    offsets = [mark - first for mark in passage.marks]
    if max(abs(a - b) for a, b in zip(offsets, targets, strict=True)) <= 1.0:
        return cut_loop(read(first - fade, first + length), fade, length, fade)
    # One beat more before the first, as long as it was: what the seam crosses into.
    before = passage.marks[1] - passage.marks[0]
    lead = targets[1]
    context = round(CONTEXT_S * rate)
    begin = first - round(before) - context
    audio = read(begin, round(passage.marks[-1]) + context)
    marks = [passage.marks[0] - before, *passage.marks]
    placed = [-lead, *targets]
    bent = bend(audio, [mark - begin for mark in marks], placed, rate, cutting)
    return cut_loop(bent, lead, length, fade)


def _info(taken: Taken, bits: int, gain_db: float) -> ClipInfo:
    passage = taken.passage
    return ClipInfo(
        prompt=taken.text,
        bpm=passage.bpm,
        bars=passage.bars,
        numerator=passage.meter.numerator,
        denominator=passage.meter.denominator,
        seed=taken.seed,
        engine=taken.engine,
        settings={"live": True, "bits": bits, "gain_db": round(gain_db, 2)},
        time_reference_samples=passage.position_samples,
        created=datetime.now().astimezone(),
    )
