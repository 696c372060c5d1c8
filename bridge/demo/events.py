"""What the demo's client tells the process that started it: one JSON object a line."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any, Literal

from bridge.demo.story import Effect
from bridge.row import Value

_BARE = json.JSONEncoder(ensure_ascii=True)


@dataclass(frozen=True, slots=True)
class Event:
    """A message that the client sent or heard."""

    kind: Literal["sent", "heard"]
    at_s: float
    """On the monotonic clock, which all processes of a machine share."""
    place: str
    """`bar.beat` that was heard last; empty before the first."""
    address: str
    args: tuple[Value, ...] = ()
    says: str = ""
    effect: Effect = ""

    def line(self) -> str:
        return _BARE.encode(asdict(self))


def parse(line: str) -> Event:
    """The other way round. Raises ValueError for a line that is none."""
    fields: dict[str, Any] = json.loads(line)
    return Event(**{**fields, "args": tuple(fields["args"])})
