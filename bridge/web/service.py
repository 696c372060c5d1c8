"""Everything that is reached over HTTP, as the composition root sees it.

Threading: `start` and `close` belong to the thread that made it. Nothing here is called by the
conductor, or calls it: values are read from the `State`, and what clients send goes to the same
sink as OSC that came by UDP.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable
from typing import Any

from bridge import PROTOCOL, __version__
from bridge.addresses import Table, Value
from bridge.osc.feedback import Feedback
from bridge.osc.server import PacketSink
from bridge.state import State
from bridge.web.announce import OSC_TYPE, QUERY_TYPE, Announcement
from bridge.web.server import WebServer
from bridge.web.studio import Studio

NAME = "sideman"


class Web:
    """A server at `where` (host and port; 0 is any free one) for the OSC server at `osc`, which
    is called once that is up. `announced` None: if it is bound beyond loopback."""

    def __init__(
        self,
        where: tuple[str, int],
        announced: bool | None,
        osc: Callable[[], tuple[str, int]],
        table: Table,
        state: State,
        feedback: Feedback,
        sink: PacketSink,
        notify: Callable[[str], None],
        studio: Studio,
    ) -> None:
        self._server = WebServer(*where, self._make_app)
        self._announced = announced
        self._announcement: Announcement | None = None
        self._osc = osc
        self._table = table
        self._state = state
        self._feedback = feedback
        self._sink = sink
        self._notify = notify
        self._studio = studio

    @property
    def where(self) -> str:
        """`HOST:PORT`, once it has started."""
        return f"{self._server.host}:{self._server.port}"

    def start(self) -> None:
        """Raises BadValue or PortUnavailable, naming the port."""
        self._server.start()
        beyond = not ipaddress.ip_address(self._server.ip).is_loopback
        if self._announced or (self._announced is None and beyond):
            ip = self._server.ip
            self._announcement = Announcement(NAME, ip, self._announced_ports(ip), self._notify)
            self._announcement.start()

    def close(self) -> None:
        """Safe to call twice, and if it was never started."""
        if self._announcement:
            self._announcement.close()
        self._server.close()

    def _announced_ports(self, ip: str) -> dict[str, int]:
        """OSC's only if it is reached where HTTP is."""
        host, port = self._osc()
        ports = {QUERY_TYPE: self._server.port}
        return {**ports, OSC_TYPE: port} if _reached(host, ip) == ip else ports

    def _make_app(self) -> Any:
        """On the server's thread, since it imports the web stack."""
        from bridge.web.listening import Desk
        from bridge.web.site import make_site
        from bridge.web.tree import Tree

        desk = Desk(Tree(self._table, self._known), self._feedback, self._sink)
        return make_site(desk, self._studio, self._server.host, self._server.ip, self._ports)

    def _known(self, path: str) -> tuple[Value, ...] | None:
        if path == "/version":
            return __version__, PROTOCOL
        return self._state.get(path)

    def _ports(self, served_ip: str) -> tuple[tuple[str, int], tuple[str, int]]:
        host, port = self._osc()
        return (_reached(host, served_ip), port), (served_ip, self._server.port)


def _reached(host: str, served_ip: str) -> str:
    """The address in figures at which one who reaches us at `served_ip` finds what listens at
    `host`."""
    try:
        ip = host if ":" in host else socket.gethostbyname(host)
        return served_ip if ipaddress.ip_address(ip).is_unspecified else ip
    except (OSError, ValueError):
        return served_ip
