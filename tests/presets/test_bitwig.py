"""The controller script in node, where Bitwig's objects are stubbed and OSC is real UDP."""

from __future__ import annotations

import json
import queue
import re
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from bridge.presets import presets_folder
from bridge.table import Table
from tests.peers.conftest import need
from tests.serving import PATIENCE_S, Server, serving, until

pytestmark = pytest.mark.peer

SCRIPT = presets_folder() / "bitwig" / "sideman.control.js"
HOST = Path(__file__).parent / "bitwig_host.js"
TABLE = Table(decks=4)


class Bitwig:
    """A Bitwig that runs the script, with what the script did."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self._said: queue.Queue[list[Any]] = queue.Queue()
        self.sent: list[list[Any]] = []
        self.heard: dict[str, list[Any]] = {}
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            words = json.loads(line)
            if words[0] == "sent":
                self.sent.append(words[1:])
            elif words[0] == "heard":
                self.heard[words[1]] = words[2:]
            else:
                self._said.put(words)

    def drain(self) -> None:
        """Once it has ended: all that it sent is in `sent`."""
        self._reader.join()

    def set(self, what: str, value: Any = None) -> None:
        """A hand on Bitwig: a value of its transport, or a setting `Category/Label`."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps([what, value]) + "\n")
        self._process.stdin.flush()

    def wait_for(self, *words: Any) -> None:
        """Until the script has done this to Bitwig; numbers to within a hundredth."""
        while True:
            said = self._said.get(timeout=PATIENCE_S)
            if said[0] == words[0] and all(map(_same, said[1:], words[1:])):
                return


def _same(a: Any, b: Any) -> bool:
    return bool(abs(a - b) < 0.01) if isinstance(b, float) else bool(a == b)


@contextmanager
def bitwig(folder: Path, sideman_port: int, our_port: int) -> Iterator[Bitwig]:
    # Two run at once on no machine but a busy test one: the script's own port may be taken there.
    text = SCRIPT.read_text(encoding="utf-8").replace("= 9743;", f"= {our_port};")
    script = folder / SCRIPT.name
    script.write_text(text, encoding="utf-8")
    with subprocess.Popen(
        [need("node"), HOST, script, str(sideman_port)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            running = Bitwig(process)
            running.wait_for("listening")
            yield running
            assert process.stdin is not None
            process.stdin.close()
            assert process.wait(PATIENCE_S) == 0
            running.drain()
        finally:
            process.kill()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("bitwig")) as running:
        yield running


def tempo(server: Server) -> float:
    (bpm,) = server.ask("/tempo")
    assert isinstance(bpm, float)
    return bpm


def test_it_parses() -> None:
    done = subprocess.run([need("node"), "--check", SCRIPT], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_it_plays_with_a_server(
    server: Server, tmp_path: Path, free_port: Callable[[], int]
) -> None:
    server.send("/grid", "none")
    with bitwig(tmp_path, server.port, free_port()) as host:
        until(lambda: tempo(server) == 97.5, "Bitwig's tempo holds when the two meet")
        until(lambda: server.ask("/signature") == (3, 4), "Bitwig's signature")
        until(lambda: host.heard.get("/tempo") == [97.5] and "/play" in host.heard, "subscribed")
        host.set("tempo", 140.25)
        until(lambda: tempo(server) == 140.25, "a tempo set in Bitwig")
        host.set("position", 16)
        host.set("playing", True)
        until(lambda: server.position() > 16, "Bitwig's start")
        server.send("/tempo", 133.3)
        host.wait_for("tempo", 133.3)
        server.send("/stop")
        host.wait_for("playing", False)
        server.send("/play")
        host.wait_for("playing", True)
        host.set("playing", False)
        until(lambda: not server.status()["playing"], "Bitwig's stop")
        host.set("Deck 2/Prompt", "dub techno")
        until(lambda: server.ask("/deck/2/prompt")[0] == "dub techno", "the prompt")
        host.set("Deck 2/Play")
        until(lambda: server.ask("/deck/2/state") == ("playing",), "the deck")
        host.wait_for("playing", True)
        host.set("Deck 2/Stop")
        until(lambda: server.ask("/deck/2/state") == ("stopped",), "the deck's end")
        host.set("Clip/Render")
        host.wait_for("popup", "sideman: type a prompt for the clip first")
        host.set("Clip/Prompt", "house")
        host.set("Clip/Bars", 1)
        host.set("Clip/Render")
        (path,) = clips(server)
        host.wait_for("popup", f"sideman: {path} is in the clips folder")
        host.set("Deck 1/Hold")  # nothing plays there: refused, and told
        host.set("Deck 3/Capture 4 bars")
    resolve(host.sent)
    assert ["/deck/1/hold"] in host.sent


def clips(server: Server) -> list[str]:
    until(lambda: any(server.clips.glob("house_*.wav")), "a clip")
    return [path.name for path in server.clips.glob("house_*.wav")]


def test_while_bitwig_leads_its_place_is_told(
    server: Server, tmp_path: Path, free_port: Callable[[], int]
) -> None:
    server.send("/clock", "osc")
    with bitwig(tmp_path, server.port, free_port()) as host:
        until(lambda: tempo(server) == 97.5, "connected")
        began_s = time.monotonic()
        host.set("playing", True)

        def followed() -> bool:
            host.set("position", 64 + (time.monotonic() - began_s) * 97.5 / 60)
            return server.ask("/clock/state")[0] == "following" and server.position() > 64

        until(followed, "Bitwig's place", 0.02)
    resolve(host.sent)
    server.send("/clock", "internal")


def resolve(sent: list[list[Any]]) -> None:
    """Fail with the server's own words if it would not take what the script sent."""
    assert {"/subscribe", "/unsubscribe", "/tempo", "/signature"} <= {words[0] for words in sent}
    for address, *values in sent:
        TABLE.resolve(address, values)


def test_what_it_listens_to_is_in_the_table() -> None:
    heard = re.findall(r'on\("(/[a-z/]+)"', SCRIPT.read_text(encoding="utf-8"))
    assert {"/tempo", "/play", "/clock", "/clip/done", "/error"} <= set(heard) <= set(TABLE)
