"""The remote script as Live would run it: its own files, Live's objects stubbed, a real server on
the other side."""

from __future__ import annotations

import ast
import importlib.util
import re
import shutil
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from bridge.clips.wav import read_wav
from bridge.osc.packet import Message
from bridge.presets import presets_folder
from bridge.table import Table
from tests.presets.udp import bound, heard
from tests.serving import Server, serving, until

SCRIPT = presets_folder() / "ableton-live" / "sideman"
BEAT_S = 0.05
"""Live draws every 100 ms; the tests do not wait so long."""


class Observed:
    """One of Live's objects: each attribute can be listened to."""

    def __init__(self, **values: Any) -> None:
        self.__dict__.update(values, _listeners={})

    def __setattr__(self, name: str, value: Any) -> None:
        changed = self.__dict__.get(name) != value
        self.__dict__[name] = value
        for callback in list(self._listeners.get(name, ())) if changed else ():
            callback()

    def __getattr__(self, name: str) -> Any:
        verb = re.fullmatch("(add|remove)_(.+)_listener", name)
        if verb is None:
            raise AttributeError(name)
        listeners = self._listeners.setdefault(verb[2], [])
        return listeners.append if verb[1] == "add" else listeners.remove


class Slot(Observed):
    """A clip slot of Live 12.0.5."""

    def __init__(self, name: str = "") -> None:
        super().__init__(clip=Observed(name=name) if name else None)

    @property
    def has_clip(self) -> bool:
        return self.clip is not None

    def create_audio_clip(self, path: str) -> None:
        read_wav(Path(path))
        self.clip = Observed(name=Path(path).stem, warping=False, looping=False)


class OldSlot(Observed):
    """A clip slot of Live 11, which cannot import."""

    has_clip = False


class Song(Observed):
    def __init__(self, *tracks: Observed, scenes: tuple[str, ...] = ()) -> None:
        super().__init__(
            tempo=97.0,
            is_playing=False,
            current_song_time=0.0,
            signature_numerator=3,
            signature_denominator=4,
            tracks=list(tracks),
            scenes=[Observed(name=name, is_triggered=False) for name in scenes],
        )

    def start_playing(self) -> None:
        self.is_playing = True

    def stop_playing(self) -> None:
        self.is_playing = False

    def create_scene(self, index: int) -> None:
        for each in self.tracks:
            each.clip_slots.append(Slot())


def track(name: str, *slots: Observed) -> Observed:
    return Observed(
        name=name,
        has_audio_input=True,
        clip_slots=list(slots),
        fired_slot_index=-1,
        playing_slot_index=-1,
    )


class Live:
    """What Live hands to a script, and the thread that draws."""

    def __init__(self, song: Song) -> None:
        self._song = song
        self.shown: list[str] = []
        self.script: Any = None

    def song(self) -> Song:
        return self._song

    def show_message(self, text: str) -> None:
        self.shown.append(text)

    def log_message(self, text: str) -> None:
        pass

    def run_until(self, condition: Callable[[], bool], what: str) -> None:
        def drawn() -> bool:
            self.script.update_display()
            return condition()

        until(drawn, what, BEAT_S)


@contextmanager
def live(folder: Path, song: Song, **settings: object) -> Iterator[Live]:
    """Live with the script installed in `folder`, as a user would, with these settings."""
    shutil.copytree(SCRIPT, folder / "sideman")
    text = "\n".join(f"{key} = {value}" for key, value in settings.items())
    (folder / "sideman" / "settings.txt").write_text(text, encoding="utf-8")
    spec = importlib.util.spec_from_file_location("live_sideman", folder / "sideman/__init__.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["live_sideman"] = module
    host = Live(song)
    try:
        spec.loader.exec_module(module)
        host.script = module.create_instance(host)
        yield host
        host.script.disconnect()
    finally:
        for name in [name for name in sys.modules if name.split(".")[0] == "live_sideman"]:
            del sys.modules[name]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("live")) as running:
        yield running


@pytest.fixture
def idle(server: Server) -> Server:
    """The server at rest, whatever the last test left."""
    for address, value in (("/clock", "internal"), ("/tempo", 120.0), ("/position", 0.0)):
        server.send(address, value)
    server.send("/grid", "none")
    server.send("/stop")
    server.sync()
    return server


