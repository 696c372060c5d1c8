"""The outputs that light controllers, as these are plugged in and out.

Threading: all of it belongs to the MIDI thread, which owns every MIDI object.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from bridge.midi.device_map import DeviceMap, map_of
from bridge.midi.lights import Shown
from bridge.midi.ports import PortId, System, is_ours, numbered
from bridge.midi.sending import Output

TICK_S = 0.02
"""Lights change no more often than this: what blinks faster is not seen."""
BURST = 20
"""Messages to one device at a time. With `TICK_S` 1000 a second, which even a MIDI cable carries: a
grid of 80 is lit anew in 80 ms."""


@dataclass(slots=True)
class _Lit:
    device: DeviceMap
    output: Output
    system: System
    sent: list[bytes]
    """What each LED was sent last; empty: nothing yet."""
    behind: bool = True


class LightPorts:
    """Every output that fits a map with lights."""

    def __init__(
        self, maps: Sequence[DeviceMap], shown: Shown, notify: Callable[[str], None]
    ) -> None:
        self._maps = [device for device in maps if device.lit]
        self._shown = shown
        self._notify = notify
        self._open: dict[PortId, _Lit] = {}
        self._refused: set[PortId] = set()
        self._tick_at_s = float("-inf")

    def scan(self, systems: Mapping[str, System]) -> None:
        """Open what has come, and let go of what has gone. To be called after `Ports.scan`."""
        for id_, lit in list(self._open.items()):
            if systems.get(id_[0]) is not lit.system:
                self._drop(id_)
        if self._maps:
            for name, system in systems.items():
                # A system that is gone is found out, and said, by the inputs.
                with suppress(OSError):
                    self._scan_system(name, system)

    def pump(self, now_s: float) -> None:
        """Send what the lights should show and do not yet."""
        if not self._open or now_s < self._tick_at_s:
            return
        self._tick_at_s = now_s + TICK_S
        changed = self._shown.changed()
        for id_, lit in list(self._open.items()):
            if changed or lit.behind:
                self._try(id_, self._light, lit)

    def close(self) -> None:
        """All lights out."""
        for id_, lit in list(self._open.items()):
            self._try(id_, self._put_out, lit)
            self._drop(id_)

    def _scan_system(self, name: str, system: System) -> None:
        here = numbered(name, system.destinations())
        for id_ in [id_ for id_ in self._open if id_[0] == name and id_ not in here]:
            self._drop(id_)
        self._refused = {id_ for id_ in self._refused if id_[0] != name or id_ in here}
        for id_, index in here.items():
            device = None if is_ours(id_[1]) else map_of(self._maps, system.label(id_[1]))
            if device is not None and id_ not in self._open and id_ not in self._refused:
                self._add(system, id_, index, device)

    def _add(self, system: System, id_: PortId, index: int, device: DeviceMap) -> None:
        try:
            output = system.open_output(index, id_[1])
        except OSError as error:
            self._refused.add(id_)
            self._notify(
                f"MIDI output {system.label(id_[1])} cannot be opened ({error}), {device.name}"
                " stays dark: close other programs that use it and plug it in again"
            )
            return
        self._notify(f"{device.name} is lit through MIDI output {output.name}")
        self._open[id_] = lit = _Lit(device, output, system, [b""] * len(device.leds))
        self._try(id_, self._begin, lit)

    def _begin(self, lit: _Lit) -> None:
        for message in lit.device.init:
            lit.output.send(message)

    def _light(self, lit: _Lit) -> None:
        wanted = [led.message(self._shown.state(led)) for led in lit.device.leds]
        stale = [i for i, message in enumerate(wanted) if message != lit.sent[i]]
        for i in stale[:BURST]:
            lit.output.send(wanted[i])
            lit.sent[i] = wanted[i]
        lit.behind = len(stale) > BURST

    def _put_out(self, lit: _Lit) -> None:
        for led in lit.device.leds:
            lit.output.send(led.off)
        for message in lit.device.bye:
            lit.output.send(message)

    def _try(self, id_: PortId, act: Callable[[_Lit], None], lit: _Lit) -> None:
        try:
            act(lit)
        except OSError:
            # It was pulled out, which its input says: it is found again with the next look.
            self._drop(id_)

    def _drop(self, id_: PortId) -> None:
        lit = self._open.pop(id_, None)
        if lit is not None:
            with suppress(OSError):
                lit.output.close()
