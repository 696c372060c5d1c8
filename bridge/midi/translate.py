"""From controls to requests: learnt controls first, then the map of the device, or the default map
where it has none; knobs by soft takeover.

Threading: `translate` is called from the MIDI thread alone; `follow`, `learn` and `forget` from
any.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from bridge.midi.device_map import DeviceMap, Job, map_of
from bridge.midi.learn import LearntControls
from bridge.midi.mapping import (
    CHANNEL_MODE_FROM,
    GAIN_BY_VELOCITY,
    default_messages,
    knob_address,
)
from bridge.midi.messages import Control, Key
from bridge.midi.takeover import Takeover
from bridge.midi.targets import Target, find_target, find_targets
from bridge.row import Access, Value
from bridge.table import Request, Table
from engine.errors import BadValue


class Translator:
    """Turns each control into what it asks for."""

    def __init__(
        self,
        table: Table,
        learnt: LearntControls,
        notify: Callable[[str], None],
        *,
        takeover: bool = True,
        velocity_gain: bool = False,
        maps: Sequence[DeviceMap] = (),
        on_learnt: Callable[[str, str], object] = lambda address, control: None,
    ) -> None:
        """`on_learnt` is told the address and the control of each that is learnt."""
        self._table = table
        self._maps = maps
        self._learnt = learnt
        self._notify = notify
        self._on_learnt = on_learnt
        self._targets = find_targets(table)
        self._takeover = Takeover() if takeover else None
        self._gain = self._targets[GAIN_BY_VELOCITY] if velocity_gain else None
        self._down: dict[Key, bool] = {}
        self._lock = threading.Lock()
        self._armed: Target | None = None

    def learn(self, address: str) -> None:
        """The next control that fits `address` will drive it. Raises BadValue."""
        target = find_target(self._table, address)
        with self._lock:
            self._armed = target

    def forget(self, address: str) -> None:
        """Undo what was learnt, or is waiting to be, for `address`. Raises BadValue."""
        with self._lock:
            if self._armed is not None and self._armed.address == address:
                self._armed = None
                return
        self._learnt.forget(address)

    def follow(self, address: str, args: Sequence[Value]) -> None:
        """The state of `address` is now `args`."""
        target = self._targets.get(address)
        if self._takeover is None or target is None or target.arg is None or len(args) != 1:
            return
        [value] = args
        if isinstance(value, int | float):
            self._takeover.follow(address, target.position(value))

    def translate(self, control: Control) -> list[Request]:
        """What `control` asks for, as one batch; empty if nothing."""
        if self._learns(control):
            return []
        address = self._learnt.get(control.key)
        device = None if address else map_of(self._maps, control.key.port)
        if device is not None:
            job = device.job(control.key)
            return self._do(job, control) if job else []
        return self._drive_or_default(address or knob_address(control), control)

    def _drive_or_default(self, address: str | None, control: Control) -> list[Request]:
        if address is not None:
            target = self._targets.get(address)
            return self._drive(target, control) if target else []
        requests: list[Request] = []
        for address, values in default_messages(control, self._gain):
            requests += self._resolve(address, values)
        return requests

    def _learns(self, control: Control) -> bool:
        with self._lock:
            if self._armed is None or not _fits(self._armed, control.key):
                return False
            address, self._armed = self._armed.address, None
        self._learnt.bind(control.key, address)
        self._down[control.key] = control.pressed
        self._notify(f"{control.key} now drives {address}")
        self._on_learnt(address, str(control.key))
        return True

    def _drive(self, target: Target, control: Control) -> list[Request]:
        if not _fits(target, control.key):
            return []
        if target.access is Access.VALUE:
            return self._turn(target, control)
        if control.key.kind in ("note", "program"):
            return self._resolve(target.address, ())
        if not self._moves(control):
            return []
        if target.access is Access.SWITCH:
            return self._resolve(target.address, (control.pressed,))
        return self._resolve(target.address, ()) if control.pressed else []

    def _do(self, job: Job, control: Control) -> list[Request]:
        """A button of a map fires when it goes down, and toggles a switch."""
        if job.knob is not None:
            return self._turn(job.knob, control)
        always = control.key.kind in ("note", "program")
        fires = always or (self._moves(control) and control.pressed)
        return self._resolve(job.address, job.values) if fires else []

    def _moves(self, control: Control) -> bool:
        """Whether a button goes down that was up, or up that was down."""
        was_down = self._down.get(control.key)
        self._down[control.key] = control.pressed
        return control.pressed != was_down

    def _turn(self, target: Target, control: Control) -> list[Request]:
        whole = self._targets.get(target.address)
        if whole is None:
            return []  # A map reaches for a deck that this server does not have.
        value = target.value(control.position)
        # A whole number lies beside the knob's own position, and a map may give the knob a part
        # of the range, so the value's position in all of it counts.
        position = whole.position(value)
        if self._takeover and not self._takeover.takes(control.key, target.address, position):
            return []
        return self._resolve(target.address, (value,))

    def _resolve(self, address: str, values: Sequence[Value]) -> list[Request]:
        try:
            return self._table.resolve(address, values)
        except BadValue:
            # Deck 9, scene 17: this server has none, and a controller cannot be answered.
            return []


def _fits(target: Target, key: Key) -> bool:
    """Whether this kind of control can drive `target`: knobs and the wheel set values; keys,
    buttons and programs switch and trigger. Channel mode messages are no controls."""
    if key.kind == "cc" and key.number >= CHANNEL_MODE_FROM:
        return False
    if target.access is Access.VALUE:
        return key.kind in ("cc", "pitch")
    return key.kind != "pitch"
