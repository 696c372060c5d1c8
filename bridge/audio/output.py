"""What the conductor needs of a sound output: the device, a stand-in for it, or a recording.

Threading: one thread (the conductor) owns an output and makes all calls on it. A device consumes
on a thread of its own, in C, and shares nothing with that thread but a ring buffer.

An output takes samples in whole blocks, by its own clock. The conductor keeps it fed: it reads
`buffered()`, and writes more whenever that falls below its lead.
"""

from __future__ import annotations

from typing import Protocol

from engine.api import Audio
from engine.errors import SidemanError


class DeviceError(SidemanError):
    """A sound device that is missing or cannot do what was asked; the message has the remedy."""


class Output(Protocol):
    """Where the master goes."""

    @property
    def name(self) -> str: ...

    @property
    def rate(self) -> int:
        """Samples per second."""

    @property
    def channels(self) -> int:
        """Columns of what `write` takes: 2, the master, whatever the device has; where each deck
        has a place of its own, 2 more for each of them after those."""

    @property
    def block(self) -> int:
        """Samples that the device takes at a time: known for sure once it has started."""

    @property
    def latency_s(self) -> float:
        """From a sample being taken to its being heard, as far as the device knows."""

    @property
    def xruns(self) -> int:
        """Audible gaps so far: how often the device wanted a block and found less."""

    @property
    def starved(self) -> int:
        """How many of the gaps were ours: the driver has its own."""

    @property
    def failed(self) -> str:
        """Why the device will take no more, or empty while it is well."""

    def start(self) -> None:
        """Begin to take blocks, once there are two at most. What was written before is kept.

        Raises DeviceError if the device cannot be opened.
        """

    def stop(self) -> None:
        """Take no more. Safe to call twice."""

    def write(self, audio: Audio) -> None:
        """Append float32 `[samples, channels]`. Never waits."""

    def buffered(self) -> int:
        """Samples written that the device has not taken yet."""

    def taken(self) -> tuple[int, float]:
        """How many written samples the device has taken, and when that was exactly so.

        The time is on the monotonic clock, in seconds. Between gaps the two lie on one straight
        line: sample `taken + n` is taken `n / rate` seconds later.
        """
