"""From a datagram to the first changed sample that leaves the device's ring."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import cycle
from types import TracebackType

from bridge.bench.figures import Figure, Target, Tell, spread
from bridge.bench.listening import Ear, Heard, Listened, asking, listened_server, settle
from bridge.bench.plan import Plan
from bridge.bench.traffic import Traffic
from bridge.osc.packet import encode

_GAIN_DB = -12.0
"""So low that the limiter leaves every sample as it is."""
_PROMPTS = ("ambient pad", "synthwave pad")
"""Sounding all the time, and different all the time."""
_STYLES = ("lofi hip hop", "house", "techno", "drum and bass", "trap", "funk", "rock", "jazz",
           "reggae", "synthwave", "8-bit", "orchestral", "ambient")  # fmt: skip
_KEYS = tuple(f"in {tone} {mode}" for tone in "ABCDEFG" for mode in ("minor", "major"))
_AHEAD_S = 1.5
_SPREAD_S = 0.02
"""Messages come at any phase of the blocks."""
_MEDIAN_MS = Target("<", 40)
_WORST_MS = Target("<", 80)
_PANIC = encode("/panic", ())
_PLAY = encode("/deck/1/play", ("none",))


@dataclass(slots=True)
class _Times:
    changed_ms: list[float] = field(default_factory=list)
    silent_ms: list[float] = field(default_factory=list)
    silent_after_receipt_ms: list[float] = field(default_factory=list)
    lost: int = 0

    def add(self, heard: Heard | None, sent_s: float, received_s: float) -> None:
        if heard is None:
            self.lost += 1
            return
        self.changed_ms.append(1000 * (heard.changed_s - sent_s))
        if heard.silent_s:
            self.silent_ms.append(1000 * (heard.silent_s - sent_s))
            self.silent_after_receipt_ms.append(1000 * (heard.silent_s - received_s))


class _Bench:
    """A server, an ear at its output, and a client in another process."""

    def __init__(self) -> None:
        with ExitStack() as stack:
            self._app: Listened = stack.enter_context(listened_server())
            self.sender = stack.enter_context(asking(self._app))
            self._traffic = stack.enter_context(Traffic(self._app.osc.udp_port))
            self._stack = stack.pop_all()
        self._ear = Ear(self._app)
        self.sender.send("/deck/1/gain", _GAIN_DB)
        self.sender.send("/deck/1/prompt", _PROMPTS[0])

    def __enter__(self) -> _Bench:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    @property
    def playing(self) -> bool:
        return self._app.session.decks[1].playing

    def time(self, packet: bytes, times: _Times, *, until_silent: bool = False) -> None:
        """Send one message and add what was heard of it."""
        self._ear.arm(until_silent=until_silent)
        sent_s = self._traffic.send(packet, random.uniform(0.0, _SPREAD_S))
        heard = self._ear.wait()
        times.add(heard, sent_s, self._app.received_s)


def measure_latency(plan: Plan, tell: Tell) -> list[Figure]:
    with _Bench() as bench:
        stopped = _repeat(plan.changes, "play, transport stopped", tell, _play_stopped, bench)
        play, panic = _play_and_panic(bench, plan.changes, tell)
        prompt = _prompts("prompt change", bench, plan.changes, tell, cycle(reversed(_PROMPTS)))
        fresh = _prompts("new prompts", bench, plan.changes, tell, _new_prompts())
    figures = [
        *_latency("play", play, note="transport running"),
        *_latency("play from a stop", stopped, note="transport stopped"),
        *_latency("prompt change", prompt, note="two prompts in turn"),
        *_latency("new prompt", fresh, note="whose notes must be rendered first"),
        *_latency("panic", panic),
        *spread("panic to silence", panic.silent_ms, "ms"),
        *spread("panic received to silence", panic.silent_after_receipt_ms, "ms",
                None, Target("<=", 20)),
    ]  # fmt: skip
    lost = sum(times.lost for times in (stopped, play, panic, prompt, fresh))
    return [*figures, Figure("messages without effect", lost, "", Target("=", 0))]


def _latency(name: str, times: _Times, note: str = "") -> list[Figure]:
    return spread(f"{name} to device", times.changed_ms, "ms", _MEDIAN_MS, _WORST_MS, note=note)


def _repeat(
    count: int, what: str, tell: Tell, once: Callable[[_Bench, _Times], None], bench: _Bench
) -> _Times:
    times = _Times()
    for number in range(count):
        tell(f"latency, {what}, {number + 1} of {count}")
        once(bench, times)
    return times


def _play_stopped(bench: _Bench, times: _Times) -> None:
    bench.sender.send("/stop")
    bench.sender.send("/panic")
    settle(bench.sender)
    bench.time(_PLAY, times)
    settle(bench.sender, _AHEAD_S)


def _play_and_panic(bench: _Bench, count: int, tell: Tell) -> tuple[_Times, _Times]:
    """The transport runs all the time."""
    panic = _Times()
    bench.time(_PANIC, _Times(), until_silent=True)

    def once(bench: _Bench, times: _Times) -> None:
        settle(bench.sender)
        bench.time(_PLAY, times)
        settle(bench.sender, _AHEAD_S)
        bench.time(_PANIC, panic, until_silent=True)

    return _repeat(count, "play and panic", tell, once, bench), panic


def _prompts(what: str, bench: _Bench, count: int, tell: Tell, prompts: Iterator[str]) -> _Times:
    if not bench.playing:
        bench.time(_PLAY, _Times())

    def once(bench: _Bench, times: _Times) -> None:
        settle(bench.sender, _AHEAD_S)
        bench.time(encode("/deck/1/prompt", (next(prompts),)), times)

    return _repeat(count, what, tell, once, bench)


def _new_prompts() -> Iterator[str]:
    """Styles and keys so that none comes again soon; 13 and 14 have no common divisor."""
    return (f"{style} {key}" for style, key in zip(cycle(_STYLES), cycle(_KEYS), strict=False))
