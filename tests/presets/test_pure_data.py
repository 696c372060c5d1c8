"""The Pure Data patches: their format, and every message that they can send."""

from __future__ import annotations

import re
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from bridge.osc.packet import Message, decode, encode
from bridge.table import Table
from tests.peers.puredata import FOLDER, patch, pd
from tests.serving import PATIENCE_S

TABLE = Table(decks=4)
PATCHES = ("sideman.pd", "sideman-help.pd")

# Of the objects that Pd 0.52 has without any library, those that the patches use.
VANILLA = frozenset(
    "== bng change f floatatom hsl inlet list loadbang makefilename metro msg netsend oscformat "
    "oscparse outlet pack pd print r restore route s sel spigot symbolatom t text tgl until".split()
)
VALUES = {"tempo": "120.5", "level": "0.25", "mute": "1", "prompt": "dub\\ techno\\,\\ für\\ Elise"}
"""What a box could hold that its message sends as $1."""


@dataclass
class Canvas:
    """One window of a patch."""

    objects: list[list[str]] = field(default_factory=list)
    wires: list[list[int]] = field(default_factory=list)


def records(text: str) -> list[list[str]]:
    """The words of each record; what is escaped stays so."""
    found = re.findall(r"((?:\\.|[^;\\])*);\n", text, re.DOTALL)
    assert "".join(record + ";\n" for record in found) == text, "not the format of a patch"
    return [re.findall(r"(?:\\.|[^\s\\])+", record) for record in found]


def canvases(file: str) -> list[Canvas]:
    """All windows of a patch, inner ones before the one that they lie in."""
    done, open_ones = [], []
    for kind, what, *words in records((FOLDER / file).read_text(encoding="utf-8")):
        if (kind, what) == ("#N", "canvas"):
            open_ones.append(Canvas())
        elif what == "connect":
            open_ones[-1].wires.append([int(word) for word in words])
        else:
            assert kind == "#X"
            if what == "restore":
                done.append(open_ones.pop())
            open_ones[-1].objects.append([what, *words[2:]])
    (outermost,) = open_ones
    return [*done, outermost]


def messages(file: str) -> list[str]:
    """The message boxes of its outermost window, as typed there."""
    boxes = [words[1:] for words in canvases(file)[-1].objects if words[0] == "msg"]
    return [re.sub(r"\\(.)", r"\1", " ".join(words)) for words in boxes]


@pytest.mark.parametrize("file", PATCHES)
def test_objects_are_pds_own_and_wires_end_at_some(file: str) -> None:
    for canvas in canvases(file):
        for kind, *words in canvas.objects:
            name = words[0] if kind == "obj" else kind
            assert name in VANILLA | {"sideman"}
        for source, _, target, _ in canvas.wires:
            assert max(source, target) < len(canvas.objects)


@pytest.mark.peer
@pytest.mark.parametrize("file", PATCHES)
def test_pd_opens_it_without_a_word(file: str) -> None:
    done = subprocess.run(
        pd("-send", "pd quit", str(FOLDER / file)), capture_output=True, text=True, timeout=60
    )
    assert (done.stdout, done.stderr) == ("", "")


@contextmanager
def server(port: int = 0) -> Iterator[socket.socket]:
    """Where a server would be."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as here:
        here.bind(("127.0.0.1", port))
        here.settimeout(PATIENCE_S)
        yield here


def receive(here: socket.socket) -> Message:
    """The next message to it; a ping is answered."""
    packet, sender = here.recvfrom(9000)
    message = decode(packet)
    assert isinstance(message, Message)
    if message.address == "/ping":
        here.sendto(encode("/pong", ()), sender)
    return message


@pytest.mark.peer
def test_the_help_patch_sends_what_a_server_takes(tmp_path: Path) -> None:
    own = ("set ", "connect", "disconnect")
    texts = [text for text in messages("sideman-help.pd") if not text.startswith(own)]
    assert {"play", "deck 4 prompt $1", "slot 8 launch", "render 8 reggae\\, in C minor"} < set(
        texts
    )
    with server() as here, patch(tmp_path, here.getsockname()[1]) as end:
        assert [receive(here).address for _ in range(2)] == ["/ping", "/subscribe"]
        for text in texts:
            name = text.split()[-2] if "$1" in text else ""
            end.say(text.replace("$1", VALUES.get(name, "")))
            while (message := receive(here)).address == "/ping":
                pass
            TABLE.resolve(message.address, message.args)
            if name == "prompt":
                assert message.args == ("dub techno, für Elise",)


@pytest.mark.peer
def test_a_server_that_was_away_is_subscribed_to_again(tmp_path: Path) -> None:
    with server() as here:
        port = here.getsockname()[1]
        with patch(tmp_path, port) as end:
            assert [receive(here).address for _ in range(2)] == ["/ping", "/subscribe"]
            end.wait_for("connected 1")
            here.close()
            end.wait_for("connected 0")
            with server(port) as again:
                assert [receive(again).address for _ in range(2)] == ["/ping", "/subscribe"]
                end.wait_for("connected 1")
