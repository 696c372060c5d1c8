"""Which rows a step has, in which order, and where in a slab the past of each lies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from engine.musicgen.cuda.slabs import Slab, SlabCache
from engine.musicgen.decoder import Segment, TextKv
from engine.musicgen.kv import ROWS

_SPAN_STEPS = 128
"""Attention looks at a whole number of these: the fewer, the more graphs."""
_TOKENS = 32
"""At least so many for a text, twice as many if it is longer, and so on."""
_DIRECT_CACHES = 2
"""A stream alone in a slab of so few has a graph for each: nothing is gathered for it."""


@dataclass(frozen=True, slots=True)
class Group:
    """Consecutive lanes whose past is in one slab."""

    slab: Slab
    lanes: int
    first: int | None
    """Where in the slab they lie, one after the other; None: anywhere."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What a graph is made for; all else is in its buffers."""

    streams: int
    groups: tuple[Group, ...]
    span: int
    """Positions that attention looks at, a mask hiding those to come."""
    tokens: int
    """Room for a text; 0: nobody listens to any."""

    @property
    def lanes(self) -> int:
        return sum(group.lanes for group in self.groups)


@dataclass(frozen=True, slots=True)
class _Lane:
    stream: int
    row: int
    cache: SlabCache
    start: int
    text: TextKv | None

    @property
    def place(self) -> int:
        """In its slab."""
        return ROWS * self.cache.place + self.row


class Lanes:
    """The rows of one step of some streams, those of a slab together."""

    def __init__(self, segments: Sequence[Segment]) -> None:
        """Each of a single position, in a cache of a slab."""
        lanes = [
            _Lane(i, row, _in_slab(segment), segment.start, segment.text if row == 0 else None)
            for i, segment in enumerate(segments)
            for row in range(segment.rows)
        ]
        lanes.sort(key=lambda lane: lane.cache.slab.number)
        self._lanes = lanes
        self.texts = [lane.text for lane in lanes]
        self.shape = Shape(len(segments), tuple(self._groups()), self._span(), self._tokens())

    @property
    def positions(self) -> list[int]:
        return [lane.start for lane in self._lanes]

    @property
    def streams(self) -> list[int]:
        return [lane.stream for lane in self._lanes]

    @property
    def places(self) -> list[int]:
        return [lane.place for lane in self._lanes]

    @property
    def predicting(self) -> list[int]:
        """For each stream the lanes of its first and of its last row."""
        ends: dict[int, list[int]] = {}
        for i, lane in enumerate(self._lanes):
            ends.setdefault(lane.stream, []).append(i)
        return [lane for stream in sorted(ends) for lane in (ends[stream][0], ends[stream][-1])]

    def _groups(self) -> list[Group]:
        groups = []
        alone = len({lane.stream for lane in self._lanes}) == 1
        for _, own in groupby(self._lanes, key=lambda lane: lane.cache.slab.number):
            lanes = list(own)
            slab = lanes[0].cache.slab
            direct = alone and slab.caches <= _DIRECT_CACHES
            groups.append(Group(slab, len(lanes), lanes[0].place if direct else None))
        return groups

    def _span(self) -> int:
        wanted = max(lane.start for lane in self._lanes) + 1
        most = min(lane.cache.slab.positions for lane in self._lanes)
        return min(-(-wanted // _SPAN_STEPS) * _SPAN_STEPS, most)

    def _tokens(self) -> int:
        longest = max((text.keys.shape[2] for text in self.texts if text is not None), default=0)
        tokens = _TOKENS if longest else 0
        while tokens < longest:
            tokens *= 2
        return tokens


def is_single(segment: Segment) -> bool:
    """Whether a segment is what a graph is made for."""
    return segment.length == 1 and segment.predicts and isinstance(segment.cache, SlabCache)


def _in_slab(segment: Segment) -> SlabCache:
    assert isinstance(segment.cache, SlabCache)
    return segment.cache
