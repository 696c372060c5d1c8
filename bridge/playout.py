"""The output that is played on: its clock, in the session's samples, and how far the mix is kept
ahead of it.

Threading: the conductor's thread.
"""

from __future__ import annotations

from collections.abc import Callable

from bridge.audio.mixdown import Mixdown
from bridge.audio.output import Output
from bridge.clocks.line import Device
from engine.api import Audio

LEAD_S = 0.0133
"""The mix is at most this far ahead of the device, or two blocks: a panic must be over within
20 ms, and what comes just after a block was mixed waits for one block more than this."""
WIDEN_BLOCKS = 3
"""A machine that cannot keep to the lead gets this many blocks more of it, one after each xrun
that is ours: a gap is worse than a hand that is felt some milliseconds later."""


class Playout:
    def __init__(self, output: Output, decks: int, monotonic: Callable[[], float]) -> None:
        self.output = output
        self._mixdown = Mixdown(output.rate, decks)
        self._monotonic = monotonic
        self._base = 0
        """Samples written to outputs before this one."""
        self._past_xruns = 0

    @property
    def limiter_samples(self) -> int:
        """How far the limiter looks ahead: so much later the mix is heard."""
        return self._mixdown.latency_samples

    def write(self, mixed: Audio) -> Audio:
        """Play the next samples of a mix, float32 `[samples, 2 + 2 * decks]`. Returns what went
        out, `limiter_samples` late."""
        audio = self._mixdown.process(mixed)
        self.output.write(audio[:, : self.output.channels])
        return audio

    def device(self) -> Device:
        """Which of the session's samples the device takes when."""
        taken, taken_s = self.output.taken()
        sample = self._base + taken - self.limiter_samples
        return Device(sample, taken_s, self.output.rate)

    def heard(self) -> int:
        """The session's sample that the device is taking now."""
        return max(0, self.device().sample)

    def to_next_block(self, now: int) -> int:
        """Whole blocks, as the device counts them: it may have chosen another when it started."""
        block = self.output.block
        return block - (now - self._base) % block

    def ahead(self) -> float:
        """Samples from where the device is, in the midst of its last block, to the mix's end."""
        _, taken_s = self.output.taken()
        played = (self._monotonic() - taken_s) * self.output.rate
        return self.output.buffered() - min(max(0.0, played), self.output.block)

    @property
    def lead(self) -> int:
        """Samples that the mix may be ahead: one block more for each of our first gaps.

        (A device may choose its block when it starts.)
        """
        wider = self.output.block * min(self.output.starved, WIDEN_BLOCKS)
        return max(2 * self.output.block, round(LEAD_S * self.output.rate)) + wider

    @property
    def xruns(self) -> int:
        """Audible gaps so far."""
        return self._past_xruns + self.output.xruns

    def change(self, output: Output, now: int) -> Output:
        """Write to `output` from the session's sample `now` on. Returns the one before."""
        old, self.output = self.output, output
        self._past_xruns += old.xruns
        self._base = now
        return old
