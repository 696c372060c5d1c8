"""What four decks cost while they play: processors and memory of bridge and engine."""

from __future__ import annotations

import time
from itertools import cycle

import psutil

from bridge.bench.figures import Figure, Target, Tell
from bridge.bench.plan import Plan
from bridge.bench.startup import Served
from bridge.osc.sender import Sender
from bridge.time.clock import monotonic_s

DECKS = 4
PROMPTS = ("lofi hip hop", "house", "jazz", "synthwave")
_OTHERS = ("techno", "ambient", "funk", "reggae", "orchestral", "trap")
SETTLE_S = 5.0
"""Until the first notes are rendered and every deck is made ahead."""
_CHANGE_S = 5.0


def measure_playing(plan: Plan, tell: Tell) -> list[Figure]:
    with Served() as served, served.sender() as sender:
        play(sender)
        wait(SETTLE_S, "four decks, settling", tell)
        before_s, begun_s, gaps = _cpu_s(served.pid), monotonic_s(), xruns(sender)
        wait(plan.play_s, "four decks, processors", tell)
        used_s = _cpu_s(served.pid) - before_s
        share = 100 * used_s / (monotonic_s() - begun_s)
        gaps = xruns(sender) - gaps
    return [
        Figure("four decks playing, of one core", share, "%", Target("<", 25)),
        Figure("four decks playing, xruns", gaps, "", Target("=", 0)),
    ]


def measure_memory(plan: Plan, tell: Tell) -> list[Figure]:
    with Served() as served, served.sender() as sender:
        play(sender)
        begun_s = monotonic_s()
        changes = cycle(_OTHERS)
        _live(sender, changes, begun_s + plan.early_s, tell)
        early_mb = _resident_mb(served.pid)
        _live(sender, changes, begun_s + plan.late_s, tell)
        late_mb = _resident_mb(served.pid)
        gaps = xruns(sender)
    span = f"from {plan.early_s:g} s to {plan.late_s:g} s"
    return [
        Figure("memory, bridge and engine", early_mb, "MB", note=f"after {plan.early_s:g} s"),
        Figure("memory, growth", late_mb - early_mb, "MB", Target("<=", 5), note=span),
        Figure("long play, xruns", gaps, "", Target("=", 0), note=f"in {plan.late_s:g} s"),
    ]


def play(sender: Sender) -> None:
    for number, prompt in enumerate(PROMPTS, 1):
        sender.send(f"/deck/{number}/prompt", prompt)
        sender.send(f"/deck/{number}/play", "none")
    sender.ask("/sync", 1, answer="/synced")


def _live(sender: Sender, prompts: cycle[str], until_s: float, tell: Tell) -> None:
    """Change a prompt, and less often the tempo, until then."""
    turn = 0
    while (left_s := until_s - monotonic_s()) > 0:
        tell(f"four decks, memory, {left_s:.0f} s to go")
        sender.send(f"/deck/{turn % DECKS + 1}/prompt", next(prompts))
        if turn % 4 == 3:
            sender.send("/tempo", 100.0 + 5 * (turn % 12))
        turn += 1
        time.sleep(min(left_s, _CHANGE_S))


def wait(seconds: float, what: str, tell: Tell) -> None:
    tell(f"{what}, {seconds:g} s")
    time.sleep(seconds)


def xruns(sender: Sender) -> int:
    return int(sender.ask("/status")[8] or 0)


def _processes(pid: int) -> list[psutil.Process]:
    """The bridge and the engine; the helper that cleans up shared memory costs nothing."""
    bridge = psutil.Process(pid)
    return [bridge, *bridge.children(recursive=True)]


def _cpu_s(pid: int) -> float:
    times = [process.cpu_times() for process in _processes(pid)]
    return float(sum(spent.user + spent.system for spent in times))


def _resident_mb(pid: int) -> float:
    return float(sum(process.memory_info().rss for process in _processes(pid)) / 1e6)
