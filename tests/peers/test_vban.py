"""Sends as a receiver of other people's hears them: aiovban, a VBAN library for Python."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from aiovban import VBANApplicationData
from aiovban.asyncio import AsyncVBANClient
from aiovban.asyncio.util import BackPressureStrategy
from aiovban.packet.body.service import DeviceType, Features
from aiovban.packet.headers.audio import BitResolution, VBANAudioHeader

from bridge.audio.sends.sender import Sends
from bridge.audio.sends.target import parse_target, routes
from bridge.clocks.line import Device
from bridge.time.clock import monotonic_s

pytestmark = pytest.mark.peer

RATE = 44_100
PACKETS = 40
MIX = np.random.default_rng(3).uniform(-0.9, 0.9, (256 * PACKETS, 4)).astype(np.float32)
ABOUT = VBANApplicationData(
    application_name="test", version="0", device_type=DeviceType.Unknown,
    features=Features.NoFeatures, lang_code="en",
)  # fmt: skip


async def receive(port: int) -> list[Any]:
    """What comes in by the send `deck`, packet by packet, while another comes to that port."""
    client = AsyncVBANClient(ABOUT)
    await client.listen("127.0.0.1", port)
    sender = await client.register_device("127.0.0.1", port)
    stream = sender.receive_stream("deck", BackPressureStrategy.RAISE)
    targets = [parse_target(f"{word}@127.0.0.1:{port}") for word in ("vban:mix", "deck1=vban:deck")]
    sends = Sends(routes(targets, 1, RATE), RATE, 1, print)
    sends.start()
    sends.turn(Device(0, monotonic_s(), RATE))
    for at in range(0, len(MIX), 512):
        sends.feed(at, MIX[at : at + 512])
    packets = [await asyncio.wait_for(stream.get_packet(), 10) for _ in range(PACKETS)]
    sends.close()
    client.close()
    return packets


def test_a_library_of_others_takes_the_send_it_asks_for(
    free_port: Callable[[], int], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, logger="aiovban"):
        packets = asyncio.run(receive(free_port()))
    assert not [record for record in caplog.records if "rror" in record.message]
    first = packets[0].header
    assert isinstance(first, VBANAudioHeader)
    assert (first.sample_rate.rate, first.channels, first.samples_per_frame) == (RATE, 2, 256)
    assert first.bit_resolution is BitResolution.INT16
    assert [packet.header.framecount for packet in packets] == list(range(PACKETS))
    audio = np.frombuffer(b"".join(bytes(packet.body.data) for packet in packets), "<i2")
    assert np.abs(audio.reshape(-1, 2) - MIX[:, 2:4] * 32768.0).max() <= 0.5
