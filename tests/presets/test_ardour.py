"""The dialect for Ardour against what Ardour 7.3 was heard to say, and its scripts in a plain Lua
interpreter. In a running Ardour they are tested in `tests/peers/test_ardour_preset.py`."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from bridge.clips.info import ClipInfo
from bridge.clips.wav import write_wav
from bridge.dialects.host import Host
from bridge.dialects.load import load_dialect
from bridge.osc.packet import Message
from bridge.presets import presets_folder
from bridge.row import Value
from bridge.table import Table
from tests.peers.conftest import need

FOLDER = presets_folder() / "ardour"
SCRIPTS = sorted(FOLDER.glob("*.lua"))
TABLE = Table(decks=4)

Heard = list[tuple[str, *tuple[Value, ...]]]


def transport(plays: bool) -> Heard:
    """What Ardour 7.3 says when its transport changes: all of this, and a start twice."""
    play, stop = float(plays), float(not plays)
    return [
        ("/loop_toggle", 0.0),
        ("/transport_play", play),
        ("/toggle_roll", play),
        ("/transport_stop", stop),
        ("/rewind", 0.0),
        ("/ffwd", 0.0),
    ]


def greeting(plays: bool) -> Heard:
    """Its answer to `/set_surface`, each time."""
    return [
        ("/master/name", "Master"),
        ("/master/mute", 0.0),
        ("/master/trimdB", 0.0),
        ("/master/pan_stereo_position", 0.5),
        ("/master/gain", 0.0),
        *transport(plays),
        ("/rec_enable_toggle", 0.0),
        ("/record_tally", 0.0),
        ("/marker", "No Marks"),
        ("/session_name", "song"),
        ("/cancel_all_solos", 0.0),
        ("/click/level", 0.78),
        ("/group/list", "none"),
        ("/toggle_punch_in", 0.0),
        ("/toggle_punch_out", 0.0),
        ("/toggle_click", 0.0),
        ("/jog/mode/name", "Jog"),
        ("/jog/mode", 0),
    ]


def meant(host: Host, messages: Iterable[tuple[str, *tuple[Value, ...]]]) -> list[str]:
    """The addresses that come of it here, each checked against the table."""
    found = []
    for address, *args in messages:
        understood = host.understand(Message(address, tuple(args)))
        assert understood is not None, f"{address} would be an error"
        if understood[1] is not None:
            TABLE.resolve(understood[1].address, understood[1].args)
            found.append(understood[1].address)
    return found


class TestDialect:
    @pytest.fixture
    def host(self) -> Host:
        return Host(load_dialect("ardour"), TABLE)

    def test_start_and_stop_are_understood_once(self, host: Host) -> None:
        meant(host, greeting(plays=False))
        assert meant(host, transport(plays=True)) == ["/play"]
        assert meant(host, transport(plays=True)) == []
        assert meant(host, transport(plays=False)) == ["/stop"]

    @pytest.mark.parametrize("plays", [True, False])
    def test_to_be_greeted_changes_nothing_here(self, host: Host, plays: bool) -> None:
        """Ardour may be started in the middle of a concert."""
        assert meant(host, greeting(plays)) == []
        assert meant(host, greeting(plays)) == []

    def test_a_stop_that_ardour_kept_to_itself_is_heard_with_the_next_greeting(
        self, host: Host
    ) -> None:
        meant(host, greeting(plays=True))
        assert meant(host, greeting(plays=False)) == ["/stop"]


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
class TestScripts:
    @pytest.mark.peer
    def test_it_compiles(self, path: Path) -> None:
        done = subprocess.run([need("luac5.4"), "-p", path], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr

    def test_what_it_sends_is_taken(self, path: Path) -> None:
        text = path.read_text(encoding="utf-8").replace('deck .. "', '"/deck/1/')
        values: dict[str, Value] = {"s": "dub techno", "f": 120.0}
        for address, tags in re.findall(r':send \("([^"]+)", "(\w*)"', text):
            TABLE.resolve(address, [values[tag] for tag in tags])

    def test_ardour_finds_it_in_its_list(self, path: Path) -> None:
        text = path.read_text(encoding="utf-8")
        kind = re.search(r'\["type"\] = "(\w+)"', text)
        assert kind is not None
        assert kind[1] in ("EditorAction", "EditorHook")
        assert re.search(r'name = "sideman: .+"', text)

    def test_nothing_that_runs_stands_outside_its_factory(self, path: Path) -> None:
        """Ardour keeps the factory's code alone: it would miss what is local to the file."""
        assert not re.search(r"^local ", path.read_text(encoding="utf-8"), re.MULTILINE)


STUB = """
function ardour () end
ARDOUR = {
  LuaAPI = { build_filename = function (a, b) return a .. "/" .. b end },
  SrcQuality = {}, MidiTrackNameSource = {}, MidiTempoMapDisposition = {},
  PluginInfo = function () end, Track = function () end,
}
Editing, LuaDialog = {}, { MessageType = {}, ButtonType = {} }
Temporal = { timepos_t = function (sample) return sample end }
C = {}
function C.StringVector () return { push_back = function (self, path) self[1] = path end } end
Session = { transport_sample = function () return 4800 end }
Editor = { do_import = function (_, files, ...) print ("import", files[1], (select (6, ...))) end }
LuaDialog.Message = function (_, text) return { run = function () print ("say", text) end } end
dofile (%(script)s)
factory ({ folder = %(folder)s }) ()
"""

CLIP = ClipInfo(
    prompt="house", bpm=120.0, bars=1, numerator=4, denominator=4, seed=1, engine="groove"
)


@pytest.mark.peer
class TestImport:
    @pytest.fixture
    def clips(self, tmp_path: Path) -> Path:
        """Clips of which the newest is neither first nor last by name, in a folder that a shell
        could take for something else."""
        folder = tmp_path / "it's $(mine)"
        folder.mkdir()
        noon = datetime.fromisoformat("2026-11-22T12:00:00.250000+00:00")
        for name, made in {"b": noon, "c": noon + timedelta(seconds=3), "d": noon}.items():
            clip(folder / f"{name}.wav", made)
        return folder

    def test_the_newest_finished_clip_is_imported_at_the_playhead(self, clips: Path) -> None:
        shutil.copy(clips / "c.wav", clips / "e.wav.part")
        clip(clips / "master_20261122_120500.wav", datetime(2027, 1, 1).astimezone())
        (clips / "z_foreign.wav").write_bytes(b"RIFF....WAVE")
        assert run(clips) == ["import", str(clips / "c.wav"), "4800"]

    def test_a_folder_at_home_is_found(self, clips: Path) -> None:
        assert run(clips, f"~/{clips.name}")[:2] == ["import", str(clips / "c.wav")]

    def test_an_empty_folder_is_told(self, tmp_path: Path) -> None:
        said, text = run(tmp_path)
        assert said == "say"
        assert str(tmp_path) in text


def clip(path: Path, created: datetime) -> None:
    write_wav(path, np.zeros((96_000, 2), np.float32), 48_000, replace(CLIP, created=created))


def run(folder: Path, written: str = "") -> list[str]:
    """What the script for import did with Ardour, its folder `written` otherwise than it is."""
    script = FOLDER / "sideman_import_newest_clip.lua"
    code = STUB % {"script": json.dumps(str(script)), "folder": json.dumps(written or f"{folder}/")}
    home = {**os.environ, "HOME": str(folder.parent)}
    done = subprocess.run(
        [need("lua5.4"), "-"], input=code, env=home, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.rstrip("\n").split("\t")
