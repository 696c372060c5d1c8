"""`/ping`, `/status`, `/subscribe`, `/sync`: what concerns the server itself."""

from __future__ import annotations

from collections.abc import Callable

from bridge import PROTOCOL, __version__
from bridge.controls.call import Call, Handlers, Services
from bridge.mirror import Mirror
from bridge.osc.client import Client
from bridge.osc.feedback import Feedback
from bridge.prompt_hint import HINT, wrong_with
from engine.errors import BadValue

MAX_SYNCS = 1024
"""That may wait: each is looked at in every turn."""


def handlers(feedback: Feedback, mirror: Mirror, services: Services, syncs: Syncs) -> Handlers:
    def subscribe(call: Call) -> None:
        if call.client is None:
            return
        mirror.refresh()
        port, max_hz = (*call.values, None, None)[:2]
        client = call.client.to_port(port) if isinstance(port, int) else call.client
        feedback.subscribe(client, max_hz if isinstance(max_hz, float) else None)

    def unsubscribe(call: Call) -> None:
        if call.client is not None:
            feedback.unsubscribe(call.client.to_port(call.first(0)))

    def hint(call: Call) -> None:
        prompt = call.first("")
        call.answer(call.address, prompt, wrong_with(prompt) if prompt else HINT)

    return {
        "/ping": lambda c: c.answer("/pong", *c.values),
        "/version": lambda c: c.answer("/version", __version__, PROTOCOL),
        "/status": lambda c: c.answer("/status", *services.status()),
        "/latency": lambda c: c.answer("/latency", *services.latency()),
        "/sync": syncs.ask,
        "/prompt/hint": hint,
        "/subscribe": subscribe,
        "/unsubscribe": unsubscribe,
    }


class Syncs:
    """The `/sync`s that wait until all that their senders asked for is done."""

    def __init__(self, mirror: Mirror, monotonic: Callable[[], float]) -> None:
        self._mirror = mirror
        self._monotonic = monotonic
        self._waiting: list[tuple[Client | None, int, float]] = []

    def ask(self, call: Call) -> None:
        if len(self._waiting) >= MAX_SYNCS:
            raise BadValue(f"busy: {MAX_SYNCS} syncs wait for an answer already")
        self._waiting.append((call.client, call.first(), self._monotonic()))

    def answer(self, done: Callable[[Client | None, float], bool]) -> None:
        """Answer those of which `done(client, asked_s)` is true."""
        if not self._waiting:
            return
        self._mirror.refresh()
        waiting = []
        for client, number, asked_s in self._waiting:
            if not done(client, asked_s):
                waiting.append((client, number, asked_s))
            elif client is not None:
                client.send("/synced", number)
        self._waiting = waiting
