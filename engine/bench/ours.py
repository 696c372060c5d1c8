"""sideman's engine, timed as its runner drives it: whole steps, with sampling and codec."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from statistics import median
from typing import Any

import numpy as np

from engine import musicgen
from engine.api import Engine, Recording, Steering, Stream, WeightedPrompt
from engine.bench.job import Job
from engine.bench.memory import gpu_peak_bytes, peak_bytes
from engine.bench.plan import CHUNK_FRAMES, GUIDANCE, TEMPERATURE, TOP_K, Plan, prompt
from engine.errors import EngineError
from engine.musicgen.options import FEW_BITS, TAIL_SHARE

_SHAPED_FRAMES = 8
"""Of what comes after a change, MusicGen's eighth frame is the first that obeys it (140 ms)."""
_HEADROOM_FRAMES = 10
"""What a change of prompt throws away of the music that is made and not yet heard."""
_NOISE = 0.1

Figures = dict[str, Any]


def load(job: Job) -> Engine:
    """As for one deck, that has to be in time."""
    return musicgen.load(job.folder, device=job.device, precision=job.precision, decks=1)


def import_libraries(precision: str) -> None:
    """What every process pays, whatever it loads; with the engine's own settings for it."""
    for variable, value in musicgen.ENVIRONMENT.items():
        os.environ.setdefault(variable, value)
    import torch  # noqa: F401

    if precision not in FEW_BITS:  # which go without
        import transformers  # noqa: F401


def measure(job: Job) -> Iterator[str | Figures]:
    """What is done next, and figures of `Measured` as they come."""
    plan = job.plan
    assert plan is not None
    import_libraries(job.precision)
    yield "loading"
    begun_s = time.perf_counter()
    engine = load(job)
    yield {"load_s": time.perf_counter() - begun_s, "context_s": engine.info.context_s}
    bench = _Bench(engine, plan)
    yield "new prompts"
    yield bench.first_audio()
    yield "changing the prompt"
    yield bench.changes()
    yield "one stream"
    yield bench.guided()
    yield {"peak_bytes": peak_bytes(), "gpu_peak_bytes": gpu_peak_bytes()}
    yield "one stream without guidance"
    yield bench.plain()
    yield "a short and a full context"
    yield {"short_steps_s": bench.at_context(plan.short_s)}
    yield {"full_steps_s": bench.at_context(plan.full_s)}
    yield from bench.lanes()
    engine.close()


class _Bench:
    """One loaded engine."""

    def __init__(self, engine: Engine, plan: Plan) -> None:
        self._engine = engine
        self._plan = plan
        self._frame_rate = engine.info.rate / engine.info.hop
        self._hear(prompt(0))  # the first pass of all is no measure of any other

    def first_audio(self) -> Figures:
        """Of prompts that are new, and of the same ones again."""
        texts = [prompt(number) for number in range(1, self._plan.prompts + 1)]
        new, known = ([self._hear(text) for text in texts] for _ in range(2))
        return {"new_prompt_s": median(new), "known_prompt_s": median(known)}

    def changes(self) -> Figures:
        """Of a stream that is ahead of the ear: back, steered, and on."""
        stream = self._open(prompt(0))
        next_s, shaped_s = [], []
        for number in range(self._plan.prompts):
            self._engine.step([stream], _HEADROOM_FRAMES + 1)
            begun_s = time.perf_counter()
            stream.rewind(stream.position - _HEADROOM_FRAMES)
            stream.steer(_steering(prompt(100 + number)))
            self._engine.step([stream], 1)
            next_s.append(time.perf_counter() - begun_s)
            self._engine.step([stream], _SHAPED_FRAMES - 1)
            shaped_s.append(time.perf_counter() - begun_s)
        return {"change_s": median(next_s), "changed_s": median(shaped_s)}

    def guided(self) -> Figures:
        stream = self._open(prompt(0))
        steps, took_s = self._play([stream], self._plan.work_s)
        return {"steps_s": steps / took_s, "steps": steps}

    def plain(self) -> Figures:
        stream = self._open(prompt(0), guidance=1.0)
        steps, took_s = self._play([stream], self._plan.plain_work_s)
        return {"plain_steps_s": steps / took_s, "plain_steps": steps}

    def at_context(self, context_s: float) -> float:
        """Steps per second at the end of so much music, of which as much as may be is given."""
        steps = self._plan.context_steps
        before = round(context_s * self._frame_rate) - steps
        tail_s = self._engine.info.context_s * TAIL_SHARE
        given = max(1, min(before, round(tail_s * self._frame_rate)))
        stream = self._engine.open(_steering(prompt(0)), self._noise(given))
        self._engine.step([stream], max(1, before - given))
        begun_s = time.perf_counter()
        self._engine.step([stream], steps)
        return steps / (time.perf_counter() - begun_s)

    def lanes(self) -> Iterator[str | Figures]:
        """Several streams in one batch, until there is no room for more of them."""
        rates: dict[str, float] = {}
        streams: list[Stream] = []
        for count in self._plan.lanes:
            yield f"streams at once: {count}"
            try:
                streams += [self._open(prompt(number)) for number in range(len(streams), count)]
                steps, took_s = self._play(streams, self._plan.lanes_work_s)
            except EngineError as error:
                yield {"failure": f"{count} streams: {error}"}
                return
            rates[str(count)] = steps / took_s
            yield {"lanes_steps_s": rates, "lanes_peak_bytes": peak_bytes()}

    def _hear(self, text: str) -> float:
        """Seconds from a prompt to the first frame of it."""
        begun_s = time.perf_counter()
        stream = self._engine.open(_steering(text))
        self._engine.step([stream], 1)
        return time.perf_counter() - begun_s

    def _open(self, text: str, guidance: float = GUIDANCE) -> Stream:
        """A stream that has begun."""
        stream = self._engine.open(_steering(text, guidance))
        self._engine.step([stream], 1)
        return stream

    def _play(self, streams: Sequence[Stream], work_s: float) -> tuple[int, float]:
        """So many frames of each, in so many seconds."""
        most = round(self._plan.music_s * self._frame_rate)
        begun_s = time.perf_counter()
        frames, took_s = 0, 0.0
        while frames < most and took_s < work_s:
            self._engine.step(streams, CHUNK_FRAMES)
            frames += CHUNK_FRAMES
            took_s = time.perf_counter() - begun_s
        return frames, took_s

    def _noise(self, frames: int) -> Recording:
        info = self._engine.info
        shape = (frames * info.hop, info.channels)
        noise = np.random.default_rng(0).standard_normal(shape, dtype=np.float32)
        return Recording(_NOISE * noise, info.rate)


def _steering(text: str, guidance: float = GUIDANCE) -> Steering:
    words = (WeightedPrompt(text),)
    return Steering(words, temperature=TEMPERATURE, top_k=TOP_K, guidance=guidance, seed=1)
