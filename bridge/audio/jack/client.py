"""Our client of the JACK server, in a process of its own.

Its callback is Python: JACK-Client has no other, and PortAudio, whose callback is C, gives all
decks one pair of ports. Here nothing else wants the interpreter, so the callback gets it at once,
and copies. What goes wrong with JACK's library goes wrong here, and not in the bridge.

Threading: JACK calls `_Client`'s callbacks on a thread of its own; they touch the ring's counts
and the ports' buffers. The rest is the process's main thread, which waits for a word.
"""

from __future__ import annotations

import gc
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from bridge.audio.jack.ring import BLOCK, GONE, STARVED, XRUNS, Ring

NAME = "sideman-decks"
"""Another name than that of our MIDI ports, which are a JACK client, too."""
TITLE = "sideman-jack"
PREFILL_BLOCKS = 2
"""What must be there for play to begin: one to take at once, one for the next time."""


def port_names(decks: int) -> list[str]:
    """The ports, in the order of an output's columns."""
    names = ["master", *(f"deck_{number}" for number in range(1, decks + 1))]
    return [f"{name}_{side}" for name in names for side in ("left", "right")]


def serve(connection: Connection, ring: Ring, ports: Sequence[str]) -> None:
    """Open the client and answer its rate, or why not; play from the first word that comes
    until the other end is closed, which it is however the bridge ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the bridge to obey
    if sys.platform != "win32":
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with suppress(OSError):
        Path("/proc/self/comm").write_text(TITLE)
    try:
        client = _Client(ring, ports)
    except RuntimeError as error:
        connection.send(str(error))
        return
    gc.collect()
    gc.freeze()
    connection.send(client.rate)
    with suppress(EOFError, OSError):
        connection.recv()
        client.play()
        connection.send("playing")
        connection.recv()
    client.close()


class _Client:
    def __init__(self, ring: Ring, ports: Sequence[str]) -> None:
        """Raises RuntimeError with the remedy."""
        self._ring = ring
        self._playing = False
        self._jack = jack = _library()
        try:
            self._client: Any = jack.Client(NAME, no_start_server=True)
        except jack.JackError:
            raise RuntimeError(
                "no JACK server runs: start one, or PipeWire with its JACK"
            ) from None
        self._ports = [self._client.outports.register(name) for name in ports]
        self._client.set_process_callback(self._process)
        self._client.set_xrun_callback(self._xrun)
        self._client.set_shutdown_callback(self._gone)
        self._client.set_blocksize_callback(self._resized)
        self.rate = int(self._client.samplerate)
        ring.counts[BLOCK] = self._client.blocksize

    def play(self) -> None:
        """Begin, with the master on the sound card."""
        self._client.activate()
        speakers = self._client.get_ports(is_physical=True, is_input=True, is_audio=True)
        for port, speaker in zip(self._ports[:2], speakers[:2], strict=False):
            with suppress(self._jack.JackError):
                self._client.connect(port, speaker)

    def close(self) -> None:
        if not self._ring.counts[GONE]:
            self._client.deactivate()
            self._client.close()

    def _process(self, samples: int) -> None:
        buffers = [port.get_array() for port in self._ports]
        there = self._ring.buffered
        self._playing = self._playing or there >= PREFILL_BLOCKS * samples
        if self._playing and there >= samples:
            self._ring.read_into(buffers, samples)
            return
        for buffer in buffers:
            buffer[:] = 0.0
        self._ring.counts[STARVED] += self._playing
        self._playing = False

    def _xrun(self, _delayed_us: float) -> None:
        self._ring.counts[XRUNS] += 1

    def _gone(self, _status: object, _reason: str) -> None:
        self._ring.counts[GONE] = 1

    def _resized(self, samples: int) -> None:
        self._ring.counts[BLOCK] = samples


def _library() -> Any:
    """JACK-Client, with its library's messages off our standard output."""
    try:
        import jack
    except (ImportError, OSError) as error:
        raise RuntimeError(f"{error}; install JACK, or PipeWire with its JACK") from None
    jack.set_error_function(lambda _message: None)
    jack.set_info_function(lambda _message: None)
    return jack
