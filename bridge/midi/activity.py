"""What is moved at which input, told now and then: for lights on a screen.

Threading: all of it belongs to the MIDI thread.
"""

from __future__ import annotations

from collections.abc import Callable

TELL_S = 0.05
"""Between two words of one input: a knob sends hundreds a second, a light needs twenty."""

Event = Callable[..., object]
"""`event(address, *values)`; never waits."""


class Activity:
    """Tells the last movement at each input, at most one every `TELL_S`."""

    def __init__(self, event: Event) -> None:
        self._event = event
        self._told_s: dict[str, float] = {}
        self._waiting: dict[str, tuple[str, int]] = {}

    def moved(self, port: str, control: str, position: int, at_s: float) -> None:
        """`control` is for people, `position` 0..127."""
        self._waiting[port] = control, position
        self.pump(at_s)

    def pump(self, now_s: float) -> None:
        """Tell what is due: where a hand has stopped counts most, so nothing last is left out."""
        for port in [p for p in self._waiting if now_s - self._told_s.get(p, -TELL_S) >= TELL_S]:
            self._told_s[port] = now_s
            self._event("/midi/activity", port, *self._waiting.pop(port))
