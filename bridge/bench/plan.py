"""How much to measure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Plan:
    """Counts and durations of one run."""

    starts: int
    engine_s: float
    """Music rendered for each style once it is warm."""
    play_s: float
    """How long four decks play while the processors are watched."""
    changes: int
    """Messages of each kind that are followed to the device."""
    bundles: int
    flood_s: float
    flood_per_s: int
    peer_flood_s: float
    early_s: float
    late_s: float
    """Between these two moments of play memory should not grow."""
    decodes: int
    packets_s: float
    """How long the packets of audio are watched."""


FULL = Plan(
    starts=7, engine_s=20.0, play_s=20.0, changes=200, bundles=50, flood_s=30.0, flood_per_s=10_000,
    peer_flood_s=3.0, early_s=60.0, late_s=600.0, decodes=20_000,
    packets_s=20.0,
)  # fmt: skip
QUICK = Plan(
    starts=3, engine_s=5.0, play_s=5.0, changes=40, bundles=10, flood_s=10.0, flood_per_s=10_000,
    peer_flood_s=3.0, early_s=40.0, late_s=80.0, decodes=5_000,
    packets_s=5.0,
)  # fmt: skip
