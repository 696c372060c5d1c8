"""Soft takeover: a knob that stands elsewhere than the value it drives must first pass it.

Threading: `follow` may be called from any thread and never waits long; `takes` from the MIDI
thread.

What a knob sets comes back through `follow` a little later, and must not be taken for a change
made elsewhere, which loosens the knob's hold. So what was sent is remembered until it returns.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Hashable
from dataclasses import dataclass, field

NEAR = 2.5 / 127
"""Two steps of a 7-bit knob, and half a step for rounding."""

_SAME = 1e-3
"""Positions closer than this are one value that came back through dB or float32."""

_IN_FLIGHT = 64
"""Values that may be on their way at once: a fast knob sends about 500 a second, and its echo
takes less than 100 ms."""


@dataclass(slots=True)
class _Value:
    current: float | None = None
    holder: Hashable = None
    sent: deque[float] = field(default_factory=lambda: deque(maxlen=_IN_FLIGHT))

    @property
    def latest(self) -> float | None:
        return self.sent[-1] if self.sent else self.current


class Takeover:
    """Which knob holds which value. Positions are 0..1 of a knob's way."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._values: dict[str, _Value] = {}
        self._stands: dict[Hashable, float] = {}

    def follow(self, address: str, position: float) -> None:
        """The value of `address` is now at `position`, whoever moved it."""
        with self._lock:
            value = self._values.setdefault(address, _Value())
            for i, sent in enumerate(value.sent):
                if abs(sent - position) <= _SAME:
                    for _ in range(i + 1):
                        value.sent.popleft()
                    value.current = position
                    return
            if value.current is None or abs(position - value.current) > _SAME:
                value.holder = None
                value.sent.clear()
            value.current = position

    def takes(self, knob: Hashable, address: str, position: float) -> bool:
        """Whether `knob`, now at `position`, drives the value of `address`."""
        with self._lock:
            value = self._values.setdefault(address, _Value())
            stood = self._stands.get(knob)
            self._stands[knob] = position
            if value.holder != knob and not _reaches(stood, position, value.latest):
                return False
            value.holder = knob
            latest = value.latest
            if latest is None or abs(position - latest) > _SAME:
                value.sent.append(position)
            return True


def _reaches(stood: float | None, position: float, target: float | None) -> bool:
    if target is None or abs(position - target) <= NEAR:
        return True
    return stood is not None and (stood - target) * (position - target) <= 0
