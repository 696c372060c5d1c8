"""REAPER's preset against the protocol table, and its actions in a real Lua interpreter.

REAPER's functions are stubbed (`reaper.lua`), but the command lines that the actions start really
run, against a real server.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from bridge.cli.send import value_of
from bridge.clips.info import ClipInfo
from bridge.clips.wav import read_info, write_wav
from bridge.row import Access
from bridge.table import Table
from tests.peers.conftest import need
from tests.serving import ROOT, SIDEMAN, Server, serving, until

FOLDER = ROOT / "daw_presets" / "reaper"
STUB = Path(__file__).parent / "reaper.lua"
TABLE = Table(decks=4)
NEW_TRACK = str(1 + 8 + 256)
"""`InsertMedia`: on a new track, at the project's tempo, as a loop."""

Pattern = tuple[str, str, str]
"""REAPER's action, the flag, the address."""

pytestmark = [
    pytest.mark.peer,
    pytest.mark.skipif(sys.platform == "win32", reason="the stub starts programs by sh"),
]


@pytest.fixture(scope="module")
def patterns() -> list[Pattern]:
    lines = (FOLDER / "sideman.ReaperOSC").read_text(encoding="ascii").splitlines()
    rows = [line.split() for line in lines if line and not line.startswith("#")]
    return [(action, word[0], word[1:]) for action, *words in rows for word in words]


class TestPatterns:
    # Of REAPER's actions, those that this file may name. An unknown one voids the whole file.
    ACTIONS = frozenset({"TEMPO", "PLAY", "STOP"})

    def test_actions_and_flags_are_reapers(self, patterns: list[Pattern]) -> None:
        assert {action for action, _, _ in patterns} == self.ACTIONS
        assert all(flag in "nfbtrsi" and path[0] == "/" for _, flag, path in patterns)

    def test_what_reaper_sends_is_taken(self, patterns: list[Pattern]) -> None:
        sends = {"f": (120.0, 400.0), "t": (1.0, 0.0)}
        for _, flag, address in patterns:
            for value in sends[flag]:
                TABLE.resolve(address, [value])

    def test_tempo_goes_both_ways(self, patterns: list[Pattern]) -> None:
        """REAPER takes back what it sends, so the address must be one that can be read."""
        (tempo,) = (address for action, _, address in patterns if action == "TEMPO")
        (request,) = TABLE.resolve(tempo, [])
        assert request.row.access is Access.VALUE


@dataclass
class Reaper:
    """The stub, and what it remembers when an action is run."""

    folder: Path
    stored: dict[str, str]

    @property
    def resources(self) -> Path:
        return self.folder / "REAPER's own"

    def start(self, action: str, inputs: tuple[str, ...] = (), **more: object) -> list[str]:
        """The command line that runs an action; `more` goes into the scenario."""
        scenario = self.folder / "scenario.lua"
        stored = {f"sideman/{key}": value for key, value in self.stored.items()}
        own = {"stored": stored, "inputs": inputs, "resources": str(self.resources)}
        scenario.write_text(f"scenario = {lua(own | more)}", encoding="utf-8")
        return [need("lua5.4"), str(STUB), str(scenario), str(FOLDER / f"sideman_{action}.lua")]

    def run(self, action: str, *inputs: str, **more: object) -> list[list[str]]:
        """What it did, one list of words for each call it made."""
        command = self.start(action, inputs, **more)
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return [line.split("\t") for line in done.stdout.splitlines()]

    def well(self, action: str, *inputs: str, **more: object) -> list[list[str]]:
        """The same of an action that has nothing to complain of and leaves nothing behind."""
        said = self.run(action, *inputs, **more)
        assert not any(words[0] == "say" for words in said)
        for words in said:
            if words[0] == "message":
                checked(words[1:])
        assert not [*self.resources.rglob(f"sideman_{action}*")]
        return said

    def told(self, action: str, *inputs: str, **more: object) -> str:
        """What the user is told by an action that inserts nothing."""
        said = self.run(action, *inputs, **more)
        assert not any(words[0] == "insert" for words in said)
        (told,) = (words[1] for words in said if words[0] == "say")
        return told


def checked(words: list[str]) -> None:
    """Fail with the server's own words if it would not take this message."""
    TABLE.resolve(words[0], [value_of(word) for word in words[1:]])


def sent(reaper: Reaper) -> list[str]:
    """What went through the line that the action held open; it stays until the next one."""
    (file,) = (p for p in reaper.resources.rglob("*") if p.is_file() and not p.suffix)
    return file.read_text().splitlines()


