"""Ardour without a screen, on a JACK server of ours: a real DAW whose MIDI clock is followed.

    with jack_server(waits=False), ardour(folder, 97.0) as daw, tick_tape(CLOCK_OUT) as tape:
        daw.play()

Ardour keeps its OSC port to itself (3819), so one runs at a time.

Threading: a `TickTape` is filled on JACK's process thread and read on the test's.
"""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bridge.osc.sender import NoServer, Sender
from engine.api import Audio
from tests.peers.conftest import absent, need
from tests.peers.jack import client

OSC_PORT = 3819
CLOCK_OUT = "ardour:MIDI Clock out"
START_S = 6.0
"""It takes half a second."""
TRIES = 8
NO_CONNECTIONS = ("--no-connect-ports",)
"""The fewer it asks JACK for, the fewer starts are lost."""
POLL_S = 0.1
CLOCK, START, CONTINUE, STOP, POSITION = 0xF8, 0xFA, 0xFB, 0xFC, 0xF2

CONFIG = """<?xml version="1.0" encoding="UTF-8"?>
<Ardour><Config><Option name="send-midi-clock" value="1"/></Config></Ardour>
"""
OSC_SET = (
    'debugmode="0" address-only="0" remote-port="8000" banksize="0" striptypes="159" feedback="0"'
    ' gainmode="0" send-page-size="0" plug-page-size="0"'
)
"""Without these it does not answer."""


@dataclass(frozen=True, slots=True)
class Ardour:
    process: subprocess.Popen[bytes]
    osc: Sender

    def send(self, address: str) -> None:
        self.osc.send(address)

    def play(self) -> None:
        self.send("/transport_play")

    def stop(self) -> None:
        self.send("/transport_stop")

    def plays(self) -> bool:
        try:
            return self.frame() > 0
        except NoServer:
            return False

    def stands(self) -> bool:
        """Whether it has come to rest: it fades before it stops."""
        before = self.frame()
        time.sleep(POLL_S)
        return self.frame() == before

    def goes_to(self, frame: int) -> bool:
        """Whether it is there; it does not listen while it loads."""
        self.osc.send("/locate", frame, 0)
        try:
            return self.frame() == frame
        except NoServer:
            return False

    def frame(self) -> int:
        """Its transport's position in samples."""
        (frame,) = self.osc.ask("/transport_frame")
        assert isinstance(frame, int)
        return frame


@contextmanager
def ardour(folder: Path, bpm: float) -> Iterator[Ardour]:
    """Ardour with an empty song in 4/4, at its start, stopped, its MIDI clock on.

    Skips the test if Ardour is not installed.
    """
    environment = environment_of(folder)
    song = new_song(folder, environment, bpm)
    command = [str(program_of("hardour")), *NO_CONNECTIONS, str(song), "song"]
    process = started(command, environment, folder, _until_it_plays)
    try:
        with Sender("127.0.0.1", OSC_PORT) as osc:
            daw = Ardour(process, osc)
            daw.stop()
            _until(daw.stands, process, "stop")
            daw.send("/goto_start")
            _until(lambda: daw.frame() == 0, process, "go to its start")
            yield daw
    finally:
        end(process)


def new_song(folder: Path, environment: dict[str, str], bpm: float) -> Path:
    """The folder of an empty session."""
    song = folder / "song"
    session = [need("ardour7-new_session"), str(song), "song"]
    subprocess.run(session, env=environment, capture_output=True, timeout=60, check=True)
    _prepare(song / "song.ardour", bpm)
    return song


def started(
    command: Sequence[str],
    environment: dict[str, str],
    folder: Path,
    ready: Callable[[subprocess.Popen[bytes]], None],
) -> subprocess.Popen[bytes]:
    """Ardour, once it is `ready`.

    It asks JACK from several threads at once while it loads, and now and then JACK loses count,
    and drops it; then it is started again.
    """
    command = [need("setpriv"), "--pdeathsig", "TERM", *command]
    null = subprocess.DEVNULL
    for _ in range(TRIES):
        with (folder / "ardour.log").open("wb") as log:
            process = subprocess.Popen(command, env=environment, stdin=null, stdout=log, stderr=log)
        try:
            ready(process)
        except AssertionError:
            end(process)
        else:
            return process
    raise AssertionError(f"Ardour did not start in {TRIES} tries")


def _until_it_plays(process: subprocess.Popen[bytes]) -> None:
    """Without a screen it begins by itself."""
    until_loaded(process)
    with Sender("127.0.0.1", OSC_PORT) as osc:
        _until(Ardour(process, osc).plays, process, "play")


def until_it_moves(process: subprocess.Popen[bytes]) -> None:
    """Loaded, standing and heard by JACK: it goes where it is told, and back to its start."""
    until_loaded(process)
    with Sender("127.0.0.1", OSC_PORT) as osc:
        daw = Ardour(process, osc)
        for frame in (4800, 0):
            _until(lambda frame=frame: daw.goes_to(frame), process, "move")  # type: ignore[misc]


def until_loaded(process: subprocess.Popen[bytes]) -> None:
    _until(lambda: _has_loaded(process.pid), process, "load")


