"""Ten thousand messages a second while decks play: is any lost, does the server still answer?"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from pythonosc.dispatcher import Dispatcher
from pythonosc.osc_server import BlockingOSCUDPServer

from bridge.bench.figures import Figure, Target, Tell, spread
from bridge.bench.listening import Listened, asking, listened_server, settle
from bridge.bench.plan import Plan
from bridge.bench.traffic import Traffic
from bridge.osc.packet import encode
from engine.api import Audio

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


class _Loops:
    """A tap that counts the blocks in which a deck had to loop for want of new material."""

    def __init__(self, app: Listened) -> None:
        self._decks = app.session.decks.values()
        self.blocks = 0
        app.taps.append(self._look)

    def _look(self, _at: int, _audio: Audio) -> None:
        self.blocks += any(deck.sounding and deck.track.looping for deck in self._decks)


@dataclass(slots=True)
class _Tally:
    """What the server counted, before and after."""

    received: int
    xruns: int
    faults: int
    looped: int

    @classmethod
    def of(cls, app: Listened, loops: _Loops) -> _Tally:
        osc = app.osc
        faults = osc.failures + osc.malformed
        return cls(osc.received, app.conductor.playout.xruns, faults, loops.blocks)

    def since(self, before: _Tally) -> _Tally:
        return _Tally(
            self.received - before.received,
            self.xruns - before.xruns,
            self.faults - before.faults,
            self.looped - before.looped,
        )


def measure_flood(plan: Plan, tell: Tell) -> list[Figure]:
    packets = mixture()
    tell(f"flood of {plan.flood_per_s} messages/s, {plan.flood_s:g} s")
    with listened_server() as app, asking(app) as sender:
        loops = _Loops(app)
        for number in (1, 2):
            sender.send(f"/deck/{number}/play", "none")
        settle(sender, 1.0)
        before = _Tally.of(app, loops)
        with Traffic(app.osc.udp_port) as traffic, Traffic(app.osc.udp_port) as asker:
            asker.ask(_STATUS, _ASK_S, plan.flood_s)
            traffic.flood(packets, plan.flood_per_s, plan.flood_s)
            flood, answers = traffic.result(), asker.result()
        tally = _Tally.of(app, loops).since(before)
    tell(f"the same flood to python-osc, {plan.peer_flood_s:g} s")
    peer_loss = _peer_loss(packets, plan)
    return [
        *_of_traffic(plan, flood, tally, answers, peer_loss),
        *_of_answers(flood, answers, packets),
        Figure("flood, malformed or failed", tally.faults, "", Target("=", 0)),
        Figure("flood, xruns", tally.xruns, "", Target("=", 0)),
        Figure("flood, blocks in which a deck looped", tally.looped, "", Target("=", 0)),
    ]


def _of_traffic(
    plan: Plan, flood: dict[str, Any], tally: _Tally, answers: dict[str, Any], peer_loss: float
) -> list[Figure]:
    asked = len(answers["answers_ms"]) + answers["unanswered"]
    lost = flood["sent"] + asked - tally.received
    return [
        Figure("flood, sent", flood["sent"] / flood["seconds"], "messages/s",
               note=f"for {flood['seconds']:.1f} s; {plan.flood_per_s} were asked for"),
        Figure("flood, lost", 100 * lost / flood["sent"], "%", Target("=", 0), "python-osc",
               peer_loss, note=f"{lost} of {flood['sent']}"),
        Figure("flood, refused as busy", flood["errors"], "", Target("=", 0)),
    ]  # fmt: skip


def _of_answers(
    flood: dict[str, Any], answers: dict[str, Any], packets: Sequence[bytes]
) -> list[Figure]:
    questions = sum(packet.startswith((b"/ping\0", b"/tempo\0")) for packet in packets)
    expected = round(flood["sent"] * questions / len(packets))
    answered = flood["replies"] - flood["errors"]
    return [
        Figure("flood, questions not answered", expected - answered, "", Target("=", 0),
               note=f"of {expected}"),
        *spread("flood, /status answered", answers["answers_ms"], "ms", None, Target("<=", 50)),
        Figure("flood, /status not answered", answers["unanswered"], "", Target("=", 0)),
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
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield server.server_address[1], received
        finally:
            server.shutdown()
            thread.join()
