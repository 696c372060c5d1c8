"""transformers' own `generate`, timed on the same weights, prompts and settings.

It makes a piece of a length that is known before, and gives nothing of it until all is made. So
its first audio is that of the shortest piece, and it has no change of a running prompt. What it
is timed at favours it: the weights and libraries are warm, and steps at a given context and of
several pieces are timed without prompts and codec.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import torch
from torch import Tensor

from engine.bench.job import Job
from engine.bench.limit import synchronise
from engine.bench.memory import gpu_peak_bytes, peak_bytes
from engine.bench.plan import GUIDANCE, TEMPERATURE, TOP_K, Plan, prompt
from engine.musicgen.device import DTYPES
from engine.musicgen.models import config as configs

Figures = dict[str, Any]

_FIRST_STEPS = 8
"""As many as sideman takes to its first frame: delays, and what the codec looks ahead."""
_MOST_STEPS = 1500
"""30 s, which MusicGen was trained on."""


def load(job: Job) -> Theirs:
    return Theirs(Path(job.folder), torch.device(job.device), DTYPES[job.precision])


def import_libraries() -> None:
    """What every process pays, whatever it loads."""
    import transformers  # noqa: F401


def measure(job: Job) -> Iterator[str | Figures]:
    """What is done next, and figures of `Measured` as they come."""
    plan = job.plan
    assert plan is not None
    import_libraries()
    yield "loading"
    begun_s = time.perf_counter()
    model = load(job)
    yield {"load_s": time.perf_counter() - begun_s}
    yield "new prompts"
    model.generate([prompt(0)], _FIRST_STEPS)
    new = [_seconds(model, prompt(1 + number), _FIRST_STEPS) for number in range(plan.prompts)]
    yield {"new_prompt_s": median(new)}
    yield "one piece"
    yield from _rates(model, plan)
    yield "a short and a full context"
    yield {"short_steps_s": model.steps_s(plan.context_steps, plan.short_s)}
    yield {"full_steps_s": model.steps_s(plan.context_steps, plan.full_s)}
    yield from _lanes(model, plan)


def _rates(model: Theirs, plan: Plan) -> Iterator[Figures]:
    """Of whole pieces, as long as there is time for."""
    for begin, guidance, work_s in (
        ("", GUIDANCE, plan.work_s),
        ("plain_", 1.0, plan.plain_work_s),
    ):
        rate = model.steps_s(plan.context_steps, 0.0, guidance)
        most = min(_MOST_STEPS, round(plan.music_s * model.frame_rate))
        steps = max(_FIRST_STEPS, min(most, round(rate * work_s)))
        took_s = _seconds(model, prompt(0), steps, guidance)
        yield {f"{begin}steps_s": steps / took_s, f"{begin}steps": steps}
        if not begin:
            yield {"peak_bytes": peak_bytes(), "gpu_peak_bytes": gpu_peak_bytes()}


def _lanes(model: Theirs, plan: Plan) -> Iterator[str | Figures]:
    rates: dict[str, float] = {}
    for count in plan.lanes:
        yield f"pieces at once: {count}"
        rates[str(count)] = model.steps_s(plan.context_steps, 0.0, pieces=count)
        yield {"lanes_steps_s": rates, "lanes_peak_bytes": peak_bytes()}


def _seconds(model: Theirs, text: str, steps: int, guidance: float = GUIDANCE) -> float:
    begun_s = time.perf_counter()
    model.generate([text], steps, guidance)
    return time.perf_counter() - begun_s


class Theirs:
    """`MusicgenForConditionalGeneration` from a folder."""

    def __init__(self, folder: Path, device: torch.device, dtype: torch.dtype) -> None:
        from transformers import AutoTokenizer, MusicgenForConditionalGeneration

        loaded: Any = MusicgenForConditionalGeneration.from_pretrained(folder, dtype=dtype)
        self._model: Any = loaded.to(device).eval()
        self._tokenizer: Any = AutoTokenizer.from_pretrained(folder)
        self._device = device
        self.config = configs.read(folder)
        self.frame_rate = self.config.codec.frame_rate

    def generate(
        self,
        texts: Sequence[str],
        steps: int,
        guidance: float = GUIDANCE,
        past: Tensor | None = None,
        stamps_s: list[float] | None = None,
    ) -> None:
        """`steps` steps of as many pieces as texts, after `past`, codes int64 `[B * K, T]`, and
        the audio of it all. `stamps_s` takes the moment at which each step is done."""
        from transformers import StoppingCriteriaList

        words = self._tokenizer(list(texts), return_tensors="pt", padding=True).to(self._device)
        more: dict[str, Any] = {} if past is None else {"decoder_input_ids": past}
        if stamps_s is not None:
            more["stopping_criteria"] = StoppingCriteriaList([_Stamps(stamps_s, self._device)])
        with torch.inference_mode():
            made: Tensor = self._model.generate(
                **words, **more, do_sample=True, top_k=TOP_K, temperature=TEMPERATURE,
                guidance_scale=guidance, max_new_tokens=steps,
            )  # fmt: skip
            made.float().cpu()

    def steps_s(
        self, steps: int, context_s: float, guidance: float = GUIDANCE, pieces: int = 1
    ) -> float:
        """Steps per second that follow so much music, of every piece."""
        k = self.config.decoder.num_codebooks
        before = max(0, round(context_s * self.frame_rate) - steps)
        past = None
        if before:
            shape = (pieces * k, before)
            past = torch.randint(self.config.decoder.vocab_size, shape, device=self._device)
        stamps_s: list[float] = []
        texts = [prompt(number) for number in range(pieces)]
        self.generate(texts, max(steps, k) + 1, guidance, past, stamps_s)
        return (len(stamps_s) - 1) / (stamps_s[-1] - stamps_s[0])


class _Stamps:
    """A `StoppingCriteria` that stops nothing."""

    def __init__(self, stamps_s: list[float], device: torch.device) -> None:
        self._stamps_s = stamps_s
        self._device = device

    def __call__(self, codes: Tensor, scores: Any, **_: Any) -> Tensor:
        synchronise(self._device)
        self._stamps_s.append(time.perf_counter())
        return torch.zeros(len(codes), dtype=torch.bool, device=codes.device)
