"""The command line: what it makes, and how it says no."""

from __future__ import annotations

import re
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from bridge import PROTOCOL, __version__
from bridge.cli import interrupt
from bridge.clips.wav import read_info
from bridge.prompt_hint import HINT
from tests.serving import PATIENCE_S, ROOT, Server, serving, sideman


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with serving(tmp_path, "--no-midi") as running:
        yield running


def refused(*words: str, status: int = 2) -> str:
    """The one line on stderr with which a command refuses."""
    done = sideman(*words)
    assert done.returncode == status, done
    assert done.stderr.count("\n") == 1, done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr


@pytest.mark.parametrize(
    ("words", "part"),
    [
        ((), "required"),
        (("serve", "--decks", "9"), "1..8"),
        (("serve", "--rate", "5"), "8000"),
        (("serve", "--osc", "nonsense"), "HOST:PORT"),
        (("serve", "--engine", "piano"), "auto groove musicgen"),
        (("serve", "--engine", "groove", "--model", "small"), "--model"),
        (("serve", "--context", "5"), "10..30"),
        (("serve", "--device", "tpu"), "auto cuda mps cpu"),
        (("serve", "--key", "H minor"), "A minor"),
        (("serve", "--remember", "1"), "4..3600"),
        (("serve", "--bits", "20"), "16, 24, 32"),
        (("serve", "--clock", "sundial"), "internal osc midi link"),
        (("generate", "x", "-t", "0"), "more than 0"),
        (("generate", "x", "--bars", "2", "--bpm", "900"), "20..400"),
        (("generate", "x", "--temperature", "7"), "0.05..2"),
        (("generate", "x", "-t", "1", "--bars", "1"), "not allowed"),
        (("bench", "nothing"), "choose"),
    ],
)
def test_bad_usage_is_one_line_and_status_2(words: tuple[str, ...], part: str) -> None:
    assert part in refused(*words)


def test_what_comes_later_says_so() -> None:
    assert "not available" in refused("generate", "x", "--melody", "x.wav", status=1)


def test_debug_shows_where_an_error_came_from() -> None:
    assert "Traceback" in sideman("serve", "--decks", "9", "--debug").stderr


def test_version_and_help() -> None:
    assert sideman("--version").stdout.strip() == f"sideman {__version__}"
    commands = sideman("--help").stdout
    for command in ("serve", "generate", "demo", "send", "devices", "doctor", "replay", "bench"):
        assert re.search(rf"^ +{command} ", commands, re.MULTILINE)


def test_generate_makes_a_loop_of_exact_length_that_replay_makes_again(tmp_path: Path) -> None:
    out = tmp_path / "loop.wav"
    done = sideman("generate", "funk", "--bars", "2", "--bpm", "97", "--seed", "5", "-o", str(out))
    assert done.returncode == 0, done.stderr
    audio, rate = soundfile.read(out, always_2d=True)
    assert len(audio) == round(2 * 4 * 60 / 97 * rate)
    assert read_info(out).bpm == 97
    again = sideman("replay", str(out))
    assert again.returncode == 0, again.stderr
    assert "the same samples" in again.stdout
    copy, _ = soundfile.read(tmp_path / "loop_replay.wav", always_2d=True)
    np.testing.assert_array_equal(audio, copy)


def test_generate_several_prompts_into_a_folder_at_a_rate(tmp_path: Path) -> None:
    done = sideman("generate", "jazz", "house", "-t", "2", "--rate", "44100", "-o", str(tmp_path))
    assert done.returncode == 0, done.stderr
    files = sorted(tmp_path.glob("*.wav"))
    assert [f.name.split("_")[0] for f in files] == ["house", "jazz"]
    for file in files:
        assert soundfile.info(file).samplerate == 44100
        assert soundfile.info(file).frames == 2 * 44100


def test_replay_of_a_foreign_file_is_one_line(tmp_path: Path) -> None:
    foreign = tmp_path / "foreign.wav"
    soundfile.write(foreign, np.zeros((100, 2)), 48000)
    assert str(foreign.name) in refused("replay", str(foreign), status=1)


