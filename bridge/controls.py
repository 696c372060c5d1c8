"""What every address does: requests from OSC and MIDI become changes to the session, and answers.

Threading: called on the conductor's thread only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Protocol

from bridge import PROTOCOL, __version__
from bridge.addresses import Access, Request, Value
from bridge.clips.folder import ClipItem
from bridge.clips.request import ClipRequest
from bridge.decks.settings import Prompts, gain_db_of, prompts_of
from bridge.mirror import Mirror
from bridge.osc.client import Client
from bridge.osc.feedback import Feedback
from bridge.session import Session
from bridge.state import State
from bridge.time.tap import TapTempo
from engine.api import StreamFault, WeightedPrompt
from engine.errors import BadValue, SidemanError


class Clips(Protocol):
    """The clips folder and the jobs that fill it."""

    def submit(self, requests: list[ClipRequest], asker: Client | None) -> list[int]: ...

    def cancel(self, job: int) -> None: ...

    def list(self) -> list[ClipItem]: ...

    def fault(self, fault: StreamFault) -> None:
        """A stream of the engine, maybe a job's, ended with an error."""


class Recording(Protocol):
    """The master's recorder."""

    @property
    def running(self) -> bool: ...

    def start(self, asker: Client | None) -> None: ...

    def stop(self) -> None: ...


