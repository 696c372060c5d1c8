"""A deck's last whole bars, going round in time until it is told to go on.

The loop follows the transport by its beats. At the tempo that it was played at it is the very
samples; at another each beat is stretched to its length, which takes a moment: until then each beat
is played as it is, from its beginning on.

Threading: `Hold` belongs to the conductor's thread, save `work`, which is for one worker.
"""

from __future__ import annotations

import logging
import threading
from dataclasses import replace
from queue import SimpleQueue

import numpy as np

from bridge.decks.rounds import Cut, Played, Round, Source, Stretched
from bridge.time.bars import Passage
from bridge.time.tempo import TempoMap
from bridge.warp.stretch import cut
from engine.api import Audio

FADE_S = 0.005
_SLACK_S = 0.003
"""Of beats that are not stretched yet: nearer than this is near enough, since a jump is heard."""

_log = logging.getLogger(__name__)


class Hold:
    """Whole bars of a deck, read at any sample of the output."""

    def __init__(self, memory: Source, passage: Passage, rate: int, workshop: Workshop) -> None:
        self.bars = passage.bars
        self._passage = passage
        self._rate = rate
        self._workshop = workshop
        self._beats = passage.steps[-1]
        self._played = Played(memory, passage, rate)
        self._stretched: Stretched | None = None
        self._fade = round(FADE_S * rate)
        self._reading: tuple[Round, int] | None = None
        """What is read, and where."""
        self._before: tuple[Round, int, int] | None = None
        """What it crosses over from: where that is, and how far the fade is."""
        self._share = 0
        """How much is heard of it, of `_fade`."""
        self._going = False
        workshop.wake(self)

    @property
    def entered(self) -> bool:
        """Whether nothing else is heard."""
        return self._share >= self._fade

    @property
    def gone(self) -> bool:
        return self._going and self._share <= 0

    @property
    def leaving(self) -> bool:
        return self._going

    def leave(self) -> None:
        """Cross over to what it lies on."""
        self._going = True

    def prepare(self, bpm: float) -> None:
        """Have it stretched to a tempo before it is heard, from its beginning on."""
        if not self._played.even or bpm != self._played.bpm:
            self._stretch(bpm, 0)

    def lie_at(self, beat: float) -> None:
        """Have it begin at that beat of the transport, and again with each of its lengths."""
        self._passage = replace(self._passage, beat=beat)

    def over(self, below: Audio, now: int, tempo: TempoMap) -> Audio:
        """What is heard from output sample `now` on, where `below`, float32 `[samples, 2]`, would
        be heard without it."""
        n = len(below)
        held = self._read(now, n, tempo)
        if self.entered and not self._going:
            return held
        step = -1 if self._going else 1
        shares = np.clip(self._share + step * np.arange(1, n + 1), 0, self._fade)
        self._share = int(shares[-1])
        weights = (shares / self._fade).astype(np.float32)[:, None]
        mixed: Audio = below * (1 - weights) + held * weights
        return mixed

    def _read(self, now: int, samples: int, tempo: TempoMap) -> Audio:
        parts = []
        while samples > 0:
            anchor = tempo.at(now)
            passed = (anchor.beat_at(now, self._rate) - self._passage.beat) % self._beats
            left = round((self._beats - passed) * 60.0 * self._rate / anchor.bpm)
            if left < 1:  # the line is nearest to this sample, if a little behind it
                passed, left = 0.0, samples
            n = min(samples, left)
            parts.append(self._straight(passed, anchor.bpm, n))
            now, samples = now + n, samples - n
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def _straight(self, passed: float, bpm: float, samples: int) -> Audio:
        """From `passed` beats after the beginning of the loop, not over its end."""
        going, at, slack = self._place(passed, bpm)
        if self._reading is None:
            self._reading = going, at
        made, here = self._reading
        off = (at - here + made.length // 2) % made.length - made.length // 2
        if made is not going or abs(off) > slack:
            self._before = made, here, 0
            made, here = going, at
        self._reading = made, here + samples
        return self._crossed(made.read(here, samples))

    def _crossed(self, audio: Audio) -> Audio:
        """From what was read before the last jump."""
        if self._before is None:
            return audio
        made, at, done = self._before
        n = min(len(audio), self._fade - done)
        weights = np.arange(done + 1, done + n + 1, dtype=np.float32)[:, None] / self._fade
        audio[:n] = made.read(at, n) * (1 - weights) + audio[:n] * weights
        self._before = (made, at + n, done + n) if done + n < self._fade else None
        return audio

    def _place(self, passed: float, bpm: float) -> tuple[Round, int, int]:
        """What to read at a tempo, where, and how far from there is near enough."""
        share = passed / self._beats
        # On the bar line to the sample; elsewhere one sample is left to rounding.
        near = 0 if share == 0.0 or passed * 60.0 * self._rate / bpm < 1.0 else 1
        if self._played.even and bpm == self._played.bpm:
            return self._played, round(share * self._played.length), near
        beat = min(int(passed), len(self._passage.steps) - 2)
        stretched = self._stretched
        if stretched is None or stretched.bpm != bpm:
            stretched = self._stretch(bpm, beat)
        if stretched.has(beat):
            return stretched, round(share * stretched.length), near
        since = (passed - self._passage.steps[beat]) * 60.0 * self._rate / bpm
        at = self._played.starts[beat] + round(since)
        return self._played, at, round(_SLACK_S * self._rate)

    def _stretch(self, bpm: float, first: int) -> Stretched:
        self._stretched = Stretched(self._played, self._passage, bpm, first, self._rate)
        self._workshop.wake(self)
        return self._stretched

    def work(self, cutting: Cut) -> bool:
        """Do a part of what is to be done for it; False if there is no more. The worker's."""
        if self._played.copied:
            return self._stretched is not None and self._stretched.make_next(cutting)
        self._played.copy()
        return True


class Workshop:
    """Copies and stretches what is held, for all decks.

    Threading: `wake` is for the conductor's thread, `close` for any.
    """

    def __init__(self, cutting: Cut = cut, *, threaded: bool = False) -> None:
        """Without a thread of its own the work is done, here, when it is asked for."""
        self._cutting = cutting
        self._threaded = threaded
        self._waiting: SimpleQueue[Hold | None] = SimpleQueue()
        self._worker: threading.Thread | None = None

    def wake(self, hold: Hold) -> None:
        """There is something to do for it."""
        if not self._threaded:
            while hold.work(self._cutting):
                pass
            return
        self._waiting.put(hold)
        if self._worker is None:
            self._worker = threading.Thread(target=self._run, name="holds", daemon=True)
            self._worker.start()

    def close(self) -> None:
        """End the thread, if there is one. Safe to call twice."""
        self._waiting.put(None)
        if self._worker is not None:
            self._worker.join()

    def _run(self) -> None:
        while (hold := self._waiting.get()) is not None:
            try:
                if not hold.gone and hold.work(self._cutting):
                    self._waiting.put(hold)  # the others' turn, and the end's
            except Exception:  # it is played as it is, then
                _log.exception("a held loop cannot be made; going on")
            del hold  # it may be large, and the next one may be long in coming