def test_serve_says_ready_answers_and_ends_cleanly(server: Server) -> None:
    assert server.ready.startswith("ready osc 127.0.0.1:")
    assert server.ask("/version") == (__version__, PROTOCOL)
    server.send("/deck/1/play")
    server.play_until(1.0)
    assert server.stop() == 0
    assert server.errors.read_text().count("\n") == 1
    assert "no AI" in server.errors.read_text()


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such signals there")
@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_serve_ends_as_cleanly_by_another_signal(server: Server, name: str) -> None:
    """A terminal that closes tells the engine, too."""
    server.send("/record", 1)
    if name == "SIGHUP":
        server.engine.send_signal(getattr(signal, name))
    server.send("/deck/1/play")
    server.play_until(1.0)
    server.process.send_signal(getattr(signal, name))
    assert server.process.wait(PATIENCE_S) == 0
    assert server.errors.read_text().count("\n") == 1
    [file] = server.clips.iterdir()
    assert file.suffix == ".wav"


def test_nohup_is_obeyed(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[str] = []
    monkeypatch.setattr(signal, "getsignal", lambda number: signal.SIG_IGN)
    monkeypatch.setattr(signal, "signal", lambda number, _: taken.append(number.name))
    interrupt.until_interrupted()
    assert "SIGTERM" in taken
    assert "SIGHUP" not in taken


def test_a_port_in_use_names_the_port_and_the_flag(server: Server, tmp_path: Path) -> None:
    line = refused("serve", "--output", "null", "--osc", f"127.0.0.1:{server.port}",
                   "--clips", str(tmp_path), status=1)  # fmt: skip
    assert str(server.port) in line
    assert "--osc" in line


def test_a_clips_folder_that_cannot_be_is_refused() -> None:
    assert "--clips" in refused(
        "serve", "--output", "null", "--clips", str(ROOT / "README.md"), status=1
    )


def test_an_unknown_device_is_refused(tmp_path: Path) -> None:
    done = sideman("serve", "--output", "no such device", "--clips", str(tmp_path))
    assert done.returncode in (1, 2)
    assert done.stderr.count("\n") == 1, done.stderr


def test_send_prints_the_replies_and_fails_on_an_error(server: Server) -> None:
    where = ("--osc", f"127.0.0.1:{server.port}")
    assert sideman("send", *where, "/ping", "1", "two").stdout == "/pong 1 two\n"
    bad = sideman("send", *where, "/tempo", "7")
    assert bad.returncode == 1
    assert "20..400" in bad.stderr


def test_send_says_what_it_means(server: Server) -> None:
    where = ("--osc", f"127.0.0.1:{server.port}")
    assert sideman("send", "/ping", "s:808", "i:3", "f:3", "T", "-6", *where).stdout == (
        "/pong 808 3 3 True -6\n"
    )
    assert sideman("send", "/deck/1/prompt", "s:808", *where).returncode == 0
    assert server.ask("/deck/1/prompt") == ("808",)
    assert sideman("send", "/deck/1/mute", "T", *where).stderr == ""


def test_send_waits_for_the_clip_that_it_asked_for(server: Server) -> None:
    where = ("--osc", f"127.0.0.1:{server.port}")
    done = sideman("send", *where, "/clip/batch", "16", "house", "jazz")
    assert done.stdout.count("/clip/done") == 2


def test_send_without_a_server_says_so(free_port: Callable[[], int]) -> None:
    assert "sideman serve" in refused(
        "send", "--osc", f"127.0.0.1:{free_port()}", "/ping", status=1
    )


def test_doctor_looks_at_everything(tmp_path: Path, free_port: Callable[[], int]) -> None:
    done = sideman(
        *("doctor", "--clips", str(tmp_path), "--osc", f"127.0.0.1:{free_port()}"),
        *("--engine", "groove", "--prompt", "techno"),
    )
    assert done.returncode == 0, done.stdout
    parts = "sideman", "sound", "priority", "midi", "osc udp", "osc tcp", "http", "clips"
    for part in (*parts, "musicgen", "engine", "prompt"):
        assert re.search(rf"^(ok  |warn)  {part}", done.stdout, re.MULTILINE), done.stdout
    assert "groove (a synthesiser, no AI)" in done.stdout
    assert HINT in done.stdout
    assert "1 of 5 words" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


def test_doctor_names_what_must_be_mended(server: Server) -> None:
    done = sideman("doctor", "--engine", "groove", "--osc", f"127.0.0.1:{server.port}")
    assert done.returncode == 1
    assert re.search(r"^FAIL  osc udp .*--osc", done.stdout, re.MULTILINE)


def test_devices_always_offers_null() -> None:
    done = sideman("devices")
    assert "null" in done.stdout or done.stderr.count("\n") == 1
