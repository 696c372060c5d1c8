"""The presets in daw_presets/ against the protocol table.

What a preset would send must be taken by a server of four decks, and what it listens to must be
something that a server sends.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from bridge.addresses import Access, Table, Value
from bridge.clips.info import ClipInfo
from bridge.clips.wav import write_wav
from tests.peers.conftest import need

PRESETS = Path(__file__).parent.parent / "daw_presets"
TABLE = Table(decks=4)
SESSION = PRESETS / "open-stage-control" / "sideman.json"
PATTERNS = PRESETS / "reaper" / "sideman.ReaperOSC"
ACTION = PRESETS / "reaper" / "sideman_import_newest_clip.lua"

Widget = dict[str, Any]

Pattern = tuple[str, str, str]
"""REAPER's action, the flag, the address."""


def takes(address: str, values: Sequence[Value]) -> None:
    """Fail with the server's own words if it would not take this message."""
    TABLE.resolve(address, values)


@pytest.mark.parametrize("folder", [p for p in sorted(PRESETS.iterdir()) if p.is_dir()])
def test_every_preset_says_how_to_install_it(folder: Path) -> None:
    text = (folder / "README.md").read_text(encoding="utf-8")
    assert "## Three steps" in text
    assert "## Known limits" in text


@pytest.fixture(scope="module")
def widgets() -> list[Widget]:
    """All widgets of the Open Stage Control session, the root first."""
    return list(below(json.loads(SESSION.read_text(encoding="utf-8"))["content"]))


class TestOpenStageControl:
    # From the widgets' own lists of defaults in Open Stage Control 1.30; a word that is not among
    # them would be silently ignored there.
    COMMON = frozenset(
        "type id comments width height expand colorWidget padding default value bypass address "
        "typeTags decimals".split()
    )
    CONTAINER = frozenset("layout gridTemplate scroll widgets tabs".split())
    OWN: ClassVar = {
        "root": CONTAINER | {"onCreate"},
        "tab": CONTAINER | {"label"},
        "panel": CONTAINER,
        "text": frozenset({"align"}),
        "button": frozenset("label mode on off doubleTap decoupled".split()),
        "input": frozenset("align numeric".split()),
        "fader": frozenset("range pips".split()),
        "knob": frozenset("range doubleTap".split()),
        "switch": frozenset("values layout".split()),
    }

    def test_the_file_is_a_session(self) -> None:
        session = json.loads(SESSION.read_text(encoding="utf-8"))
        head = (session["createdWith"], session["type"], session["content"]["type"])
        assert head == ("Open Stage Control", "session", "root")

    def test_widgets_are_such_as_it_knows(self, widgets: list[Widget]) -> None:
        for widget in widgets:
            unknown = set(widget) - self.COMMON - self.OWN[widget["type"]]
            assert not unknown, widget["id"]

    def test_ids_are_unique(self, widgets: list[Widget]) -> None:
        # Widgets of one id are clones there, and follow each other.
        ids = [widget["id"] for widget in widgets]
        assert len(ids) == len(set(ids))

    def test_what_it_sends_is_taken(self, widgets: list[Widget]) -> None:
        for widget in widgets:
            if not widget.get("bypass") and widget["type"] != "text":
                for values in sent(widget):
                    takes(widget["address"], values)

    def test_what_it_shows_is_sent_by_the_server(self, widgets: list[Widget]) -> None:
        shown = [w["address"] for w in widgets if w["type"] == "text" and not w.get("bypass")]
        assert {"/beat/str", "/error", "/deck/1/state"} <= set(shown)
        assert set(shown) <= set(TABLE)

    def test_containers_and_labels_send_nothing(self, widgets: list[Widget]) -> None:
        # A tab that is chosen, or a panel that is scrolled, would send its own id otherwise.
        for widget in widgets:
            if "address" not in widget:
                assert widget.get("bypass"), widget["id"]

    def test_scripts_only_subscribe(self, widgets: list[Widget]) -> None:
        scripts = [w[key] for w in widgets for key in w if re.fullmatch("on[A-Z].*", key)]
        assert scripts == ['send("/subscribe")']
        takes("/subscribe", [])

    def test_ranges_are_the_tables(self, widgets: list[Widget]) -> None:
        """A knob that stops short of the table's range would hide values."""
        partial = {"/deck/N/morph"}  # 0..1024 beats is no range for a knob
        for widget in widgets:
            if widget["type"] in ("knob", "fader"):
                (request,) = TABLE.resolve(widget["address"], [widget["range"]["max"]])
                arg = request.row.args[0]
                if request.row.path not in partial:
                    assert (widget["range"]["min"], widget["range"]["max"]) == (arg.low, arg.high)

    def test_it_reaches_all_decks_sixteen_slots_and_the_panic_button(
        self, widgets: list[Widget]
    ) -> None:
        addresses = {widget.get("address") for widget in widgets}
        parts = "prompt play stop level mute solo temperature guidance top_k morph state".split()
        assert {f"/deck/{n}/{part}" for n in range(1, 5) for part in parts} <= addresses
        assert {f"/slot/{n}/launch" for n in range(1, 17)} <= addresses
        assert {"/panic", "/play", "/stop", "/tempo", "/tempo/tap", "/grid"} <= addresses


