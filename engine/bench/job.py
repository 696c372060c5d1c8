"""What a child is told to do, and what it answers: lines of JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from engine.bench.plan import Plan

SIDEMAN, TRANSFORMERS = "sideman", "transformers"


@dataclass(frozen=True, slots=True)
class Job:
    """One contender in one process. Everything in it is JSON."""

    what: str
    """`weights` writes the checkpoint, `machine` asks torch, `load` and `measure` a contender."""
    device: str = "cpu"
    who: str = ""
    precision: str = ""
    folder: str = ""
    plan: Plan | None = None

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, words: Mapping[str, Any]) -> Job:
        plan = words["plan"]
        if plan is not None:
            plan = Plan(**{**plan, "lanes": tuple(plan["lanes"])})
        return cls(**{**words, "plan": plan})


@dataclass(frozen=True, slots=True)
class Measured:
    """What one contender did. None: it was not measured, or there is no such thing."""

    who: str
    precision: str
    failure: str = ""
    """Why figures are missing."""
    load_first_s: float | None = None
    """As the disk's cache happened to be; with whatever is converted once."""
    load_s: float | None = None
    """Again, in a new process: its files are cached."""
    context_s: float | None = None
    """Of sideman's windows: what it chose for one deck."""
    new_prompt_s: float | None = None
    """From a prompt to the first samples."""
    known_prompt_s: float | None = None
    """The same for a prompt that was read before."""
    change_s: float | None = None
    """From a change of a running stream's prompt to the samples that come next."""
    changed_s: float | None = None
    """And to the first ones that the new prompt shapes."""
    steps_s: float | None = None
    """Steps per second with guidance, samples included; one step makes one frame."""
    steps: int = 0
    """How many these were."""
    plain_steps_s: float | None = None
    plain_steps: int = 0
    short_steps_s: float | None = None
    full_steps_s: float | None = None
    lanes_steps_s: Mapping[int, float] = field(default_factory=dict)
    """Of every stream, by how many play at once."""
    peak_bytes: int | None = None
    """Of the process with one stream."""
    lanes_peak_bytes: int | None = None
    """The same once the most streams have played."""
    gpu_peak_bytes: int | None = None
    """What torch took of a GPU for one stream."""

    others_share: float | None = None
    """Of all processors, what other programs used meanwhile."""

    @property
    def name(self) -> str:
        return f"{self.who} {self.precision}"

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "lanes_steps_s": {str(n): v for n, v in self.lanes_steps_s.items()}}

    @classmethod
    def from_json(cls, words: Mapping[str, Any]) -> Measured:
        lanes = {int(n): value for n, value in words.get("lanes_steps_s", {}).items()}
        return cls(**{**words, "lanes_steps_s": lanes})
