"""The musical state of a server: transport, decks, slots, scenes, and what waits to be launched.

Every change comes with `at`, the output sample it is meant for; `now` is the next sample to be
mixed, never later than `at`. Nothing here knows of OSC, MIDI or devices.

Threading: owned by the conductor's thread.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import numpy as np

from bridge.decks.audition import Audition
from bridge.decks.deck import Deck
from bridge.decks.hold import Workshop
from bridge.decks.launch import Launch, Launcher
from bridge.decks.memory import SHORT_S, Memory
from bridge.decks.pending import Pending
from bridge.decks.settings import STEERING, Change, Prompts, Settings, is_something
from bridge.decks.words import Words
from bridge.time.grid import next_line
from bridge.time.transport import Transport
from bridge.warp.live import Locks
from engine.api import Audio, EngineHandle, Recording

Starting = Callable[[int, float], tuple[int, float]]

Late = Callable[[str, float], None]
"""Told the address and by how many ms it was late."""


class Session:
    def __init__(
        self,
        rate: int,
        decks: int,
        late: Late,
        locks: Locks | None = None,
        remember_s: float = SHORT_S,
        workshop: Workshop | None = None,
    ) -> None:
        """`locks`: what keeps decks on the grid; without any, one of its own in this thread.
        `remember_s`: how much of what was played is at hand."""
        self.rate = rate
        self.now = 0
        self.heard = 0
        """The sample that the ear is at."""
        self.stopped = 0
        """Where the transport last stopped."""
        self.revision = 0
        """Counts the changes, for those who show them."""
        self.grid = "bar"
        self.transport = Transport(rate)
        self.decks = {n: Deck(n, rate, remember_s) for n in range(1, decks + 1)}
        self.workshop = workshop or Workshop()
        self.audition = Audition(rate, self.workshop)
        self.master = Memory(rate, remember_s)
        """What was heard of all of them, behind the limiter."""
        self.slots: dict[int, Prompts] = {}
        self.scenes: dict[int, dict[int, tuple[Settings, bool]]] = {}
        # Both are replaced, never changed: so who shows them sees that there is news.
        self.launcher = Launcher(self.transport, self.decks, locks or Locks())
        self._late = late
        self._pending = Pending(self.transport, self.decks, self.launcher)
        self._gains_changed = False
        self.starting: Starting = lambda at, beat: (at, beat)
        """Where the transport starts that is asked to at a sample, with a beat."""
        self.reading = 0
        """How many recordings that were asked for are still being read."""

    # Transport

    def play(self, at: int, *, resume: bool = False, address: str = "/play") -> None:
        """Start the transport, and with it every deck that was playing."""
        if self.transport.playing:
            return
        self._launch({}, at, "none", address, resume=resume, start=True)

    def stop(self) -> None:
        """Stop the transport: decks fall silent, what waits is applied, nothing is forgotten."""
        for launch in self.launcher.waiting:
            for number, change in launch.changes.items():
                self._settle(number, change)
        self.launcher.cancel()
        self.audition.stop()
        for deck in self.decks.values():
            deck.silence()
        if self.transport.playing:
            self.transport.stop(self.now)
            self.stopped = self.now

    def _settle(self, number: int, change: Change) -> None:
        deck = self.decks[number]
        deck.apply(change.settings)
        deck.playing = deck.playing if change.play is None else change.play

    def set_tempo(self, at: int, bpm: float) -> None:
        """At once, or exactly at a sample in the future."""
        self.transport.bpm = bpm
        if at > self.now:
            self.transport.change_tempo(self._soon(at))
            self._retime(at, moved=False)
        else:
            self._pending.change_tempo()

    def bend(self, at: int, bpm: float, settled: int, settled_bpm: float) -> None:
        """Play at `bpm` from sample `at` on, and at `settled_bpm` from `settled` on."""
        self.transport.bend(self._soon(at), bpm, settled, settled_bpm)
        self._retime(at, moved=False)
        self.revision += 1

    def jump(self, at: int, beat: float, bpm: float) -> None:
        """Be at `beat` from sample `at` on, and go on at `bpm`."""
        self.transport.bpm = bpm
        self.locate(at, beat)
        self.revision += 1

    def locate(self, at: int, beat: float) -> None:
        self.transport.locate(self._soon(at), beat)
        self._retime(at, moved=True)

    def set_signature(self, at: int, numerator: int, denominator: int) -> None:
        self.transport.set_signature(self._soon(at), numerator, denominator)
        self._retime(at, moved=True)

    def _soon(self, at: int) -> int:
        return self._pending.soon(at, self.now)

    def _retime(self, at: int, *, moved: bool) -> None:
        self._pending.retime(at, self.now, moved=moved)

    # Decks

    def set_deck(self, number: int, **values: Any) -> None:
        """Change settings of a deck at once."""
        self.decks[number].apply(values)
        if STEERING.isdisjoint(values):
            self._gains_changed = True
        else:
            self._pending.steer([number])

    def change_deck(self, at: int, number: int, address: str, **values: Any) -> None:
        """At once, or exactly at a sample in the future."""
        if at <= self.now:
            self.set_deck(number, **values)
        else:
            self._launch({number: Change(values)}, at, "none", address)

    def play_deck(self, at: int, number: int, grid: str | None, address: str = "") -> None:
        self._launch({number: Change(play=True)}, at, grid, address)

    def stop_deck(self, at: int, number: int, grid: str | None, address: str = "") -> None:
        self._launch({number: Change(play=False)}, at, grid, address)

    def reset_deck(self, at: int, number: int, address: str = "") -> None:
        self._launch({number: Change(reset=True)}, at, None, address)

    def continue_deck(self, at: int, number: int, opening: Recording, address: str = "") -> None:
        """Go on from a recording, on the grid; a deck that is silent starts."""
        change = Change(play=True, reset=True, opening=opening)
        self._launch({number: change}, max(at, self.now), None, address)

    def set_words(self, words: Words) -> None:
        """Another key, or whether tempo and key go along with the prompts, from now on."""
        if words != self.launcher.words:
            self.launcher.words = words
            self._pending.steer(self.decks)

    @property
    def words(self) -> Words:
        return self.launcher.words

    def panic(self) -> None:
        """Every deck silent, within a few milliseconds; the transport goes on."""
        self.launcher.cancel()
        self.audition.stop()
        for deck in self.decks.values():
            deck.playing = False
            deck.silence(at_once=True)

    # Slots and scenes

    def launch_slot(self, at: int, slot: int, number: int, address: str = "") -> None:
        """A stored prompt to a deck, on the grid; a deck that is silent starts."""
        change = Change({"prompts": self.slots[slot]}, play=True)
        self._launch({number: change}, at, None, address)

    def store_slot(self, slot: int, prompts: Prompts) -> None:
        """Nothing but an empty prompt empties the slot."""
        self.slots = {number: held for number, held in self.slots.items() if number != slot}
        if is_something(prompts):
            self.slots[slot] = prompts

    def store_scene(self, scene: int) -> None:
        stored = {n: (d.settings, d.playing) for n, d in self.decks.items()}
        self.scenes = {**self.scenes, scene: stored}

    def launch_scene(self, at: int, scene: int, address: str = "") -> None:
        changes = {}
        for number, (settings, playing) in self.scenes[scene].items():
            values = {k: v for k, v in asdict(settings).items() if k != "prompts"}
            changes[number] = Change({**values, "prompts": settings.prompts}, play=playing)
        self._launch(changes, at, None, address)

    # Launching

    def _launch(
        self,
        changes: dict[int, Change],
        at: int,
        grid: str | None,
        address: str,
        *,
        resume: bool = False,
        start: bool = False,
    ) -> None:
        grid = grid or self.grid
        launch = Launch(changes, at, address, punctual=at > self.now)
        if self.transport.playing:
            if grid != "none":
                launch.grid = grid
                launch.beat = next_line(self.transport.beat_at(at), grid, self.transport.meter)
                launch.sample = max(at, self.transport.sample_at(launch.beat))
                launch.punctual = True
        elif start or any(change.play for change in changes.values()):
            held, placed = self.transport.held_beat, self.transport.placed_beat
            beat = held if resume else placed
            launch.sample, launch.start_beat = self.starting(at, beat)
            launch.punctual |= launch.sample > at
            paused = {n: Change(play=True) for n, d in self.decks.items() if d.playing}
            launch.changes = {n: paused.get(n, Change()).then(changes.get(n, Change()))
                              for n in paused.keys() | changes.keys()}  # fmt: skip
        self.launcher.add(launch)
        self.fire()

    def fire(self) -> None:
        """Carry out the launches that begin with the sample `now`."""
        while (launch := self.launcher.take_due(self.now)) is not None:
            self.revision += 1
            if launch.start_beat is not None and not self.transport.playing:
                self.transport.start(self.now, launch.start_beat)
            for number, change in launch.changes.items():
                self._settle(number, change)
            self._set_gains()  # a deck that is about to start has its gain from the outset
            for number, change in sorted(launch.changes.items()):
                self._carry_out(self.decks[number], change)
            late_samples = self.now - launch.sample
            if launch.punctual and late_samples > 0:
                self._late(launch.address, 1000.0 * late_samples / self.rate)
            self.launcher.prepare_again(launch.changes)

    def _carry_out(self, deck: Deck, change: Change) -> None:
        if change.play is False:
            deck.silence()
        elif deck.sounding and change.reset:
            deck.reset(self.now)
        elif change.play and not deck.sounding and self.transport.playing:
            deck.start(self.now)

    def _settle_gains(self) -> None:
        if self._gains_changed:
            self._set_gains()

    def _set_gains(self) -> None:
        self._gains_changed = False
        any_solo = any(deck.settings.solo for deck in self.decks.values())
        for deck in self.decks.values():
            deck.audible(any_solo)

    # The engine

    def engine_lost(self) -> None:
        self.launcher.engine = None
        for deck in self.decks.values():
            deck.lose_engine()

    def engine_ready(self, engine: EngineHandle) -> None:
        """Open every deck's stream again, as it was steered."""
        self.launcher.engine = engine
        self.reopen_lost()
        self.launcher.prepare_again()

    def stream_lost(self, stream: int) -> None:
        """One stream ended with an error: its deck loops until it gets another."""
        for deck in self.decks.values():
            if any(feed is not None and feed.stream == stream for feed in (deck.feed, deck.coming)):
                deck.lose_engine()

    def reopen_lost(self) -> None:
        """Give the decks that lost their streams new ones, if there is an engine."""
        if self.launcher.engine is None:
            return
        lost = [d for d in self.decks.values() if d.feed is None and d.coming is None]
        for deck in lost:
            if deck.sounding:
                self.launcher.reopen(deck, self.now)
        self.launcher.prepare_again(deck.number for deck in lost)

    # Every turn of the conductor

    def flush(self) -> None:
        """Tell the engine of everything that was changed since the last call, once."""
        self._settle_gains()
        self._pending.tell(self.now)

    @property
    def busy(self) -> bool:
        """Whether the engine still works at what it was told before."""
        return self._pending.busy(self.now)

    def pump(self) -> None:
        for deck in self.decks.values():
            deck.pump(self.now)

    def mix(self, samples: int) -> Audio:
        """The next `samples` samples: the decks' sum and then each deck after its fader, float32
        `[samples, 2 + 2 * decks]`, unlimited."""
        out = np.zeros((samples, 2 + 2 * len(self.decks)), np.float32)
        for place, deck in enumerate(self.decks.values(), start=1):
            if not deck.silent:
                out[:, 2 * place : 2 * place + 2] = deck.read(samples, self.now, self.transport)
                out[:, :2] += out[:, 2 * place : 2 * place + 2]
            else:
                deck.rest(self.now + samples)
        self.audition.add_to(out[:, :2], self.now, self.transport)
        self.now += samples
        return out

    def headroom_s(self) -> float:
        """How far the least provided deck is made ahead; 0 if none plays."""
        ahead = [d.ahead(self.now) for d in self.decks.values() if d.sounding]
        return max(0, min(ahead, default=0)) / self.rate

    def settled(self) -> bool:
        """Whether the engine has delivered all that was asked of it, also for what is armed."""
        told = self._pending.empty and not self.reading
        return told and self._pending.delivered(self.now)

    def state_of(self, deck: Deck) -> str:
        armed = self.launcher.armed(deck.number)
        if deck.sounding:
            if armed is not None and armed.play is False:
                return "stopping"
            if deck.held is not None:
                return "holding"
            return "looping" if deck.track.looping else "playing"
        return "armed" if deck.playing or (armed is not None and armed.play) else "stopped"
