"""The server announces itself, and python-oscquery, a client of others, finds and reads it.

That client takes a node for a container or for a value, never for both, and wants a value of
every method, so it reads single addresses here, and not those that only do something.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from queue import SimpleQueue

import pytest
from pythonoscquery.osc_query_client import OSCQueryClient
from pythonoscquery.shared.osc_access import OSCAccess
from zeroconf import ServiceBrowser, ServiceInfo, ServiceListener, Zeroconf

from bridge.osc.sender import Sender
from bridge.row import Access
from bridge.table import Table
from bridge.web.announce import OSC_TYPE, QUERY_TYPE, Announcement
from tests.serving import PATIENCE_S, Server, serving

pytestmark = pytest.mark.peer


class Network(ServiceListener):
    """What comes and goes on loopback."""

    def __init__(self) -> None:
        self._come: SimpleQueue[ServiceInfo] = SimpleQueue()
        self._seen: dict[tuple[str, int], ServiceInfo] = {}
        self.gone: SimpleQueue[str] = SimpleQueue()

    def add_service(self, zc: Zeroconf, type_: str, name: str) -> None:
        info = zc.get_service_info(type_, name)
        if info is not None:
            self._come.put(info)

    def remove_service(self, zc: Zeroconf, type_: str, name: str) -> None:
        self.gone.put(name)

    def update_service(self, zc: Zeroconf, type_: str, name: str) -> None:
        pass

    def find(self, kind: str, port: int) -> ServiceInfo:
        """The service of that kind at that port, once it is announced."""
        while (kind, port) not in self._seen:
            info = self._come.get(timeout=PATIENCE_S)
            self._seen[info.type, info.port or 0] = info
        return self._seen[kind, port]


@pytest.fixture(scope="module")
def network() -> Iterator[Network]:
    it = Network()
    with Zeroconf(interfaces=["127.0.0.1"]) as zeroconf:
        ServiceBrowser(zeroconf, [QUERY_TYPE, OSC_TYPE], it)
        yield it


@pytest.fixture(scope="module")
def server(network: Network, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("oscquery"), "--no-midi", "--announce") as it:
        yield it


@pytest.fixture(scope="module")
def client(server: Server, network: Network) -> OSCQueryClient:
    found = re.search(r" http \S+:(\d+)", server.ready)
    assert found
    return OSCQueryClient(network.find(QUERY_TYPE, int(found[1])))


def test_it_is_found_and_says_where_osc_is(client: OSCQueryClient, server: Server) -> None:
    info = client.get_host_info()
    assert info is not None
    assert (info.osc_ip, info.osc_port, info.osc_transport) == ("127.0.0.1", server.port, "UDP")


def test_its_osc_port_is_found_too(network: Network, server: Server) -> None:
    info = network.find(OSC_TYPE, server.port)
    with Sender(info.parsed_addresses()[0], info.port or 0) as sender:
        assert sender.ask("/ping", 5, answer="/pong") == (5,)


def test_values_are_read_as_osc_set_them(client: OSCQueryClient, server: Server) -> None:
    server.send("/deck/1/gain", -4.5)
    server.send("/deck/1/prompt", "dub techno")
    server.send("/deck/1/mute", 1)
    server.sync()
    for path, value in (("gain", -4.5), ("prompt", "dub techno"), ("mute", True)):
        node = client.query_node(f"/deck/1/{path}")
        assert node is not None
        assert node.value == [value]
        assert node.access is OSCAccess.READWRITE_VALUE
    assert client.query_node("/deck/9") is None


def test_every_value_of_a_deck_is_read(client: OSCQueryClient) -> None:
    table = Table(decks=1)
    rows = {path: table.row(path) for path in table if path.startswith("/deck/1/")}
    values = [p for p, row in rows.items() if row and row.access in (Access.VALUE, Access.SWITCH)]
    assert len(values) > 8
    for path in values:
        node = client.query_node(path)
        assert node is not None
        assert node.full_path == path
        assert len(node.value or ()) == 1


def test_a_name_that_is_taken_gets_a_number_and_is_given_back(
    client: OSCQueryClient, network: Network
) -> None:
    notices: SimpleQueue[str] = SimpleQueue()
    ports = {QUERY_TYPE: 40001, OSC_TYPE: 40000}
    second = Announcement("sideman", "127.0.0.1", ports, notices.put)
    second.start()
    name = network.find(QUERY_TYPE, 40001).name
    assert name != client.service_info.name
    other = network.find(OSC_TYPE, 40000).name
    second.close()
    assert {network.gone.get(timeout=PATIENCE_S) for _ in range(2)} == {name, other}
    assert notices.empty()
