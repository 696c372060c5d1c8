"""The demo driven by a host: a server that speaks its dialect, and a process that sends it what was
recorded of the host, each packet at its time.

Threading: one thread calls `replay`; `_Witness.hear` is called on the conductor's thread, and read
once that has ended.
"""

from __future__ import annotations

import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from bridge.app import App
from bridge.audio.mixing import SILENT_DB
from bridge.config import Config
from bridge.demo.recording import read_recording
from bridge.dialects.spoken import dialect_of
from bridge.osc.packet import BadPacket, Message, decode
from bridge.osc.sender import Sender
from engine.api import Audio

SESSION = "session.osc"
"""The recording that a host's preset may have."""
GAP_S = 0.5
"""So long a silence, while a deck plays that can be heard, is a gap; music may breathe."""
_SLACK_BEATS = 1e-3
"""A beat computed from a sample counts as begun."""


@dataclass(frozen=True, slots=True)
class Started:
    """A deck that began to sound."""

    deck: int
    bar: int
    """The bar line, from 1; 0 if it was on none."""
    bpm: float


@dataclass(frozen=True, slots=True)
class Replayed:
    """What came of a recording."""

    host: str
    sent: int
    """Messages of the recording."""
    seconds: float
    tempos: tuple[float, ...]
    """Each BPM that the transport played at, in order."""
    started: tuple[Started, ...]
    gaps: int
    """Silences while a deck played."""
    xruns: int
    late: int
    told: tuple[tuple[str, int], ...]
    """What the host was told in its own words: addresses, and how often."""
    errors: tuple[str, ...]
    """What the server answered to be wrong."""
    recording: str
    """The file of the master, inside the clips folder; empty if there is none."""

    def failures(self) -> list[str]:
        """What a replay promises and did not happen, one line each."""
        lines = list(self.errors)
        if not self.started:
            lines.append(f"no deck began to play: is this what {self.host} sends?")
        lines += [f"deck {s.deck} began on no bar line" for s in self.started if not s.bar]
        if self.gaps:
            lines.append(f"{self.gaps} gaps while a deck played")
        if not self.recording:
            lines.append("the master was not recorded")
        return lines


class _Witness:
    """Looks at the session block by block as it is mixed."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._sounding: set[int] = set()
        self._before = 0
        self._silent = 0
        self.tempos: list[float] = []
        self.started: list[Started] = []
        self.gaps = 0

    def hear(self, _: int, audio: Audio) -> None:
        """The next block of the master, float32 `[samples, 2]`."""
        session = self._app.session
        transport = session.transport
        if transport.playing and (not self.tempos or self.tempos[-1] != transport.bpm):
            self.tempos.append(transport.bpm)
        sounding = {deck.number for deck in session.decks.values() if deck.sounding}
        for deck in sorted(sounding - self._sounding):
            self.started.append(Started(deck, self._bar(session.now), transport.bpm))
        self._sounding, self._before = sounding, session.now
        self._count_gaps(audio)

    def _bar(self, now: int) -> int:
        """The bar line since the block before, in which no launch was seen; 0: there is none."""
        transport = self._app.session.transport
        since_beats = transport.beat_at(now) - transport.beat_at(self._before)
        bar, into_beats = transport.meter.bar_at(transport.beat_at(now))
        return bar + 1 if into_beats <= since_beats + _SLACK_BEATS else 0

    def _count_gaps(self, audio: Audio) -> None:
        gap = round(GAP_S * self._app.config.rate)
        was_gap = self._silent >= gap
        silent = not audio.any() and self._audible()
        self._silent = self._silent + len(audio) if silent else 0
        self.gaps += self._silent >= gap and not was_gap

    def _audible(self) -> bool:
        """Whether a deck plays that can be heard."""
        playing = [deck.settings for deck in self._app.session.decks.values() if deck.sounding]
        any_solo = any(deck.settings.solo for deck in self._app.session.decks.values())
        return any(
            s.gain_db > SILENT_DB and not s.mute and (s.solo or not any_solo) for s in playing
        )


def replay(config: Config, dialect: str, file: Path, ready: Callable[[App], None]) -> Replayed:
    """Play a recording to a server that speaks `dialect`. Raises SidemanError."""
    packets = read_recording(file)
    spoken = dialect_of(dialect)
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as ear:
        ear.bind(("127.0.0.1", 0))
        ear.setblocking(False)
        own_port = "" if spoken.listen is None else ",0"
        words = f"{dialect}@127.0.0.1:{ear.getsockname()[1]}{own_port}"
        app = App(replace(config, dialects=(words,)))
        witness = _Witness(app)
        app.taps.append(witness.hear)
        app.start()
        try:
            ready(app)
            with Sender(app.config.host, app.osc.udp_port) as sender:
                sender.send("/record", 1)
                sender.ask("/sync", 1, answer="/synced")
                errors = _play(file, app)
                recording = str(sender.ask("/record", 0, answer="/record/done")[0])
            told = Counter(_heard(ear))
            xruns = app.conductor.playout.xruns
        finally:
            app.stop()
    return Replayed(
        spoken.name, sum(len(packet.messages) for packet in packets), packets[-1].at_s,
        tuple(witness.tempos), tuple(witness.started), witness.gaps, xruns, app.late,
        tuple(told.items()), errors, recording,
    )  # fmt: skip


def _play(file: Path, app: App) -> tuple[str, ...]:
    """Have a process of its own send the recording; what was answered to be wrong."""
    port = app.dialects.heard_at or app.osc.udp_port
    words = ["-m", "bridge.demo.replayer", str(file), app.config.host, str(port)]
    done = subprocess.run(
        [sys.executable, *words],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, encoding="utf-8", check=False,
    )  # fmt: skip
    return tuple(done.stdout.splitlines())


def _heard(ear: socket.socket) -> Iterator[str]:
    """The addresses of what has come in."""
    while True:
        try:
            message = decode(ear.recv(65536))
        except BlockingIOError:
            return
        except BadPacket:
            continue
        if isinstance(message, Message):
            yield message.address


def replay_table(replayed: Replayed, folder: Path) -> list[str]:
    """What came of it, for people."""
    tempos = replayed.tempos
    began = [f"deck {s.deck} on bar {s.bar} at {s.bpm:g} BPM" for s in replayed.started]
    told = [f"{address} {count}" for address, count in replayed.told]
    rows = [
        ("host", f"{replayed.host}: {replayed.sent} messages in {replayed.seconds:.1f} s"),
        ("tempo", f"{tempos[0]:g} to {tempos[-1]:g} BPM" if tempos else "never played"),
        ("decks", ", ".join(began) or "none began"),
        ("gaps", f"{replayed.gaps}, xruns {replayed.xruns}, late launches {replayed.late}"),
        ("told back", ", ".join(told) or "nothing that the host did not say itself"),
        ("master", str(folder / replayed.recording)),
    ]
    return [f"{name:9s} {text}" for name, text in rows]
