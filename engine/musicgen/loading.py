"""From a checkpoint's folder, or a GGUF file, to an engine that is ready to play.

Two ways: `torch_parts`, whose weights go from the file straight into the modules that use them,
one tensor at a time, in the precision they are kept in; and `engine.musicgen.openvino.parts`, which
maps the weights in few bits that were made of the checkpoint once.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import psutil
import torch

from engine.api import HANG_S, EngineInfo
from engine.errors import BadValue
from engine.musicgen.alike import find_blocks
from engine.musicgen.backend import Backend
from engine.musicgen.codec.decoder import AudioDecoder
from engine.musicgen.codec.encoder import AudioEncoder
from engine.musicgen.codec.weights import WeightLoader
from engine.musicgen.context import WindowPolicy, policy_for
from engine.musicgen.cuda.parts import accelerated
from engine.musicgen.decoder import Decoder, Segment, TextKv
from engine.musicgen.device import Place, choose_place
from engine.musicgen.engine import MusicGenEngine
from engine.musicgen.kv import Past
from engine.musicgen.models import config as configs
from engine.musicgen.models import hub
from engine.musicgen.models.checkpoint import Checkpoint
from engine.musicgen.models.config import ModelConfig
from engine.musicgen.options import CONTEXT_RANGE_S, CONTEXT_S, FEW_BITS
from engine.musicgen.playback import FrameDecoder
from engine.musicgen.stream import Model
from engine.musicgen.text import Prompts, TextEncoder

_CPU_SLICE_STEPS = 8
"""Of a tail beside each step: with bf16 on a CPU such a step takes a quarter longer, and 35 of 420
are such steps. On a GPU a whole tail is quicker than a listener could notice."""
_WIDE = 512
"""From this width on a matrix product is worth dividing."""
_MEASURED_STEPS = 3
_PATIENCE_STEPS = 30.0
"""How many times as long as a step and a slice an engine may be silent: a stream that is steered
before its first frame takes some ten of them at once, and other programs may have the cores."""
_SPARE = 0.85
"""The share of its time that a stream with the usual window may take: the rest is for sampling, the
codec, and what else the machine does."""


@dataclass(frozen=True, slots=True)
class Parts:
    """An instrument's networks, however they are computed."""

    backend: Backend
    read: Callable[[str], TextKv]
    """A prompt through the text encoder."""
    audio: FrameDecoder
    encoder: Callable[[], AudioEncoder]
    """Loaded when a recording is to be continued, at the latest."""
    audio_beside: bool = False
    """Whether audio may be decoded in another thread, while the decoder is at its next step."""
    remark: str = ""
    """One line, if they are not what was to be expected."""


def load_engine(
    folder: str,
    rate: int | None,
    device: str,
    precision: str,
    context_s: float | None,
    name: str,
    decks: int = 0,
) -> MusicGenEngine:
    """See `engine.musicgen.load`."""
    low, high = CONTEXT_RANGE_S
    if context_s is not None and not low <= context_s <= high:
        raise BadValue(f"--context {context_s:g} is out of range {low:g}..{high:g} s")
    path = Path(folder)
    config = configs.read(path)
    rate = rate or config.codec.sampling_rate
    longest = round((context_s or CONTEXT_S) * config.codec.frame_rate)
    place = choose_place(config, longest, device, precision, decks)
    parts = _parts(path, config, rate, place, longest)
    with torch.inference_mode():
        model, cache, patience_s = _fitted(config, parts, place, context_s, live=decks > 0)
    info = EngineInfo(
        name="musicgen",
        model=name or path.name,
        device=str(place.device),
        rate=rate,
        channels=config.decoder.audio_channels,
        hop=parts.audio.hop,
        keeps_time=False,
        notice="; ".join(filter(None, (_notice(name, path), place.remark, parts.remark))),
        precision=place.precision,
        context_s=model.policy.window_steps / config.codec.frame_rate,
        continues=True,
        patience_s=patience_s,
    )
    return MusicGenEngine(model, parts.encoder, info, [cache])


def _notice(name: str, path: Path) -> str:
    """What must be known of these weights."""
    if path.is_file():
        return hub.file_note(path)
    if name == hub.TINY:
        return hub.TINY_NOTE
    return hub.licence_note(name) if name else ""


def _parts(path: Path, config: ModelConfig, rate: int, place: Place, positions: int) -> Parts:
    if place.precision not in FEW_BITS:
        return torch_parts(path, config, rate, place)
    from engine.musicgen.openvino.parts import openvino_parts

    torch.set_num_threads(1)  # for what is left to it, which is little
    return openvino_parts(path, config, rate, place.precision, positions, _to_stderr)


def _to_stderr(line: str) -> None:
    print(f"sideman: {line}", file=sys.stderr, flush=True)


