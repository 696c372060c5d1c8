"""What a download's process does, in the tests: no network, nothing but words."""

from __future__ import annotations

import time
from multiprocessing.connection import Connection
from pathlib import Path

from engine.musicgen.models import hub

TOTAL_BYTES = 4_000_000


def blobs(hub_id: str) -> Path:
    return hub.cache_folder() / f"models--{hub_id.replace('/', '--')}" / "blobs"


def fetch_half(hub_id: str, say: Connection) -> None:
    """Half of it comes, and then nothing."""
    say.send(("total", TOTAL_BYTES))
    blobs(hub_id).mkdir(parents=True)
    (blobs(hub_id) / "weights.incomplete").write_bytes(bytes(TOTAL_BYTES // 2))
    time.sleep(600)


def fetch_all(hub_id: str, say: Connection) -> None:
    say.send(("total", TOTAL_BYTES))
    say.send(("done", ""))
