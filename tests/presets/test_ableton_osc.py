"""The dialect for AbletonOSC, with AbletonOSC's part played by a socket."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path

from bridge.dialects.load import load_dialect
from bridge.osc.packet import Message
from tests.presets.udp import bound, heard, wait_for
from tests.serving import serving, until


def test_live_and_sideman_follow_each_other(tmp_path: Path, free_port: Callable[[], int]) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        words = f"ableton-live@127.0.0.1:{bound(peer)},{free_port()}"
        with serving(tmp_path, "--dialect", words) as server:
            message, address = heard(peer)
            assert message == Message("/live/song/start_listen/tempo")
            assert heard(peer)[0] == Message("/live/song/start_listen/is_playing")
            peer.sendto(b"/live/song/get/tempo\0\0\0\0,f\0\0\x43\x05\0\0", address)
            until(lambda: server.ask("/tempo") == (133.0,), "Live's tempo")
            # How it stands when it is greeted; then what changes.
            peer.sendto(b"/live/song/get/is_playing\0\0\0,F\0\0", address)
            peer.sendto(b"/live/song/get/is_playing\0\0\0,T\0\0", address)
            until(lambda: server.status()["playing"] == 1, "Live's start")
            server.send("/tempo", 90.0)
            wait_for(peer, Message("/live/song/set/tempo", (90.0,)))
            server.send("/stop")
            wait_for(peer, Message("/live/song/stop_playing"))


def test_a_live_that_is_opened_does_not_stop_the_show(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        words = f"ableton-live@127.0.0.1:{bound(peer)},{free_port()}"
        with serving(tmp_path, "--dialect", words) as server:
            _, address = heard(peer)
            server.send("/play")
            server.sync()
            peer.sendto(b"/live/song/get/is_playing\0\0\0,F\0\0", address)
            peer.sendto(b"/live/song/get/tempo\0\0\0\0,f\0\0\x43\x05\0\0", address)
            until(lambda: server.ask("/tempo") == (133.0,), "Live's tempo")
            assert server.status()["playing"] == 1


def test_it_speaks_to_the_ports_of_abletonosc() -> None:
    dialect = load_dialect("ableton-live")
    assert (dialect.host, dialect.listen) == ("127.0.0.1:11000", 11001)
