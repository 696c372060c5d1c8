"""The host in `sideman demo --replay`: sends a recording to a server, each packet at its time.

Run as `python -m bridge.demo.replayer FILE HOST PORT`, a process of its own, as a host is.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from bridge.demo.recording import Packet, read_recording
from bridge.osc.sender import Sender
from bridge.time.clock import monotonic_s
from engine.errors import SidemanError

_ANSWERS_S = 0.3
"""How long the last message's error may take."""


def replay(packets: list[Packet], sender: Sender) -> list[str]:
    """Send all packets; returns what the server answered to be wrong, a line each."""
    began_s = monotonic_s()
    for packet in packets:
        time.sleep(max(0.0, began_s + packet.at_s - monotonic_s()))
        sender.send_packet(packet.encode())
    answers = sender.replies(_ANSWERS_S)
    return [": ".join(map(str, values)) for address, values in answers if address == "/error"]


def main() -> int:
    file, host, port = sys.argv[1:]
    try:
        with Sender(host, int(port)) as sender:
            for wrong in replay(read_recording(Path(file)), sender):
                print(wrong)
    except SidemanError as error:
        print(f"sideman: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:  # the server's process says what is to be said
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
