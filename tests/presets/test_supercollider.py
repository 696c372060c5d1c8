"""The class for SuperCollider: every message that it can send, its help page and its examples."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from bridge.osc.packet import Bundle, Message, decode
from bridge.row import Value
from bridge.table import Table
from tests.peers.sclang import FOLDER, run_sclang
from tests.serving import PATIENCE_S

pytestmark = pytest.mark.peer

TABLE = Table(decks=4)
CLASS = FOLDER / "Sideman.sc"
EXAMPLES = FOLDER / "examples.scd"
HELP = FOLDER / "HelpSource" / "Classes" / "Sideman.schelp"

CALLS = """
a.tempo = 84; a.tap; a.play; a.stop; a.continue; a.panic; a.position = 4; a.signature = [3, 4];
a.grid = "4bars"; a.key = "A minor"; a.clock = \\internal; a.record; a.record(false);
a.render("reggae", 8); a.clips; a.cancel(1); a.capture(2);
a.send("/deck/*/mute", true); a.send("/clip/batch", 4, "ska", "dub");
a.deck(2).prompt = "für Elise"; a.deck(2).prompt("dub", 0.75, "house", 0.25);
a.deck(1).play; a.deck(1).play("none"); a.deck(1).stop; a.deck(1).stop(\\bar); a.deck(1).morph = 8;
a.deck(1).gain = -6.5; a.deck(1).level = 0.5; a.deck(1).mute = true; a.deck(1).solo = false;
a.deck(1).warp = 1; a.deck(1).temperature = 0.5; a.deck(1).topK = 100; a.deck(1).guidance = 5;
a.deck(1).seed = -1; a.deck(1).reset; a.deck(1).hold; a.deck(1).capture;
a.deck(1).continueFrom("a.wav");
a.slot(3).prompt = "ska"; a.slot(3).prompt("ska", 1, "dub", 2); a.slot(3).launch;
a.slot(3).launch(4);
a.scene(1).store; a.scene(1).launch;
"""


def messages(packet: Message | Bundle) -> Iterator[Message]:
    if isinstance(packet, Message):
        yield packet
    else:
        for element in packet.elements:
            yield from messages(element)


def sent(folder: Path, code: str) -> list[Message]:
    """What `code` sends with the Sideman `a`, in order."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as here:
        here.bind(("127.0.0.1", 0))
        here.settimeout(PATIENCE_S)
        start = f'var a = Sideman("127.0.0.1", {here.getsockname()[1]});'
        run_sclang(folder, f'{start} fork {{ {code} a.send("/end"); 0.exit }};')
        got: list[Message] = []
        while not got or got[-1].address != "/end":
            got += messages(decode(here.recv(9000)))
    return got[:-1]


def test_every_method_sends_what_a_server_takes(tmp_path: Path) -> None:
    methods = re.findall(r"^\t(\w+?)_? \{.*this\.send\(", CLASS.read_text("utf-8"), re.MULTILINE)
    called = set(re.findall(r"\.(\w+)", CALLS))
    assert len(methods) > 30
    assert set(methods) - {"prAskNext"} <= called
    values: dict[str, list[tuple[Value, ...]]] = {}
    for message in sent(tmp_path, CALLS):
        TABLE.resolve(message.address, message.args)
        values.setdefault(message.address, []).append(message.args)
    assert values["/deck/2/prompt"] == [("für Elise",), ("dub", 0.75, "house", 0.25)]
    assert values["/deck/1/play"] == [(), ("none",)]
    assert values["/clip/render"] == [("reggae", 8, -1)]


def test_bundles_events_and_a_followed_clock(tmp_path: Path) -> None:
    code = """
a.bind { a.deck(1).play; a.bind { a.deck(2).play } };
(type: \\sideman, sideman: a, address: "/slot/1/launch", args: 2).play;
(type: \\sideman, sideman: a, address: "/deck/1/prompt", args: "ska").play;
TempoClock.default.tempo = 2.5; a.follow; 1.wait; TempoClock.default.tempo = 2;
TempoClock.default.beatsPerBar = 3.5; a.unfollow; TempoClock.default.tempo = 3;
"""
    got = sent(tmp_path, code)
    for message in got:
        TABLE.resolve(message.address, message.args)
    words = [(m.address, *m.args) for m in got if m.address != "/position"]
    positions = [float(str(m.args[0])) for m in got if m.address == "/position"]
    assert len(positions) > 2
    assert positions == sorted(positions)
    assert words[:4] == [
        ("/deck/1/play",), ("/deck/2/play",), ("/slot/1/launch", 2), ("/deck/1/prompt", "ska")
    ]  # fmt: skip
    assert words[4:] == [
        ("/clock", "osc"), ("/tempo", 150.0), ("/signature", 4, 4), ("/play",),
        ("/tempo", 120.0), ("/signature", 7, 8), ("/clock", "internal"),
    ]  # fmt: skip


def test_help_and_examples_are_what_supercollider_reads(tmp_path: Path) -> None:
    text = EXAMPLES.read_text(encoding="utf-8")
    blocks = re.findall(r"^\(\n[\s\S]*?^\)$|^[^\s(/)].*$", text, re.MULTILINE)
    assert len(blocks) > 10
    for number, block in enumerate(blocks):
        (tmp_path / f"{number}.scd").write_text(block, encoding="utf-8")
    posted = run_sclang(
        tmp_path,
        f"""
SCDoc.parseFileFull("{HELP}").notNil.postln;
{len(blocks)}.do {{ |i|
    File.readAllString("{tmp_path}/" ++ i ++ ".scd").compile.notNil.postln
}};
0.exit;""",
    )
    assert [line for line in posted if line in ("true", "false")] == ["true"] * (1 + len(blocks))
    assert not [line for line in posted if "WARNING" in line or line.startswith("SCDoc")]


@pytest.mark.parametrize("file", [CLASS, EXAMPLES], ids=lambda file: file.name)
def test_addresses_are_the_tables(file: Path) -> None:
    addresses = re.findall(r"[\"'](/[a-z/0-9_]+[a-z])[\"']", file.read_text("utf-8"))
    assert addresses
    assert set(addresses) <= set(TABLE)
