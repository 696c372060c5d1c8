"""MIDI in, from the ports to the conductor.

Threading: one thread, `midi`, owns the ports: it looks for new ones every second, reads them every
two milliseconds while any is open, translates and submits. `start`, `close`, `learn`, `forget`,
`follow` and `ports` may be called from any thread; none of them waits for a port save `start`
and `close`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from bridge.dispatch import Batch, Submit
from bridge.midi.activity import Activity, Event
from bridge.midi.device_map import DeviceMap
from bridge.midi.learn import LearntControls
from bridge.midi.light_ports import LightPorts
from bridge.midi.lights import Shown
from bridge.midi.messages import Realtime, decode
from bridge.midi.ports import Connect, Ports
from bridge.midi.system import connect_all
from bridge.midi.translate import Translator
from bridge.row import Value
from bridge.table import Table
from bridge.time.clock import monotonic_s

SCAN_S = 1.0
READ_S = 0.002
"""Adds at most this to a pad's way to the ear, less than one block of audio."""

TWICE_S = 0.004
"""One message that reaches two ports, patched to our own input besides, does so in one block or
two; a clock's ticks at 400 BPM, the fastest thing there is, are 6 ms apart."""

START_TIMEOUT_S = 2.0

OnRealtime = Callable[[Realtime, float], None]
"""Takes the message and the monotonic second of its arrival; called on the MIDI thread."""


class MidiHub:
    """All of sideman's MIDI: ports, map, learnt controls."""

    def __init__(
        self,
        submit: Submit,
        table: Table,
        store: Path,
        notify: Callable[[str], None],
        *,
        on_realtime: OnRealtime | None = None,
        takeover: bool = True,
        velocity_gain: bool = False,
        maps: Sequence[DeviceMap] = (),
        connect: Callable[[], Mapping[str, Connect]] = connect_all,
        event: Event = lambda address, *values: None,
        show: Event = lambda address, *values: None,
    ) -> None:
        """`store`: the file of learnt controls. `notify`: takes one line for the user, from the
        MIDI thread mostly. `takeover`: knobs do not make values jump. `velocity_gain`: pads set
        the gain of deck 1 too. `maps`: of the controllers that have one of their own. `connect`:
        the MIDI systems of this machine. `event` is told what happens, by its address, `show` what
        there is; both on the MIDI thread, and neither waits."""
        self._submit = submit
        self._show = show
        self._activity = Activity(event)
        self._notify = notify
        self._on_realtime = on_realtime
        self._connect = connect
        self._learnt = LearntControls(store, notify)
        self._translator = Translator(
            table, self._learnt, notify, takeover=takeover, velocity_gain=velocity_gain, maps=maps,
            on_learnt=lambda address, control: event("/midi/learnt", address, control),
        )  # fmt: skip
        self._maps = maps
        self._shown = Shown()
        self._lights = LightPorts(maps, self._shown, notify)
        self._ports: Ports | None = None
        self._thread: threading.Thread | None = None
        self._scanned = threading.Event()
        self._stop = threading.Event()
        self._heard: dict[bytes, tuple[str, float]] = {}
        self._busy = False

    def start(self, names: Sequence[str] | None = None) -> None:
        """Open all inputs, or those whose name contains one of `names`, and look out for more.
        Returns after the first look; a machine without MIDI is no error, see `problem`."""
        self._thread = threading.Thread(
            target=self._run, args=(tuple(names or ()),), name="midi", daemon=True
        )
        self._thread.start()
        self._scanned.wait(START_TIMEOUT_S)

    def close(self) -> None:
        """Close all ports and save what was learnt. Nothing is submitted afterwards."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
        self._learnt.flush()

    @property
    def problem(self) -> str:
        """One line: why there is no MIDI at all, and the remedy. Empty if there is."""
        return self._ports.problem if self._ports is not None else ""

    def ports(self) -> list[str]:
        """The names of the open inputs, our own included."""
        return list(self._ports.names) if self._ports is not None else []

    def learn(self, address: str) -> None:
        """The next control moved drives `address`. Raises BadValue if no control can."""
        self._translator.learn(address)

    def forget(self, address: str) -> None:
        """Undo what was learnt for `address`. Raises BadValue if there is nothing."""
        self._translator.forget(address)

    def learnt(self) -> list[tuple[Value, ...]]:
        """Address and control of each that was learnt, for people."""
        return [(address, str(key)) for key, address in self._learnt.items()]

    def follow(self, address: str, args: Sequence[Value]) -> None:
        """A listener for the state: keeps soft takeover and lights in step with it."""
        self._translator.follow(address, args)
        self._shown.follow(address, tuple(args))

    def received(self, port: str, data: Sequence[int], at_s: float) -> None:
        """Act on the bytes of one message, whatever they are. For the MIDI thread, and tests."""
        message = decode(data, port)
        if isinstance(message, Realtime):
            self._activity.moved(port, message.pulse, 0, at_s)
            if self._on_realtime is not None:
                self._on_realtime(message, at_s)
            return
        if message is None or self._heard_elsewhere(port, bytes(data), at_s):
            return
        self._activity.moved(port, str(message.key), round(127 * message.position), at_s)
        requests = self._translator.translate(message)
        if requests:
            self._send(Batch(tuple(requests), None, None), port)

    def _run(self, names: Sequence[str]) -> None:
        self._ports = ports = Ports(self._connect(), names, self._notify)
        scan_at_s = monotonic_s()
        while not self._stop.is_set():
            now_s = monotonic_s()
            if now_s >= scan_at_s:
                scan_at_s = now_s + SCAN_S
                ports.scan(now_s)
                self._lights.scan(ports.systems)
                self._show("/midi/inputs", *ports.names)
                self._learnt.flush()
                self._say_what_is_missing()
                self._scanned.set()
            ports.pump(self.received, monotonic_s())  # a look for ports may have taken long
            self._lights.pump(monotonic_s())
            self._activity.pump(monotonic_s())
            if ports.any_open:
                # Not `_stop.wait`, whose clock on Windows is too coarse for this.
                time.sleep(READ_S)
            else:
                self._stop.wait(SCAN_S)
        self._lights.close()
        ports.close()

    def _say_what_is_missing(self) -> None:
        """After the first look: a map that no port fits would otherwise do nothing in silence."""
        if self._scanned.is_set():
            return
        ports = self.ports()
        for device in self._maps:
            if not any(map(device.fits, ports)):
                self._notify(
                    f"no MIDI input fits the map {device.name} (its name would contain "
                    f"{' or '.join(device.ports)}) yet; here: {', '.join(ports) or 'none at all'}"
                )

    def _send(self, batch: Batch, port: str) -> None:
        taken = self._submit(batch)
        if not taken and not self._busy:
            self._notify(f"busy: {batch.requests[0].path} from MIDI input {port} was dropped")
        self._busy = not taken

    def _heard_elsewhere(self, port: str, data: bytes, at_s: float) -> bool:
        """Whether another port brought the same message just now: a source that is opened here
        and also patched to our own input, or seen by two MIDI systems."""
        before = self._heard.get(data)
        if before is not None and before[0] != port and abs(at_s - before[1]) < TWICE_S:
            return True
        if len(self._heard) > 256:
            self._heard.clear()
        self._heard[data] = port, at_s
        return False
