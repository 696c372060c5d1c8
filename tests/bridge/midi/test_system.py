from __future__ import annotations

import subprocess
import sys

import pytest

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
