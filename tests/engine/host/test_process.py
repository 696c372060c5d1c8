"""An engine in a process of its own: the same music, and no way to hurt the bridge."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Iterator
from functools import partial
from multiprocessing import get_context
from types import SimpleNamespace
from typing import Any

import numpy as np
import psutil
import pytest

from engine import fake
from engine.api import EngineFactory, EngineFault, Event, StreamFault
from engine.errors import EngineLost, EngineUnavailable
from engine.host import client
from engine.host.client import ProcessEngine, start_process
from engine.host.inline import InlineEngine
from engine.host.segment import Segment
from tests.engine.host import factories
from tests.engine.host.helpers import Log, Splicer, play, render, steering, wait_for

LOAD = partial(fake.load, rate=8000, hop=5)
LOOKAHEAD = 1600
needs_sigstop = pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="no SIGSTOP here")


@pytest.fixture
def engine() -> Iterator[ProcessEngine]:
    handle = started(LOAD)
    yield handle
    handle.shutdown()


def started(factory: EngineFactory) -> ProcessEngine:
    handle = start_process(factory)
    assert isinstance(handle, ProcessEngine)
    return handle


@pytest.fixture
def segments(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of all shared memory that is created from here on."""
    names: list[str] = []
    create = Segment.create

    def noting(size: int) -> Segment:
        segment = create(size)
        names.append(segment.name)
        return segment

    monkeypatch.setattr(Segment, "create", noting)
    return names


