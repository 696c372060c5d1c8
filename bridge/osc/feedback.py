"""What subscribers are told: the full state once, then changes, and events.

A *change* is a value: of several, only the latest counts, and a client gets each at most
`max_hz` times a second. An *event* (a job is done, a beat has begun) is told once, in order,
at once.

A client that sends a value knows it. It is told nothing about that address until it has left it
alone for `SETTLE_S`, and then the latest value, so a fader does not fight the finger on it, and
clients that echo all they hear come to rest: what they are told last, they send back once, and it
changes nothing.

Threading: everything may be called from any thread; messages leave on a thread of its own.
"""

from __future__ import annotations

import math
import threading
from collections import deque
from collections.abc import Callable, Hashable

from bridge.osc.client import Client
from bridge.row import Value
from bridge.state import State
from bridge.time.clock import monotonic_s

DEFAULT_HZ = 60.0
"""As often as a screen shows it."""
SETTLE_S = 0.25
"""Longer than a round trip through a busy host, shorter than a person waits for a display."""
MAX_SUBSCRIBERS = 64
"""One more, and the oldest goes: where the system does not tell that a UDP client is gone, it
would be served for ever."""
MAX_EVENTS = 1024
"""Events that wait for one client; beyond that the oldest is lost and counted."""

_BURST = 32
_BURST_S = 0.001
"""So many messages, then a pause: the full state must not overflow a client's UDP buffer."""


class _Subscriber:
    def __init__(self, client: Client, max_hz: float | None, stays: bool) -> None:
        self.client = client
        self.stays = stays
        self.only: set[str] | None = None
        """The addresses that it wants to hear of; None: all."""
        self.interval_s = 1.0 / (max_hz or DEFAULT_HZ)
        self.changes: dict[str, tuple[Value, ...]] = {}
        self.events: deque[tuple[str, tuple[Value, ...]]] = deque(maxlen=MAX_EVENTS)
        self.touched_s: dict[str, float] = {}
        self.changes_due_s = 0.0
        self.burst_due_s = 0.0

    def wants(self, address: str) -> bool:
        return self.only is None or address in self.only

    def take(self, now_s: float) -> list[tuple[str, tuple[Value, ...]]]:
        """What may go out now: at most one burst, events first."""
        if now_s < self.burst_due_s:
            return []
        burst = [self.events.popleft() for _ in range(min(len(self.events), _BURST))]
        if now_s >= self.changes_due_s and self.changes:
            ready = [a for a in self.changes if now_s >= self.change_due_s(a)]
            room = _BURST - len(burst)
            burst += [(a, self.changes.pop(a)) for a in ready[:room]]
            if ready and len(ready) <= room:
                self.changes_due_s = now_s + self.interval_s
        if burst:
            self.burst_due_s = now_s + _BURST_S
        return burst

    def due_s(self) -> float:
        """When there is something to send; infinite if nothing waits."""
        if self.events:
            return self.burst_due_s
        return min(map(self.change_due_s, self.changes), default=math.inf)

    def change_due_s(self, address: str) -> float:
        touched_s = self.touched_s.get(address, -math.inf)
        return max(self.burst_due_s, self.changes_due_s, touched_s + SETTLE_S)