def tempo(server: Server) -> float:
    (bpm,) = server.ask("/tempo")
    assert isinstance(bpm, float)
    return bpm


def test_tempo_and_transport_go_both_ways(idle: Server, tmp_path: Path) -> None:
    song = Song()
    with live(tmp_path, song, port=idle.port) as host:
        host.run_until(lambda: tempo(idle) == 97.0, "Live leads at first")
        assert idle.ask("/signature") == (3, 4)
        host.run_until(lambda: host.script._link.up, "subscribed")
        song.tempo = 88.5
        host.run_until(lambda: tempo(idle) == 88.5, "a tempo set in Live")
        song.current_song_time = 32.0
        song.is_playing = True
        host.run_until(lambda: idle.position() > 32.0, "Live's start")
        idle.send("/tempo", 131.7)
        host.run_until(lambda: abs(song.tempo - 131.7) < 0.001, "a tempo set in sideman")
        idle.send("/stop")
        host.run_until(lambda: not song.is_playing, "sideman's stop")
        idle.send("/play")
        host.run_until(lambda: song.is_playing, "sideman's start")
        song.is_playing = False
        host.run_until(lambda: not idle.status()["playing"], "Live's stop")
        assert host.shown == []


def test_neither_starts_the_other_when_they_meet(idle: Server, tmp_path: Path) -> None:
    idle.send("/play")
    idle.sync()
    song = Song()
    with live(tmp_path, song, port=idle.port) as host:
        host.run_until(lambda: host.script._link.up, "subscribed")
        idle.send("/tempo", 111.0)
        host.run_until(lambda: song.tempo == 111.0, "sideman is heard")
        assert not song.is_playing
        idle.send("/stop")
        host.run_until(lambda: not host.script._transport._theirs, "its stop is heard")
        idle.send("/play")
        host.run_until(lambda: song.is_playing, "what it does later")


def test_while_live_leads_over_osc_its_place_is_followed(idle: Server, tmp_path: Path) -> None:
    song = Song()
    idle.send("/clock", "osc")
    with live(tmp_path, song, port=idle.port) as host:
        host.run_until(lambda: tempo(idle) == 97.0, "connected")
        began_s = time.monotonic()
        song.is_playing = True

        def followed() -> bool:
            song.current_song_time = 64.0 + (time.monotonic() - began_s) * 97.0 / 60.0
            return idle.ask("/clock/state")[0] == "following" and idle.position() > 64.0

        host.run_until(followed, "Live's place")
        assert song.tempo == 97.0


def test_names_launch_scenes_and_slots(idle: Server, tmp_path: Path) -> None:
    row = (Slot("sideman 5 deck 2"), Slot("Bass"), Slot("Sideman 6"))
    drums = track("drums", *row)
    song = Song(drums, scenes=("Intro", "Chorus - sideman 3"))
    idle.send("/slot/5/prompt", "dub techno")
    idle.send("/slot/6/prompt", "warm house")
    idle.send("/deck/1/prompt", "ambient")
    idle.send("/scene/3/store")
    idle.sync()
    with live(tmp_path, song, port=idle.port) as host:
        host.run_until(lambda: tempo(idle) == 97.0, "connected")
        drums.fired_slot_index = 1  # a clip that is none of sideman's business
        drums.fired_slot_index = 0
        drums.playing_slot_index = 0
        host.run_until(lambda: idle.ask("/deck/2/prompt")[0] == "dub techno", "the slot on deck 2")
        drums.playing_slot_index = 2  # begun at once, without having been seen to be pressed
        host.run_until(lambda: idle.ask("/deck/1/prompt")[0] == "warm house", "the slot on deck 1")
        song.scenes[1].is_triggered = True
        host.run_until(lambda: idle.ask("/deck/1/prompt")[0] == "ambient", "the scene")
        assert host.shown == []