def program_of(name: str) -> Path:
    """`ardour` or, without a screen, `hardour`: the program itself, with a library of its own that
    its wrapper names."""
    folder = Path(need("ardour")).resolve().parent.parent / "lib" / "ardour7"
    found = sorted(folder.glob(f"{name}-7*"))
    if not found:
        absent(f"Ardour 7 ({name})", "apt-get install ardour, of Debian 12")
    return found[0]


def environment_of(folder: Path) -> dict[str, str]:
    """What Ardour's wrapper script sets, the folder of its surfaces, and a home of its own."""
    library, home = program_of("hardour").parent, folder / "home"
    config = home / "config" / "ardour7"
    config.mkdir(parents=True)
    (config / "config").write_text(CONFIG)
    return {
        **os.environ,
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home / "config"),
        "XDG_CACHE_HOME": str(home / "cache"),
        "LD_LIBRARY_PATH": str(library),
        "ARDOUR_DATA_PATH": "/usr/share/ardour7",
        "ARDOUR_CONFIG_PATH": "/etc/ardour7",
        "ARDOUR_DLL_PATH": str(library),
        "ARDOUR_SURFACES_PATH": str(library / "surfaces"),
    }


def _prepare(session: Path, bpm: float) -> None:
    """Turn OSC on and set the song's tempo."""
    text = session.read_text()
    text, surfaces = re.subn(
        r'(<Protocol name="Open Sound Control \(OSC\)" active=)"0"', rf'\1"1" {OSC_SET}', text
    )
    text, tempos = re.subn(r'<Tempo npm="120" enpm="120"', f'<Tempo npm="{bpm}" enpm="{bpm}"', text)
    assert surfaces == tempos == 1, "Ardour writes its sessions in another way"
    session.write_text(text)


def _until(condition: Callable[[], bool], process: subprocess.Popen[bytes], what: str) -> None:
    end_s = time.monotonic() + START_S
    while time.monotonic() < end_s and process.poll() is None and not _is_dropped(process):
        if condition():
            return
        time.sleep(POLL_S)
    raise AssertionError(f"Ardour does not {what}")


def _is_dropped(process: subprocess.Popen[bytes]) -> bool:
    """Whether JACK has let go of it, by what it printed: it does not notice by itself."""
    return b"JACK HALTED" in Path(f"/proc/{process.pid}/fd/1").read_bytes()


def _has_loaded(pid: int) -> bool:
    """Whether the song is there: a message before it has its master ends Ardour 7.3. The thread
    that connects its tracks comes last. (JACK knows too, but drops Ardour now and then if another
    client asks while it loads.)"""
    names = (path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/comm"))
    return "autoconnect\n" in names


def end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


class TickTape:
    """What a MIDI output sends, and what audio outputs play beside it, on one timeline."""

    def __init__(self, jack_client: Any, port: str, audio: Sequence[str], seconds: float) -> None:
        self.rate = int(jack_client.samplerate)
        self.events: list[tuple[int, bytes]] = []
        """At which sample of the tape, and the message."""
        self.samples = 0
        """So far, by JACK's time: a period that is missed leaves a hole, and nothing moves."""
        self._client = jack_client
        self._first: int | None = None
        self._buffer = np.zeros((len(audio), int(seconds * self.rate)), np.float32)
        self._midi = jack_client.midi_inports.register("in")
        self._audio = [jack_client.inports.register(f"in_{i}") for i in range(len(audio))]
        jack_client.set_process_callback(self._process)
        jack_client.activate()
        jack_client.connect(port, self._midi)
        for source, target in zip(audio, self._audio, strict=True):
            jack_client.connect(source, target)

    def _process(self, frames: int) -> None:
        now = self._client.last_frame_time
        self._first = now if self._first is None else self._first
        self.samples = now - self._first
        for offset, data in self._midi.incoming_midi_events():
            self.events.append((self.samples + offset, bytes(data)))
        n = min(frames, self._buffer.shape[1] - self.samples)
        for row, source in zip(self._buffer, self._audio, strict=True):
            row[self.samples : self.samples + n] = source.get_array()[:n]

    def ticks(self) -> list[int]:
        """The samples of the clock's ticks so far, from the last start or continue on."""
        ticks: list[int] = []
        for sample, message in list(self.events):
            if message[0] in (START, CONTINUE):
                ticks.clear()
            elif message[0] == CLOCK:
                ticks.append(sample)
        return ticks

    def wait_for_ticks(self, count: int, deadline_s: float = 60.0) -> list[int]:
        """Wait until `count` have come since the last start."""
        end_s = time.monotonic() + deadline_s
        while len(ticks := self.ticks()) < count:
            assert time.monotonic() < end_s, f"{len(ticks)} of {count} ticks came"
            time.sleep(POLL_S)
        return ticks

    def audio(self) -> Audio:
        """A copy of all so far, float32 `[samples, ports]`."""
        return self._buffer[:, : self.samples].T.copy()


@contextmanager
def tick_tape(port: str, audio: Sequence[str] = (), seconds: float = 60.0) -> Iterator[TickTape]:
    """Record a MIDI output, and audio outputs, by their full names, until the block ends."""
    jack_client = client("sideman-ticks")
    try:
        yield TickTape(jack_client, port, audio, seconds)
    finally:
        jack_client.deactivate()
        jack_client.close()
