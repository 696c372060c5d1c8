"""The inputs that are open, as ports come and go.

Threading: `scan`, `pump` and `close` belong to the MIDI thread, which owns every MIDI object;
`names` and `problem` may be read from any thread.

Inputs are read from a queue instead of through callbacks. A callback runs in the MIDI system's
own thread and waits there for the interpreter: under JACK that is the audio thread, and an input
that closes while its callback waits frees what the callback is about to use.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from bridge.midi.sending import Output

VIRTUAL = "sideman"
"""Our own input, and the client that owns it."""
CLOCK_OUT = "sideman clock"
"""Our own output, and its client: never read from, since we would follow ourselves."""
LIGHTS_OUT = "sideman lights"
"""The client of the outputs that light controllers, never read from either."""
_OURS = rf"({VIRTUAL}|{CLOCK_OUT}|{LIGHTS_OUT})(-\d+)?"

RETRY_S = 10.0
"""A MIDI system that is not there is looked for again this often: JACK may be started later."""

Sink = Callable[[str, Sequence[int], float], None]
"""Takes port, bytes and the monotonic second of arrival."""


class Input(Protocol):
    """An open port. Its methods raise OSError once it is gone."""

    def read(self) -> tuple[Sequence[int], float] | None:
        """The oldest message not yet read, and the seconds between it and the one before."""

    def close(self) -> None: ...


class System(Protocol):
    """A MIDI system to list and open ports of. Its methods raise OSError once it is gone."""

    def sources(self) -> list[str]:
        """The names of all ports to read from, as the system spells them."""

    def label(self, source: str) -> str:
        """`source` without the parts that change when it is plugged in again."""

    def open(self, index: int, source: str) -> Input:
        """Open number `index` of `sources()`, which was `source`."""

    def open_virtual(self) -> Input | None:
        """Our own input, for others to connect to; None where there is no such thing."""

    def destinations(self) -> list[str]:
        """The names of all ports to send to, as the system spells them."""

    def open_output(self, index: int, destination: str) -> Output:
        """Open number `index` of `destinations()`, which was `destination`."""

    def close(self) -> None: ...


Connect = Callable[[], System]
"""Raises OSError with the reason and the remedy where the system is not there."""

PortId = tuple[str, str, int]
"""System, name, and which of several ports of that name."""


@dataclass(slots=True)
class _Open:
    label: str
    input: Input
    last_s: float = 0.0
    read_s: float = 0.0
    """When the queue was last found empty."""


class Ports:
    """All inputs, or those whose name contains one of `only`, and our own."""

    def __init__(
        self,
        connect: Mapping[str, Connect],
        only: Sequence[str],
        notify: Callable[[str], None],
    ) -> None:
        self._connect = connect
        self._only = [name.casefold() for name in only]
        self._notify = notify
        self._systems: dict[str, System] = {}
        self._absent: dict[str, str] = {}
        self._retry_at_s = float("-inf")
        self._open: dict[PortId, _Open] = {}
        self._broken: set[PortId] = set()
        self._unwanted: list[str] = []
        self._started = False
        self.names: tuple[str, ...] = ()
        self.problem = ""
        """Why there is no MIDI at all, and the remedy; empty if there is."""

    @property
    def any_open(self) -> bool:
        return bool(self._open)

    @property
    def systems(self) -> Mapping[str, System]:
        """Those that are there; one that has come back is another object."""
        return self._systems

    def scan(self, now_s: float) -> None:
        """Open what has come, close what has gone."""
        if now_s >= self._retry_at_s:
            self._retry_at_s = now_s + RETRY_S
            self._find_systems(now_s)
        for name in list(self._systems):
            self._scan_system(name, now_s)
        self.names = tuple(port.label for port in self._open.values())
        reasons = "; ".join(f"{name}: {why}" for name, why in self._absent.items())
        self.problem = "" if self._systems else f"no MIDI: {reasons or 'no MIDI system'}"
        if not self._started and self._only and not any(id_[1] for id_ in self._open):
            seen = ", ".join(self._unwanted) or "none at all"
            self._notify(f"no MIDI input is named {' or '.join(self._only)} yet; here: {seen}")
        self._started = True

    def pump(self, sink: Sink, now_s: float) -> None:
        """Hand over all that has arrived until `now_s`."""
        for id_, port in list(self._open.items()):
            try:
                while (read := port.input.read()) is not None:
                    data, since_s = read
                    # The system's own clock tells messages apart more finely than we look, and
                    # each came after the queue was last found empty.
                    port.last_s = min(max(port.last_s + since_s, port.read_s), now_s)
                    sink(port.label, data, port.last_s)
            except OSError as error:
                self._break(id_, error)
            port.read_s = now_s

    def close(self) -> None:
        for id_ in list(self._open):
            self._drop(id_)
        for system in self._systems.values():
            _quietly(system.close)
        self._systems.clear()
        self.names = ()

    def _find_systems(self, now_s: float) -> None:
        for name, connect in self._connect.items():
            if name in self._systems:
                continue
            try:
                self._systems[name] = connect()
                own = self._systems[name].open_virtual()
            except OSError as error:
                self._forget_system(name, error)
                continue
            self._absent.pop(name, None)
            if own is not None:
                self._open[name, "", 0] = _Open(VIRTUAL, own, read_s=now_s)

    def _scan_system(self, name: str, now_s: float) -> None:
        system = self._systems[name]
        try:
            here = numbered(name, system.sources())
        except OSError as error:
            self._lose(name, error)
            return
        gone = [id_ for id_ in self._open if id_[0] == name and id_[1] and id_ not in here]
        for id_ in gone:
            self._notify(f"MIDI input {self._open[id_].label} is gone")
            self._drop(id_)
        self._broken = {id_ for id_ in self._broken if id_[0] != name or id_ in here}
        for id_, index in here.items():
            if id_ in self._open or id_ in self._broken:
                continue
            if self._wanted(system, id_[1]):
                self._add(system, id_, index, now_s)
            elif not self._started:
                self._unwanted.append(system.label(id_[1]))

    def _add(self, system: System, id_: PortId, index: int, now_s: float) -> None:
        label = system.label(id_[1])
        try:
            self._open[id_] = _Open(label, system.open(index, id_[1]), read_s=now_s)
        except OSError as error:
            self._broken.add(id_)
            self._notify(
                f"MIDI input {label} cannot be opened ({_reason(error)}): close other programs "
                "that use it and plug it in again"
            )
            return
        if self._started:
            self._notify(f"MIDI input {label} is here")

    def _wanted(self, system: System, source: str) -> bool:
        if is_ours(source):
            return False
        name = system.label(source).casefold()
        return not self._only or any(part in name for part in self._only)

    def _break(self, id_: PortId, error: OSError) -> None:
        self._notify(
            f"MIDI input {self._open[id_].label} broke ({_reason(error)}): plug it in again"
        )
        self._drop(id_)
        self._broken.add(id_)

    def _drop(self, id_: PortId) -> None:
        _quietly(self._open.pop(id_).input.close)

    def _lose(self, name: str, error: OSError) -> None:
        self._notify(f"MIDI through {name} is gone ({_reason(error)}); looked for again")
        for id_ in [id_ for id_ in self._open if id_[0] == name]:
            self._drop(id_)
        self._forget_system(name, error)

    def _forget_system(self, name: str, error: OSError) -> None:
        self._absent[name] = _reason(error)
        system = self._systems.pop(name, None)
        if system is not None:
            _quietly(system.close)


def is_ours(port: str) -> bool:
    """Whether a port, as ALSA or JACK spells it, is one of sideman's own. JACK puts a number behind
    the name of a second client: an open input is one, and sent to it would come back."""
    return re.fullmatch(_OURS, port.split(":")[0]) is not None


def numbered(system: str, names: Sequence[str]) -> dict[PortId, int]:
    """Each port's identity, and its number in the system's list."""
    count: Counter[str] = Counter()
    found: dict[PortId, int] = {}
    for index, name in enumerate(names):
        found[system, name, count[name]] = index
        count[name] += 1
    return found


def _reason(error: OSError) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__


def _quietly(close: Callable[[], None]) -> None:
    try:
        close()
    except OSError:
        return  # What is gone needs no closing.
