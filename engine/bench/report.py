"""The figures of a run as tables for people, and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from engine.bench.job import TRANSFORMERS, Measured
from engine.bench.limit import Limit, kv_bytes, mean_context_s, weight_bytes
from engine.bench.plan import GUIDANCE, TOP_K, Plan

RIVALS = ("fp32", "bf16")
"""transformers' precisions that others are held against."""
_NOTHING = "–"
_BUSY = 0.05
"""From this share of all processors on, what other programs take shows in the figures."""


@dataclass(frozen=True, slots=True)
class Machine:
    """What torch said of it."""

    device: str
    gpu: str
    """Its name, if it is one."""
    torch: str
    transformers: str
    threads: int


@dataclass(frozen=True, slots=True)
class Report:
    """One run. Rates are steps per second; one step makes one frame of music."""

    model: str
    machine: Machine
    limit: Limit
    plan: Plan
    measured: tuple[Measured, ...]

    def realtime(self, steps_s: float | None) -> float | None:
        """As a multiple of the speed at which music is heard."""
        return None if steps_s is None else steps_s / self.limit.frame_rate

    def limit_steps_s(self, row: Measured, *, guided: bool = True) -> float | None:
        """What memory allows for the steps that were measured, at the context they had."""
        steps = row.steps if guided else row.plain_steps
        if not steps:
            return None
        context_s = mean_context_s(steps, self.limit.frame_rate, row.context_s)
        return self.limit.steps_s(row.precision, context_s, rows=2 if guided else 1)

    def times_transformers(self, row: Measured, precision: str) -> float | None:
        """How many times as many steps as transformers makes in that precision."""
        for rival in self.measured:
            if (rival.who, rival.precision) == (TRANSFORMERS, precision) and rival.steps_s:
                return None if row.steps_s is None else row.steps_s / rival.steps_s
        return None

    def sustained(self, row: Measured) -> int | None:
        """The most streams that were measured in real time or better; 0: none was."""
        rate = self.limit.frame_rate
        kept = [count for count, steps_s in row.lanes_steps_s.items() if steps_s >= rate]
        return max(kept, default=0) if row.lanes_steps_s else None

    def as_json(self) -> dict[str, Any]:
        return {
            "model": self.model,
            "machine": asdict(self.machine),
            "memory_bytes_per_s": self.limit.bytes_per_s,
            "frame_rate": self.limit.frame_rate,
            "plan": asdict(self.plan),
            "contenders": [self._row_json(row) for row in self.measured],
        }

    def _row_json(self, row: Measured) -> dict[str, Any]:
        return {
            **row.as_json(),
            "realtime": self.realtime(row.steps_s),
            "plain_realtime": self.realtime(row.plain_steps_s),
            "limit_steps_s": self.limit_steps_s(row),
            "plain_limit_steps_s": self.limit_steps_s(row, guided=False),
            "short_limit_steps_s": self.limit.steps_s(row.precision, self.plan.short_s),
            "full_limit_steps_s": self.limit.steps_s(row.precision, self.plan.full_s),
            "weight_bytes": weight_bytes(self.limit.config, row.precision),
            "kv_bytes_per_position": kv_bytes(self.limit.config, row.precision),
            "times_transformers": {kind: self.times_transformers(row, kind) for kind in RIVALS},
            "streams_sustained": self.sustained(row),
        }

    def as_text(self) -> str:
        m = self.machine
        where = m.gpu or f"{m.device}, {m.threads} threads"
        memory = f"memory reads {self.limit.bytes_per_s / 1e9:.1f} GB/s"
        head = f"{self.model} on {where}; torch {m.torch}, transformers {m.transformers}; {memory}"
        speed = f"one stream, guidance {GUIDANCE:g}, top-k {TOP_K}; limit: what memory allows"
        parts = [
            head,
            f"{speed}\n{_columns(self._speed())}",
            f"memory, and seconds until something is heard\n{_columns(self._waits())}",
            f"streams at once, guidance {GUIDANCE:g}: × real time of each\n"
            f"{_columns(self._lanes())}",
            *(f"{row.name}: {row.failure}" for row in self.measured if row.failure),
            *self._warning(),
        ]
        return "\n\n".join(parts)

    def _warning(self) -> list[str]:
        busiest = max((row.others_share or 0.0 for row in self.measured), default=0.0)
        if busiest < _BUSY:
            return []
        share = f"{100 * busiest:.0f} % of the processors"
        return [f"other programs took up to {share} meanwhile: run it again when they rest"]

    def _speed(self) -> list[list[str]]:
        short, full = self.plan.short_s, self.plan.full_s
        head = [
            "", "steps/s", "× real time", "limit steps/s", "of limit",
            *(f"/ transformers {kind}" for kind in RIVALS),
            "no guidance, × real time", "limit", f"steps/s at {short:g} s", f"at {full:g} s",
            "limit",
        ]  # fmt: skip
        return [head, *(self._speed_row(row) for row in self.measured)]

    def _speed_row(self, row: Measured) -> list[str]:
        limit, plain = self.limit_steps_s(row), self.limit_steps_s(row, guided=False)
        share = None if limit is None or row.steps_s is None else row.steps_s / limit
        return [
            row.name,
            _number(row.steps_s),
            _number(self.realtime(row.steps_s)),
            _number(limit),
            _NOTHING if share is None else f"{100 * share:.0f} %",
            *(_number(self.times_transformers(row, kind)) for kind in RIVALS),
            _number(self.realtime(row.plain_steps_s)),
            _number(self.realtime(plain)),
            _number(row.short_steps_s),
            _number(row.full_steps_s),
            _number(self.limit.steps_s(row.precision, self.plan.full_s)),
        ]

    def _waits(self) -> list[list[str]]:
        head = [
            "", "first load", "load, files cached", "new prompt", "known prompt", "prompt change",
            "heard", "peak memory GB", f"{max(self.plan.lanes)} streams", "GPU",
        ]  # fmt: skip
        rows = []
        for row in self.measured:
            seconds = (
                row.load_first_s, row.load_s, row.new_prompt_s, row.known_prompt_s, row.change_s,
                row.changed_s,
            )  # fmt: skip
            memory = (row.peak_bytes, row.lanes_peak_bytes, row.gpu_peak_bytes)
            gigabytes = (None if taken is None else taken / 1e9 for taken in memory)
            rows.append([row.name, *map(_number, (*seconds, *gigabytes))])
        return [head, *rows]

    def _lanes(self) -> list[list[str]]:
        rows = []
        for row in self.measured:
            lanes = [self.realtime(row.lanes_steps_s.get(n)) for n in self.plan.lanes]
            kept = self.sustained(row)
            rows.append([row.name, *map(_number, lanes), _NOTHING if kept is None else str(kept)])
        return [["", *map(str, self.plan.lanes), "in real time"], *rows]


def _columns(rows: Sequence[Sequence[str]]) -> str:
    """The first column to the left, numbers to the right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = []
    for first, *others in rows:
        numbers = (text.rjust(width) for text, width in zip(others, widths[1:], strict=True))
        lines.append("  ".join([first.ljust(widths[0]), *numbers]))
    return "\n".join(lines)


def _number(value: float | None) -> str:
    """Three figures that count."""
    if value is None:
        return _NOTHING
    if value >= 100:
        return f"{value:.0f}"
    if value >= 10:
        return f"{value:.1f}"
    return f"{value:.2f}" if value >= 0.1 else f"{value:.3f}"