def test_a_finished_clip_goes_into_the_next_free_slot(idle: Server, tmp_path: Path) -> None:
    ours = track("Sideman", Slot("taken"))
    song = Song(track("drums", Slot()), ours)
    with live(tmp_path, song, port=idle.port, clips_folder=idle.clips.resolve()) as host:
        host.run_until(lambda: tempo(idle) == 97.0, "connected")
        host.run_until(lambda: host.script._link.up, "subscribed")
        idle.send("/clip/render", "house", 1, 5)
        host.run_until(lambda: len(ours.clip_slots) == 2 and ours.clip_slots[1].has_clip, "a clip")
        clip = ours.clip_slots[1].clip
        assert (clip.name, clip.warping, clip.looping) == ("house_97bpm_1bars_5", True, True)
        assert host.shown == ["sideman: house_97bpm_1bars_5.wav is on the track sideman"]
        assert not song.tracks[0].clip_slots[0].has_clip


@pytest.mark.parametrize(
    ("file", "tracks", "settings", "says"),
    [
        ("a.wav", (track("sideman", OldSlot()),), {}, "Live 12.0.5"),
        ("a.wav", (track("other", Slot()),), {}, "name an audio track sideman"),
        ("b.wav", (track("sideman", Slot()),), {}, "is not in"),
        ("../a.wav", (track("sideman", Slot()),), {}, "is not a name in the clips folder"),
        ("..\\a.wav", (track("sideman", Slot()),), {}, "is not a name in the clips folder"),
        ("a.wav", (track("sideman", Slot()),), {"clips_folder": ""}, "set clips_folder"),
    ],
)
def test_a_clip_that_cannot_be_put_there_is_told(
    tmp_path: Path, file: str, tracks: Any, settings: dict[str, str], says: str
) -> None:
    (tmp_path / "a.wav").touch()
    with live(tmp_path, Song(*tracks), **{"port": 9, "clips_folder": tmp_path, **settings}) as host:
        host.script._handlers["/clip/done"](1, file, 2.0, 120.0, 1)
    assert len(host.shown) == 1
    assert says in host.shown[0]


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"port": "none"}, "port 'none' is no number from 1 to 65535"),
        ({"clips_folder": "clips"}, "clips_folder 'clips' is no whole path"),
        ({"clip_folder": "/x"}, "is none of host port clips_folder track"),
    ],
)
def test_a_wrong_setting_is_told_and_the_script_runs(
    tmp_path: Path, settings: dict[str, str], says: str
) -> None:
    with live(tmp_path, Song(), **settings) as host:
        host.script.update_display()
    assert says in host.shown[0]


def test_a_server_that_starts_anew_is_told_again(tmp_path: Path) -> None:
    """The script's part of it: nothing is assumed of a peer that has been silent."""
    song = Song()
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer,
        live(tmp_path, song, port=bound(peer)) as host,
    ):
        link = host.script._link
        for start_s in (0.0, 100.0):
            link.poll(start_s)
            message, address = heard(peer)
            assert message == Message("/sync", (1,))
            peer.sendto(b"/synced\0,i\0\0\0\0\0\1", address)
            until(lambda at=start_s: link.poll(at) or link._telling, "told")  # type: ignore[misc]
            assert heard(peer)[0] == Message("/status")
            assert heard(peer)[0] == Message("/signature", (3, 4))
            assert heard(peer)[0] == Message("/tempo", (97.0,))
            assert heard(peer)[0] == Message("/sync", (2,))
            peer.sendto(b"/synced\0,i\0\0\0\0\0\2", address)
            until(lambda at=start_s: link.poll(at) or link.up, "subscribed")  # type: ignore[misc]
            assert heard(peer)[0] == Message("/subscribe")


def test_the_script_runs_in_the_python_of_live_11() -> None:
    for file in SCRIPT.glob("*.py"):
        ast.parse(file.read_text(encoding="utf-8"), feature_version=(3, 7))


def test_every_address_of_the_script_is_in_the_table() -> None:
    text = "".join(file.read_text(encoding="utf-8") for file in SCRIPT.glob("*.py"))
    addresses = set(re.findall(r'"(/[a-z/]+|/\w+/\{[^"]*\}/\w+)"', text))
    rows = {re.sub(r"\{.*\}", "1", address) for address in addresses}
    assert {"/tempo", "/clip/done", "/slot/1/launch", "/scene/1/launch"} <= rows
    assert rows <= {*Table(decks=4), "/"}
