"""What a server is told on its command line, checked."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from bridge.addresses import CLOCKS, MAX_DECKS
from bridge.audio.sends.target import Target, routes
from bridge.decks.memory import REMEMBER_S
from bridge.decks.words import key_of
from bridge.engines import EngineChoice
from bridge.web.tokens import checked
from engine.errors import BadValue

OSC_PORT = 9740
OSC_TCP_PORT = 9742


@dataclass(frozen=True, slots=True)
class Config:
    """Raises BadValue if a value is out of range."""

    engine: EngineChoice = field(default_factory=EngineChoice)
    host: str = "127.0.0.1"
    osc_port: int = OSC_PORT
    """UDP; 0 is any free one."""
    tcp_port: int = OSC_TCP_PORT
    http: tuple[str, int] | None = None
    """Host and port of the HTTP server, 0 is any free one; None: there is none."""
    announced: bool | None = None
    """Found in the local network; None: if HTTP is served beyond this machine."""
    token: str = ""
    """That every HTTP request must bring; empty: one is drawn if HTTP is served beyond this
    machine, else none is needed."""
    output: str = "default"
    """The sound card."""
    sends: tuple[Target, ...] = ()
    """Where audio goes by UDP beside it."""
    rate: int = 48000
    block: int = 256
    decks: int = 4
    clips: Path = Path("clips")
    midi_in: tuple[str, ...] = ()
    midi: bool = True
    midi_maps: tuple[str, ...] = ()
    """Of controllers, each `NAME` or `NAME@PORT`."""
    dialects: tuple[str, ...] = ()
    """Of hosts, each `NAME[@HOST:PORT][,LISTEN]`."""
    clock: str = "internal"
    """Who leads the tempo at first."""
    clock_out: str = ""
    """The MIDI output that is sent a clock, by a part of its name; empty: none."""
    key: str = ""
    """That the decks begin in, `A minor`; empty: the engine's own."""
    as_typed: bool = False
    """Prompts begin without the tempo and the key added to them."""

    master: bool = False
    """Rendered clips are mastered."""

    bits: int = 24
    """Of the clips' files; 32 is float."""
    command: tuple[str, ...] = ("serve",)
    """The words after `sideman` that it was started with, without secrets."""

    remember_s: float = REMEMBER_S
    """How much of what was played is at hand, of each deck and of the master."""

    def __post_init__(self) -> None:
        _within("--rate", self.rate, 8000, 192_000)
        _within("--block", self.block, 16, 8192)
        _within("--decks", self.decks, 1, MAX_DECKS)
        _within("port of --osc", self.osc_port, 0, 65535)
        _within("OSC port over TCP", self.tcp_port, 0, 65535)
        _within("port of --http", self.http[1] if self.http else 0, 0, 65535)
        _within("--remember", self.remember_s, 4, 3600)
        if self.midi_maps and not self.midi:
            raise BadValue(f"--midi-map {self.midi_maps[0]} needs MIDI: leave out --no-midi")
        if self.clock not in CLOCKS:
            raise BadValue(f"--clock {self.clock!r} is none of {' '.join(CLOCKS)}")
        if self.token:
            checked(self.token)
        key_of(self.key)
        routes(self.sends, self.decks, self.rate)


def _within(name: str, value: float, low: int, high: int) -> None:
    if not low <= value <= high:
        raise BadValue(f"{name} {value} is out of range {low}..{high}")


def host_and_port(text: str) -> tuple[str, int]:
    """`HOST:PORT`, `PORT`, or `[IPV6]:PORT`. Raises BadValue."""
    host, colon, port = text.rpartition(":")
    if not port.isdigit() or int(port) > 65535:
        raise BadValue(f"{text!r} is not HOST:PORT, for example 127.0.0.1:{OSC_PORT}")
    return (host.strip("[]") or "127.0.0.1") if colon else "127.0.0.1", int(port)
