"""Says so when an engine does not keep up with the decks, and what would help."""

from __future__ import annotations

from collections.abc import Callable

from bridge.engines import SHORTEST_CONTEXT_S
from engine.api import EngineInfo

_TELL_AFTER_S = 5.0
_RECOVERED_PACE = 1.1
"""From here on it has kept up again, and would be told of anew."""


class PaceWatch:
    """Tells the user once for each time that it happens."""

    def __init__(self, notify: Callable[[str], None]) -> None:
        self._notify = notify
        self._slow_since_s: float | None = None
        self._told = False

    def look(self, now_s: float, info: EngineInfo, factor: float, playing: int) -> None:
        """`factor`: how many seconds of music it makes in one, for all `playing` decks; 0 while
        that is not known."""
        pace = factor / max(1, playing)
        if not playing or not pace or pace >= 1:
            self._slow_since_s = None
            self._told = self._told and pace < _RECOVERED_PACE
            return
        if self._slow_since_s is None:
            self._slow_since_s = now_s
        if not self._told and now_s - self._slow_since_s >= _TELL_AFTER_S:
            self._told = True
            self._notify(_too_slow(info, factor, playing))


def _too_slow(info: EngineInfo, factor: float, playing: int) -> str:
    decks = "a deck" if playing == 1 else f"{playing} decks"
    helpful = ", ".join(_remedies(info, playing))
    return (
        f"the engine makes {factor:.2f} s of music a second, too little for {decks}: bars are"
        f" looped while it works ahead; take {helpful}, or a quicker machine"
    )


def _remedies(info: EngineInfo, playing: int) -> list[str]:
    """Those that are not taken yet."""
    found = ["fewer decks"] if playing > 1 else []
    if info.device == "cpu" and info.precision != "int4":
        found.append("--precision int4")
    if info.context_s > SHORTEST_CONTEXT_S:
        found.append(f"--context {SHORTEST_CONTEXT_S:g}")
    return [*found, "a smaller --model"]
