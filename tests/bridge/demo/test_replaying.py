"""The demo driven by what was recorded of a host."""

from __future__ import annotations

from pathlib import Path

import pytest

from bridge.demo.recording import parse_recording, read_recording
from bridge.demo.replaying import SESSION
from bridge.dialects.load import load_dialect
from bridge.dialects.rules import Rules
from bridge.osc.packet import Bundle, Message, decode
from bridge.presets import preset_file
from bridge.table import Table
from engine.errors import BadValue
from tests.serving import sideman

SHORT = """# a host's first bar
00000001.00000000 /tempo/raw f 200.000000
00000001.00000000 /track/1/name s "house, kick only"
00000001.10000000 /play f 1.000000
00000001.40000000 /track/1/recarm f 1.000000
00000001.60000000 /track/1/volume/db f -150.000000
00000001.70000000 /track/1/volume/db f 0.000000
00000003.00000000 /time f 2.000000
"""


def test_lines_of_one_time_are_a_bundle() -> None:
    first, play, *_, last = parse_recording(SHORT)
    bundle = decode(first.encode())
    assert isinstance(bundle, Bundle)
    assert bundle.elements[1] == Message("/track/1/name", ("house, kick only",))
    assert decode(play.encode()) == Message("/play", (1.0,))
    assert [first.at_s, play.at_s, last.at_s] == pytest.approx([0.0, 1 / 16, 2.0])


def test_bundles_without_a_time_take_that_of_their_arrival() -> None:
    told, same, later = parse_recording(
        "10.5 00000000.01000000 /a i 1\n10.5004 00000000.01000000 /b i 2\n"
        "11.5 00000000.01000000 /a i 3\n12.0 eeb159f1.14dcdb37 /c \n"
    )
    assert [len(packet.messages) for packet in (told, same, later)] == [2, 1, 1]
    assert [packet.at_s for packet in (told, same, later)] == [0.0, 1.0, 1.5]
    first, second = parse_recording("eeb159f1.14dcdb37 /c \n00000000.01000000 /y \n")
    assert (first.at_s, second.at_s) == (0.0, 0.0)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("hello\n", "line 1: is not as oscdump prints it: 'hello'"),
        ("# x\neeb159f1.14dcdb37 /x i one\n", "line 2: 'one' is no i"),
        ('eeb159f1.14dcdb37 /x s "a\n', "is no s"),
        ("eeb159f1.14dcdb37 /x q 1\n", "is no q"),
        ("eeb159f1.14dcdb37 /x i 1 2\n", "'1 2' is no i"),
    ],
)
def test_what_is_no_recording_is_said_with_its_line(text: str, says: str) -> None:
    with pytest.raises(BadValue, match=says):
        parse_recording(text)


def test_a_file_without_messages_is_no_recording(tmp_path: Path) -> None:
    (tmp_path / "empty.osc").write_text("# nothing\n", encoding="utf-8")
    with pytest.raises(BadValue, match=r"empty\.osc: has no message: record one with oscdump"):
        read_recording(tmp_path / "empty.osc")


def test_the_reaper_that_comes_along_is_understood() -> None:
    packets = read_recording(preset_file("reaper", SESSION))
    assert 15 < packets[-1].at_s < 30
    assert any(len(packet.messages) > 1 for packet in packets)
    table = Table(4)
    rules = Rules(load_dialect("reaper").heard, frozenset(table).__contains__)
    meant = []
    for message in (message for packet in packets for message in packet.messages):
        found = rules.translate(message.address, message.args)
        assert found is not None, message
        if found[1] is not None:
            table.resolve(found[1].address, found[1].args)
            meant.append(found[1])
    assert Message("/deck/1/prompt", ("house, kick only",)) in meant
    assert Message("/tempo/raw", (132.0,)) in meant
    assert Message("/deck/2/gain", (-60.0,)) in meant
    assert {message.address for message in meant} >= {
        "/play", "/stop", "/deck/1/play", "/deck/2/play", "/deck/1/mute", "/deck/2/solo",
    }  # fmt: skip


def test_a_host_drives_the_demo(tmp_path: Path) -> None:
    file = tmp_path / "short.txt"
    file.write_text(SHORT, encoding="utf-8")
    clips = tmp_path / "clips"
    done = sideman("demo", "--replay", str(file), "--output", "null", "--clips", str(clips))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "REAPER: 7 messages in 2.0 s" in done.stdout
    assert "deck 1 on bar 2 at 200 BPM" in done.stdout
    assert "200 to 200 BPM" in done.stdout
    assert "nothing that the host did not say itself" in done.stdout
    (master,) = clips.glob("master_*.wav")
    assert master.name in done.stdout


def test_a_recording_that_does_nothing_fails(tmp_path: Path) -> None:
    file = tmp_path / "idle.osc"
    file.write_text("eeb159f1.00000000 /tempo/raw i 100\n", encoding="utf-8")
    clips = str(tmp_path)
    done = sideman("demo", "--replay", str(file), "--output", "null", "--clips", clips)
    assert done.returncode == 1
    assert "FAILED    no deck began to play: is this what REAPER sends?" in done.stdout
    wrong = sideman("demo", "--replay", "nobody", "--clips", clips)
    assert wrong.returncode == 2
    assert "no preset 'nobody' with a session.osc" in wrong.stderr
