"""Ardour on a screen that nobody sees (Xvfb), with sideman's Lua scripts added to it.

    with jack_server(waits=False), ardour_on_screen(folder, 97.0, scripts) as daw:
        daw.run(scripts[0])

A user adds scripts in two dialogs (Script Manager). What these leave behind is written here: each
script's compiled function with its parameters, made by Ardour's own Lua (`ardour7-lua`).
"""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from bridge.osc.sender import Sender
from tests.peers.ardour import (
    CONFIG,
    NO_CONNECTIONS,
    OSC_PORT,
    Ardour,
    end,
    environment_of,
    new_song,
    program_of,
    started,
    until_it_moves,
)
from tests.peers.conftest import need
from tests.peers.screen import screen
from tests.serving import until

TICKS_PER_S = 282_240_000
"""Ardour 7's "superclock", in which its files give positions."""
SIGNALS, TIMER_DS = 51, 49
"""How many signals Ardour 7.3 has for scripts, and which of them comes ten times a second."""
QUIETLY = ("--no-splash", "--no-announcements", "--disable-plugins")

# It asks for the sound card at its first start unless it finds one here.
ENGINE = """<Extra><AudioMIDISetup><EngineStates>
<State backend="JACK" driver="" device="" input-device="" output-device="" sample-rate="48000"
 buffer-size="1024" n-periods="0" input-latency="0" output-latency="0" input-channels="0"
 output-channels="0" active="1" use-buffered-io="0" midi-option="" lru="1"/>
</EngineStates></AudioMIDISetup></Extra></Ardour>"""

# The state that Ardour's script manager keeps, in hexadecimal: Lua code that makes a table.
COMPILE = """
function ardour () end
local function quoted (o) return string.format ("%q", o) end
local function state (path, params)
  local file = assert (io.open (path))
  local text = file:read ("a")
  file:close ()
  assert (load (text)) ()
  local given = ""
  for key, value in pairs (params) do
    given = given .. "[" .. quoted (key) .. "]=" .. quoted (value) .. ","
  end
  return "{n=" .. quoted (path) .. ",s=" .. quoted (text) .. ",f="
    .. quoted (string.dump (factory, true)) .. ",a={" .. given .. "}}"
end
for _, script in ipairs (SCRIPTS) do
  local code = state (script.path, script.params)
  io.write ((code:gsub (".", function (c) return string.format ("%02x", c:byte ()) end)), "\\n")
end
"""


@dataclass(frozen=True, slots=True)
class Script:
    """A script to add, with what a user would fill in."""

    path: Path
    params: dict[str, str] = field(default_factory=dict)

    @property
    def is_hook(self) -> bool:
        return '"EditorHook"' in self.path.read_text(encoding="utf-8")


@dataclass(frozen=True, slots=True)
class Region:
    """A piece of audio on a track, by the session's file."""

    track: str
    position_samples: float
    length_samples: float
    files: tuple[Path, ...]
    """One for each channel."""


@dataclass(frozen=True, slots=True)
class ArdourOnScreen(Ardour):
    song: Path
    scripts: tuple[Script, ...]

    def run(self, script: Script) -> None:
        """Choose it in Ardour's Edit menu."""
        actions = [each for each in self.scripts if not each.is_hook]
        self.osc.send("/access_action", f"LuaAction/script-{actions.index(script) + 1}")

    def saved(self) -> ElementTree.Element:
        """The session as it is now, from the file that it is saved in."""
        file = self.song / "song.ardour"
        before = file.stat().st_mtime_ns
        self.osc.send("/save_state")
        until(lambda: file.stat().st_mtime_ns != before, "Ardour does not save its session")
        return ElementTree.parse(file).getroot()

    def regions(self, rate: int = 48_000) -> list[Region]:
        """All that lie on tracks."""
        root = self.saved()
        names = {e.get("id"): e.get("name") for e in root.iter("Source")}
        sources = self.song / "interchange" / "song" / "audiofiles"
        found = []
        for playlist in root.iter("Playlist"):
            track = next(
                (
                    r.get("name")
                    for r in root.iter("Route")
                    if r.get("audio-playlist") == playlist.get("id")
                ),
                "",
            )
            for region in playlist.iter("Region"):
                length, _, position = str(region.get("length")).partition("@")
                files = (
                    names[region.get(f"source-{c}")]
                    for c in range(int(region.get("channels", "0")))
                )
                found.append(
                    Region(
                        str(track),
                        _samples(position, rate),
                        _samples(length, rate),
                        tuple(sources / str(name) for name in files),
                    )
                )
        return found

    def tracks(self) -> list[str]:
        return [str(route.get("name")) for route in self.saved().iter("Route")]


