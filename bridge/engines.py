"""Which engine, and why. The only place that imports one, and only when it is started."""

from __future__ import annotations

from functools import partial

from engine.api import EngineFactory, EngineHandle
from engine.errors import BadValue, EngineUnavailable

ENGINES = ("auto", "groove", "musicgen")


def choose_engine(name: str, rate: int) -> tuple[EngineFactory, str]:
    """The engine's loader, and one line that says which and why.

    Raises BadValue for an unknown name, EngineUnavailable for one that cannot be had here.
    """
    from engine import groove

    if name not in ENGINES:
        raise BadValue(f"engine {name!r} is none of {' '.join(ENGINES)}")
    if name == "musicgen":
        raise EngineUnavailable(
            "the musicgen engine is not available yet: use --engine groove, a synthesiser"
        )
    why = "" if name == "groove" else "; musicgen is not available yet"
    return partial(groove.load, rate=rate), f"engine groove (a synthesiser, no AI{why})"


def start_engine(name: str, rate: int) -> EngineHandle:
    """Start an engine in a process of its own, and wait until it is ready."""
    from engine.host.client import start_process

    factory, _ = choose_engine(name, rate)
    return start_process(factory)


def inline_engine(name: str, rate: int) -> EngineHandle:
    """An engine in the caller's own thread, for renders that nobody listens to meanwhile."""
    from engine.host.inline import InlineEngine

    factory, _ = choose_engine(name, rate)
    return InlineEngine(factory)
