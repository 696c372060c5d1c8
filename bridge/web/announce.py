"""The server's word to the local network that it is here: mDNS, `_oscjson._tcp` and `_osc._udp`.

Threading: `start` and `close` from the thread that owns it. What takes time (to look whether the
name is free, seconds) happens on a thread of its own; so does whatever goes wrong.
"""

from __future__ import annotations

import ipaddress
import socket
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from zeroconf import ServiceInfo, Zeroconf

QUERY_TYPE = "_oscjson._tcp.local."
OSC_TYPE = "_osc._udp.local."

_CLOSE_S = 5.0
"""Saying goodbye takes half a second; a network that is gone must not hold the end up."""


class Announcement:
    """`name` is found at `ip` (an unspecified one: at every address of this machine), with a port
    for each type of service."""

    def __init__(
        self, name: str, ip: str, ports: dict[str, int], notify: Callable[[str], None]
    ) -> None:
        self._name = name
        self._ip = ip
        self._ports = ports
        self._notify = notify
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="mdns", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """Say goodbye. Safe to call twice, and if it was never started."""
        self._ending.set()
        if self._thread.is_alive():
            self._thread.join(_CLOSE_S)

    def _run(self) -> None:
        try:
            from zeroconf import Zeroconf
        except ModuleNotFoundError:
            self._notify("not announced on the network: pip install 'sideman[announce]'")
            return
        try:
            with Zeroconf(interfaces=list(addresses_of(self._ip))) as network:
                self._register(network)
                self._ending.wait()
        except Exception as error:  # of many kinds; a server that is not found still plays
            self._notify(f"not announced on the network: {type(error).__name__} {error}")

    def _register(self, network: Zeroconf) -> None:
        """Both at once, on the network's own loop: each takes a second."""
        import asyncio

        assert network.loop is not None
        addresses = addresses_of(self._ip)
        services = (
            _service(self._name, kind, port, addresses) for kind, port in self._ports.items()
        )
        registered = [
            asyncio.run_coroutine_threadsafe(
                network.async_register_service(service, allow_name_change=True), network.loop
            )
            for service in services
        ]
        for each in registered:
            each.result()


def addresses_of(ip: str) -> list[str]:
    """Where others reach a server that is bound to `ip`: there, or if that is any, at each
    address that this machine has in the network."""
    if not ipaddress.ip_address(ip).is_unspecified:
        return [ip]
    cards = psutil.net_if_addrs().values()
    found = [a.address for card in cards for a in card if a.family == socket.AF_INET]
    return [each for each in found if not ipaddress.ip_address(each).is_loopback] or ["127.0.0.1"]


def _service(name: str, kind: str, port: int, addresses: list[str]) -> ServiceInfo:
    from zeroconf import ServiceInfo

    machine = socket.gethostname().partition(".")[0]
    return ServiceInfo(
        kind, f"{name}.{kind}", port, parsed_addresses=addresses, properties={"txtvers": "1"},
        server=f"{name}-{machine}.local.",  # not the machine's own, which others may answer for
    )  # fmt: skip
