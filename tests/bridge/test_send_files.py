"""`sideman send` with messages from a file and replies into one."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from pythonosc.osc_message_builder import build_msg

from bridge.cli import main
from bridge.osc.packet import Message, decode
from bridge.row import Value


class Peer:
    """Takes messages at a port, and refuses those to `/bad`."""

    def __init__(self) -> None:
        self.got: list[tuple[str, tuple[Value, ...]]] = []
        self.arrived = threading.Semaphore(0)
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.where = f"127.0.0.1:{self._socket.getsockname()[1]}"
        self._thread = threading.Thread(target=self._work)
        self._thread.start()

    def _work(self) -> None:
        while True:
            packet, sender = self._socket.recvfrom(65536)
            if not packet:
                return
            message = decode(packet)
            assert isinstance(message, Message)
            self.got.append((message.address, message.args))
            if message.address == "/bad":
                self._socket.sendto(build_msg("/error", ["/bad", "no\ngood"]).dgram, sender)
            self.arrived.release()

    def close(self) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ending:
            ending.sendto(b"", self._socket.getsockname())
        self._thread.join()
        self._socket.close()


@pytest.fixture
def peer() -> Iterator[Peer]:
    peer = Peer()
    yield peer
    peer.close()


def test_messages_come_from_a_file_in_order(peer: Peer, tmp_path: Path) -> None:
    file = tmp_path / "messages.txt"
    file.write_bytes('/a\ti:3\tf:0.5\r\n\n/b\ts:808, "für" $HOME\n'.encode())
    assert main(["send", "--osc", peer.where, "--wait", "0.05", "--file", str(file)]) == 0
    for _ in range(2):
        assert peer.arrived.acquire(timeout=10)
    assert peer.got == [("/a", (3, 0.5)), ("/b", ('808, "für" $HOME',))]


def test_replies_go_into_a_file_with_the_status_last(
    peer: Peer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    into = tmp_path / "answer"
    assert main(["send", "--osc", peer.where, "--wait", "0.2", "--into", str(into), "/bad"]) == 1
    assert into.read_text() == "/error /bad no good\nstatus 1\n"
    assert capsys.readouterr() == ("", "")
    assert [*tmp_path.iterdir()] == [into]


def test_what_ends_it_is_in_the_file_too(tmp_path: Path) -> None:
    into = tmp_path / "answer"
    missing = tmp_path / "missing.txt"
    assert main(["send", "--file", str(missing), "--into", str(into)]) == 2
    assert "missing.txt cannot be read" in into.read_text()
    assert into.read_text().endswith("\nstatus 2\n")


def test_a_file_is_followed_to_its_end(peer: Peer, tmp_path: Path) -> None:
    file, into = tmp_path / "messages.txt", tmp_path / "answer"
    words = ["--osc", peer.where, "--file", str(file), "--follow", "--into", str(into)]
    with file.open("w", buffering=1) as lines:
        lines.write("/first\n")
        following = threading.Thread(target=main, args=(["send", *words],))
        following.start()
        assert peer.arrived.acquire(timeout=10)
        lines.write("/sec")
        lines.flush()
        lines.write("ond\t1\n\n")
        assert peer.arrived.acquire(timeout=10)
        lines.write("end\n")
        following.join(10)
    assert peer.got == [("/first", ()), ("/second", (1,))]
    assert into.read_text() == "status 0\n"


@pytest.mark.parametrize(
    ("words", "part"),
    [
        ((), "one of the two"),
        (("/play", "--file", "x"), "one of the two"),
        (("/play", "--follow"), "--follow needs"),
        (("/play", "--into", "/no/such/folder/x"), "cannot be written"),
    ],
)
def test_bad_usage_is_one_line(
    words: tuple[str, ...], part: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["send", *words]) == 2
    assert part in capsys.readouterr().err
