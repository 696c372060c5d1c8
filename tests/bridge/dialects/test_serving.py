"""`serve --dialect`: the server's own process, and REAPER's place at both ends."""

from __future__ import annotations

import re
from pathlib import Path

from bridge.osc.packet import Message, decode, encode, encode_bundle
from bridge.osc.sender import Sender
from tests.bridge.dialects.test_speaking import Host
from tests.serving import serving, sideman, until


def test_reaper_leads_and_is_told_what_others_change(tmp_path: Path) -> None:
    host = Host()
    own = tmp_path / "own.toml"
    own.write_text('name = "Own"\n[[in]]\naddress = "/faster"\nto = "/tempo"\nargs = [140]\n')
    words = ("--dialect", f"reaper@127.0.0.1:{host.port},0", "--dialect", str(own), "--no-midi")
    with serving(tmp_path, *words) as server:
        found = re.search(rf"dialect 'REAPER' from (\d+) to \S+:{host.port} ", server.ready)
        assert found, server.ready
        assert server.ready.rstrip().endswith("dialect 'Own'")
        with Sender("127.0.0.1", int(found[1])) as reaper:
            for packet in (
                encode("/tempo/raw", (500.0,)),
                encode_bundle(
                    1 << 24, [encode("/track/2/name", ("dub",)), encode("/time", (1.0,))]
                ),
                encode("/track/2/volume/db", (-150.0,)),
                encode_bundle(1 << 24, [encode("/stop", (0.0,)), encode("/play", (1.0,))]),
            ):
                reaper.send_packet(packet)
            until(lambda: server.status()["playing"] == 1, "REAPER's play did not arrive")
            assert server.ask("/tempo") == (400.0,)
            assert server.ask("/deck/2/prompt") == ("dub",)
            assert server.ask("/deck/2/gain") == (-60.0,)
        # A REAPER that sends to the OSC port is understood there, too, in what only it says.
        server.send("/track/3/volume/db", -7.0)
        assert server.ask("/deck/3/gain") == (-7.0,)
        assert server.ask("/tempo", 0.3, answer="/error")[0] == "/tempo"
        assert server.ask("/fx/1", 1, answer="/error") == ("/fx/1", "unknown address")
        server.send("/faster")
        assert host.hears() == ("/tempo/raw", 140.0)
        server.send("/stop")
        assert host.hears() == ("/stop", 1)
        assert server.stop() == 0
    host.socket.setblocking(False)
    try:
        left = decode(host.socket.recv(1000))
    except BlockingIOError:
        left = Message("/nothing")
    assert left == Message("/nothing")
    host.socket.close()
    assert "late" not in server.errors.read_text()


def test_a_dialect_that_there_is_not_is_said_at_once() -> None:
    done = sideman("serve", "--dialect", "cubase", "--osc", "127.0.0.1:0", "--output", "null")
    assert done.returncode == 2
    assert re.fullmatch(r"sideman: no preset 'cubase' .* there are .*reaper.*\n", done.stderr)
