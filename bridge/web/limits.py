"""How much one client may ask of the server: messages a second, guesses at a token.

Threading: the server's loop.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from engine.errors import SidemanError

MESSAGES_PER_S = 500.0
"""Over one socket, on and on: four hands that drag pads send half as much."""
BURST_MESSAGES = 2000
"""At once: a client that begins may listen to every address there is."""
SHED_MESSAGES = 2000
"""So many more are dropped, then the socket is closed."""

GUESSES = 10
"""Wrong tokens that one address may bring in `GUESSING_S`."""
GUESSING_S = 60.0
_ADDRESSES = 256
"""That are remembered; the one that was seen first is forgotten for a new one."""

Monotonic = Callable[[], float]


class Flooded(SidemanError):
    """A client goes on sending what is dropped: close its socket."""


class Allowance:
    """Of one socket: `per_s` messages a second on and on, `burst` at once."""

    def __init__(
        self,
        per_s: float = MESSAGES_PER_S,
        burst: int = BURST_MESSAGES,
        shed: int = SHED_MESSAGES,
        monotonic_s: Monotonic = time.monotonic,
    ) -> None:
        self.per_s = per_s
        self._burst = burst
        self._shed = shed
        self._monotonic_s = monotonic_s
        self._left = float(burst)
        self._at_s = monotonic_s()
        self.dropped = 0
        """Messages since it last had some left."""

    def take(self) -> bool:
        """Whether a message that has come may be looked at. Raises Flooded if too many were not."""
        now_s = self._monotonic_s()
        self._left = min(self._burst, self._left + (now_s - self._at_s) * self.per_s)
        self._at_s = now_s
        if self._left >= 1.0:
            self._left -= 1.0
            if self._left > self._burst / 2:
                self.dropped = 0
            return True
        self.dropped += 1
        if self.dropped > self._shed:
            raise Flooded(f"more than {self.per_s:.0f} messages a second")
        return False


@dataclass(slots=True)
class _Guesser:
    since_s: float
    wrong: set[bytes] = field(default_factory=set)


class Guesses:
    """Wrong tokens by the address they came from. The same again is no further guess: a page that
    was left open knocks with its old token until somebody closes it."""

    def __init__(self, monotonic_s: Monotonic = time.monotonic) -> None:
        self._monotonic_s = monotonic_s
        self._guessers: dict[str, _Guesser] = {}

    def wait_s(self, address: str) -> float:
        """How long nothing from there is looked at; 0: it is."""
        guesser = self._guessers.get(address)
        if guesser is None:
            return 0.0
        left_s = guesser.since_s + GUESSING_S - self._monotonic_s()
        if left_s <= 0.0:
            del self._guessers[address]
            return 0.0
        return left_s if len(guesser.wrong) >= GUESSES else 0.0

    def wrong(self, address: str, guess: bytes) -> None:
        """`guess` (in a form that says nothing of itself) came from there, and was not it."""
        if address not in self._guessers:
            if len(self._guessers) >= _ADDRESSES:
                del self._guessers[next(iter(self._guessers))]
            self._guessers[address] = _Guesser(self._monotonic_s())
        self._guessers[address].wrong.add(guess)
