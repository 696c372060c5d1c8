"""A sound device, through rtmixer: its callback is C and takes from a ring without any Python.

Threading: see `bridge.audio.output`. The owner fills the ring; the device's callback, on a thread
of PortAudio's, empties it. Making and stopping one takes long: any thread may make it and hand
it to its owner.

rtmixer drops a ring from its callback the moment it finds less than a block there. That is an
xrun: it is seen at the owner's next call, and the ring is handed in again once it holds enough.
"""

from __future__ import annotations

import importlib
import time
from typing import Any

import numpy as np

from bridge.audio import portaudio
from bridge.audio.output import DeviceError
from bridge.audio.pace import Pace
from bridge.time.clock import monotonic_s
from engine.api import Audio

PREFILL_BLOCKS = 2
"""What must be there for play to begin: one to take at once, one for the next time."""
STALL_S = 2.0
"""A device that takes nothing for so long has gone, whatever its driver says."""
STARTUP_S = 2.0


class DeviceOutput:
    """Plays on one device. Opens it when made; once stopped it is of no further use."""

    channels = 2

    def __init__(self, device: portaudio.Device, rate: int, block: int) -> None:
        """Raises DeviceError if the device cannot be opened at that rate and block."""
        self.name = device.name
        self.rate = rate
        self.block = block
        self._device = device
        self._mixer = portaudio.open_mixer(device, rate, block)
        self.latency_s = device.low_latency_s
        self._columns = int(self._mixer.channels)
        capacity = 1 << (max(rate // 2, 16 * block) - 1).bit_length()
        ring_class: Any = importlib.import_module("rtmixer").RingBuffer
        self._ring = ring_class(4 * self._columns, capacity)
        self._action: Any = None  # the ring's place in the callback, while it has one
        self._running = False
        self._failed = ""
        self._written = 0
        self._starved = 0
        self._underflows = 0  # of actions that are over
        self._told = 0  # of the one that plays
        self._pace = Pace(rate)
        self._last_taken = 0
        self._moved_s = 0.0

    @property
    def xruns(self) -> int:
        """Our gaps, and those that the device's own driver told of."""
        self._watch()
        return self._starved + self._underflows + self._told

    @property
    def starved(self) -> int:
        self._watch()
        return self._starved

    @property
    def failed(self) -> str:
        if self._running and not self._failed:
            if not self._mixer.active:
                self._failed = f"{self.name!r} has gone or its driver ended"
            elif self._stalled():
                self._failed = f"{self.name!r} has taken no sound for {STALL_S:.0f} s"
        return self._failed

    def start(self) -> None:
        try:
            self._mixer.start()
        except Exception as error:  # PortAudioError, which cannot be named without loading it
            raise DeviceError(f"cannot start {self.name!r}: {error}") from error
        # Some drivers, JACK's among them, do not say.
        self.latency_s = float(self._mixer.latency) or self._device.low_latency_s
        if self._device.decides_block:
            self.block = self._given_block()
        self._running = True
        self._moved_s = monotonic_s()
        self._watch()

    def stop(self) -> None:
        if self._mixer is not None:
            dead = bool(self.failed)
            self._running = False
            self._action = None
            mixer, self._mixer = self._mixer, None
            portaudio.close_mixer(mixer, dead=dead)

    def write(self, audio: Audio) -> None:
        if self._columns == 1:
            audio = audio.mean(axis=1, dtype=np.float32)
        written = self._ring.write(np.ascontiguousarray(audio, np.float32))
        self._written += written
        if written < len(audio) and not self.failed:
            raise ValueError(f"{len(audio)} samples do not fit into the device's ring")
        self._watch()

    def buffered(self) -> int:
        self._watch()
        return self._look()[0]

    def taken(self) -> tuple[int, float]:
        self._watch()
        left, at_s = self._look()
        return self._written - left, at_s

    def _look(self) -> tuple[int, float]:
        """Samples in the ring, and when exactly so many were."""
        left = int(self._ring.read_available)
        now_s = monotonic_s()
        taken = self._written - left
        if taken != self._last_taken:
            self._last_taken, self._moved_s = taken, now_s
        at_s = now_s if self._action is None else self._pace.look(taken, now_s)
        return left, at_s

    def _watch(self) -> None:
        """Notice that the callback has dropped the ring; hand it in (again) when it can play."""
        if not self._running:
            return
        if self._action is not None and self._action not in self._mixer.actions:
            self._underflows += int(self._action.stats.output_underflows)
            self._starved += 1
            self._told = 0
            self._action = None
        if self._action is not None and self._told != self._action.stats.output_underflows:
            self._told = int(self._action.stats.output_underflows)
            self._pace.restart()  # the driver stood still, so the line begins anew
        enough = self.block * PREFILL_BLOCKS
        if self._action is None and self._ring.read_available >= enough:
            self._pace.restart()
            self._moved_s = monotonic_s()
            self._action = self._mixer.play_ringbuffer(self._ring)

    def _stalled(self) -> bool:
        self._look()
        return self._action is not None and monotonic_s() - self._moved_s > STALL_S

    def _given_block(self) -> int:
        """How many samples the callback is asked for, from its own statistics."""
        request = self._mixer.fetch_and_reset_stats()
        end_s = monotonic_s() + STARTUP_S
        while request in self._mixer.actions:
            if monotonic_s() > end_s:
                raise DeviceError(f"{self.name!r} asks for no sound; is its server running?")
            time.sleep(0.001)
        return int(request.stats.max_blocksize)
