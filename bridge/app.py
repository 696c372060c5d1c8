"""The composition root: the one module that knows every part, chooses an engine and starts it.

Threading: an `App` belongs to the thread that made it; `status` is the conductor's.
"""

from __future__ import annotations

import gc
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from contextlib import ExitStack
from pathlib import Path

import numpy as np
from platformdirs import user_config_dir

from bridge.audio.ears import Ears
from bridge.audio.sends.sender import Sends
from bridge.audio.sends.target import routes
from bridge.clocks.line import Device
from bridge.clocks.link import preload
from bridge.conductor import Conductor
from bridge.config import Config
from bridge.controls import Controls, Services
from bridge.decks.hold import Workshop
from bridge.decks.words import Words, key_of
from bridge.dialects.spoken import Dialects, dialect_of
from bridge.dispatch import Batch, Dispatcher
from bridge.engines import choose_engine
from bridge.keeper import EngineKeeper
from bridge.lookout import Lookout
from bridge.midi.clock_out import ClockOut
from bridge.midi.hub import MidiHub
from bridge.midi.map_file import load_map
from bridge.midi.messages import Realtime
from bridge.midi.outputs import open_output
from bridge.mirror import Mirror
from bridge.models import Models
from bridge.osc.feedback import Feedback
from bridge.osc.server import OscServer
from bridge.output_keeper import OutputKeeper
from bridge.row import Value
from bridge.services import Clips, News, Recording, clips_folder
from bridge.session import Session
from bridge.setup import SetUp, Told
from bridge.state import State
from bridge.table import Table
from bridge.time.clock import SystemClock
from bridge.warp.live import Locks
from bridge.web.service import Web
from bridge.web.studio import Studio
from engine.api import Audio, EngineHandle

SWITCH_INTERVAL_S = 0.001
"""How long one thread may keep the interpreter while the conductor waits for it (Python's own
5 ms are a third of the mix's lead)."""

_LOOK_S = 0.1

Tap = Callable[[int, Audio], None]
"""Shown every block of the master, float32 `[samples, 2]`, and the number of its first sample; on
the conductor's thread."""


class Interrupted(Exception):
    """The server was told to end before it was up."""


