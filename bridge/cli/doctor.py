"""`sideman doctor`: look at everything a server needs, and say for each what to do."""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import socket
import sys
from collections.abc import Callable
from pathlib import Path

import psutil

from bridge import __version__
from bridge.audio.devices import list_devices
from bridge.audio.thread import raise_priority
from bridge.config import host_and_port
from bridge.engines import EngineChoice, choose_engine, described, model_state
from bridge.midi.system import connect_all
from bridge.prompt_hint import HINT, wrong_with
from bridge.time.clock import monotonic_s
from engine.errors import SidemanError

Finding = tuple[bool, str]
"""Whether it is well, and one line: what was found, and the remedy if it is not."""

_LOW_DISK_BYTES = 1 << 30
SERVED_RATE = 48000
"""What a server plays at if it is not told otherwise."""


def run(arguments: argparse.Namespace) -> int:
    """0 if a server can run here, 1 if something must be mended first."""
    host, port = host_and_port(arguments.osc)
    checks: list[tuple[str, bool, Callable[[], Finding]]] = [
        ("sideman", True, _versions),
        ("sound", False, _sound),
        ("priority", False, _priority),
        ("midi", False, _midi),
        ("osc udp", True, lambda: _port(host, port, socket.SOCK_DGRAM)),
        ("osc tcp", True, lambda: _port(host, port + 2, socket.SOCK_STREAM)),
        ("http", True, lambda: _port(host, port + 1, socket.SOCK_STREAM, "--http")),
        ("clips", True, lambda: _clips(arguments.clips)),
        ("musicgen", False, lambda: _musicgen(arguments.model)),
        ("engine", True, lambda: _engine(EngineChoice.of(arguments))),
    ]
    if arguments.prompt is not None:
        checks.append(("prompt", False, lambda: _prompt(arguments.prompt)))
    broken = False
    for name, needed, check in checks:
        well, line = check()
        broken |= needed and not well
        print(f"{'ok  ' if well else 'FAIL' if needed else 'warn'}  {name:9s} {line}")
    print(f"      prompts   {HINT}")
    return int(broken)


def _versions() -> Finding:
    where = f"Python {platform.python_version()} on {platform.system()} {platform.machine()}"
    return sys.version_info >= (3, 11), f"{__version__}, {where}"


def _sound() -> Finding:
    try:
        devices = list_devices()
    except SidemanError as error:
        return False, str(error)
    if not devices:
        return False, "no device can play: plug one in, start JACK, or use --output null"
    default = next((device for device in devices if device.default), devices[0])
    return True, f"{len(devices)} devices, default {default.name} (sideman devices lists them)"


def _priority() -> Finding:
    got = raise_priority()
    if got == "normal":
        return (
            False,
            "no real-time priority: on Linux join the group 'audio', or set rtprio in limits.conf",
        )
    return True, got


def _midi() -> Finding:
    found, missing = [], []
    for name, connect in connect_all().items():
        try:
            connect()
            found.append(name)
        except OSError as error:
            missing.append(f"{name}: {error}")
    return bool(found), "; ".join([", ".join(found)] * bool(found) + missing)


def _port(host: str, port: int, kind: socket.SocketKind, flag: str = "--osc") -> Finding:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, kind) as tried:
        if kind == socket.SOCK_STREAM and os.name == "posix":
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind((host, port))
        except (OSError, OverflowError) as error:
            remedy = f"a server may run already, or use {flag} HOST:PORT"
            return False, f"{host}:{port} {error}; {remedy}"
    return True, f"{host}:{port} is free"


def _clips(folder: Path) -> Finding:
    parent = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not parent.is_dir() or not os.access(parent, os.W_OK | os.X_OK):
        return False, f"{parent} cannot be written: name another folder with --clips"
    free = shutil.disk_usage(parent).free
    line = f"{folder.absolute()}, {free / 1e9:.1f} GB free"
    return free > _LOW_DISK_BYTES, line + ("" if free > _LOW_DISK_BYTES else ": make room")


def _musicgen(model: str) -> Finding:
    state = model_state(model)
    if not state.installed:
        return False, "not installed: pip install 'sideman[musicgen]'"
    free_bytes = psutil.virtual_memory().available
    line = f"{state.model} takes {state.needs_bytes / 1e9:.1f} GB of memory"
    if free_bytes < state.needs_bytes:
        return False, f"{line}, {free_bytes / 1e9:.1f} GB are free: end other programs"
    if not state.cached:
        return False, f"{line}; not on disk: sideman serve --engine musicgen downloads it"
    return True, f"{line}, {free_bytes / 1e9:.1f} GB are free; on disk"


def _engine(choice: EngineChoice) -> Finding:
    began_s = monotonic_s()
    try:
        chosen = choose_engine(choice, SERVED_RATE)
        handle = chosen.start()
    except SidemanError as error:
        return False, str(error)
    info = handle.info
    handle.shutdown()
    took_ms = 1000 * (monotonic_s() - began_s)
    return True, f"{described(info)}, started in {took_ms:.0f} ms"


def _prompt(text: str) -> Finding:
    wrong = wrong_with(text)
    return not wrong, wrong or f"{text!r} is a good prompt for a model"
