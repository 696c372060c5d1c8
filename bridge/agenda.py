"""What waits for its instant: the timed bundles, in the order in which they are due.

Threading: owned by the conductor's thread; `full` may be read from any.
"""

from __future__ import annotations

from bisect import insort
from collections import Counter
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass

from bridge.osc.client import Client
from bridge.table import Request

LIMIT = 10_000
"""Bundles that may wait: a second of the heaviest traffic promised. More is refused."""
TOLERANCE_S = 0.001
"""A bundle keeps the sample it was given at first, so that two of them stay exactly as far apart
as their time tags, until a gap or a clock's drift has made more of a difference than this."""


@dataclass(slots=True)
class Timed:
    """Requests that wait for `sample`, which is when the device takes what is heard at `at_s`."""

    at_s: float
    sample: int
    requests: tuple[Request, ...]
    client: Client | None
    planned: bool = False
    """Whether what can be prepared has been: `requests` are those that cannot."""


class Agenda:
    def __init__(self, tolerance_samples: int) -> None:
        self._tolerance_samples = tolerance_samples
        self._waiting: list[Timed] = []
        self._senders: Counter[Hashable] = Counter()

    @property
    def full(self) -> bool:
        return len(self._waiting) >= LIMIT

    @property
    def next_sample(self) -> int | None:
        return self._waiting[0].sample if self._waiting else None

    def add(self, timed: Timed) -> None:
        insort(self._waiting, timed, key=lambda t: t.at_s)
        self._senders[_key(timed.client)] += 1

    def take_due(self, now: int) -> Iterator[Timed]:
        """Take out, one by one, what is due at sample `now`."""
        while self._waiting and self._waiting[0].sample <= now:
            timed = self._waiting.pop(0)
            self._senders -= Counter([_key(timed.client)])
            yield timed

    def coming(self, horizon_s: float, sample_at: Callable[[float], int]) -> Iterator[Timed]:
        """What is due until `horizon_s`, at the sample that is right as clocks stand now."""
        for timed in self._waiting:
            if timed.at_s > horizon_s:
                return
            if not timed.planned:
                sample = sample_at(timed.at_s)
                if abs(sample - timed.sample) > self._tolerance_samples:
                    timed.sample = sample
            yield timed

    def waits_for(self, client: Client | None) -> bool:
        """Whether something of this sender is still to come."""
        return _key(client) in self._senders


def _key(client: Client | None) -> Hashable:
    return None if client is None else client.key
