"""The output `jack`: ports for the master and for each deck, played by a process of its own.

Threading: see `bridge.audio.output`. The owner fills the ring; the client's process empties it.
"""

from __future__ import annotations

from contextlib import suppress
from multiprocessing import get_context

from bridge.audio.jack.client import port_names, serve
from bridge.audio.jack.ring import BLOCK, GONE, STARVED, TAKEN, WRITTEN, XRUNS, Ring
from bridge.audio.output import DeviceError
from bridge.audio.pace import Pace
from bridge.time.clock import monotonic_s
from engine.api import Audio

STALL_S = 2.0
"""A server that takes nothing for so long hangs."""
PERIODS = 2
"""Between our ports and the ear, as JACK is mostly set up: JACK-Client does not tell."""
_PATIENCE_S = 10.0
"""For the process to answer: its start takes half a second of a quiet machine."""
_END_S = 1.0


class JackOutput:
    """Plays on the JACK server there is. Once stopped it is of no further use."""

    name = "jack"

    def __init__(self, rate: int, decks: int) -> None:
        """Raises DeviceError if there is no server, or it has another rate."""
        self.rate = rate
        ports = port_names(decks)
        self.channels = len(ports)
        self.latency_s = 0.0
        context = get_context("spawn")
        self._ring = Ring(context, self.channels, 1 << (rate // 2 - 1).bit_length())
        self._counts = self._ring.counts
        self._ours, theirs = context.Pipe()
        self._process = context.Process(
            target=serve, args=(theirs, self._ring, ports), name="jack", daemon=True
        )
        self._process.start()
        theirs.close()
        self._pace = Pace(rate)
        self._last_taken = 0
        self._moved_s = 0.0
        self._running = False
        self._failed = ""
        self._check(rate)

    def _check(self, rate: int) -> None:
        answer = self._answer()
        if not isinstance(answer, int):
            self.stop()
            raise DeviceError(f"output jack: {answer}")
        if answer != rate:
            self.stop()
            raise DeviceError(
                f"the JACK server runs at {answer} Hz, not {rate}: give --rate {answer}"
            )

    def _answer(self) -> object:
        """What the process says, or that it says nothing."""
        with suppress(EOFError, OSError):
            if self._ours.poll(_PATIENCE_S):
                return self._ours.recv()
        return "its process does not answer"

    @property
    def block(self) -> int:
        return int(self._counts[BLOCK])

    @property
    def xruns(self) -> int:
        return int(self._counts[STARVED] + self._counts[XRUNS])

    @property
    def starved(self) -> int:
        return int(self._counts[STARVED])

    @property
    def failed(self) -> str:
        if self._running and not self._failed:
            if self._counts[GONE] or not self._process.is_alive():
                self._failed = "the JACK server has gone"
            elif self.buffered() and monotonic_s() - self._moved_s > STALL_S:
                self._failed = f"the JACK server has taken no sound for {STALL_S:.0f} s"
        return self._failed

    def start(self) -> None:
        with suppress(OSError):
            self._ours.send("play")
        if self._answer() != "playing":
            raise DeviceError("output jack: its process has ended")
        self.latency_s = PERIODS * self.block / self.rate
        self._moved_s = monotonic_s()
        self._running = True

    def stop(self) -> None:
        self._running = False
        self._ours.close()
        self._process.join(_END_S)
        self._process.kill()

    def write(self, audio: Audio) -> None:
        if self._ring.write(audio) < len(audio) and not self.failed:
            raise ValueError(f"{len(audio)} samples do not fit into the ring")

    def buffered(self) -> int:
        self._look()
        return self._ring.buffered

    def taken(self) -> tuple[int, float]:
        return self._look()

    def _look(self) -> tuple[int, float]:
        """How many samples have been taken, and when exactly so many were."""
        taken, now_s = int(self._counts[TAKEN]), monotonic_s()
        if taken != self._last_taken:
            self._last_taken, self._moved_s = taken, now_s
        if not taken or taken == self._counts[WRITTEN]:
            self._pace.restart()  # it stands, or is about to: the line begins anew
            return taken, now_s
        return taken, self._pace.look(taken, now_s)
