"""The composition root: the one module that knows every part, chooses an engine and starts it.

Threading: an `App` belongs to the thread that made it; `status` is the conductor's.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from platformdirs import user_config_dir

from bridge.addresses import Table, Value
from bridge.conductor import Conductor
from bridge.config import Config
from bridge.controls import Controls, Services
from bridge.dispatch import Batch, Dispatcher
from bridge.engines import choose_engine, start_engine
from bridge.keeper import EngineKeeper
from bridge.midi.hub import MidiHub
from bridge.mirror import Mirror
from bridge.osc.feedback import Feedback
from bridge.osc.server import OscServer
from bridge.output_keeper import OutputKeeper
from bridge.services import Clips, News, Recording, clips_folder
from bridge.session import Session
from bridge.state import State
from bridge.time.clock import SystemClock
from engine.api import Audio

SWITCH_INTERVAL_S = 0.001
"""How long one thread may keep the interpreter while the conductor waits for it (Python's own
5 ms are a third of the mix's lead)."""

Tap = Callable[[int, Audio], None]
"""Shown every mixed block and the number of its first sample; on the conductor's thread."""


class App:
    """A server: everything from the OSC port to the sound card."""

    def __init__(self, config: Config, notify: Callable[[str], None] | None = None) -> None:
        """Builds all parts and binds the ports. Raises SidemanError, leaving nothing behind."""
        self.config = config
        self.notify = notify or _to_stderr
        _, self.engine_line = choose_engine(config.engine, config.rate)
        self.clock = SystemClock()
        self.taps: list[Tap] = []
        self.state = State()
        self.feedback = Feedback(self.state)
        self.session = Session(config.rate, config.decks, self._report_late)
        self.mirror = Mirror(self.session, self.state, self.feedback)
        self.late = 0
        """Launches and time tags that were missed."""
        self._undo = ExitStack()
        self._build(clips_folder(config.clips))

    def _build(self, folder: Path) -> None:
        config, news, table = self.config, News(self.feedback), Table(self.config.decks)
        self.outputs = OutputKeeper(config.output, config.rate, config.block, self.notify)
        self.keeper = EngineKeeper(partial(start_engine, config.engine, config.rate), self.notify)
        self.clips = Clips(folder, self.keeper.handle, news)
        self.recording = Recording(folder, config.rate, news)
        self.midi = MidiHub(self._submit, table, _midi_store(), self.notify)
        self.state.listen(self.midi.follow)
        services = Services(
            self.clips, self.recording, self.midi, self.status, self.clock.monotonic_s
        )
        self.controls = Controls(self.session, self.state, self.feedback, self.mirror, services)
        dispatcher = Dispatcher(table, self._submit, self.clock, self.feedback.touched)
        self.osc = OscServer(dispatcher.packet, config.host, config.osc_port, config.tcp_port)

    def start(self) -> None:
        """Bring everything up. Raises SidemanError, with nothing left running."""
        try:
            self._start()
        except BaseException:
            self.stop()
            raise

    def _start(self) -> None:
        with ThreadPoolExecutor(1, "start") as pool:
            engine = pool.submit(self.keeper.start)  # the slowest part, so it goes first
            self._undo.callback(self.keeper.close)
            self._undo.callback(self.clips.close)
            self._undo.callback(self.recording.recorder.close)
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
            )
            self.osc.start()
            self._undo.callback(self.osc.close)
            if self.config.midi:
                self.midi.start(self.config.midi_in or None)
                self._undo.callback(self.midi.close)
            engine.result()
        sys.setswitchinterval(SWITCH_INTERVAL_S)
        self.feedback.start()
        self._undo.callback(self.feedback.close)
        gc.collect()
        gc.freeze()  # what lives as long as the server needs no looking at by the collector
        self.conductor.start()
        self._undo.callback(self.conductor.stop)

    def stop(self) -> None:
        """End everything, the newest part first. Safe to call twice."""
        self._undo.close()

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
            self.conductor.xruns,
        )

    def _engine_words(self) -> tuple[str, str, str]:
        info = self.keeper.info
        if info is None:
            return self.config.engine, "", "starting"
        return info.name, info.model, info.device if self.keeper.running else "restarting"

    def _submit(self, batch: Batch) -> bool:
        return self.conductor.submit(batch)

    def _tap(self, at: int, audio: Audio) -> None:
        self.recording.recorder.feed(audio)
        for tap in self.taps:
            tap(at, audio)

    def _report_late(self, address: str, ms: float) -> None:
        self.late += 1
        self.feedback.event("/late", address, ms)


def _midi_store() -> Path:
    return Path(user_config_dir("sideman", appauthor=False)) / "midi.json"


def _to_stderr(line: str) -> None:
    print(f"sideman: {line}", file=sys.stderr, flush=True)
