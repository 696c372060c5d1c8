"""From a checkpoint's folder, or a GGUF file, to an engine that is ready to play.

Weights go from the file straight into the modules that use them, one tensor at a time, in the
precision they are kept in.
"""

from __future__ import annotations

import time
from pathlib import Path

import psutil
import torch

from engine.api import HANG_S, EngineInfo
from engine.errors import BadValue
from engine.musicgen.alike import find_blocks
from engine.musicgen.backend import Backend, TorchBackend
from engine.musicgen.codec.decoder import AudioDecoder
from engine.musicgen.codec.encoder import AudioEncoder
from engine.musicgen.codec.weights import WeightLoader
from engine.musicgen.context import policy_for
from engine.musicgen.decoder import Decoder, Segment
from engine.musicgen.device import Place, choose_place
from engine.musicgen.engine import MusicGenEngine
from engine.musicgen.models import config as configs
from engine.musicgen.models import hub
from engine.musicgen.models.checkpoint import SYNONYMS, Checkpoint
from engine.musicgen.models.config import ModelConfig
from engine.musicgen.options import CONTEXT_RANGE_S
from engine.musicgen.stream import Model
from engine.musicgen.text import Prompts, TextEncoder

_CPU_SLICE_STEPS = 8
"""Of a tail beside each step: with bf16 on a CPU such a step takes a quarter longer, and 44 of 350
are such steps. On a GPU a whole tail is quicker than a listener could notice."""
_WIDE = 512
"""From this width on a matrix product is worth dividing."""
_WARM_UPS = 2
_PATIENCE_STEPS = 30.0
"""How many times as long as a step and a slice an engine may be silent: a stream that is steered
before its first frame takes some ten of them at once, and other programs may have the cores."""


@torch.inference_mode()
def load_engine(
    folder: str, rate: int | None, device: str, precision: str, context_s: float, name: str
) -> MusicGenEngine:
    """See `engine.musicgen.load`."""
    low, high = CONTEXT_RANGE_S
    if not low <= context_s <= high:
        raise BadValue(f"--context {context_s:g} is out of range {low:g}..{high:g} s")
    path = Path(folder)
    config = configs.read(path)
    codec = config.codec
    _use_threads(config)
    place = choose_place(config, round(context_s * codec.frame_rate), device, precision)
    parts = _Parts(config, rate or codec.sampling_rate, place)
    parts.fill(Checkpoint(path))
    parts.text.read_tokenizer(path)
    find_blocks(parts.decoder)
    model = parts.model(context_s)
    patience_s = max(HANG_S, _PATIENCE_STEPS * _step_s(model))
    info = EngineInfo(
        name="musicgen",
        model=name or path.name,
        device=str(place.device),
        rate=rate or codec.sampling_rate,
        channels=config.decoder.audio_channels,
        hop=parts.audio.hop,
        keeps_time=False,
        notice="; ".join(filter(None, (_notice(name, path), place.remark))),
        precision=place.precision,
        context_s=context_s,
        continues=True,
        patience_s=patience_s,
    )
    return MusicGenEngine(model, parts.encoder, info)


def _notice(name: str, path: Path) -> str:
    """What must be known of these weights."""
    if path.is_file():
        return hub.file_note(path)
    if name == hub.TINY:
        return hub.TINY_NOTE
    return hub.licence_note(name) if name else ""


def _use_threads(config: ModelConfig) -> None:
    """All cores for a model that has work for them; a small one only waits for its threads."""
    small = config.decoder.hidden_size < _WIDE
    torch.set_num_threads(1 if small else psutil.cpu_count(logical=False) or 1)


class _Parts:
    """All modules of an instrument, empty until `fill`."""

    def __init__(self, config: ModelConfig, rate: int, place: Place) -> None:
        self._config = config
        self._place = place
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
        places = {**self.decoder.destinations(), **self.text.destinations()}
        for name, other in SYNONYMS.items():
            if name not in checkpoint.names and other in checkpoint.names:
                places[other] = places.pop(name)
        checkpoint.copy_into(places)
        loader = WeightLoader({**self.audio.parts(), **self.encoder.parts()})
        for name, tensor in checkpoint.tensors(["audio_encoder."]):
            loader.take(name, tensor)
        loader.finish()

    def model(self, context_s: float) -> Model:
        codec, backend = self.audio.config, TorchBackend(self.decoder)
        delay = (self._config.decoder.num_codebooks - 1) // self._config.decoder.audio_channels
        window = round(context_s * codec.frame_rate)
        at_once = self._place.device.type == "cuda"
        policy = policy_for(
            context_s,
            codec.frame_rate,
            window if at_once else _CPU_SLICE_STEPS,
            delay + self.audio.lookahead_frames,
        )
        prompts = Prompts(lambda text: backend.text_kv(self.text(text)))
        return Model(self._config.decoder, backend, prompts, self.audio, policy)


def _step_s(model: Model) -> float:
    """How long the longest pass takes, once warm: a step with a slice of a tail beside it."""
    backend: Backend = model.backend
    cache = backend.new_cache(model.policy.window_steps)
    inputs = torch.zeros(model.config.num_codebooks, 1, dtype=torch.int64, device=backend.device)
    tail = inputs.expand(-1, min(model.policy.slice_steps, model.policy.tail_steps))
    took_s = 0.0
    for _ in range(_WARM_UPS):
        began_s = time.perf_counter()
        step = Segment(inputs, model.policy.window_steps - 1, cache, None)
        backend.logits([step, Segment(tail, 0, cache, None, predicts=False)]).cpu()
        took_s = time.perf_counter() - began_s
    return took_s