def _samples(place: str, rate: int) -> float:
    """`a` and a number: audio time."""
    assert re.fullmatch(r"a\d+", place), place
    return int(place[1:]) * rate / TICKS_PER_S


@contextmanager
def ardour_on_screen(
    folder: Path, bpm: float, scripts: Sequence[Script]
) -> Iterator[ArdourOnScreen]:
    """Ardour with an empty song in 4/4, stopped at its start. Skips the test if it is not here."""
    environment = environment_of(folder)
    config = folder / "home" / "config" / "ardour7"
    (config / ".a7").touch()  # not its first start on this machine
    (config / "config").write_text(CONFIG.replace("</Ardour>", ENGINE))
    (config / "ui_scripts").write_text(_added(folder, environment, scripts))
    song = new_song(folder, environment, bpm)
    with screen() as display:
        environment = {
            **environment,
            "DISPLAY": display,
            "GTK_PATH": "/etc/ardour7:/usr/lib/ardour7",
        }
        command = [str(program_of("ardour")), *NO_CONNECTIONS, *QUIETLY, str(song / "song.ardour")]
        process = started(command, environment, folder, until_it_moves)
        try:
            with Sender("127.0.0.1", OSC_PORT) as osc:
                yield ArdourOnScreen(process, osc, song, tuple(scripts))
        finally:
            end(process)


def _added(folder: Path, environment: dict[str, str], scripts: Sequence[Script]) -> str:
    """The file in which Ardour keeps the scripts that were added."""
    actions, hooks = "", ""
    for script, state in zip(scripts, _compiled(folder, environment, scripts), strict=True):
        if script.is_hook:
            signals = f"{1 << TIMER_DS:0{SIGNALS}b}"
            hooks += (
                f'<LuaCallback lua="Lua 5.3" id="{9000 + len(hooks)}" name="{script.path.stem}"'
                f' signals="{signals}">{_base64(b"s = " + state)}</LuaCallback>'
            )
        else:
            number = actions.count(" scripts[") + 1
            actions += f" scripts[{number}] = " + state.decode("latin-1")
    code = _base64(b"scripts = {}" + actions.encode("latin-1"))
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><UIScripts><ActionScript lua="Lua 5.3">{code}'
        f"</ActionScript><ActionHooks>{hooks}</ActionHooks></UIScripts>"
    )


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode("ascii")


def _compiled(folder: Path, environment: dict[str, str], scripts: Sequence[Script]) -> list[bytes]:
    entries = ""
    for script in scripts:
        params = ", ".join(f"[{json.dumps(k)}] = {json.dumps(v)}" for k, v in script.params.items())
        entries += f"{{ path = {json.dumps(str(script.path))}, params = {{ {params} }} }},\n"
    said = ardour_lua(folder, f"SCRIPTS = {{ {entries} }}\n{COMPILE}", environment)
    return [bytes.fromhex(line) for line in said.splitlines()]


def ardour_lua(folder: Path, code: str, environment: dict[str, Any] | None = None) -> str:
    """What the code prints in Ardour's own Lua, which has all of Ardour but its windows."""
    file = folder / "code.lua"
    file.write_text(code, encoding="utf-8")
    command = [need("ardour7-lua"), str(file)]
    done = subprocess.run(
        command, env=environment or dict(os.environ), capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert not done.stderr, done.stderr
    return done.stdout
