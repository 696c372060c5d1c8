"""`sideman serve`: run the server until it is interrupted."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
from contextlib import suppress

from bridge.app import App
from bridge.config import Config, host_and_port
from engine.errors import BadValue

_NICENESS = -10
_LOOK_S = 0.5
"""A wait without an end cannot be interrupted on Windows."""


def run(arguments: argparse.Namespace) -> int:
    if arguments.http is not None:
        raise BadValue("--http is not available yet: the console comes in a later version")
    host, port = host_and_port(arguments.osc)
    config = Config(
        engine=arguments.engine,
        host=host,
        osc_port=port,
        tcp_port=port + 2 if port else 0,
        output=arguments.output,
        rate=arguments.rate,
        block=arguments.block,
        decks=arguments.decks,
        clips=arguments.clips,
        midi_in=tuple(arguments.midi_in),
        midi=not arguments.no_midi,
    )
    stopping = _until_interrupted()
    _go_before_others()
    app = App(config)
    app.start()
    try:
        print(_ready_line(app), flush=True)
        print(f"sideman: {app.engine_line}", file=sys.stderr, flush=True)
        while not stopping.wait(_LOOK_S):
            pass
    finally:
        app.stop()
    return 0


def _ready_line(app: App) -> str:
    output = app.conductor.output
    return (
        f"ready osc {app.config.host}:{app.osc.udp_port} tcp {app.config.host}:{app.osc.tcp_port}"
        f" output {output.name!r} {output.rate} Hz block {output.block}"
        f" clips {app.config.clips}"
    )


def _go_before_others() -> None:
    """Where the user may: a busy machine must not hold up a thread that the sound waits for.

    Threads and the engine's process inherit it (the engine then steps back again).
    """
    with suppress(AttributeError, OSError):
        os.setpriority(os.PRIO_PROCESS, 0, _NICENESS)


def _until_interrupted() -> threading.Event:
    """Set by SIGINT and SIGTERM, so that both end the server cleanly."""
    stopping = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopping.set())
    return stopping
