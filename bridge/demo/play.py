"""Runs the demo's two halves: a server in this process, and the client that plays the story on it.

Threading: one thread calls `play`; the server's own threads do the rest.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from bridge.app import App
from bridge.config import Config
from bridge.demo.ear import Ear
from bridge.demo.events import Event, parse

_STOP_S = 5.0
"""For the client to end once it was told to."""


@dataclass(frozen=True, slots=True)
class Played:
    """What came of a story."""

    events: tuple[Event, ...]
    ear: Ear
    rate: int
    output: str
    latency_s: float
    """From the device's taking a sample to its being heard, by the device's own account."""
    xruns: int
    late: int
    """Launches and time tags that were missed."""
    finished: bool
    """Whether the client came to the story's end."""


def play(config: Config, ready: Callable[[App], None], told: Callable[[Event], None]) -> Played:
    """Play the story once. `ready` is called when the server is up, `told` for every message that
    the client sent or heard. Raises SidemanError if the server does not start."""
    app = App(config)
    ear = Ear(app)
    app.taps.append(ear.hear)
    app.start()
    try:
        ready(app)
        with _client(app) as client:
            events = []
            for event in _events(client):
                events.append(event)
                told(event)
            finished = client.wait() == 0
        output = app.conductor.output
        xruns = app.conductor.playout.xruns
    finally:
        app.stop()
    return Played(
        tuple(events), ear, config.rate, output.name, output.latency_s, xruns, app.late, finished
    )


@contextmanager
def _client(app: App) -> Iterator[subprocess.Popen[str]]:
    """The client, which ends with the block at the latest."""
    words = ["-m", "bridge.demo.client", app.config.host, str(app.osc.udp_port)]
    with subprocess.Popen(
        [sys.executable, *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, encoding="ascii"
    ) as client:
        try:
            yield client
        finally:
            if client.poll() is None:
                client.terminate()
                client.wait(_STOP_S)


def _events(client: subprocess.Popen[str]) -> Iterator[Event]:
    assert client.stdout is not None
    for line in client.stdout:
        yield parse(line)