class Feedback:
    """Keeps the subscribers of `state` informed."""

    def __init__(self, state: State, monotonic: Callable[[], float] = monotonic_s) -> None:
        self._state = state
        self._monotonic = monotonic
        self._wake = threading.Condition()
        self._subscribers: dict[Hashable, _Subscriber] = {}
        self._planned_s = math.inf  # when the thread looks again
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="feedback", daemon=True)
        self.lost = 0
        """Events that clients were too slow for."""
        state.listen(self.changed)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """Stop. Safe to call twice, and if it was never started."""
        with self._wake:
            self._closing = True
            self._wake.notify()
        if self._thread.is_alive():
            self._thread.join()

    @property
    def clients(self) -> list[Client]:
        with self._wake:
            return [subscriber.client for subscriber in self._subscribers.values()]

    def subscribe(
        self, client: Client, max_hz: float | None = None, *, stays: bool = False
    ) -> None:
        """Begin with the full state; once more if it is a subscriber already (it may have been
        started anew since), with what is asked for now. One that `stays` makes room for no other.
        """
        subscriber = _Subscriber(client, max_hz, stays)
        with self._wake:
            self._subscribers.pop(client.key, None)
            passing = [key for key, s in self._subscribers.items() if not s.stays]
            if len(passing) >= MAX_SUBSCRIBERS:
                del self._subscribers[passing[0]]
            self._subscribers[client.key] = subscriber
            subscriber.changes.update(self._state.items())
            self._plan(subscriber.due_s())

    def unsubscribe(self, client: Client) -> None:
        with self._wake:
            self._subscribers.pop(client.key, None)

    def listen(self, client: Client, address: str) -> None:
        """Tell it of this address: what is known now, then changes and events. A subscriber
        hears of all of them already."""
        with self._wake:
            subscriber = self._subscribers.get(client.key)
            if subscriber is None:
                subscriber = self._subscribers[client.key] = _Subscriber(client, None, True)
                subscriber.only = set()
            if subscriber.only is not None:
                subscriber.only.add(address)
            known = self._state.get(address)
            if known is not None:
                subscriber.changes[address] = known
                self._plan(subscriber.due_s())

    def ignore(self, client: Client, address: str) -> None:
        """The end of `listen`."""
        with self._wake:
            subscriber = self._subscribers.get(client.key)
            if subscriber is not None and subscriber.only is not None:
                subscriber.only.discard(address)
                subscriber.changes.pop(address, None)

    def hears(self, client: Client, address: str) -> bool:
        """Whether it is told of events there."""
        with self._wake:
            subscriber = self._subscribers.get(client.key)
            return subscriber is not None and subscriber.wants(address)

    def event(self, address: str, *args: Value) -> None:
        """Tell every subscriber, each in the order of the calls."""
        with self._wake:
            for subscriber in self._wanting(address):
                self.lost += len(subscriber.events) == MAX_EVENTS
                subscriber.events.append((address, args))
                self._plan(subscriber.burst_due_s)

    def changed(self, address: str, args: tuple[Value, ...]) -> None:
        """Tell every subscriber in its own time, unless a later value comes first."""
        if not self._subscribers:
            return
        with self._wake:
            for subscriber in self._wanting(address):
                subscriber.changes[address] = args
                self._plan(subscriber.change_due_s(address))

    def touched(self, client: Client, address: str) -> None:
        """`client` has just sent a value for `address`."""
        if not self._subscribers:
            return
        now_s = self._monotonic()
        with self._wake:
            for subscriber in self._subscribers.values():
                if client.source in (subscriber.client.source, subscriber.client.key):
                    subscriber.touched_s[address] = now_s

    def _wanting(self, address: str) -> list[_Subscriber]:
        return [each for each in self._subscribers.values() if each.wants(address)]

    def _plan(self, due_s: float) -> None:
        if due_s < self._planned_s:
            self._planned_s = due_s
            self._wake.notify()

    def pump(self) -> float:
        """Send what is due. Returns the monotonic second when there is more, or infinity."""
        now_s = self._monotonic()
        with self._wake:
            self._drop_gone()
            subscribers = tuple(self._subscribers.values())
            outgoing = [(s.client, s.take(now_s)) for s in subscribers]
            self._planned_s = due_s = min((s.due_s() for s in subscribers), default=math.inf)
        for client, messages in outgoing:
            for address, args in messages:
                client.send(address, *args)
        return due_s

    def _drop_gone(self) -> None:
        for key in [key for key, s in self._subscribers.items() if s.client.gone]:
            del self._subscribers[key]

    def _run(self) -> None:
        while not self._closing:
            self.pump()
            with self._wake:
                while not self._closing:
                    wait_s = self._planned_s - self._monotonic()
                    if wait_s <= 0:
                        break
                    self._wake.wait(min(wait_s, threading.TIMEOUT_MAX))
