"""liblo's command line tools, which DAW users script with, as clients of the server."""

from __future__ import annotations

import math
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bridge.demo.recording import read_recording
from bridge.osc.packet import Bundle, Message, decode, encode, encode_bundle
from tests.bridge.osc.fake import Bridge, peer, until

pytestmark = pytest.mark.peer

Need = Callable[[str], str]


@pytest.fixture
def bridge() -> Iterator[Bridge]:
    with Bridge() as it:
        it.state.set("/tempo", 120.0)
        yield it


@pytest.fixture
def oscsend(need: Need) -> Callable[..., None]:
    """`oscsend(port_or_url, address, types, values...)` with the real program."""
    program = need("oscsend")

    def send(where: int | str, *words: str) -> None:
        target = ["127.0.0.1", str(where)] if isinstance(where, int) else [where]
        subprocess.run([program, *target, *words], check=True, timeout=20)

    return send


@contextmanager
def oscdump(program: str, port: int, log: Path) -> Iterator[Callable[[], list[str]]]:
    """The real program listening at `port`; gives what it has printed so far, line by line."""
    with log.open("w") as out:
        process = subprocess.Popen([program, "-L", str(port)], stdout=out)

        def lines() -> list[str]:
            # Each begins with a time tag: `e8f1.5a3c /tempo f 120.000000`.
            return [line.partition(" ")[2] for line in log.read_text().splitlines()]

        try:
            with peer(port) as probe:  # until it listens, the probe is refused

                def listening() -> bool:
                    try:
                        probe.send("/probe")
                    except ConnectionError:
                        return False
                    return any("/probe" in line for line in lines())

                until(listening, "oscdump")
            yield lines
        finally:
            process.terminate()
            process.wait(20)


def test_oscsend_sets_every_kind_of_value(bridge: Bridge, oscsend: Callable[..., None]) -> None:
    port = bridge.server.udp_port
    oscsend(port, "/tempo", "f", "93.5")
    oscsend(port, "/tempo", "i", "94")
    oscsend(port, "/deck/1/top_k", "f", "100")
    oscsend(port, "/deck/1/mute", "T")
    oscsend(port, "/deck/2/prompt", "sfsf", "lofi hip hop", "0.5", "häuslich", "0.25")
    oscsend(port, "/deck/{3,4}/gain", "f", "-12")
    oscsend(port, "/deck/4/seed", "h", "12345")
    until(lambda: bridge.state.get("/deck/4/seed") == (12345,), "the last one")
    assert dict(bridge.state.items()) == {
        "/tempo": (94.0,),
        "/deck/1/top_k": (100,),
        "/deck/1/mute": (True,),
        "/deck/2/prompt": ("lofi hip hop", 0.5, "häuslich", 0.25),
        "/deck/3/gain": (-12.0,),
        "/deck/4/gain": (-12.0,),
        "/deck/4/seed": (12345,),
    }
    assert bridge.server.malformed == 0


def test_oscsend_over_tcp(bridge: Bridge, oscsend: Callable[..., None]) -> None:
    oscsend(f"osc.tcp://127.0.0.1:{bridge.server.tcp_port}", "/tempo", "f", "101")
    until(lambda: bridge.state.get("/tempo") == (101.0,))
    assert bridge.server.malformed == 0


def test_oscdump_follows_what_oscsend_does(
    bridge: Bridge,
    oscsend: Callable[..., None],
    need: Need,
    free_port: Callable[[], int],
    tmp_path: Path,
) -> None:
    port, display = bridge.server.udp_port, free_port()
    bridge.state.set("/deck/1/prompt", 'a "quoted" prompt', 0.5)
    with oscdump(need("oscdump"), display, tmp_path / "dump.txt") as lines:
        oscsend(port, "/subscribe", "i", str(display))
        until(lambda: '/deck/1/prompt sf "a "quoted" prompt" 0.500000' in lines(), "the state")
        assert "/tempo f 120.000000" in lines()
        oscsend(port, "/tempo", "f", "99")
        until(lambda: "/tempo f 99.000000" in lines(), "the change")
        bridge.feedback.event("/clip/done", 1, "a_120bpm.wav", 8.0, 120.0, 4)
        done = '/clip/done isffi 1 "a_120bpm.wav" 8.000000 120.000000 4'
        until(lambda: done in lines(), "the event")
        oscsend(port, "/deck/1/mute", "T")
        until(lambda: "/deck/1/mute T #T" in lines(), "the switch")


def test_errors_go_to_the_sender_only(
    bridge: Bridge,
    oscsend: Callable[..., None],
    need: Need,
    free_port: Callable[[], int],
    tmp_path: Path,
) -> None:
    port, display = bridge.server.udp_port, free_port()
    with (
        oscdump(need("oscdump"), display, tmp_path / "dump.txt") as lines,
        peer(port) as asker,
    ):
        oscsend(port, "/subscribe", "i", str(display))
        until(lambda: "/tempo f 120.000000" in lines(), "the state")
        oscsend(port, "/tempo", "f", "9999")
        assert asker.ask("/tempo", 9999) == Message(
            "/error", ("/tempo", "bpm 9999 is out of range 20..400")
        )
        oscsend(port, "/tempo", "f", "100")
        until(lambda: "/tempo f 100.000000" in lines(), "the change")
        assert not any("/error" in line for line in lines())


def test_what_oscdump_prints_can_be_replayed(
    tmp_path: Path, need: Need, free_port: Callable[[], int]
) -> None:
    sent = [
        Message("/play"), Message("/x", (1, 2.5, 'say "hi" \\ twice', True, None)),
        Message("/y", ("a b", "", b"\x01\xff", False, math.inf, 2**40)), Message("/z", ("last",)),
    ]  # fmt: skip
    port, log = free_port(), tmp_path / "host.osc"
    with oscdump(need("oscdump"), port, log) as lines, peer(port) as host:
        host.socket.send(encode_bundle(1, [encode(m.address, m.args) for m in sent[:3]]))
        host.send(sent[3].address, *sent[3].args)
        until(lambda: any(line.startswith("/z") for line in lines()), "oscdump")
    packets = [p for p in read_recording(log) if p.messages[0].address != "/probe"]
    assert [list(packet.messages) for packet in packets] == [sent[:3], sent[3:]]
    again = decode(packets[0].encode())
    assert isinstance(again, Bundle)
    assert list(again.elements) == sent[:3]
