"""What one deck plays, laid on the timeline of output samples: made ahead, remembered behind.

Engine streams are spliced into it wherever they begin, and when they are late it goes on by
itself: it loops the last whole bars, in time, so that a deck falls silent only if it has nothing
to loop.

Threading: owned by the conductor's thread.
"""

from __future__ import annotations

from math import ceil

import numpy as np

from bridge.audio.line import AudioLine
from bridge.audio.mixing import crossfade, fade_out
from bridge.time.transport import Transport
from engine.api import Audio

FADE_S = 0.005
BEHIND_S = 26.0
"""Two bars of 4/4 at 20 BPM, so that there is always a whole bar to loop."""
AHEAD_S = 4.0


class Track:
    """A deck's audio around the ear. `end` is the first sample that is not made yet."""

    def __init__(self, rate: int, channels: int = 2) -> None:
        self.fade_samples = round(FADE_S * rate)
        self._line = AudioLine(round((BEHIND_S + AHEAD_S) * rate), channels)
        self._true_end = 0
        self._laid = 0
        """From here on it was laid anew since somebody last looked."""
        self._loop: int | None = None
        """How many samples back the running loop reads (0: it rests); None: the engine's own
        material."""

    @property
    def end(self) -> int:
        return self._line.end

    @property
    def looping(self) -> bool:
        return self._loop is not None

    def newly_laid(self, now: int, grain: int, most: int) -> tuple[int, Audio]:
        """What was laid since the last call, and lies beyond `now`: where it begins, at a multiple
        of `grain`, and a copy of it, float32 `[n, channels]`, of about `most` samples at most: the
        next call has the rest."""
        at = max(min(self._laid, self.end), now) // grain * grain
        left = self.end - at if self._laid < self.end else 0
        audio = self.read(at, min(max(0, left), most))
        self._laid = at + len(audio) if len(audio) else self.end
        return at, audio

    def begin(self, at: int) -> None:
        """Start afresh at `at`: what was played before is not looped any more."""
        self._line.clear()
        self._lay(at, self._line.read(at, 0))
        self._true_end = at
        self._loop = None

    def write(self, at: int, audio: Audio, *, fade: bool) -> None:
        """The engine's material from `at` on, replacing what was there; `fade` crosses over."""
        if at < self.end and fade:
            n = min(self.fade_samples, len(audio))
            audio = audio.copy()
            audio[:n] = crossfade(self._line.read(at, n), audio[:n])
        self._line.forget(at)
        self._lay(at, audio)
        self._true_end = self._line.end
        self._loop = None

    def read(self, at: int, n: int) -> Audio:
        """float32 `[n, channels]`, silence where there is nothing."""
        return self._line.read(at, n)

    def phrase_before(self, at: int, n: int, transport: Transport) -> Audio:
        """The engine's own last material, up to `[n, channels]`, ending whole bars before `at`.

        Whatever goes on from it at `at` is in time with it.
        """
        bar_samples = (
            transport.meter.beats_per_bar * 60.0 * transport.rate / transport.map.at(at).bpm
        )
        bars = max(0, ceil((at - self._true_end) / bar_samples))
        end = at - round(bars * bar_samples)
        start = max(end - n, self._line.start)
        return self._line.read(start, max(0, end - start))

    def loop_until(self, until: int, transport: Transport) -> bool:
        """Go on with the last whole bars up to `until`. False if there is nothing to loop: then
        it goes on with silence, faded to."""
        while self.end < until:
            if not self._loop_once(until, transport):
                self._rest_until(until)
                return False
        return True

    def _rest_until(self, until: int) -> None:
        s = self.end
        n = min(self.fade_samples, s - self._line.start)
        self._lay(s - n, self._line.read(s - n, n) * fade_out(n))
        self._lay(until, self._line.read(until, 0))
        self._loop = 0  # until there is something

    def _loop_once(self, until: int, transport: Transport) -> bool:
        s = self.end
        back = self._loop
        if back is None or s - back >= self._true_end:
            back = self._whole_bars_back(s, transport)
            if back is None:
                return False
            self._seam(s, back)
            self._loop = back
        n = min(until - s, self._true_end - (s - back))
        self._lay(s, self._line.read(s - back, n))
        return True

    def _whole_bars_back(self, s: int, transport: Transport) -> int | None:
        """The fewest whole bars (else beats) back from `s` where there is material to play."""
        beat_samples = 60.0 * transport.rate / transport.map.at(s).bpm
        for beats in (transport.meter.beats_per_bar, 1.0):
            period = beats * beat_samples
            times = max(1, ceil((s - self._true_end + 1) / period))
            back = round(times * period)
            if s - back - self.fade_samples >= self._line.start:
                return back
        return None

    def _seam(self, s: int, back: int) -> None:
        """Cross from what ends at `s` into what is heard `back` samples earlier, before `s`."""
        n = self.fade_samples
        out = crossfade(self._line.read(s - n, n), self._line.read(s - back - n, n))
        self._line.forget(s - n)
        self._lay(s - n, np.ascontiguousarray(out))

    def _lay(self, at: int, audio: Audio) -> None:
        self._laid = min(self._laid, at)
        self._line.write(at, audio)
