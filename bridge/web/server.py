"""The HTTP server's thread: binds, imports the web stack, serves, and ends.

Threading: `start` and `close` belong to the thread that made it. All of the serving happens on a
thread of its own with its own event loop, which imports starlette and uvicorn, too: that takes
longer than all else at the start, and only whoever asks in that moment has to wait for it.
"""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Callable
from typing import Any

from bridge.osc.server import bind

REMEDY = "--http HOST:PORT, or do without by --no-http"

_log = logging.getLogger(__name__)


class WebServer:
    """Serves what `make_app` makes, on that thread, once the port is known."""

    def __init__(self, host: str, port: int, make_app: Callable[[], Any]) -> None:
        self.host = host
        self.port = port
        self.ip = ""
        """That it is bound to, from `start` on."""
        self._make_app = make_app
        self._lock = threading.Lock()
        self._closing = False
        self._end: Callable[[], object] | None = None
        self._thread = threading.Thread(target=self._run, name="http", daemon=True)

    def start(self) -> None:
        """Bind the port and begin. Raises BadValue or PortUnavailable naming the port."""
        self._socket = bind(self.host, self.port, socket.SOCK_STREAM, REMEDY, "HTTP")
        self.ip, self.port = self._socket.getsockname()[:2]
        self._thread.start()

    def close(self) -> None:
        """End it, and every connection. Safe to call twice, and if it was never started."""
        with self._lock:
            self._closing = True
            if self._end:
                self._end()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        try:
            self._serve()
        except Exception as error:  # the music goes on
            _log.error("HTTP server: %r", error, exc_info=_log.isEnabledFor(logging.DEBUG))
        finally:
            self._socket.close()

    def _serve(self) -> None:
        import asyncio

        from bridge.web.listener import Listener

        with asyncio.Runner() as runner:
            loop, listener = runner.get_loop(), Listener(self._make_app())
            with self._lock:
                if self._closing:
                    return
                self._end = lambda: loop.call_soon_threadsafe(listener.end)
            try:
                runner.run(listener.serve(sockets=[self._socket]))
            finally:
                with self._lock:
                    self._end = None
