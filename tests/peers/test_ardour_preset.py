"""The preset for Ardour in a running Ardour: its dialect starts and stops the two together, its
scripts tell sideman the tempo, import clips and make tracks for the decks.

One Ardour and one server serve all tests of this file.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import soundfile

from bridge.osc.sender import Sender
from bridge.presets import preset_file
from bridge.row import Value
from tests.peers.ardour import OSC_PORT
from tests.peers.ardour_screen import (
    ArdourOnScreen,
    Region,
    Script,
    ardour_lua,
    ardour_on_screen,
)
from tests.peers.jack import jack_server
from tests.serving import Server, serving, until

pytestmark = pytest.mark.peer

RATE = 48_000
BPM = 97.0
OTHER_BPM = 141.5

SET_TEMPO = """
ardour {{ ["type"] = "EditorAction", name = "tempo" }}
function factory () return function ()
  local map = Temporal.TempoMap.fetch_writable ()
  map:set_tempo (Temporal.Tempo ({bpm}, {bpm}, 4), Temporal.timepos_t (0))
  Temporal.TempoMap.update (map)
end end
"""

ARM = """
ardour { ["type"] = "EditorAction", name = "arm" }
function factory () return function ()
  for track in Session:get_tracks ():iter () do
    if track:name ():match ("^sideman deck") then
      track:rec_enable_control ():set_value (1, PBD.GroupControlDisposition.NoGroup)
    end
  end
  Session:maybe_enable_record (false)
end end
"""

# What a user fills in is given; all else is the script as it is, in Ardour's own Lua.
SEND_PROMPT = """
LuaDialog = {{ Dialog = function (title, fields)
  return {{ run = function () return {{ prompt = {prompt!r}, deck = 2.0, play = true }} end }}
end }}
function ardour () end
local file = assert (io.open ({path!r}))
assert (load (file:read ("a"))) ()
factory ({{ server = {server!r} }}) ()
"""


@dataclass(frozen=True, slots=True)
class Both:
    """The two programs, and the scripts that were added to Ardour."""

    daw: ArdourOnScreen
    us: Server
    scripts: dict[str, Script]

    def run(self, name: str) -> None:
        self.daw.run(self.scripts[name])

    def playing(self) -> tuple[bool, bool]:
        """Ardour, and sideman."""
        (speed,) = self.daw.osc.ask("/transport_speed")
        return speed != 0, self.us.status()["playing"] == 1


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    folder, port = tmp_path_factory.mktemp("ardour"), free_port()
    server = {"server": f"127.0.0.1:{port}"}
    tempo, arm = folder / "tempo.lua", folder / "arm.lua"
    tempo.write_text(SET_TEMPO.format(bpm=OTHER_BPM))
    arm.write_text(ARM)
    scripts = {
        "import": Script(script("import_newest_clip"), {"folder": str(folder / "clips")}),
        "tracks": Script(script("tracks_for_decks")),
        "tempo": Script(tempo),
        "arm": Script(arm),
        "follow": Script(script("follow_ardour"), server),
    }
    words = ("--osc", server["server"], "--output", "jack", "--decks", "2")
    dialect = ("--dialect", f"ardour@127.0.0.1:{OSC_PORT},0")
    with (
        jack_server(RATE, waits=False),
        ardour_on_screen(folder, BPM, list(scripts.values())) as daw,
        serving(folder, *words, *dialect) as us,
    ):
        yield Both(daw, us, scripts)


def script(name: str) -> Path:
    return preset_file("ardour", f"sideman_{name}.lua")


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_tempo_and_playhead_reach_sideman(both: Both) -> None:
    until(lambda: value(both.us, "/tempo") == pytest.approx(BPM), "Ardour's tempo did not come")
    both.daw.osc.send("/locate", 2 * RATE, 0)
    beats = pytest.approx(2 * BPM / 60, abs=1e-3)
    until(lambda: value(both.us, "/position") == beats, "Ardour's playhead did not come")
    both.run("tempo")
    until(lambda: value(both.us, "/tempo") == pytest.approx(OTHER_BPM), "the new tempo")
    both.daw.osc.send("/goto_start")
    until(lambda: value(both.us, "/position") == 0, "Ardour's return to the start did not come")


def test_either_starts_and_stops_the_other(both: Both) -> None:
    with Sender("127.0.0.1", both.us.port) as watcher, Sender("127.0.0.1", OSC_PORT) as remote:
        watcher.send("/subscribe")
        assert watcher.wait_for("/play") == (0,)
        starts = {"us": both.us.send, "Ardour": remote.send}
        words = {"us": ("/play", "/stop"), "Ardour": ("/transport_play", "/transport_stop")}
        for who, send in starts.items():
            for word, state in zip(words[who], (True, False), strict=True):
                send(word)
                until(lambda s=state: both.playing() == (s, s), f"{who}: {word}")  # type: ignore[misc]
                assert watcher.wait_for("/play") == (int(state),)
        assert plays_told(both, watcher) == []


def plays_told(both: Both, watcher: Sender) -> list[Value]:
    """How sideman's transport changes now, as a client is told. A loop would go on and on."""
    both.daw.osc.ask("/transport_speed")
    both.us.sync()
    return [args[0] for address, args in watcher.replies(0.5) if address == "/play"]


