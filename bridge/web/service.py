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
from bridge.osc.feedback import Feedback
from bridge.osc.server import PacketSink
from bridge.row import Value
from bridge.state import State
from bridge.table import Table
from bridge.web.announce import OSC_TYPE, QUERY_TYPE, Announcement, addresses_of
from bridge.web.server import WebServer
from bridge.web.studio import Studio
from bridge.web.tokens import draw

NAME = "sideman"


class Web:
    """A server at `where` (host and port; 0 is any free one) for the OSC server at `osc`, which
    is called once that is up. `announced` None: if it is bound beyond loopback. `token` empty:
    beyond loopback one is drawn, on it none is needed."""

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
        token: str = "",
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
        self._given_token = token
        self._drawn_token = draw()

    @property
    def where(self) -> str:
        """`HOST:PORT`, once it has started."""
        return f"{self._server.host}:{self._server.port}"

    @property
    def token(self) -> str:
        """That every request must bring, once it has started; empty: none."""
        return self._given_token or (self._drawn_token if self._is_beyond else "")

    @property
    def link(self) -> str:
        """The console's address, for this machine or, beyond loopback, for those around it."""
        query = f"?token={self.token}" if self.token else ""
        ip = _reached_from_around(self._server.ip)
        return f"http://{f'[{ip}]' if ':' in ip else ip}:{self._server.port}/{query}"

    @property
    def _is_beyond(self) -> bool:
        return not ipaddress.ip_address(self._server.ip).is_loopback

    def start(self) -> None:
        """Raises BadValue or PortUnavailable, naming the port."""
        self._server.start()
        if self._announced or (self._announced is None and self._is_beyond):
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
        from bridge.web.tokens import Door
        from bridge.web.tree import Tree

        desk = Desk(Tree(self._table, self._known), self._feedback, self._sink)
        server = self._server
        door = Door(self.token, server.port) if self.token else None
        return make_site(desk, self._studio, server.host, server.ip, self._ports, door)

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


def _reached_from_around(ip: str) -> str:
    """Where others find what is bound to `ip`: there, or if that is any, at the address with which
    this machine goes into the network."""
    if not ipaddress.ip_address(ip).is_unspecified:
        return ip
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as wire:
            wire.connect(("192.0.2.1", 9))  # for documentation, and nothing is sent
            return str(wire.getsockname()[0])
    except OSError:
        return addresses_of(ip)[0]