def has_ended(process: psutil.Process) -> bool:
    """Orphans may stay as zombies where nobody collects them."""
    try:
        return bool(process.status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


def assert_gone(names: list[str]) -> None:
    assert names
    for name in names:
        with pytest.raises(FileNotFoundError):
            Segment.attach(name)


def test_it_plays_what_the_same_engine_plays_inline(engine: ProcessEngine) -> None:
    played = []
    inline = InlineEngine(LOAD)
    for handle in (inline, engine):
        live = handle.open(steering("a", seed=3), lookahead=LOOKAHEAD)
        clips = [handle.open(steering(name), length=5000) for name in "bc"]
        live.steer(700, steering("d", morph_frames=90))
        splicer = play(handle, live, 2000)
        play(handle, live, 4000, splicer, epoch=live.steer(1000, steering("e")))
        played.append([splicer.audio[: 4000 * 5], *(made.audio for made in render(handle, clips))])
    for by_inline, by_process in zip(*played, strict=True):
        np.testing.assert_array_equal(by_inline, by_process)
    assert engine.info == inline.info
    assert min(engine.realtime_factor, inline.realtime_factor) > 0
    assert engine.poll() == []


def test_a_render_beside_live_streams_that_are_always_ahead_of_the_ear(
    engine: ProcessEngine,
) -> None:
    live = [engine.open(steering(name), lookahead=LOOKAHEAD) for name in "ab"]
    splicers = [play(engine, reader, LOOKAHEAD // 2) for reader in live]
    clip = engine.open(steering("clip"), length=100_000)
    [made] = render(engine, [clip])
    np.testing.assert_array_equal(made.audio, Log(steering("clip")).audio(LOAD(), 100_000))
    for reader, splicer, name in zip(live, splicers, "ab", strict=True):
        play(engine, reader, 10_000, splicer)
        reference = Log(steering(name)).audio(LOAD(), splicer.frames)
        np.testing.assert_array_equal(splicer.audio, reference)


def test_the_process_knows_nothing_of_the_bridge() -> None:
    handle = started(factories.telling_imports)
    assert handle.info.notice == ""
    handle.shutdown()


def test_shutdown_ends_the_process_and_frees_everything(segments: list[str]) -> None:
    handle = started(LOAD)
    process = psutil.Process(handle.pid)
    reader = handle.open(steering("a"), lookahead=LOOKAHEAD)
    closed = handle.open(steering("b"), lookahead=LOOKAHEAD)
    play(handle, reader, 100)
    closed.close()
    assert handle.alive()
    handle.shutdown()
    handle.shutdown()
    assert has_ended(process)
    assert not handle.alive()
    assert_gone(segments)
    assert len(segments) == 3
    assert handle.poll() == [], "no fault in ending as told"
    assert reader.read() is None
    reader.heard(1)
    reader.close()
    with pytest.raises(EngineLost):
        handle.open(steering("c"), lookahead=LOOKAHEAD)


def test_closing_before_the_engine_has_opened_is_no_fault(engine: ProcessEngine) -> None:
    for number in range(50):
        engine.open(steering(str(number)), lookahead=LOOKAHEAD).close()
    play(engine, engine.open(steering("after"), lookahead=LOOKAHEAD), 100)
    assert engine.poll() == []


def test_killed_in_mid_play(segments: list[str]) -> None:
    handle = started(LOAD)
    reader = handle.open(steering("a"), lookahead=LOOKAHEAD)
    splicer = play(handle, reader, 1000)
    os.kill(handle.pid, signal.SIGTERM if os.name == "nt" else signal.SIGKILL)
    wait_for(lambda: not handle.alive(), "the death to be noticed")
    splicer.drain(reader)
    reference = Log(steering("a")).audio(LOAD(), splicer.frames)
    np.testing.assert_array_equal(splicer.audio, reference, "what it had made is still good")
    with pytest.raises(EngineLost):
        reader.steer(2000, steering("b"))
    handle.shutdown()
    [fault] = handle.poll()
    assert isinstance(fault, EngineFault)
    assert "start it again" in fault.reason
    assert_gone(segments)


@needs_sigstop
def test_stopped_in_mid_play(segments: list[str]) -> None:
    handle = started(LOAD)
    play(handle, handle.open(steering("a"), lookahead=LOOKAHEAD), 1000)
    os.kill(handle.pid, signal.SIGSTOP)
    wait_for(lambda: not handle.alive(), "the silence to be noticed")
    [fault] = handle.poll()
    assert isinstance(fault, EngineFault)
    assert "no sign of life for 0.8 s" in fault.reason
    process = psutil.Process(handle.pid)
    handle.shutdown()
    assert has_ended(process)
    assert_gone(segments)


@needs_sigstop
def test_an_engine_that_reads_no_commands_never_blocks_the_caller() -> None:
    handle = started(LOAD)
    reader = handle.open(steering("a"), lookahead=LOOKAHEAD)
    play(handle, reader, 100)
    os.kill(handle.pid, signal.SIGSTOP)
    with pytest.raises(EngineLost, match="1024 commands unread"):
        deque((reader.steer(frame, steering("b")) for frame in range(100_000)), maxlen=0)
    assert not handle.alive()
    handle.shutdown()


def test_a_hanging_step_shows() -> None:
    handle = started(LOAD)
    reader = handle.open(steering("a"), lookahead=LOOKAHEAD)
    reader.steer(500, steering("!hang"))
    wait_for(lambda: not handle.alive(), "the hang to be noticed")
    splicer = Splicer(handle.info)
    splicer.drain(reader)
    assert splicer.frames >= 500, "what was made before it hung is there"
    handle.shutdown()


def test_a_crashing_stream_leaves_the_others_playing(engine: ProcessEngine) -> None:
    bad = engine.open(steering("!crash"), lookahead=LOOKAHEAD)
    good = engine.open(steering("a"), lookahead=LOOKAHEAD)
    play(engine, good, 5000)
    events: list[Event] = []

    def told() -> bool:
        events.extend(engine.poll())
        return bool(events)

    wait_for(told, "the fault")
    reason = "RuntimeError: the fake engine was told to crash"
    assert events == [StreamFault(bad.stream, reason)]
    assert engine.alive()


def test_an_engine_that_dies_says_how(segments: list[str]) -> None:
    handle = started(LOAD)
    handle.open(steering("!die"), lookahead=LOOKAHEAD)
    wait_for(lambda: not handle.alive(), "the death to be noticed")
    handle.shutdown()
    [fault] = handle.poll()
    assert fault == EngineFault("the engine's process ended (exit status 3); start it again")
    assert_gone(segments)


@pytest.mark.parametrize(
    ("factory", "error", "reason"),
    [
        (partial(fake.refuse, "no weights; put them there"), EngineUnavailable, "no weights; put"),
        (factories.breaking, EngineUnavailable, "ValueError: two lines"),
        (factories.finding_a_short_file, EngineUnavailable, "EOFError: Ran out of input"),
        (factories.dying, EngineLost, r"ended while loading \(exit status 7\)"),
    ],
)
def test_an_engine_that_cannot_load_says_why(
    factory: EngineFactory, error: type[Exception], reason: str, segments: list[str]
) -> None:
    with pytest.raises(error, match=reason):
        start_process(factory)
    assert_gone(segments)


def test_an_engine_that_never_gets_ready_is_given_up(segments: list[str]) -> None:
    with pytest.raises(EngineLost, match=r"not ready after 0\.5 s"):
        start_process(factories.never, timeout_s=0.5)
    assert_gone(segments)


@pytest.mark.skipif(os.name == "nt", reason="pipes have no descriptors there")
def test_a_death_shows_though_the_pipe_stays_open(monkeypatch: pytest.MonkeyPatch) -> None:
    """As it does on Windows, if the process has not yet taken its end."""
    context, kept = get_context("spawn"), list[int]()

    def pipe(*, duplex: bool) -> tuple[Any, Any]:
        ours, theirs = context.Pipe(duplex)
        kept.extend(os.dup(end.fileno()) for end in (ours, theirs))
        return ours, theirs

    both = SimpleNamespace(Pipe=pipe, Process=context.Process)
    monkeypatch.setattr(client, "get_context", lambda _: both)
    with pytest.raises(EngineLost, match=r"ended while loading \(exit status 7\)"):
        start_process(factories.dying, timeout_s=60)
    for descriptor in kept:
        os.close(descriptor)


def test_an_engine_whose_module_is_missing_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """Found here, not there: as with an extra that is half installed."""
    monkeypatch.setattr(fake.load, "__module__", "engine.missing")
    monkeypatch.setitem(sys.modules, "engine.missing", fake)
    with pytest.raises(EngineUnavailable, match=r"No module named 'engine\.missing'"):
        start_process(fake.load)


BRIDGE = """
import os, sys
from engine import fake
from engine.api import Steering, WeightedPrompt
from engine.host.client import start_process

engine = start_process(fake.load)
prompt = sys.argv[1]
reader = engine.open(Steering((WeightedPrompt(prompt),)), lookahead=48000)
while prompt != "!hang" and reader.read() is None:
    pass
print(engine.pid, flush=True)
sys.stdin.read()
if sys.argv[2] == "shutdown":
    engine.shutdown()
elif sys.argv[2] == "exit":
    os._exit(0)
"""


def run_bridge(prompt: str, end: str) -> tuple[psutil.Process, subprocess.Popen[str]]:
    """A bridge in a process of its own, with an engine that plays; and that engine's process."""
    bridge = subprocess.Popen(
        [sys.executable, "-c", BRIDGE, prompt, end],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert bridge.stdout is not None
    return psutil.Process(int(bridge.stdout.readline())), bridge


@pytest.mark.parametrize("prompt", ["a", "!hang"])
def test_the_engine_ends_when_the_bridge_dies(prompt: str) -> None:
    engine, bridge = run_bridge(prompt, "exit")
    bridge.communicate("")
    wait_for(lambda: has_ended(engine), "the engine to end")


@pytest.mark.parametrize("end", ["shutdown", "forget"])
def test_nothing_is_printed(end: str) -> None:
    """Neither by the engine, nor by Python's resource tracker on the way out."""
    engine, bridge = run_bridge("a", end)
    _, errors = bridge.communicate("")
    assert (errors, bridge.returncode) == ("", 0)
    wait_for(lambda: has_ended(engine), "the engine to end")


@pytest.mark.skipif(os.name == "nt", reason="Ctrl-C goes to a console there")
def test_ctrl_c_is_the_bridges_business(engine: ProcessEngine) -> None:
    reader = engine.open(steering("a"), lookahead=LOOKAHEAD)
    os.kill(engine.pid, signal.SIGINT)
    play(engine, reader, 20_000)
    assert engine.alive()
