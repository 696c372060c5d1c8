"""Ten thousand messages a second while decks play: is any lost, does the server still answer?"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pythonosc.dispatcher import Dispatcher
from pythonosc.osc_server import BlockingOSCUDPServer

from bridge.bench.figures import Figure, Target, Tell, spread
from bridge.bench.listening import asking, listened_server, settle
from bridge.bench.plan import Plan
from bridge.bench.traffic import Traffic
from bridge.osc.packet import encode

_ASK_S = 0.1
_STATUS = encode("/status", ())


def mixture() -> list[bytes]:
    """A hundred messages as a busy controller sends them: mostly faders, some of everything."""
    packets = []
    for number in range(100):
        deck = number % 2 + 1
        match number % 20:
            case 3:
                packets.append(encode(f"/deck/{deck}/temperature", (0.5 + number / 200,)))
            case 7:
                packets.append(encode("/ping", (number,)))
            case 11:
                packets.append(encode(f"/deck/{deck}/guidance", (1.0 + number / 50,)))
            case 13 if number == 13:
                packets.append(encode("/deck/1/prompt", ("house", 0.7, "techno", 0.3)))
            case 15:
                packets.append(encode("/tempo", ()))
            case _:
                packets.append(encode(f"/deck/{deck}/gain", (-20.0 + number / 10,)))
    return packets


def measure_flood(plan: Plan, tell: Tell) -> list[Figure]:
    packets = mixture()
    tell(f"flood of {plan.flood_per_s} messages/s, {plan.flood_s:g} s")
    with listened_server() as app, asking(app) as sender:
        for number in (1, 2):
            sender.send(f"/deck/{number}/play", "none")
        settle(sender, 1.0)
        received, xruns = app.osc.received, app.conductor.xruns
        with Traffic(app.osc.udp_port) as traffic, Traffic(app.osc.udp_port) as asker:
            asker.ask(_STATUS, _ASK_S, plan.flood_s)
            traffic.flood(packets, plan.flood_per_s, plan.flood_s)
            flood, answers = traffic.result(), asker.result()
        asked = len(answers["answers_ms"]) + answers["unanswered"]
        lost = flood["sent"] + asked - (app.osc.received - received)
        xruns = app.conductor.xruns - xruns
        failures = app.osc.failures + app.osc.malformed
    tell(f"the same flood to python-osc, {plan.peer_flood_s:g} s")
    peer = _peer_loss(packets, plan)
    pings = sum(packet.startswith(b"/ping\0") for packet in packets)
    reads = sum(packet.startswith(b"/tempo\0") for packet in packets)
    return [
        *_figures(plan, flood, answers, (pings + reads) / len(packets)),
        Figure("flood, lost", 100 * lost / flood["sent"], "%", Target("=", 0), "python-osc", peer,
               note=f"{lost} of {flood['sent']}"),
        Figure("flood, failures", failures, "", Target("=", 0)),
        Figure("flood, xruns", xruns, "", Target("=", 0)),
    ]  # fmt: skip


def _figures(
    plan: Plan, flood: dict[str, Any], answers: dict[str, Any], asking_share: float
) -> list[Figure]:
    expected = round(flood["sent"] * asking_share)
    return [
        Figure("flood, sent", flood["sent"] / flood["seconds"], "messages/s",
               note=f"for {flood['seconds']:.1f} s; {plan.flood_per_s} were asked for"),
        Figure("flood, refused as busy", flood["errors"], "", Target("=", 0)),
        Figure("flood, questions not answered", expected - flood["replies"] + flood["errors"], "",
               Target("=", 0), note=f"of {expected}"),
        Figure("flood, /status not answered", answers["unanswered"], "", Target("=", 0)),
        *spread("flood, /status answered", answers["answers_ms"], "ms", None, Target("<=", 50)),
    ]  # fmt: skip


def _peer_loss(packets: list[bytes], plan: Plan) -> float:
    """Percent that python-osc's own server loses of the same traffic."""
    with _peer() as (port, counts), Traffic(port) as traffic:
        traffic.flood(packets, plan.flood_per_s, plan.peer_flood_s)
        sent = int(traffic.result()["sent"])
    return 100 * (sent - len(counts)) / sent


@contextmanager
def _peer() -> Iterator[tuple[int, list[str]]]:
    """python-osc's server on a free port, and what it received."""
    received: list[str] = []
    dispatcher = Dispatcher()
    dispatcher.set_default_handler(lambda address, *_: received.append(address))
    with BlockingOSCUDPServer(("127.0.0.1", 0), dispatcher) as server:
        assert server.socket.type == socket.SOCK_DGRAM
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield server.server_address[1], received
        finally:
            server.shutdown()
            thread.join()