class Learning(Protocol):
    """MIDI learn."""

    def learn(self, address: str) -> None: ...

    def forget(self, address: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Services:
    """What the controls reach outside the session."""

    clips: Clips
    recording: Recording
    midi: Learning
    status: Callable[[], tuple[Value, ...]]
    """The values of `/status`."""
    monotonic: Callable[[], float]


@dataclass(frozen=True, slots=True)
class _Call:
    """One request on its way: `at` is the sample it is meant for."""

    request: Request
    at: int
    client: Client | None

    @property
    def n(self) -> int:
        return self.request.index

    @property
    def values(self) -> tuple[Value, ...]:
        return self.request.values

    @property
    def address(self) -> str:
        return self.request.path

    def first(self, default: Value = None) -> Any:
        """The first value, as the table has checked it."""
        return self.values[0] if self.values else default

    def answer(self, address: str, *values: Value) -> None:
        if self.client is not None:
            self.client.send(address, *values)


Handler = Callable[[_Call], None]

_PREPARED = frozenset({
    "/tempo", "/tempo/raw", "/position", "/signature", "/play", "/continue",
    "/deck/N/prompt", "/deck/N/play", "/deck/N/stop", "/deck/N/reset",
    "/slot/N/launch", "/scene/N/launch",
})  # fmt: skip
"""What has to reach the engine before the sample it is meant for."""


class Controls:
    def __init__(
        self,
        session: Session,
        state: State,
        feedback: Feedback,
        mirror: Mirror,
        services: Services,
    ) -> None:
        self._session = session
        self._state = state
        self._feedback = feedback
        self._mirror = mirror
        self._services = services
        self._tap = TapTempo()
        self._syncs: list[tuple[Client | None, int, float]] = []
        self._handlers = {**self._server(), **self._transport(), **self._decks(), **self._clips()}
        state.set("/clock", "internal")
        self.show_recording()

    @property
    def paths(self) -> frozenset[str]:
        """The rows of the table that something is done for."""
        return frozenset(self._handlers)

    def split(self, requests: Iterable[Request]) -> tuple[tuple[Request, ...], tuple[Request, ...]]:
        """Of a timed bundle: what to carry out early for its sample, and what on the sample.

        A launch that would wait for the grid as it is at that time is left for then.
        """
        early: list[Request] = []
        rest: list[Request] = []
        for request in requests:
            (early if self._is_prepared(request) else rest).append(request)
        return tuple(early), tuple(rest)

    def _is_prepared(self, request: Request) -> bool:
        if request.row.path not in _PREPARED or request.reads:
            return False
        if "play" in request.path or "stop" in request.path:
            return (request.values or (self._session.grid,))[0] == "none" or not request.index
        waits = request.row.path in ("/deck/N/reset", "/slot/N/launch", "/scene/N/launch")
        return not waits or self._session.grid == "none"

    def carry_out(self, requests: Iterable[Request], at: int, client: Client | None) -> None:
        """Do what the requests say, for output sample `at`; refusals go to the sender."""
        for request in requests:
            call = _Call(request, at, client)
            try:
                if request.reads:
                    self._read(call)
                else:
                    self._handlers[request.row.path](call)
                    self._session.revision += 1
            except SidemanError as error:
                call.answer("/error", request.path, str(error))

    def report_late(self, address: str, ms: float, client: Client | None = None) -> None:
        """To the sender if there is one to blame, else to everybody."""
        if client is not None:
            client.send("/late", address, ms)
        else:
            self._feedback.event("/late", address, ms)

    def report_fault(self, fault: StreamFault) -> None:
        self._services.clips.fault(fault)
        self._feedback.event("/error", "engine", fault.reason)

    # Reading

    def _read(self, call: _Call) -> None:
        handler = self._handlers.get(call.request.row.path)
        if call.request.row.access is Access.READ and handler is not None:
            handler(call)
            return
        self._mirror.refresh()
        values = self._state.get(call.address)
        if values is None:
            raise BadValue("nothing is stored here yet")
        call.answer(call.address, *values)

    def _server(self) -> dict[str, Handler]:
        return {
            "/ping": lambda c: c.answer("/pong", *c.values),
            "/version": lambda c: c.answer("/version", __version__, PROTOCOL),
            "/status": lambda c: c.answer("/status", *self._services.status()),
            "/sync": self._sync,
            "/subscribe": self._subscribe,
            "/unsubscribe": self._unsubscribe,
            "/midi/learn": lambda c: self._services.midi.learn(c.first()),
            "/midi/forget": lambda c: self._services.midi.forget(c.first()),
        }

    def _sync(self, call: _Call) -> None:
        self._syncs.append((call.client, call.first(), self._services.monotonic()))

    def answer_syncs(self, done: Callable[[Client | None, float], bool], now_s: float) -> None:
        """Answer those whose sender has nothing under way any more."""
        if not self._syncs:
            return
        self._mirror.refresh()
        waiting = []
        for client, number, asked_s in self._syncs:
            if not done(client, asked_s):
                waiting.append((client, number, asked_s))
            elif client is not None:
                client.send("/synced", number)
        self._syncs = waiting

    def _subscribe(self, call: _Call) -> None:
        if call.client is None:
            return
        self._mirror.refresh()
        port, max_hz = (*call.values, None, None)[:2]
        client = call.client.to_port(int(port)) if isinstance(port, int) and port else call.client
        self._feedback.subscribe(client, float(max_hz) if isinstance(max_hz, float) else None)

    def _unsubscribe(self, call: _Call) -> None:
        if call.client is not None:
            port = call.first()
            self._feedback.unsubscribe(call.client.to_port(port) if port else call.client)

    # Transport

    def _transport(self) -> dict[str, Handler]:
        s = self._session
        return {
            "/panic": lambda c: s.panic(),
            "/tempo": lambda c: s.set_tempo(c.at, c.first()),
            "/tempo/raw": lambda c: s.set_tempo(c.at, c.first()),
            "/tempo/tap": self._tap_tempo,
            "/play": lambda c: s.play(c.at),
            "/stop": lambda c: s.stop(),
            "/continue": lambda c: s.play(c.at, resume=True, address="/continue"),
            "/position": lambda c: s.locate(c.at, c.first()),
            "/signature": self._signature,
            "/clock": self._clock,
            "/grid": self._grid,
        }

    def _tap_tempo(self, call: _Call) -> None:
        bpm = self._tap.tap(self._services.monotonic())
        if bpm is not None:
            self._session.set_tempo(call.at, bpm)

    def _signature(self, call: _Call) -> None:
        if len(call.values) != 2:
            raise BadValue(f"takes {call.request.row.signature}, got {len(call.values)} arguments")
        self._session.set_signature(call.at, *map(_whole, call.values))

    def _clock(self, call: _Call) -> None:
        if call.first() != "internal":
            raise BadValue(f"not available: the clock {call.first()} comes later; only internal")

    def _grid(self, call: _Call) -> None:
        self._session.grid = call.first()

    # Decks, slots, scenes

    def _decks(self) -> dict[str, Handler]:
        s = self._session
        plain = {"temperature": "temperature", "top_k": "top_k", "guidance": "guidance",
                 "morph": "morph_beats", "gain": "gain_db"}  # fmt: skip
        handlers = {f"/deck/N/{name}": self._setter(field) for name, field in plain.items()}
        return handlers | {
            "/deck/N/prompt": lambda c: s.change_prompts(c.at, c.n, _prompts(c), c.address),
            "/deck/N/play": lambda c: s.play_deck(c.at, c.n, c.first(), c.address),
            "/deck/N/stop": lambda c: s.stop_deck(c.at, c.n, c.first(), c.address),
            "/deck/N/level": lambda c: s.set_deck(c.n, gain_db=gain_db_of(c.first())),
            "/deck/N/mute": self._switch("mute"),
            "/deck/N/solo": self._switch("solo"),
            "/deck/N/seed": self._seed,
            "/deck/N/reset": lambda c: s.reset_deck(c.at, c.n, c.address),
            "/slot/N/prompt": self._store_slot,
            "/slot/N/launch": lambda c: s.launch_slot(c.at, c.n, c.first(1), c.address),
            "/scene/N/store": lambda c: s.store_scene(c.n),
            "/scene/N/launch": lambda c: s.launch_scene(c.at, c.n, c.address),
        }

    def _setter(self, field: str) -> Handler:
        return lambda c: self._session.set_deck(c.n, **{field: c.first()})

    def _switch(self, field: str) -> Handler:
        def switch(call: _Call) -> None:
            now = bool(getattr(self._session.decks[call.n].settings, field))
            self._session.set_deck(call.n, **{field: bool(call.first(not now))})

        return switch

    def _seed(self, call: _Call) -> None:
        seed = call.first()
        drawn = self._session.draw_seed() if seed == -1 else seed
        self._session.set_deck(call.n, seed=drawn)
        if seed == -1:
            call.answer(call.address, drawn)

    def _store_slot(self, call: _Call) -> None:
        self._session.slots[call.n] = _prompts(call)

    # Clips

    def _clips(self) -> dict[str, Handler]:
        return {
            "/clip/render": self._render,
            "/clip/batch": self._batch,
            "/clip/cancel": lambda c: self._services.clips.cancel(c.first()),
            "/clip/list": self._list,
            "/record": self._record,
        }

    def _render(self, call: _Call) -> None:
        prompt, bars, seed = (*call.values, -1)[:3]
        clip = self._clip(str(prompt), _whole(bars), _whole(seed))
        self._services.clips.submit([clip], call.client)

    def _batch(self, call: _Call) -> None:
        bars, *prompts = call.values
        requests = [self._clip(str(prompt), _whole(bars), -1) for prompt in prompts]
        self._services.clips.submit(requests, call.client)

    def _clip(self, prompt: str, bars: int, seed: int) -> ClipRequest:
        transport = self._session.transport
        return ClipRequest(
            prompts=(WeightedPrompt(prompt),),
            bars=bars,
            bpm=transport.bpm,
            numerator=transport.meter.numerator,
            denominator=transport.meter.denominator,
            seed=self._session.draw_seed() if seed == -1 else seed,
        )

    def _list(self, call: _Call) -> None:
        items = self._services.clips.list()
        for item in items:
            call.answer("/clip/item", item.file, item.seconds, item.bpm, item.bars)
        call.answer("/clip/list/end", len(items))

    def _record(self, call: _Call) -> None:
        recording = self._services.recording
        wanted = bool(call.first(not recording.running))
        if wanted and not recording.running:
            recording.start(call.client)
        elif not wanted and recording.running:
            recording.stop()
        self.show_recording()

    def show_recording(self) -> None:
        """A recording can end by itself, on a full disk."""
        self._state.set("/record", int(self._services.recording.running))


def _prompts(call: _Call) -> Prompts:
    return prompts_of(call.values)


def _whole(value: Value) -> int:
    """A value that the table has checked to be a whole number."""
    assert isinstance(value, int)
    return value
