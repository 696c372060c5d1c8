"""SuperCollider's language plays sideman with time-tagged bundles, as its patterns do."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from bridge.bench.listening import RATE, Listened, asking, listened_server
from engine.api import Audio
from tests.peers.conftest import need
from tests.serving import until

pytestmark = pytest.mark.peer

APART_S = 0.5

SCRIPT = """(
var sideman = NetAddr("127.0.0.1", %d);
sideman.sendBundle(0.8, ["/deck/1/play", "none"], ["/deck/2/play", "none"]);
sideman.sendBundle(1.3, ["/deck/3/play", "none"]);
0.exit;
)
"""


def test_bundles_of_sclang_launch_on_their_samples(tmp_path: Path) -> None:
    begun: dict[int, int] = {}
    with listened_server() as app, asking(app) as sender:

        def look(_at: int, _audio: Audio) -> None:
            for number, deck in app.session.decks.items():
                if deck.sounding and deck.feed and deck.feed.origin:
                    begun.setdefault(number, deck.feed.origin)

        app.taps.append(look)
        sender.send("/play")
        _run(tmp_path, app)
        until(lambda: len(begun) == 3, f"decks that began: {begun}")
        late = app.late
    assert begun[1] == begun[2]
    assert begun[3] - begun[1] == APART_S * RATE
    assert late == 0


def _run(folder: Path, app: Listened) -> None:
    script = folder / "launch.scd"
    script.write_text(SCRIPT % app.osc.udp_port)
    environment = {
        **os.environ,
        "HOME": str(folder),
        "QT_QPA_PLATFORM": "offscreen",
        "QTWEBENGINE_DISABLE_SANDBOX": "1",  # which root may not have
    }
    done = subprocess.run(
        [need("sclang"), str(script)], env=environment, stdin=subprocess.DEVNULL,
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-1000:]
