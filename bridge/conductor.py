"""The conductor: the one thread that owns all musical state, mixes, and feeds the output.

It takes commands from a bounded queue, applies them at the sample they are meant for, and keeps
the output a few blocks ahead of the device. Timed bundles are looked into shortly before they are
due, so that what needs the engine is ready on their sample.

Threading: `submit` may be called from any thread; everything else happens on the conductor's own.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from math import ceil
from queue import Empty, SimpleQueue

import numpy as np

from bridge.agenda import TOLERANCE_S, Agenda, Timed
from bridge.audio.output import Output
from bridge.audio.thread import raise_priority
from bridge.clocks.line import Device
from bridge.controls import Controls
from bridge.dispatch import Batch
from bridge.keeper import EngineKeeper
from bridge.mirror import Mirror
from bridge.osc.client import Client
from bridge.output_keeper import OutputKeeper
from bridge.playout import Playout
from bridge.session import Session
from bridge.table import Request
from engine.api import Audio
from engine.errors import SidemanError

_log = logging.getLogger(__name__)

QUEUE_LIMIT = 20_000
"""Two seconds of the heaviest traffic promised; more is refused, and says so."""
_PREPARE_S = 0.25
"""Timed bundles are looked into this long before they are due."""
_FADE_OUT_S = 0.01
"""Played at the end: longer than a panic's fade and the limiter's latency together."""
_SUPERVISE_S = 0.05
_REOPEN_S = 1.0
"""Between two tries to give a deck another stream: one that breaks at once must not spin."""
_POLL_S = 0.001
"""How often to look for chunks of an engine that was asked for something."""
_REST_S = 0.001
"""Between two turns, unless the output cannot wait. A flood is so taken in heaps, and the thread
that receives it gets the interpreter for longer than one message at a time."""
_SYNC_PATIENCE_S = 2.0
_BATCHES_A_TURN = 64


class Conductor:
    def __init__(
        self,
        session: Session,
        controls: Controls,
        mirror: Mirror,
        keeper: EngineKeeper,
        outputs: OutputKeeper,
        output: Output,
        tap: Callable[[int, Audio], None],
        monotonic: Callable[[], float],
        follow: Callable[[Device], None] = lambda _: None,
    ) -> None:
        """`tap` is shown every block, the master and then each deck, with its first sample;
        `follow`, at the end of every turn, what the device takes when."""
        self.session = session
        self.playout = Playout(output, len(session.decks), monotonic)
        self.priority = ""
        self._controls = controls
        self._mirror = mirror
        self._keeper = keeper
        self._outputs = outputs
        self._tap = tap
        self._monotonic = monotonic
        self._follow = follow
        self._queue: SimpleQueue[Batch] = SimpleQueue()
        self._agenda = Agenda(round(TOLERANCE_S * output.rate))
        self._supervised_s = -_SUPERVISE_S  # at the first turn
        self._reopened_s = 0.0
        self._started: Future[None] = Future()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="conductor")

    @property
    def output(self) -> Output:
        """That is played on just now."""
        return self.playout.output

    def start(self) -> None:
        """Begin, once the output has. Raises DeviceError if that cannot be opened."""
        self._thread.start()
        self._started.result()

    def stop(self) -> None:
        """Fade out, and end the thread."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join()

    def submit(self, batch: Batch) -> bool:
        """Hand over checked requests (any thread). False when too many wait already."""
        if self._queue.qsize() >= QUEUE_LIMIT or (batch.at_s is not None and self._agenda.full):
            return False
        self._queue.put(batch)
        return True

    # The thread

    def _run(self) -> None:
        try:
            self.priority = raise_priority()
            self._render()
            self._start_output()
        except BaseException as error:
            self._started.set_exception(error)
            return
        self._started.set_result(None)
        while not self._stopping.is_set():
            self._safe_turn()
            time.sleep(min(_REST_S, self._idle_s()))
        try:
            self._fade_out()
        finally:
            self.output.stop()

    def _fade_out(self) -> None:
        """Silence the decks, and let the device play until they are."""
        self.session.panic()
        for _ in range(ceil(_FADE_OUT_S * self.output.rate / self.output.block)):
            self._render_block(self.output.block)
        time.sleep(self.output.buffered() / self.output.rate)

    def _safe_turn(self) -> None:
        """A turn that a bug ends early must not end the music: the next one plays on."""
        try:
            self.turn(self._next_batch())
        except Exception:
            _log.exception("a turn of the conductor broke; playing on")
            time.sleep(_POLL_S)  # a bug that comes at every turn leaves the machine some air

    def _start_output(self) -> None:
        try:
            self.output.start()
        except SidemanError as error:
            self._replace_output(self._outputs.instead(error))

    def _next_batch(self) -> Batch | None:
        try:
            return self._queue.get(timeout=self._idle_s())
        except Empty:
            return None

    def _idle_s(self) -> float:
        """How long nothing needs to be done unless a command comes."""
        spare = self.playout.ahead() - (self.playout.lead - self.output.block)
        idle_s = max(0.0, spare / self.output.rate)
        return idle_s if self.session.settled() else min(idle_s, _POLL_S)

    def turn(self, batch: Batch | None = None) -> None:
        """Take what has come, and keep the output fed. The offline driver calls it, too."""
        self.session.heard = self.playout.heard()
        for _ in range(_BATCHES_A_TURN):
            if batch is None:
                break
            self._take(batch)
            batch = None if self._queue.empty() else self._queue.get()
        if batch is not None:
            self._take(batch)
        self._supervise()
        self._controls.take_news()
        self._controls.leader.turn(self._monotonic(), self.playout.device())
        self._plan()
        self.session.flush()
        self.session.pump()
        self.session.fire()
        self._render()
        self._follow(self.playout.device())
        self._controls.syncs.answer(self._is_synced)
        self._mirror.show(self.playout.heard(), self._monotonic())

    def _take(self, batch: Batch) -> None:
        if batch.at_s is None:
            self._controls.carry_out(batch.requests, self.session.now, batch.client)
            return
        sample = self._sample_at(batch.at_s)
        if sample < self.session.now:
            late_ms = 1000.0 * (self.session.now - sample) / self.session.rate
            self._controls.report_late("#bundle", late_ms, batch.client)
            self._controls.carry_out(batch.requests, self.session.now, batch.client)
            return
        self._agenda.add(Timed(batch.at_s, sample, batch.requests, batch.client))

    def _sample_at(self, at_s: float) -> int:
        """The session's sample that the device takes at a monotonic time."""
        return round(self.playout.device().sample_at(at_s))

    def _plan(self) -> None:
        """Carry out early, for their sample, what must be prepared to be on time.

        What comes after a bundle that turns the course of things (a stop, a start of the
        transport) means what it means only once that has been done.
        """
        for timed in self._agenda.coming(self._monotonic() + _PREPARE_S, self._sample_at):
            if self.session.launcher.starts_before(timed.sample):
                return
            if not timed.planned:
                early, timed.requests = self._rehearsed(timed)
                timed.planned = True
                self._controls.perform(early, timed.sample, timed.client)
            if self._controls.turns(timed.requests):
                return

    def _rehearsed(self, timed: Timed) -> tuple[tuple[Request, ...], tuple[Request, ...]]:
        """What to do early and what on its sample; nothing, if any of it is refused."""
        if self._controls.refuses(timed.requests, timed.client):
            return (), ()
        return self._controls.split(timed.requests)

    def _run_timed(self) -> None:
        for timed in self._agenda.take_due(self.session.now):
            carry_out = self._controls.perform if timed.planned else self._controls.carry_out
            carry_out(timed.requests, self.session.now, timed.client)
            self.session.flush()

    def _is_synced(self, client: Client | None, asked_s: float) -> bool:
        """Whether all that `client` asked before is done (a timed bundle counts until it is)."""
        if self._agenda.waits_for(client):
            return False
        return self.session.settled() or self._monotonic() - asked_s > _SYNC_PATIENCE_S

    def _supervise(self) -> None:
        now_s = self._monotonic()
        if now_s - self._supervised_s < _SUPERVISE_S:
            return
        self._supervised_s = now_s
        self.session.launcher.block = self.output.block  # a device's own, once it has started
        engine = self._keeper.poll()
        if engine is not self.session.launcher.engine:
            self.session.engine_lost()
            if engine is not None:
                self.session.engine_ready(engine)
        for fault in self._keeper.take_faults():
            self.session.stream_lost(fault.stream)
            self._controls.report_fault(fault)
        if now_s - self._reopened_s > _REOPEN_S:
            self._reopened_s = now_s
            self.session.reopen_lost()
        self.session.launcher.rejoin_late(self.session.now)
        sounding = sum(deck.sounding for deck in self.session.decks.values())
        self._keeper.watch_pace(now_s, sounding)
        self._controls.show_recording()
        self._controls.show_clock()
        self._tend_output()
        self._controls.show_output(self._outputs.name, self.output)

    def _tend_output(self) -> None:
        """Go on with another output if one was chosen, or if this one failed or its device is
        back."""
        chosen = self._outputs.take_chosen()
        if chosen is not None:
            old = self.playout.change(chosen, self.session.now)
            self._render()
            self._outputs.retire(old)
            return
        instead = self._outputs.poll(self.output)
        if instead is not None:
            try:
                self._replace_output(instead)
            except SidemanError as error:
                self._replace_output(self._outputs.without(instead, str(error)))

    def _render(self) -> None:
        ahead, to_next = self.playout.ahead, self.playout.to_next_block
        while ahead() + (samples := to_next(self.session.now)) <= self.playout.lead:
            self._render_block(samples)
            self.session.pump()

    def _render_block(self, samples: int) -> None:
        end = self.session.now + samples
        parts = []
        while self.session.now < end:
            self._run_timed()
            self.session.fire()
            parts.append(self.session.mix(self._until(end) - self.session.now))
        audio = self.playout.write(np.concatenate(parts))
        at = end - samples - self.playout.limiter_samples
        self.session.master.write(at, audio[:, :2])
        self._tap(at, audio)

    def _until(self, end: int) -> int:
        """Where the next segment ends: the block's end, or something due before it."""
        now = self.session.now
        due = [end, self.session.launcher.next_sample(now) or end]
        due.append(self._agenda.next_sample or end)
        return min(sample for sample in due if sample > now)

    def _replace_output(self, output: Output) -> None:
        """Go on with another output: the old one failed, or is back."""
        self.playout.change(output, self.session.now).stop()
        self._render()
        output.start()
