"""`sideman serve`: run the server until it is interrupted."""

from __future__ import annotations

import argparse
import os
import sys

from bridge.app import App, Interrupted
from bridge.audio.sends.target import split_outputs
from bridge.audio.thread import go_before_others
from bridge.cli.interrupt import until_interrupted
from bridge.cli.invitation import invite
from bridge.config import Config, host_and_port
from bridge.engines import EngineChoice
from bridge.web.tokens import checked

_LOOK_S = 0.5
"""A wait without an end cannot be interrupted on Windows."""


def run(arguments: argparse.Namespace) -> int:
    host, port = host_and_port(arguments.osc)
    output, sends = split_outputs(arguments.output)
    config = Config(
        engine=EngineChoice.of(arguments),
        host=host,
        osc_port=port,
        tcp_port=port + 2 if port else 0,
        http=_http(arguments, host, port),
        announced=arguments.announce,
        token=_token(arguments.token),
        output=output,
        sends=sends,
        rate=arguments.rate,
        block=arguments.block,
        decks=arguments.decks,
        clips=arguments.clips,
        midi_in=tuple(arguments.midi_in),
        midi=not arguments.no_midi,
        midi_maps=tuple(arguments.midi_map),
        clock=arguments.clock,
        clock_out=arguments.midi_clock_out,
        dialects=tuple(arguments.dialect),
        key=arguments.key,
        as_typed=arguments.as_typed,
        master=arguments.master,
        command=_without_secrets(sys.argv[1:]),
        remember_s=arguments.remember,
        bits=arguments.bits,
    )
    app = App(config)  # before signals are caught: they must end a download
    stopping = until_interrupted()
    go_before_others()
    try:
        app.start(stopping)
    except Interrupted:
        return 0
    try:
        print(_ready_line(app), flush=True)
        print(f"sideman: {app.engine_line}", file=sys.stderr, flush=True)
        if app.web:
            invite(app.web.link, secret=bool(app.web.token))
        while not stopping.wait(_LOOK_S):
            pass
    finally:
        app.stop()
    return 0


def _http(arguments: argparse.Namespace, host: str, osc_port: int) -> tuple[str, int] | None:
    if arguments.no_http:
        return None
    if arguments.http is not None:
        return host_and_port(arguments.http)
    return host, osc_port + 1 if osc_port else 0


def _token(given: str | None) -> str:
    """An empty one that was given is a mistake, and no wish to do without."""
    return os.environ.get("SIDEMAN_TOKEN", "") if given is None else checked(given)


def _without_secrets(words: list[str]) -> tuple[str, ...]:
    """A command line that may be shown."""
    kept: list[str] = []
    secret = False
    for word in words:
        name, equals, _ = word.partition("=")
        is_token = len(name) > 2 and "--token".startswith(name)  # argparse takes `--tok` for it
        if not secret and not is_token:
            kept.append(word)
        secret = is_token and not equals
    return tuple(kept)


def _ready_line(app: App) -> str:
    output = app.conductor.output
    ready = (
        f"ready osc {app.config.host}:{app.osc.udp_port} tcp {app.config.host}:{app.osc.tcp_port}"
        f"{f' http {app.web.where}' if app.web else ''}"
        f" output {output.name!r} {output.rate} Hz block {output.block}"
        f" clips {app.config.clips}"
    )
    return " ".join([ready, *app.dialects.words])
