"""Measured figures, with what they are held against, as a table and as JSON."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any, Literal

from engine.errors import SidemanError

Tell = Callable[[str], None]
"""Shows a person what is being measured."""


class CannotMeasure(SidemanError):
    """Something that a measurement needs is missing or did not answer."""


@dataclass(frozen=True, slots=True)
class Target:
    """What a value should be: `Target("<", 40)`."""

    relation: Literal["<", "<=", ">=", "="]
    bound: float

    def met_by(self, value: float) -> bool:
        bound = self.bound
        return {
            "<": value < bound,
            "<=": value <= bound,
            ">=": value >= bound,
            "=": value == bound,
        }[self.relation]

    def __str__(self) -> str:
        return f"{self.relation} {_number(self.bound)}"


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured value. `value` is not a number where nothing could be measured."""

    name: str
    value: float
    unit: str
    target: Target | None = None
    peer: str = ""
    """What else did the same in the same run."""
    peer_value: float | None = None
    note: str = ""

    @property
    def verdict(self) -> str:
        """`ok`, `MISS`, or empty where there is no target."""
        if self.target is None:
            return ""
        return "ok" if self.target.met_by(self.value) else "MISS"

    @property
    def ratio(self) -> float | None:
        """This value over the peer's."""
        return self.value / self.peer_value if self.peer_value else None

    def as_json(self) -> dict[str, Any]:
        target = None if self.target is None else str(self.target)
        return {**asdict(self), "target": target, "verdict": self.verdict, "ratio": self.ratio}


def spread(
    name: str, values: Sequence[float], unit: str, *targets: Target | None, note: str = ""
) -> list[Figure]:
    """Median, 95th percentile and worst of `values`, with targets for median and worst."""
    ordered = sorted(values) or [float("nan")]
    middle, worst = (*targets, None, None)[:2]
    most = ordered[min(len(ordered) - 1, round(0.95 * (len(ordered) - 1)))]
    return [
        Figure(f"{name}, median", median(ordered), unit, middle, note=note),
        Figure(f"{name}, 95 %", most, unit),
        Figure(f"{name}, worst of {len(values)}", ordered[-1], unit, worst),
    ]


def table(figures: Sequence[Figure]) -> str:
    """The figures as aligned columns."""
    rows: list[tuple[str, ...]] = [
        ("figure", "measured", "target", "", "peer in the same run", "note")
    ]
    rows += [_row(figure) for figure in figures]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ("  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)


def _row(figure: Figure) -> tuple[str, ...]:
    target = "" if figure.target is None else str(figure.target)
    peer = ""
    if figure.peer_value is not None:
        peer = f"{figure.peer} {_number(figure.peer_value)} {figure.unit}"
        if figure.ratio is not None:
            peer += f" ({_number(figure.ratio)} ×)"
    measured = f"{_number(figure.value)} {figure.unit}".rstrip()
    return figure.name, measured, target, figure.verdict, peer, figure.note


def _number(value: float) -> str:
    """Three figures that count, without an exponent; counts in full."""
    if float(value).is_integer() or abs(value) >= 1000:
        return f"{value:.0f}"
    if abs(value) >= 100:
        return f"{value:.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"
