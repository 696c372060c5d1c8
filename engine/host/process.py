"""The engine's process: what `client` spawns.

It imports numpy and the engine, nothing of the bridge. Whatever goes wrong is told in an event;
a traceback on stderr would only cover what the bridge shows there. It runs at a slightly lower
priority than the bridge (`nice` 5): an engine that is late has its headroom, a sound thread that
is late has nothing.

It ends when told to, when it breaks, and when the bridge is gone, which shows as the end of the
command pipe however the bridge came to die.

Threading: one thread does everything, and beats; so a step that hangs shows. A second one only
waits for the bridge to die, and then ends a process that is too busy to see it.
"""

from __future__ import annotations

import contextlib
import gc
import os
import pickle
import signal
import sys
import threading
import time
from multiprocessing import parent_process
from multiprocessing.connection import Connection

from engine.api import Command, Engine, EngineFactory, EngineFault, Event, Ready, Shutdown
from engine.host.ring import ChunkRing
from engine.host.runner import Runner, reason_of
from engine.host.segment import Vitals

_WATCH_S = 0.005
"""How long to wait for a command while streams have all they want: the ear moves on without one."""
_IDLE_S = 0.1
"""The same without streams; only the heartbeat has to go on."""
_NICE = 5
_LAST_STEP_S = 1.0
"""What a step or a load that is under way gets when the bridge has gone."""
_HARDLY_EVER = 1_000_000
_MOST_COMMANDS = 1024
"""Taken at once, so that however many come the streams are stepped in between."""


def main(factory: bytes, commands: Connection, events: Connection, vitals: str) -> None:
    """Load what the pickled `factory` makes, then obey `commands` until the end of them."""
    _keep_to_the_background()
    threading.Thread(target=_follow_the_bridge, name="bridge-watch", daemon=True).start()
    try:
        # Unpickled here and not by multiprocessing, so that a failing import is a reason, not a
        # traceback.
        load: EngineFactory = pickle.loads(factory)
        engine = load()
        _collect_while_idle()
    except Exception as error:
        _tell(events, EngineFault(reason_of(error)))
        return
    try:
        _run(engine, commands, events, vitals)
    except (EOFError, BrokenPipeError, ConnectionResetError):
        pass  # the bridge is gone
    except Exception as error:
        _tell(events, EngineFault(reason_of(error)))


def _keep_to_the_background() -> None:
    # Ctrl-C, or the terminal's end, goes to its whole group; the bridge decides when the engine
    # stops.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform == "win32":
        signal.signal(signal.SIGBREAK, signal.SIG_IGN)
    else:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        os.nice(_NICE)


def _collect_while_idle() -> None:
    """Leave the collection of all garbage to `_serve`, which does it while there is no stream.

    It looks at every object there is: up to 200 ms once streams have been steered for a while.
    Young cycles are still collected at any time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*gc.get_threshold()[:2], _HARDLY_EVER)


def _follow_the_bridge() -> None:
    bridge = parent_process()
    assert bridge is not None
    bridge.join()
    time.sleep(_LAST_STEP_S)
    os._exit(1)


def _run(engine: Engine, commands: Connection, events: Connection, vitals: str) -> None:
    runner = Runner(engine, ChunkRing.attach)
    signs = Vitals.attach(vitals)
    events.send(Ready(engine.info))
    try:
        _serve(runner, commands, events, signs)
    finally:
        signs.close()
        runner.close()
        _close(engine)


def _serve(runner: Runner, commands: Connection, events: Connection, signs: Vitals) -> None:
    wait_s = 0.0
    while True:
        signs.beat(runner.realtime_factor)
        for command in _receive(commands, wait_s):
            if isinstance(command, Shutdown):
                return
            runner.handle(command)
        worked = runner.step()
        for event in runner.take_events():
            events.send(event)
        if runner.idle and wait_s != _IDLE_S:
            gc.collect()
        wait_s = 0.0 if worked else _IDLE_S if runner.idle else _WATCH_S


def _receive(commands: Connection, wait_s: float) -> list[Command]:
    """All that has come; waits up to `wait_s` for the first. Raises EOFError without a bridge."""
    received: list[Command] = []
    while len(received) < _MOST_COMMANDS and commands.poll(0.0 if received else wait_s):
        received.append(commands.recv())
    return received


def _tell(events: Connection, event: Event) -> None:
    with contextlib.suppress(OSError):  # nobody is there to be told
        events.send(event)


def _close(engine: Engine) -> None:
    with contextlib.suppress(Exception):  # the process ends anyway and takes all of it along
        engine.close()
