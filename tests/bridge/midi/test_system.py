from __future__ import annotations

import subprocess
import sys

import pytest

from bridge.midi import system
from bridge.midi.system import stable_name


@pytest.mark.parametrize(
    ("source", "system", "name"),
    [
        ("nano:nano MIDI 1 20:0", "ALSA", "nano:nano MIDI 1"),
        ("nanoKONTROL2 1", "Windows", "nanoKONTROL2"),
        ("ardour:MIDI Clock out", "JACK", "ardour:MIDI Clock out"),
        ("Launchpad 2", "CoreMIDI", "Launchpad 2"),
    ],
)
def test_names_lose_what_changes(source: str, system: str, name: str) -> None:
    assert stable_name(source, system) == name


def test_a_machine_without_a_jack_server_is_told_so_and_nothing_is_printed() -> None:
    code = """
from bridge.midi.system import connect_all
for name, connect in connect_all().items():
    try:
        connect().close()
    except OSError as error:
        print(name, error)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True,
        env={"PATH": "/usr/bin:/bin", "JACK_DEFAULT_SERVER": "sideman_no_such_server",
             "SYSTEMROOT": "C:\\\\Windows"},
    )  # fmt: skip
    assert done.stderr == ""
    if sys.platform == "linux":
        assert "JACK no server is running (start jackd; it is looked for again)" in done.stdout


class RtMidi:
    """python-rtmidi with these ports. What it raises is no OSError, where a port has gone."""

    API = 4

    class RtMidiError(Exception):
        pass

    class InvalidPortError(RtMidiError, ValueError):
        pass

    def __init__(self, *names: str) -> None:
        self.names = [name.encode() for name in names]
        self.counted = len(names)
        self.clients = 0

    def MidiIn(self, api: int, _: str) -> RtMidi:  # noqa: N802
        assert api == self.API
        self.clients += 1
        return self

    def ignore_types(self, **_: bool) -> None:
        pass

    def get_port_count(self) -> int:
        return self.counted

    def get_port_name(self, index: int, encoding: str) -> str:
        if index >= len(self.names):
            raise self.InvalidPortError(f"the 'portNumber' argument ({index}) is invalid.")
        return self.names[index].decode(encoding)

    def open_port(self, index: int, _: str) -> None:
        raise self.RtMidiError("no driver")

    def delete(self) -> None:
        self.clients -= 1


def test_a_port_that_goes_while_ports_are_listed_does_not_hide_the_others() -> None:
    rtmidi = RtMidi("Clé 0")
    rtmidi.counted = 2
    assert system._RtMidi(rtmidi, RtMidi.API, "Windows").sources() == ["Clé 0"]


@pytest.mark.parametrize(("source", "reason"), [("one 0", "went while"), ("two 1", "is invalid"),
                                                ("keys 0", "no driver")])  # fmt: skip
def test_a_port_that_cannot_be_opened_says_why_and_leaves_no_client(
    source: str, reason: str
) -> None:
    rtmidi = RtMidi("keys 0")
    midi = system._RtMidi(rtmidi, RtMidi.API, "Windows")
    with pytest.raises(OSError, match=reason):
        midi.open(int(source[-1]), source)
    assert rtmidi.clients == 1, "its own"