def lua(value: object) -> str:
    """A literal."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"[{lua(k)}] = {lua(v)}" for k, v in value.items()) + "}"
    if isinstance(value, tuple | list):
        return "{" + ", ".join(map(lua, value)) + "}"
    return json.dumps(value, ensure_ascii=False)


@pytest.fixture(scope="module")
def command(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`sideman` as one program, in a folder whose name needs quotes."""
    path = tmp_path_factory.mktemp("a place") / "sideman"
    words = " ".join(f"'{word}'" for word in SIDEMAN)
    path.write_text(f"#!/bin/sh\nPYTHONPATH='{ROOT}' exec {words} \"$@\"\n")
    path.chmod(0o755)
    return path


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("server"), "--no-midi") as running:
        yield running


@contextmanager
def running(command: list[str]) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.fixture
def reaper(tmp_path: Path, command: Path, server: Server) -> Reaper:
    stored = {
        "command": str(command),
        "server": f"127.0.0.1:{server.port}",
        "clips_folder": str(server.clips),
    }
    return Reaper(tmp_path, stored)


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.lua")), ids=lambda path: path.stem)
def test_actions_compile(path: Path) -> None:
    done = subprocess.run([need("luac5.4"), "-p", path], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_actions_have_names_for_a_toolbar() -> None:
    for path in FOLDER.glob("sideman_*.lua"):
        name = path.stem.removeprefix("sideman_").replace("_", " ")
        if name != "lib":
            assert path.read_text().startswith(f"-- @description sideman: {name}\n")


class TestSendPrompt:
    def test_the_prompt_arrives_whatever_is_in_it(self, reaper: Reaper, server: Server) -> None:
        prompt = "dusty \"lofi\", slow; $HOME `id` \\ 100 % — für 'dich'"
        reaper.well("send_prompt", f"2,{prompt}")
        assert server.ask("/deck/2/prompt")[0] == prompt

    def test_a_number_stays_a_prompt(self, reaper: Reaper, server: Server) -> None:
        reaper.well("send_prompt", "3,808")
        assert server.ask("/deck/3/prompt")[0] == "808"

    def test_a_deck_that_is_not_there_is_told(self, reaper: Reaper) -> None:
        assert "there is no deck 7" in reaper.told("send_prompt", "7,house")

    def test_where_sideman_is_is_asked_once(self, reaper: Reaper, server: Server) -> None:
        where, port = reaper.stored.pop("command"), reaper.stored.pop("server")
        said = reaper.well("send_prompt", "1,first", f" {where} , {port} ")
        assert ["remember", "command", where, "true"] in said
        assert ["remember", "server", port, "true"] in said
        assert server.ask("/deck/1/prompt")[0] == "first"

    def test_no_server_is_told_in_its_own_words(self, reaper: Reaper) -> None:
        reaper.stored["server"] = "127.0.0.1:9"
        assert "no server answers at 127.0.0.1:9" in reaper.told("send_prompt", "1,x")

    def test_a_command_that_does_not_start_is_told(self, reaper: Reaper) -> None:
        assert "does not start" in reaper.told("send_prompt", "1,x", starts=False)

    def test_a_command_that_is_something_else_is_told(self, reaper: Reaper) -> None:
        reaper.stored["command"] = "true"
        assert "sideman_settings" in reaper.told("send_prompt", "1,x", seconds=5)


class TestRenderBars:
    def test_the_clip_is_put_where_the_cursor_was_at_its_tempo(
        self, reaper: Reaper, server: Server
    ) -> None:
        project = {"cursor_s": 6.5, "bpm": 97.5, "numerator": 3, "denominator": 8}
        said = reaper.well("render_bars", "2,dub, slow", project=project)
        (inserted,) = (words for words in said if words[0] == "insert")
        clip = Path(inserted[1])
        assert (clip.parent, inserted[2:]) == (server.clips, [NEW_TRACK, "6.5"])
        info = read_info(clip)
        assert (info.prompt, info.bars, info.bpm) == ("dub, slow", 2, 97.5)
        assert (info.numerator, info.denominator) == (3, 8)
        assert said[-1] == ["cursor", "6.5"]
        server.send("/signature", 4, 4)

    def test_a_tempo_that_sideman_has_not_is_told_and_nothing_is_inserted(
        self, reaper: Reaper
    ) -> None:
        assert "out of range" in reaper.told("render_bars", "1,dub", project={"bpm": 500.0})

    def test_a_wrong_clips_folder_is_told(self, reaper: Reaper, tmp_path: Path) -> None:
        reaper.stored["clips_folder"] = str(tmp_path)
        assert f"is not in {tmp_path}" in reaper.told("render_bars", "1,dub")


class TestFollowTransport:
    def test_play_stop_and_tempo_are_reapers_and_bars_can_be_captured(
        self, reaper: Reaper, server: Server
    ) -> None:
        state = reaper.folder / "state.lua"

        def now(**project: object) -> None:
            text = "\n".join(f"project.{key} = {lua(value)}" for key, value in project.items())
            fresh = state.with_suffix(".new")
            fresh.write_text(text)
            fresh.replace(state)

        now()
        command = reaper.start("follow_transport", state=str(state), project={"bpm": 233.0})
        with running(command) as process:
            until(lambda: server.ask("/tempo") == (233.0,), "the tempo did not arrive")
            server.send("/deck/1/play")
            now(bpm=400.0, playing=True, cursor_s=3.0)
            until(lambda: server.status()["playing"] == 1, "the start did not arrive")
            server.play_until(28.5)
            capture = reaper.well("capture_bars", "1,1", project={"cursor_s": 2.0})
            now(bpm=400.0, playing=False)
            until(lambda: server.status()["playing"] == 0, "the stop did not arrive")
            now(ended=True)
            said, _ = process.communicate(timeout=60)
        assert process.returncode == 0
        assert "options\t5\n" in said
        assert "options\t8\n" in said
        lines = [words.split("\t") for words in sent(reaper) if words not in ("", "end")]
        addresses = [words[0] for words in lines]
        assert addresses == ["/signature", "/tempo", "/tempo", "/position", "/play", "/stop"]
        assert ["/position", "f:20"] in lines
        for words in lines:
            checked(words)
        (inserted,) = (words for words in capture if words[0] == "insert")
        assert inserted[2:] == [NEW_TRACK, "2.0"]
        assert read_info(Path(inserted[1])).settings["live"]

    def test_no_server_ends_it_with_a_word(self, reaper: Reaper) -> None:
        reaper.stored["server"] = "127.0.0.1:9"
        assert "no server answers at 127.0.0.1:9" in reaper.told("follow_transport")


CLIP = ClipInfo(
    prompt="house", bpm=120.0, bars=1, numerator=4, denominator=4, seed=1, engine="groove"
)


def write_clip(path: Path, created: datetime, prompt: str = "house") -> None:
    audio = np.zeros((96_000, 2), np.float32)
    write_wav(path, audio, 48_000, replace(CLIP, prompt=prompt, created=created))


class TestImportNewestClip:
    @pytest.fixture
    def clips(self, tmp_path: Path) -> Path:
        """Three clips, the newest of which is neither first nor last by name."""
        clips = tmp_path / "clips"
        noon = datetime.fromisoformat("2026-11-22T12:00:00.250000+00:00")
        made = {"b_house": noon, "c_techno": noon + timedelta(seconds=3), "d_dub": noon}
        for name, created in made.items():
            write_clip(clips / f"{name}_120bpm_1bars_1.wav", created)
        return clips

    def run(self, folder: Path, *inputs: str) -> list[list[str]]:
        stored = {} if inputs else {"clips_folder": str(folder)}
        names = sorted(path.name for path in folder.iterdir())
        reaper = Reaper(folder.parent, stored)
        return reaper.run("import_newest_clip", *inputs, names=names, project={"cursor_s": 1.5})

    def test_the_newest_finished_clip_goes_on_a_new_track(self, clips: Path) -> None:
        newest = clips / "c_techno_120bpm_1bars_1.wav"
        (clips / "e_half_120bpm_1bars_1.wav.part").write_bytes(newest.read_bytes())
        write_wav(clips / "master_2026-11-22_12-05-00.wav", np.zeros((9, 2), np.float32), 48_000)
        (clips / "z_foreign.wav").write_bytes(b"RIFF....WAVE")
        said = self.run(clips)
        assert ["insert", str(newest), NEW_TRACK, "1.5"] in said
        assert not any(words[0] == "ask" for words in said)

    def test_the_folder_is_asked_for_once(self, clips: Path) -> None:
        said = self.run(clips, f"{clips}/")
        assert said[0][0] == "ask"
        assert said[1] == ["remember", "clips_folder", str(clips), "true"]
        assert said[2][0] == "insert"

    def test_an_empty_folder_is_told_and_forgotten(self, tmp_path: Path) -> None:
        empty = tmp_path / "clips"
        empty.mkdir()
        said = self.run(empty)
        assert [words[0] for words in said] == ["forget", "say", "cursor"]
        assert str(empty) in said[1][1]

    def test_a_long_prompt_does_not_hide_the_date(self, tmp_path: Path) -> None:
        created = datetime.fromisoformat("2026-11-22T12:00:00+00:00")
        write_clip(tmp_path / "clips" / "long.wav", created, prompt="ü" * 4096)
        assert self.run(tmp_path / "clips")[0][0] == "insert"
