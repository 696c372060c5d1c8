"""From packets to the requests they mean: checked against the table, handed on as batches.

Reads go the same way as changes, so that a read sees what the same sender set just before. Only
what is wrong is answered here.

Threading: `packet` may be called from any thread, for one client always from the same; `submit` and
`touched` are called there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from bridge.osc.client import Client
from bridge.osc.packet import Bundle, Message
from bridge.row import Access
from bridge.table import Request, Table
from bridge.time.clock import Clock
from engine.errors import BadValue

MAX_AHEAD_S = 3600.0
"""A time tag further ahead is a wrong clock, not a plan."""
MAX_REQUESTS = 4096
"""In one packet: patterns multiply, and 64 KiB of them could name a million."""
BUSY = "busy: more messages than can be done; send fewer, or the same later"


@dataclass(frozen=True, slots=True)
class Batch:
    """Requests that take effect together, at one instant."""

    requests: tuple[Request, ...]
    client: Client | None
    """Whom to answer; None: nobody (MIDI)."""
    at_s: float | None
    """Monotonic second when they are due, which may have passed; None: at once."""


Submit = Callable[[Batch], bool]
"""Hands a batch to the conductor; False: its queue is full. Never waits."""


class Dispatcher:
    """Resolves packets against `table`, and hands them to `submit`.

    `touched(client, address)` is told before of every value that a client sends.
    """

    def __init__(
        self,
        table: Table,
        submit: Submit,
        clock: Clock,
        touched: Callable[[Client, str], None] | None = None,
    ) -> None:
        self._table = table
        self._submit = submit
        self._clock = clock
        self._touched = touched

    def packet(self, packet: Message | Bundle, client: Client) -> None:
        """Do what `packet` says, all of it or nothing; what is wrong is answered `/error`."""
        if isinstance(packet, Bundle):
            self._bundle(packet, client)
            return
        try:
            requests = self._table.resolve(packet.address, packet.args)
        except BadValue as error:
            client.send("/error", packet.address, str(error))
            return
        self._hand_on(packet.address, Batch(tuple(requests), client, None))

    def _bundle(self, bundle: Bundle, client: Client) -> None:
        batches: dict[float | None, list[Request]] = {}
        count = 0
        address = "#bundle"
        try:
            for at_s, message in self._messages(bundle, None):
                address = message.address
                requests = self._table.resolve(address, message.args)
                batches.setdefault(at_s, []).extend(requests)
                count += len(requests)
                if count > MAX_REQUESTS:
                    raise BadValue(f"more than {MAX_REQUESTS} requests in one bundle")
        except BadValue as error:
            client.send("/error", address, f"{error}; nothing of its bundle was done")
            return
        for at_s, requests in batches.items():
            self._hand_on("#bundle", Batch(tuple(requests), client, at_s))

    def _messages(
        self, bundle: Bundle, outer_s: float | None
    ) -> Iterator[tuple[float | None, Message]]:
        """Each message and when it is due: never before the bundle around its own."""
        at_s = self._due_s(bundle.timetag)
        if at_s is None or (outer_s is not None and at_s < outer_s):
            at_s = outer_s
        for element in bundle.elements:
            if isinstance(element, Bundle):
                yield from self._messages(element, at_s)
            else:
                yield at_s, element

    def _due_s(self, timetag: int) -> float | None:
        if timetag >> 32 == 0:  # 1900: as 1 means at once, so does 2**24, which REAPER sends
            return None
        at_s = self._clock.from_ntp(timetag)
        ahead_s = at_s - self._clock.monotonic_s()
        if ahead_s > MAX_AHEAD_S:
            raise BadValue(
                f"time tag {ahead_s:.0f} s ahead, at most {MAX_AHEAD_S:.0f} s are kept: "
                "compare the two clocks"
            )
        return at_s

    def _hand_on(self, address: str, batch: Batch) -> None:
        if not batch.requests:
            return
        if self._touched and batch.client:
            for request in batch.requests:
                if _sets(request):
                    self._touched(batch.client, request.path)
        if not self._submit(batch) and batch.client:
            batch.client.send("/error", address, BUSY)


def _sets(request: Request) -> bool:
    """Whether whoever sent it knows the value that comes of it: not that of a toggle."""
    if request.row.access is Access.TRIGGER:
        return True
    return bool(request.values) and request.row.access in (Access.VALUE, Access.SWITCH)
