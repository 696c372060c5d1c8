"""When a device took which sample, told from looking at its ring now and then.

Threading: one thread owns a pace.
"""

from __future__ import annotations

import math

SETTLE_S = 1.0
"""Time constant of the smoothing: long against a block, short against the drift of a crystal."""
LEAK = 100e-6
"""How much slower than nominal a device may run (100 ppm) for the pace to keep up with it."""
JUMP_S = 0.25
"""Later than by any block, so it is no lateness (the machine slept): begin again."""


class Pace:
    """Fits one straight line, sample over time, to a device that takes whole blocks.

    A look can only come late: what is seen to be gone was taken at that moment or up to a block
    before. So the earliest looks tell the truth, and the line lies along those.
    """

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._earliest_s = math.inf  # time of sample 0, by the earliest looks
        self._origin_s = 0.0  # the same, smoothed
        self._began_s = 0.0
        self._looked_s = 0.0

    def restart(self) -> None:
        """After a gap: what was learnt of sample 0 is void."""
        self._earliest_s = math.inf

    def look(self, taken: int, now_s: float) -> float:
        """Note that `taken` samples were gone at `now_s`; returns when exactly so many were."""
        origin_s = now_s - taken / self._rate
        passed_s = now_s - self._looked_s
        self._looked_s = now_s
        if abs(origin_s - self._earliest_s) > JUMP_S:  # infinite at first
            self._earliest_s = self._origin_s = origin_s
            self._began_s = now_s
        else:
            self._earliest_s = min(self._earliest_s + passed_s * LEAK, origin_s)
            # At first as quick as it is young, since the first look may be a whole block late.
            settle_s = min(SETTLE_S, now_s - self._began_s) or 1.0
            share = -math.expm1(-passed_s / settle_s)
            self._origin_s += share * (self._earliest_s - self._origin_s)
        return self._origin_s + taken / self._rate
