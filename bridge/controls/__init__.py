"""What every address does: requests from OSC and MIDI become changes to the session, and answers.

Threading: called on the conductor's thread only. What workers find out is queued for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from queue import SimpleQueue

from bridge.audio.output import Output
from bridge.clocks.leader import Leader
from bridge.controls import clips, decks, server, setup, transport
from bridge.controls.call import Call, Handlers, Services
from bridge.controls.rehearsal import Rehearsal
from bridge.controls.server import Syncs
from bridge.mirror import Mirror
from bridge.osc.client import Client
from bridge.osc.feedback import Feedback
from bridge.row import Access
from bridge.session import Session
from bridge.state import State
from bridge.table import Request
from engine.api import StreamFault
from engine.errors import BadValue, SidemanError

__all__ = ["Controls", "Services"]

_LAUNCHES = frozenset({
    "/deck/N/play", "/deck/N/stop", "/deck/N/reset", "/deck/N/continue",
    "/slot/N/launch", "/scene/N/launch",
})  # fmt: skip
"""What waits for the grid."""

_PLANNED = _LAUNCHES | {
    "/tempo", "/tempo/raw", "/position", "/signature", "/play", "/continue", "/deck/N/prompt",
    "/deck/N/morph", "/deck/N/temperature", "/deck/N/top_k", "/deck/N/guidance", "/deck/N/seed",
}  # fmt: skip
"""What has to reach the engine before the sample it is meant for."""

_TURNING = frozenset({"/stop", "/panic", "/grid", "/clock", "/slot/N/prompt", "/scene/N/store"})
"""What comes after one of these may mean something else once it is done."""

_CLOCK_SHOWN_S = 0.5
"""Between two words to subscribers of how far the transport is from its leader."""


class Controls:
    def __init__(
        self,
        session: Session,
        state: State,
        feedback: Feedback,
        mirror: Mirror,
        services: Services,
    ) -> None:
        self.syncs = Syncs(mirror, services.monotonic)
        self._session = session
        self._state = state
        self._feedback = feedback
        self._mirror = mirror
        self._services = services
        self._news: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self.leader = Leader(session, services.monotonic)
        self._handlers: Handlers = {
            **server.handlers(feedback, mirror, services, self.syncs),
            **transport.handlers(session, self.leader, state, services.monotonic),
            **decks.handlers(session, services, self._news.put),
            **clips.handlers(session, services, self._news.put),
            **setup.handlers(services, state, feedback),
            "/slot/N/state": self._tell,
            "/scene/N/state": self._tell,
        }
        state.set("/clock", self.leader.source)
        self._clock_shown_s = float("-inf")
        self.show_clock()
        self.show_recording()

    @property
    def paths(self) -> frozenset[str]:
        """The rows of the table that something is done for."""
        return frozenset(self._handlers)

    def split(self, requests: Iterable[Request]) -> tuple[tuple[Request, ...], tuple[Request, ...]]:
        """Of a timed bundle: what to carry out early for its sample, and what on the sample.

        A launch that will wait for the grid, as it is at that time, is left for then, and so is
        all that follows something that turns the course of things.
        """
        early: list[Request] = []
        rest: list[Request] = []
        for request in requests:
            can_be = self._is_planned(request) and not self.turns(rest)
            (early if can_be else rest).append(request)
        return tuple(early), tuple(rest)

    def turns(self, requests: Iterable[Request]) -> bool:
        """Whether what comes after these can only be understood once they are done."""
        return any(r.row.path in _TURNING and not r.reads for r in requests)

    def _is_planned(self, request: Request) -> bool:
        row = request.row.path
        if row not in _PLANNED or request.reads:
            return False
        grid = (
            request.values[0] if row in ("/deck/N/play", "/deck/N/stop") and request.values else ""
        )
        return row not in _LAUNCHES or (grid or self._session.grid) == "none"

    def carry_out(self, requests: Sequence[Request], at: int, client: Client | None) -> None:
        """Do what the requests say, for output sample `at`: all, or nothing if one is refused."""
        if not self.refuses(requests, client):
            self.perform(requests, at, client)

    def refuses(self, requests: Sequence[Request], client: Client | None) -> bool:
        """Whether not all of this can be done now; the sender is told why."""
        rehearsal = Rehearsal(self._session, self._services.clips, self.leader)
        for request in requests:
            try:
                rehearsal.check(request)
            except BadValue as error:
                nothing = "; nothing of its bundle was done" if len(requests) > 1 else ""
                if client is not None:
                    client.send("/error", request.path, f"{error}{nothing}")
                return True
        return False

    def perform(self, requests: Iterable[Request], at: int, client: Client | None) -> None:
        """Do what was not refused. What a worker has to say against it comes as an error still."""
        for request in requests:
            call = Call(request, at, client)
            try:
                if request.reads:
                    self._read(call)
                else:
                    self._handlers[request.row.path](call)
                    self._session.revision += 1
            except SidemanError as error:
                call.answer("/error", request.path, str(error))

    def choose_clock(self, source: str) -> None:
        """Who leads, before anybody asks for another. Raises BadValue if it cannot."""
        self.leader.choose(source)
        self._state.set("/clock", self.leader.source)

    def take_news(self) -> None:
        """Do what the workers have made possible since the last call."""
        while not self._news.empty():
            self._news.get()()
            self._session.revision += 1

    def _read(self, call: Call) -> None:
        if call.request.row.access is Access.READ:
            self._handlers[call.request.row.path](call)
        else:
            self._tell(call)

    def _tell(self, call: Call) -> None:
        self._mirror.refresh()
        call.answer(call.address, *(self._state.get(call.address) or call.request.row.blank))

    def show_recording(self) -> None:
        """A recording can end by itself, on a full disk."""
        self._state.set("/record", int(self._services.recording.running))

    def show_output(self, asked: str, output: Output) -> None:
        """`asked`: what was asked for. The device may be another while that is looked for."""
        self._state.set("/output", asked)
        latency_ms = 1000.0 * output.latency_s
        self._state.set("/output/state", output.name, output.rate, output.block, latency_ms)

    def show_clock(self) -> None:
        """How the leader is followed: at once if that changes in kind, else now and then."""
        now_s, shown = self._services.monotonic(), self.leader.shown()
        known = self._state.get("/clock/state")
        if known is None or known[0] != shown[0] or now_s - self._clock_shown_s >= _CLOCK_SHOWN_S:
            self._clock_shown_s = now_s
            self._state.set("/clock/state", *shown)

    def report_late(self, address: str, ms: float, client: Client | None) -> None:
        """To whoever sent what came too late."""
        if client is not None:
            client.send("/late", address, ms)

    def report_fault(self, fault: StreamFault) -> None:
        self._services.clips.fault(fault)
        self._feedback.event("/error", "engine", fault.reason)
