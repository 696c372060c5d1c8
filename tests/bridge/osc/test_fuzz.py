"""Any datagram whatever is answered or counted; the server lives on."""

from __future__ import annotations

import os
import random

import pytest

from bridge.dispatch import Batch, Dispatcher
from bridge.osc.packet import BadPacket, Message, decode
from bridge.table import Table
from tests.bridge.osc.fake import Bridge, FakeClock, Recorder, peer
from tests.bridge.osc.mutate import mutations


@pytest.fixture
def seed() -> int:
    """Fixed in CI, else a new one each time; a failure shows it."""
    return 1 if os.environ.get("CI") else random.randrange(2**32)


def shoot(seed: int, count: int) -> tuple[int, int]:
    """Mutated packets against the decoder and the dispatcher: how many were good and bad."""
    bad = 0
    client = Recorder()
    batches: list[Batch] = []

    def submit(batch: Batch) -> bool:
        batches[:] = [batch]
        return True

    dispatcher = Dispatcher(Table(), submit, FakeClock())
    for data in mutations(seed, count):
        try:
            dispatcher.packet(decode(data), client)
        except BadPacket:
            bad += 1
    assert all(message.address == "/error" for message in client.sent)
    assert batches
    return count - bad, bad


def test_mutated_packets(seed: int) -> None:
    good, bad = shoot(seed, 3000)
    assert good > 300
    assert bad > 300


@pytest.mark.slow
def test_two_hundred_thousand_mutated_packets(seed: int) -> None:
    good, bad = shoot(seed, 200_000)
    assert good > 20_000
    assert bad > 20_000


def bombard(bridge: Bridge, seed: int, count: int) -> None:
    """Send mutated packets over UDP, then see that the server still answers."""
    tempo = 100.0
    with peer(bridge.server.udp_port) as hostile, peer(bridge.server.udp_port) as friend:
        hostile.socket.setblocking(False)
        for i, data in enumerate(mutations(seed, count)):
            hostile.socket.send(data)
            if i % 100 == 99:  # in step with the server, so that nothing is lost on the way
                friend.send("/sync", i)
                assert friend.read_until("/synced") == Message("/synced", (i,))
        friend.send("/tempo", tempo)
        assert friend.ask("/tempo") == Message("/tempo", (tempo,))
    assert bridge.server.failures == 0
    assert bridge.server.malformed > 0
    assert bridge.server.received >= count + count // 100 + 2


def test_a_running_server_under_fire(seed: int) -> None:
    with Bridge() as bridge:
        bombard(bridge, seed, 1000)


@pytest.mark.slow
def test_a_running_server_under_fire_for_long(seed: int) -> None:
    with Bridge() as bridge:
        bombard(bridge, seed, 20_000)