def below(widget: Widget) -> Iterator[Widget]:
    """The widget and all inside it."""
    yield widget
    for child in [*widget.get("widgets", []), *widget.get("tabs", [])]:
        yield from below(child)


def sent(widget: Widget) -> list[tuple[Value, ...]]:
    """The argument lists that a widget can send, at the ends of its range."""
    match widget["type"], widget.get("mode"):
        case "button", "momentary":
            return [()]
        case "button", "toggle":
            return [(tagged(widget, widget["on"]),), (tagged(widget, widget["off"]),)]
        case "button", "tap":
            decks = range(1, 5) if widget["on"] == "@{to_deck}" else [widget["on"]]
            return [(tagged(widget, value),) for value in decks]
        case "fader" | "knob", _:
            return [(tagged(widget, widget["range"][end]),) for end in ("min", "max")]
        case "switch", _:
            return [(tagged(widget, value),) for value in widget["values"]]
        case "input", _:
            return [(tagged(widget, widget.get("default", "808, but slower")),)]
    raise AssertionError(f"a widget that this test cannot read: {widget['id']}")


def tagged(widget: Widget, value: Any) -> Value:
    """`value` as it goes out, by the widget's type tag."""
    kinds: dict[str, Callable[[Any], Value]] = {"i": int, "f": float, "s": str}
    return kinds[widget["typeTags"]](value)


@pytest.fixture(scope="module")
def patterns() -> list[Pattern]:
    lines = PATTERNS.read_text(encoding="ascii").splitlines()
    rows = [line.split() for line in lines if line and not line.startswith("#")]
    return [(action, word[0], word[1:]) for action, *words in rows for word in words]


class TestReaperPatterns:
    # Of REAPER's actions, those that this file may name. An unknown one voids the whole file.
    ACTIONS = frozenset({"TEMPO", "PLAY", "STOP"})

    def test_actions_and_flags_are_reapers(self, patterns: list[Pattern]) -> None:
        assert {action for action, _, _ in patterns} == self.ACTIONS
        assert all(flag in "nfbtrsi" and path[0] == "/" for _, flag, path in patterns)

    def test_what_reaper_sends_is_taken(self, patterns: list[Pattern]) -> None:
        sends = {"f": (120.0, 400.0), "t": (1.0, 0.0)}
        for _, flag, address in patterns:
            for value in sends[flag]:
                takes(address, [value])

    def test_tempo_goes_both_ways(self, patterns: list[Pattern]) -> None:
        """REAPER takes back what it sends, so the address must be one that can be read."""
        (tempo,) = (address for action, _, address in patterns if action == "TEMPO")
        (request,) = TABLE.resolve(tempo, [])
        assert request.row.access is Access.VALUE