@torch.inference_mode()
def torch_parts(path: Path, config: ModelConfig, rate: int, place: Place) -> Parts:
    """Raises EngineUnavailable if a tensor is missing or has another shape."""
    # All cores for a model that has work for them; a small one only waits for its threads.
    small = config.decoder.hidden_size < _WIDE
    torch.set_num_threads(1 if small else psutil.cpu_count(logical=False) or 1)
    modules = Modules(config, rate, place)
    modules.fill(Checkpoint(path))
    modules.text.read_tokenizer(path)
    find_blocks(modules.decoder)
    backend, audio, remark = accelerated(modules.decoder, modules.audio)
    return Parts(
        backend,
        lambda text: backend.text_kv(modules.text(text)),
        audio,
        lambda: modules.encoder,
        remark=remark,
    )


class Modules:
    """All modules of an instrument, empty until `fill`."""

    def __init__(self, config: ModelConfig, rate: int, place: Place) -> None:
        with torch.device("meta"):
            self.decoder = Decoder(config.decoder).eval()
            self.text = TextEncoder(config).eval()
        self.decoder.to(place.dtype).to_empty(device=place.device)
        self.text.to(place.text_dtype).to_empty(device=place.device)
        # A codec may have more codebooks than the decoder makes codes for.
        books = config.decoder.num_codebooks // config.decoder.audio_channels
        self.audio = AudioDecoder(config.codec, rate, books).to(place.codec_device).eval()
        self.encoder = (
            AudioEncoder(config.codec, self.audio.quantizer).to(place.codec_device).eval()
        )

    def fill(self, checkpoint: Checkpoint) -> None:
        """Raises EngineUnavailable if a tensor is missing or has another shape."""
        checkpoint.copy_into({**self.decoder.destinations(), **self.text.destinations()})
        loader = WeightLoader({**self.audio.parts(), **self.encoder.parts()})
        for name, tensor in checkpoint.tensors(["audio_encoder."]):
            loader.take(name, tensor)
        loader.finish()


def _fitted(
    config: ModelConfig, parts: Parts, place: Place, context_s: float | None, *, live: bool
) -> tuple[Model, Past, float]:
    """The model with windows that this machine keeps up with, a cache for one of them, and how
    long to be patient with it, in seconds.

    Nobody waits for music that is not `live`, and it has the usual windows."""
    wanted = (context_s or CONTEXT_S,) if context_s or not live else (CONTEXT_RANGE_S[0], CONTEXT_S)
    model = _model(config, parts, place, wanted[0])
    cache = parts.backend.new_cache(model.policy.window_steps)
    pace = _Pace.measured(model, cache)
    longer = replace(model, policy=_policy(config, parts, place, wanted[-1]))
    if pace.steps_s(longer.policy) * config.codec.frame_rate < _SPARE:
        if wanted[1:]:
            del cache  # so that its memory is free for the longer one
            cache = parts.backend.new_cache(longer.policy.window_steps)
        model = longer
    return model, cache, max(HANG_S, _PATIENCE_STEPS * (pace.step_s + pace.slice_s))


def _model(config: ModelConfig, parts: Parts, place: Place, context_s: float) -> Model:
    policy = _policy(config, parts, place, context_s)
    prompts = Prompts(parts.read)
    return Model(config.decoder, parts.backend, prompts, parts.audio, policy, parts.audio_beside)


def _policy(config: ModelConfig, parts: Parts, place: Place, context_s: float) -> WindowPolicy:
    delay = (config.decoder.num_codebooks - 1) // config.decoder.audio_channels
    rate = config.codec.frame_rate
    at_once = round(context_s * rate) if place.device.type == "cuda" else _CPU_SLICE_STEPS
    return policy_for(context_s, rate, at_once, delay + parts.audio.lookahead_frames)


@dataclass(frozen=True, slots=True)
class _Pace:
    """How long things take, once warm, in seconds."""

    step_s: float
    """A step at the end of a window."""
    position_s: float
    """What each position before it adds to that."""
    positions: int
    """Of that window."""
    slice_s: float
    """What a slice of a tail beside it adds."""

    @classmethod
    def measured(cls, model: Model, cache: Past) -> _Pace:
        end, slice_steps = model.policy.window_steps - 1, model.policy.slice_steps
        device, books = model.backend.device, model.config.num_codebooks
        inputs = torch.zeros(books, 1, dtype=torch.int64, device=device)
        tail = inputs.expand(-1, min(slice_steps, model.policy.tail_steps))

        def step_s(*segments: Segment) -> float:
            took_s = []
            for _ in range(_MEASURED_STEPS):
                began_s = time.perf_counter()
                model.backend.logits(segments).cpu()
                took_s.append(time.perf_counter() - began_s)
            return statistics.median(took_s)

        last = Segment(inputs, end, cache, None)
        beside = Segment(tail, 0, cache, None, predicts=False)
        early_s, late_s = step_s(Segment(inputs, 0, cache, None)), step_s(last)
        position_s = max(0.0, late_s - early_s) / end
        return cls(late_s, position_s, end, max(0.0, step_s(last, beside) - late_s))

    def steps_s(self, policy: WindowPolicy) -> float:
        """A step of a stream on average, with such windows and their tails."""
        mean = (policy.window_steps + policy.tail_steps) / 2
        slices = policy.slices / (policy.window_steps - policy.tail_steps)
        return self.step_s + self.position_s * (mean - self.positions) + self.slice_s * slices