class App:
    """A server: everything from the OSC port to the sound card."""

    def __init__(self, config: Config, notify: Callable[[str], None] | None = None) -> None:
        """Builds all parts and binds the ports. Raises SidemanError, leaving nothing behind.

        A model that is not on disk is downloaded first, which may take many minutes.
        """
        self.config = config
        self.notify = notify or _to_stderr
        sends = routes(config.sends, config.decks, config.rate)
        self.sends = Sends(sends, config.rate, config.decks, self.notify)
        self._spoken = [dialect_of(words) for words in config.dialects]
        self._maps = [load_map(name) for name in config.midi_maps]
        self._engine = choose_engine(config.engine, config.rate, self.notify)
        self.clock = SystemClock()
        self.taps: list[Tap] = []
        self.ears = Ears()
        self.state = State()
        self.feedback = Feedback(self.state)
        self.locks = Locks(threaded=True)
        self.workshop = Workshop(self.locks.cutting, threaded=True)
        self.session = Session(
            config.rate,
            config.decks,
            self._report_late,
            self.locks,
            config.remember_s,
            self.workshop,
        )
        self.session.set_words(Words(key_of(config.key), on=not config.as_typed))
        self.lookout = Lookout(self.session, self.ears)
        self.mirror = Mirror(self.session, self.state, self.feedback)
        self.late = 0
        """Launches and time tags that were missed."""
        self._undo = ExitStack()
        self._build(clips_folder(config.clips))

    def _build(self, folder: Path) -> None:
        config, news, table = self.config, News(self.feedback), Table(self.config.decks)
        self.outputs = OutputKeeper(
            config.output, config.rate, config.block, self.notify, config.decks
        )
        self.keeper = EngineKeeper(self._engine.start, self.notify)
        self.clips = Clips(
            folder, self.keeper.handle, news,
            rate=config.rate, master=config.master, bits=config.bits, cutting=self.locks.cutting,
        )  # fmt: skip
        self.recording = Recording(folder, config.rate, news)
        self.midi = MidiHub(
            self._submit, table, _midi_store(), self.notify, on_realtime=self._realtime,
            maps=self._maps, event=self.feedback.event, show=self.state.set,
        )  # fmt: skip
        self.state.listen(self.midi.follow)
        told = Told(self._engine_shown, self._ports, lambda: self.midi.problem)
        self.setup = SetUp(config, self.outputs, Models(news.tell), told)
        services = Services(
            self.clips, self.recording, self.midi, self.setup, self.status, self.latency,
            self.clock.monotonic_s,
        )  # fmt: skip
        self.controls = Controls(self.session, self.state, self.feedback, self.mirror, services)
        self.dialects = Dialects(self._spoken, table)
        submit = self.dialects.submit(self._submit)
        sink = Dispatcher(table, submit, self.clock, self.feedback.touched).packet
        self.osc = OscServer(
            self.dialects.sink(sink), config.host, config.osc_port, config.tcp_port
        )
        self.dialects.listen(self.osc, sink)
        self.web = config.http and Web(
            config.http, config.announced, lambda: (config.host, self.osc.udp_port),
            table, self.state, self.feedback, sink, self.notify,
            Studio(folder, config.rate, config.decks, self.ears, self.lookout), config.token,
        )  # fmt: skip

    def start(self, stopping: threading.Event | None = None) -> None:
        """Bring everything up. Raises SidemanError, or Interrupted once `stopping` is set, with
        nothing left running."""
        try:
            self._start(stopping or threading.Event())
        except BaseException:
            self.stop()
            raise

    def _start(self, stopping: threading.Event) -> None:
        engine = self.keeper.start_soon()  # the slowest part, so it goes first
        self._undo.callback(self.keeper.close)
        self._undo.callback(self.clips.close)
        self._undo.callback(self.setup.close)
        self._undo.callback(self.recording.recorder.close)
        self._undo.callback(self.locks.close)
        self._undo.callback(self.workshop.close)
        preload()
        output = self.outputs.open()
        self._undo.callback(self.outputs.close)
        self.conductor = Conductor(
            self.session,
            self.controls,
            self.mirror,
            self.keeper,
            self.outputs,
            output,
            self._tap,
            self.clock.monotonic_s,
            self._follow,
        )
        self._clock_out = self._open_clock_out()
        self.controls.choose_clock(self.config.clock)
        self.osc.start()
        self._undo.callback(self.osc.close)
        if self.web:
            self.web.start()
            self._undo.callback(self.web.close)
        if self.config.midi:
            self.midi.start(self.config.midi_in or None)
            self._undo.callback(self.midi.close)
        _await(engine, stopping)
        sys.setswitchinterval(SWITCH_INTERVAL_S)
        self.mirror.show(0, self.clock.monotonic_s())  # what is there, before anything changes
        self.dialects.start(self.osc, self.state, self.feedback)
        self._undo.callback(self.dialects.close)
        self.feedback.start()
        self._undo.callback(self.feedback.close)
        gc.collect()
        gc.freeze()  # what lives as long as the server needs no looking at by the collector
        self.sends.start()
        self._undo.callback(self.sends.close)
        self.conductor.start()
        self._undo.callback(self.conductor.stop)
        threading.Thread(target=self._prepare_memories, name="memory", daemon=True).start()

    def _prepare_memories(self) -> None:
        """Once everything runs: 100 MB a deck may take the system a second to find."""
        for memory in (self.session.master, *(d.memory for d in self.session.decks.values())):
            memory.prepare()

    def stop(self) -> None:
        """End everything, the newest part first. Safe to call twice."""
        self._undo.close()

    @property
    def engine_line(self) -> str:
        """Which engine plays and why, once it is up."""
        info = self.keeper.info
        return "" if info is None else self._engine.line(info)

    def status(self) -> tuple[Value, ...]:
        """The values of `/status`."""
        engine = self._engine_words()
        session, heard = self.session, self.mirror.heard
        return (
            *engine,
            float(session.transport.bpm),
            int(session.transport.playing),
            float(heard.beat),
            session.headroom_s(),
            self.keeper.realtime_factor(),
            self.conductor.playout.xruns,
            " ".join(deck.lock for deck in session.decks.values()),
        )

    def latency(self) -> tuple[Value, ...]:
        """The values of `/latency`."""
        playout, output = self.conductor.playout, self.conductor.output
        parts_samples = (playout.lead, output.block, playout.limiter_samples)
        parts_s = (*(samples / output.rate for samples in parts_samples), output.latency_s)
        return tuple(1000.0 * part_s for part_s in parts_s)

    def _engine_words(self) -> tuple[str, str, str]:
        info = self.keeper.info
        if info is None:
            return self._engine.name, "", "starting"
        return info.name, info.model, info.device if self.keeper.running else "restarting"

    def _engine_shown(self) -> tuple[Value, ...]:
        """The values of `/engine`."""
        info = self.keeper.info
        more = ("", 0.0, "") if info is None else (info.precision, info.context_s, info.notice)
        return *self._engine_words(), *more

    def _ports(self) -> list[tuple[Value, ...]]:
        """Where OSC and the page are reached, by UDP, TCP and HTTP."""
        host = self.config.host
        return [
            ("osc", f"{host}:{self.osc.udp_port}"),
            ("tcp", f"{host}:{self.osc.tcp_port}"),
            *([("http", self.web.where)] if self.web else []),
        ]

    def _submit(self, batch: Batch) -> bool:
        return self.conductor.submit(batch)

    def _open_clock_out(self) -> ClockOut | None:
        if not self.config.clock_out:
            return None
        clock_out = ClockOut(open_output(self.config.clock_out), self.notify)
        clock_out.start()
        self._undo.callback(clock_out.close)
        return clock_out

    def _follow(self, device: Device) -> None:
        """At the end of every turn of the conductor: what keeps its own pace by the device's."""
        self.sends.turn(device)
        self.lookout.turn(device, self.conductor.output.latency_s, self.clock.monotonic_s())
        if self._clock_out is not None:
            leader, out = self.controls.leader, self._clock_out
            muted = leader.source == "midi" and out.echoes(leader.midi.port)
            latency_s = self.conductor.output.latency_s
            out.plan(self.session.transport, self.session.now, device, latency_s, muted=muted)

    def _realtime(self, message: Realtime, at_s: float) -> None:
        self.controls.leader.midi.received(message, at_s)

    def _tap(self, at: int, audio: Audio) -> None:
        """`audio`: the master and then each deck, float32 `[samples, 2 + 2 * decks]`."""
        master = np.ascontiguousarray(audio[:, :2])
        self.recording.recorder.feed(master)
        self.sends.feed(at, audio)
        self.ears.hear(at, audio)
        for tap in self.taps:
            tap(at, master)

    def _report_late(self, address: str, ms: float) -> None:
        self.late += 1
        self.feedback.event("/late", address, ms)


def _await(engine: Future[EngineHandle], stopping: threading.Event) -> None:
    """Until it is up: a large model takes a while, in which Ctrl-C must be obeyed."""
    while not wait([engine], _LOOK_S).done:
        if stopping.is_set():
            raise Interrupted
    engine.result()


def _midi_store() -> Path:
    return Path(user_config_dir("sideman", appauthor=False)) / "midi.json"


def _to_stderr(line: str) -> None:
    print(f"sideman: {line}", file=sys.stderr, flush=True)