STUB = """
local stored, folder = {}, %(folder)s
if %(remembered)s then stored["sideman/clips_folder"] = folder end
local names = { %(names)s }
reaper = {
  GetExtState = function(section, key) return stored[section .. "/" .. key] or "" end,
  SetExtState = function(section, key, value, keep)
    stored[section .. "/" .. key] = value
    print("remember", value, keep)
  end,
  DeleteExtState = function(section, key, keep) print("forget", keep) end,
  GetUserInputs = function() print("ask"); return true, folder .. "/" end,
  EnumerateFiles = function(path, index) assert(path == folder); return names[index + 1] end,
  InsertMedia = function(file, mode) print("insert", file, mode); return 1 end,
  MB = function(text) print("say", (text:gsub("\\n", " "))) end,
  Undo_BeginBlock = function() end,
  Undo_EndBlock = function(text) print("undo", text) end,
}
dofile(%(action)s)
"""


@pytest.mark.peer
class TestReaperAction:
    """The Lua action in a real Lua interpreter, with REAPER's functions stubbed."""

    @pytest.fixture
    def clips(self, tmp_path: Path) -> Path:
        """Three clips, the newest of which is neither first nor last by name."""
        noon = datetime.fromisoformat("2026-11-22T12:00:00.250000+00:00")
        made = {"b_house": noon, "c_techno": noon + timedelta(seconds=3), "d_dub": noon}
        for name, created in made.items():
            write_clip(tmp_path / f"{name}_120bpm_1bars_1.wav", created)
        return tmp_path

    def test_the_newest_finished_clip_goes_on_a_new_track(self, clips: Path) -> None:
        newest = clips / "c_techno_120bpm_1bars_1.wav"
        shutil.copy(newest, clips / "e_half_120bpm_1bars_1.wav.part")
        write_clip(clips / "master_20261122_120500.wav", datetime(2027, 1, 1).astimezone())
        (clips / "z_foreign.wav").write_bytes(b"RIFF....WAVE")
        said = run(clips)
        assert ["insert", str(newest), str(1 + 8 + 256)] in said
        assert not any(words[0] == "ask" for words in said)

    def test_the_folder_is_asked_for_once(self, clips: Path) -> None:
        said = run(clips, remembered=False)
        assert said[:2] == [["ask"], ["remember", str(clips), "true"]]
        assert said[2][0] == "insert"

    def test_an_empty_folder_is_told_and_forgotten(self, tmp_path: Path) -> None:
        said = run(tmp_path)
        assert [words[0] for words in said] == ["forget", "say"]
        assert str(tmp_path) in said[1][1]

    def test_a_long_prompt_does_not_hide_the_date(self, tmp_path: Path) -> None:
        created = datetime.fromisoformat("2026-11-22T12:00:00+00:00")
        write_clip(tmp_path / "long.wav", created, prompt="ü" * 4096)
        assert run(tmp_path)[0][0] == "insert"

    def test_it_compiles(self) -> None:
        done = subprocess.run([need("luac5.4"), "-p", ACTION], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr


CLIP = ClipInfo(
    prompt="house", bpm=120.0, bars=1, numerator=4, denominator=4, seed=1, engine="groove"
)


def write_clip(path: Path, created: datetime, prompt: str = "house") -> None:
    audio = np.zeros((96_000, 2), np.float32)
    write_wav(path, audio, 48_000, replace(CLIP, prompt=prompt, created=created))


def run(folder: Path, *, remembered: bool = True) -> list[list[str]]:
    """What the action did, one list of words for each call it made."""
    names = ", ".join(quoted(path.name) for path in sorted(folder.iterdir()))
    code = STUB % {
        "folder": quoted(str(folder)),
        "remembered": str(remembered).lower(),
        "names": names,
        "action": quoted(str(ACTION)),
    }
    done = subprocess.run([need("lua5.4"), "-"], input=code, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return [re.split(r"\t", line) for line in done.stdout.splitlines()]


def quoted(text: str) -> str:
    """A Lua string literal."""
    return json.dumps(text, ensure_ascii=False)
