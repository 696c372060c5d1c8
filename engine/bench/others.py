"""Whether the machine had other things to do meanwhile: then all figures are too low."""

from __future__ import annotations

import os
import sys
import time
from typing import Any

import psutil


class Others:
    """Watches from its making until it is asked."""

    def __init__(self) -> None:
        self._begun = self._now()

    def share(self) -> float | None:
        """Of all processors, what neither this process used nor children that have ended; what a
        host took away counts, too. None where there is no telling."""
        if sys.platform == "win32":  # says nothing of children
            return None
        wall_s, busy_s, own_s = (
            after - before for after, before in zip(self._now(), self._begun, strict=True)
        )
        whole_s = wall_s * (os.cpu_count() or 1)
        return min(1.0, max(0.0, busy_s - own_s) / whole_s) if whole_s else None

    def _now(self) -> tuple[float, float, float]:
        """Seconds: of the clock, of all processors at work, of ours."""
        everything: Any = psutil.cpu_times()
        idle_s = everything.idle + getattr(everything, "iowait", 0.0)
        # Guests are counted among users already.
        guests_s = getattr(everything, "guest", 0.0) + getattr(everything, "guest_nice", 0.0)
        return time.monotonic(), sum(everything) - idle_s - guests_s, sum(os.times()[:4])
