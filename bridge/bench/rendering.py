"""How fast the embedded engine renders, stepped directly as its runner does."""

from __future__ import annotations

from statistics import median

from bridge.bench.figures import Figure, Target, Tell
from bridge.bench.plan import Plan
from bridge.engines import EngineChoice, choose_engine
from bridge.time.clock import monotonic_s
from engine.api import Engine, Steering, Stream, Timing, WeightedPrompt

RATE = 48000
STYLES = ("lofi hip hop", "house", "drum and bass", "jazz", "ambient", "orchestral")
_FIRST_SAMPLES = 512
_SAMPLES = 4096
"""The runner's first chunk of a stream, and its chunks later on (`engine.host.track`)."""
_WARM_S = 16.0


def measure_rendering(plan: Plan, tell: Tell) -> list[Figure]:
    factory = choose_engine(EngineChoice("groove"), RATE).factory
    speeds, cold_ms = [], []
    for style in STYLES:
        tell(f"rendering {style}")
        engine = factory()
        stream, first_s = _open(engine, style)
        cold_ms.append(1000 * first_s)
        _render(engine, stream, _WARM_S)
        speeds.append(plan.engine_s / _render(engine, stream, plan.engine_s))
        engine.close()
    return [
        Figure("groove, one deck, median of styles", median(speeds), "× real time",
               Target(">=", 50)),
        Figure("groove, slowest style", min(speeds), "× real time",
               note=STYLES[speeds.index(min(speeds))]),
        Figure("groove, cold first chunk, median", median(cold_ms), "ms",
               note=f"{_FIRST_SAMPLES} samples of a new engine"),
        Figure("groove, cold first chunk, worst", max(cold_ms), "ms",
               note=STYLES[cold_ms.index(max(cold_ms))]),
    ]  # fmt: skip


def _open(engine: Engine, style: str) -> tuple[Stream, float]:
    """A stream, and how long it took to have its first chunk."""
    steering = Steering((WeightedPrompt(style),), seed=1, timing=Timing(0.0, 0.0, 120.0))
    begun_s = monotonic_s()
    stream = engine.open(steering)
    engine.step([stream], _FIRST_SAMPLES)
    return stream, monotonic_s() - begun_s


def _render(engine: Engine, stream: Stream, music_s: float) -> float:
    """Seconds that it takes to make `music_s` of music."""
    begun_s = monotonic_s()
    for _ in range(round(music_s * RATE / _SAMPLES)):
        engine.step([stream], _SAMPLES)
    return monotonic_s() - begun_s
