"""A controller's map: which of its controls do what, and what its lights show.

`map_file.py` reads one from a file; `docs/midi.md` has the format.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from bridge.midi.messages import Key, Kind
from bridge.midi.targets import Target
from bridge.row import Value

ANY_CHANNEL = 0

Place = tuple[Kind, int, int]
"""A control of the device: kind, channel 1..16 or `ANY_CHANNEL`, number."""


@dataclass(frozen=True, slots=True)
class Job:
    """What a control does."""

    address: str
    values: tuple[Value, ...] = ()
    """What goes with it at a press; none: what the address means without."""
    knob: Target | None = None
    """The number that it sets instead, over the range that the map gives it."""


@dataclass(frozen=True, slots=True)
class Led:
    """A light, and the message that makes it shine for each state of what it shows."""

    address: str
    deck: int
    """On which a slot is watched; 0: on any."""
    colors: Mapping[str, bytes]
    """States that are missing are dark."""
    off: bytes

    def message(self, state: str) -> bytes:
        return self.colors.get(state, self.off)


@dataclass(frozen=True, slots=True)
class DeviceMap:
    """Everything sideman knows of one kind of controller."""

    name: str
    ports: tuple[str, ...]
    """A port is the device's if its name contains one of these, in any case,"""
    not_ports: tuple[str, ...]
    """and none of these."""
    jobs: Mapping[Place, Job]
    leds: tuple[Led, ...] = ()
    init: tuple[bytes, ...] = ()
    """Sent before the first light."""
    bye: tuple[bytes, ...] = ()
    """Sent after the last."""

    def fits(self, port: str) -> bool:
        """Whether a port of this name is the device's."""
        name = port.casefold()
        return any(part.casefold() in name for part in self.ports) and not any(
            part.casefold() in name for part in self.not_ports
        )

    def job(self, key: Key) -> Job | None:
        """What this control does; None: nothing."""
        here = self.jobs.get((key.kind, key.channel, key.number))
        return here or self.jobs.get((key.kind, ANY_CHANNEL, key.number))

    def on_port(self, port: str) -> DeviceMap:
        """The same map for ports whose name contains `port`."""
        return replace(self, ports=(port,), not_ports=())

    @property
    def lit(self) -> bool:
        """Whether the device is sent anything."""
        return bool(self.leds or self.init or self.bye)


def map_of(maps: Sequence[DeviceMap], port: str) -> DeviceMap | None:
    """The first map that a port fits."""
    return next((device for device in maps if device.fits(port)), None)
