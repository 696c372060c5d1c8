"""Settings and fixtures that every test may use."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, settings

# Examples are drawn anew at home, where a find is welcome, and fixed in CI, where a red build
# must come from the change that is tested. No deadline: machines differ.
settings.register_profile(
    "home", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.register_profile("ci", settings.get_profile("home"), derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "home")


def _free_port() -> int:
    """A port free for UDP and TCP on the loopback just now."""
    while True:
        with (
            socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp,
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp,
        ):
            tcp.bind(("127.0.0.1", 0))
            port = int(tcp.getsockname()[1])
            try:
                udp.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


@pytest.fixture
def free_port() -> Callable[[], int]:
    """Call it for a port that is free for UDP and TCP on the loopback."""
    return _free_port
