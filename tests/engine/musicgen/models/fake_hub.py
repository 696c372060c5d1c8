"""A small HTTP server that plays the Hugging Face hub for one model."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class FakeHub(ThreadingHTTPServer):
    """Serves the files of a folder as the model `hub_id`, and keeps what it was asked."""

    daemon_threads = True

    def __init__(self, hub_id: str, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.hub_id = hub_id
        self.folder = folder
        self.requests: list[tuple[str, str, str]] = []
        """(method, file or path, Range)."""
        self.fetched: list[str] = []
        """Files asked for with GET, in order."""
        self.break_off: dict[str, list[int]] = {}
        """By file: after how many bytes its next downloads break off."""
        self.gated = False
        self.status = 200

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that hang up are none of our business."""


@contextmanager
def serving(hub_id: str, folder: Path) -> Iterator[FakeHub]:
    hub = FakeHub(hub_id, folder)
    thread = threading.Thread(target=hub.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield hub
    finally:
        hub.shutdown()
        thread.join()
        hub.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: FakeHub
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer(body=True)

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def log_message(self, format: str, *args: object) -> None:
        pass

    def _answer(self, body: bool) -> None:
        hub = self.server
        path = self.path.partition("?")[0]
        name = path.removeprefix(f"/{hub.hub_id}/resolve/main/").removeprefix(
            f"/{hub.hub_id}/resolve/{COMMIT}/"
        )
        hub.requests.append((self.command, name, self.headers.get("Range", "")))
        if hub.status != 200:
            self._error(hub.status, "")
        elif hub.gated:
            self._error(403, "GatedRepo")
        elif path.startswith(f"/api/models/{hub.hub_id}"):
            self._json(self._listing())
        elif name != path and (hub.folder / name).is_file():
            self._file(name, body)
        else:
            self._error(404, "EntryNotFound" if name != path else "RepoNotFound")

    def _listing(self) -> dict[str, object]:
        hub = self.server
        files = sorted(path for path in hub.folder.iterdir() if path.is_file())
        siblings = [{"rfilename": path.name, "size": path.stat().st_size} for path in files]
        return {
            "id": hub.hub_id,
            "modelId": hub.hub_id,
            "sha": COMMIT,
            "private": False,
            "tags": ["license:mit"],
            "siblings": siblings,
        }

    def _json(self, content: object) -> None:
        data = json.dumps(content).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _file(self, name: str, body: bool) -> None:
        data = (self.server.folder / name).read_bytes()
        start = 0
        wanted = self.headers.get("Range", "")
        if wanted.startswith("bytes="):
            start = int(wanted.removeprefix("bytes=").split("-")[0])
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        else:
            self.send_response(200)
        self.send_header("ETag", f'"{hashlib.sha256(data).hexdigest()}"')
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(len(data) - start))
        self.end_headers()
        if not body:
            return
        self.server.fetched.append(name)
        planned = self.server.break_off.get(name)
        if planned:
            self.wfile.write(data[start : start + planned.pop(0)])
            self.close_connection = True
        else:
            self.wfile.write(data[start:])

    def _error(self, status: int, code: str) -> None:
        self.send_response(status)
        if code:
            self.send_header("X-Error-Code", code)
        self.send_header("Content-Length", "0")
        self.end_headers()
