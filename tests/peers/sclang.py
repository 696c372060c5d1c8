"""SuperCollider's language, without a window, with the class `Sideman`."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from tests.peers.conftest import need
from tests.serving import PATIENCE_S, ROOT

FOLDER = ROOT / "daw_presets" / "supercollider"


def run_sclang(folder: Path, code: str) -> list[str]:
    """Run one block of code to its `0.exit`; returns what it posted, a line each.

    Fails if an error was posted: sclang itself goes on after one.
    """
    (folder / "script.scd").write_text(f"({code}\n)\n", encoding="utf-8")
    paths = f"includePaths:\n    - {FOLDER}\nexcludePaths: []\n"
    (folder / "sclang.yaml").write_text(paths, encoding="utf-8")
    environment = {
        **os.environ,
        "HOME": str(folder),
        "QT_QPA_PLATFORM": "offscreen",
        "QTWEBENGINE_DISABLE_SANDBOX": "1",  # which root may not have
    }
    command = [need("sclang"), "-l", str(folder / "sclang.yaml"), str(folder / "script.scd")]
    done = subprocess.run(
        command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True,
        timeout=PATIENCE_S,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:]
    assert "ERROR" not in done.stdout, done.stdout[-2000:]
    return done.stdout.splitlines()
