"""All measurements in turn, and the report of a run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from bridge.bench.decoding import measure_decoding
from bridge.bench.figures import Figure, Tell, table
from bridge.bench.flood import measure_flood
from bridge.bench.latency import measure_latency
from bridge.bench.looking import measure_looking
from bridge.bench.machine import commit, machine
from bridge.bench.packets import measure_packets
from bridge.bench.plan import Plan
from bridge.bench.playing import measure_memory, measure_playing
from bridge.bench.rendering import measure_rendering
from bridge.bench.startup import measure_startup
from bridge.bench.sync import measure_sync

Measure = Callable[[Plan, Tell], list[Figure]]

BRIDGE: tuple[Measure, ...] = (
    measure_startup,
    measure_rendering,
    measure_decoding,
    measure_playing,
    measure_looking,
    measure_latency,
    measure_sync,
    measure_flood,
    measure_packets,
    measure_memory,
)


@dataclass(frozen=True, slots=True)
class Report:
    figures: tuple[Figure, ...]
    machine: dict[str, str | int]
    commit: str
    measured: str
    """UTC."""

    def as_json(self) -> dict[str, Any]:
        return {
            "measured": self.measured,
            "commit": self.commit,
            "machine": self.machine,
            "figures": [figure.as_json() for figure in self.figures],
        }

    def as_text(self) -> str:
        m = self.machine
        where = f"{m['cpu']}, {m['cores']} cores, {m['os']}, Python {m['python']}"
        misses = sum(figure.verdict == "MISS" for figure in self.figures)
        end = f"{misses} targets missed" if misses else "all targets met"
        head = f"sideman {m['sideman']} {self.commit}".rstrip()
        return f"{head}: {where}\n\n{table(self.figures)}\n\n{end}"


def run_suite(plan: Plan, tell: Tell, suite: Sequence[Measure]) -> Report:
    """Raises SidemanError if something of the suite cannot be measured at all."""
    figures = [figure for measure in suite for figure in measure(plan, tell)]
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return Report(tuple(figures), machine(), commit(), now)