def test_the_newest_clip_lies_at_the_playhead_as_long_as_it_is(both: Both) -> None:
    for prompt in ("an older one", "techno, kick only"):
        both.us.ask("/clip/render", prompt, 1, 7, answer="/clip/done")
    clips = sorted(both.us.clips.glob("*.wav"), key=lambda path: path.stat().st_mtime_ns)
    both.daw.osc.send("/locate", RATE, 0)
    until(lambda: both.daw.frame() == RATE, "Ardour does not go there")
    both.run("import")
    until(lambda: len(both.daw.regions()) == 1, "no region", 0.1)
    (region,) = both.daw.regions()
    audio, rate = soundfile.read(clips[-1], always_2d=True)
    assert rate == RATE
    assert region.track == clips[-1].stem
    assert (region.position_samples, region.length_samples) == (RATE, len(audio))
    np.testing.assert_allclose(heard(region), audio, atol=1e-6)


def heard(region: Region) -> np.ndarray:
    """`[samples, channels]`, of the files that Ardour has made of it."""
    return np.stack([soundfile.read(file)[0] for file in region.files], axis=1)


def test_each_deck_is_recorded_on_its_own_track(both: Both) -> None:
    both.us.send("/deck/1/prompt", "techno, kick only")
    both.us.send("/deck/1/play")
    both.us.sync()
    both.run("tracks")
    decks = ["sideman deck 1", "sideman deck 2"]
    until(lambda: both.daw.tracks()[-2:] == decks, "no tracks for the decks", 0.1)
    both.run("arm")
    until(lambda: both.daw.osc.ask("/record_enabled") == (1,), "Ardour does not record")
    both.us.send("/play")
    both.us.play_until(both.us.position() + 4)
    both.us.send("/stop")
    until(lambda: set(decks) <= set(by_track(both.daw)), "nothing was recorded", 0.1)
    recorded = {deck: heard(by_track(both.daw)[deck]) for deck in decks}
    assert np.abs(recorded[decks[0]]).max() > 0.1
    assert not recorded[decks[1]].any()


def by_track(daw: ArdourOnScreen) -> dict[str, Region]:
    return {region.track: region for region in daw.regions()}


def test_a_prompt_from_ardours_dialog_plays_on_its_deck(both: Both, tmp_path: Path) -> None:
    server = f"127.0.0.1:{both.us.port}"
    path, prompt = str(script("send_prompt")), "dub, très lent"
    ardour_lua(tmp_path, SEND_PROMPT.format(path=path, server=server, prompt=prompt))
    until(lambda: both.us.ask("/deck/2/prompt")[0] == prompt, "the prompt did not come")
    until(lambda: both.us.ask("/deck/2/state")[0] != "stopped", "the deck does not play")


def value(server: Server, address: str) -> Value:
    return server.ask(address)[0]
