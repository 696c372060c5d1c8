"""Where a model runs, and how precisely: chosen by what is there and what is free.

`fp16` is for GPUs, where it is the quickest that the weights were made for. `int8` is for CPUs, and
next to indistinguishable from the weights as they are; `int4` is quicker. Without OpenVINO, which
both need, it is `bf16` for those that multiply it in hardware; the rest are slower with it than
with `fp32`. The codec is always
`fp32` (EnCodec overflows in fp16) and on MPS it stays on the CPU, where it sounds right.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import psutil
import torch

from engine.errors import BadValue, EngineUnavailable
from engine.musicgen.kv import cache_bytes
from engine.musicgen.models.config import PRECISION_BYTES, ModelConfig
from engine.musicgen.openvino import runtime
from engine.musicgen.options import DEVICES, FEW_BITS, PRECISIONS

DTYPES = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}

_SPARE_BYTES = 300_000_000
"""What a step needs beside weights and caches, and the GPU's own context."""


@dataclass(frozen=True, slots=True)
class Place:
    """A device and a precision."""

    device: torch.device
    precision: str
    remark: str = ""
    """One line, if it is not what was to be expected."""

    @property
    def dtype(self) -> torch.dtype:
        """For torch; OpenVINO has types of its own."""
        return DTYPES[self.precision]

    @property
    def codec_device(self) -> torch.device:
        return torch.device("cpu") if self.device.type == "mps" else self.device

    @property
    def text_dtype(self) -> torch.dtype:
        """T5 overflows in fp16; bf16 has the range for it, but not every MPS has bf16."""
        if self.precision != "fp16":
            return self.dtype
        return torch.bfloat16 if self.device.type == "cuda" else torch.float32


def choose_place(
    config: ModelConfig,
    window_steps: int,
    device: str = "auto",
    precision: str = "auto",
    decks: int = 0,
) -> Place:
    """The first place in the order of preference that has room for the model and one stream.

    A CPU that has no time for so many `decks` in `int8` takes `int4`; 0: nobody waits for it. What
    is named is not replaced by anything else. Raises BadValue for an unknown name,
    EngineUnavailable if nothing has room, saying what would.
    """
    _check("--device", _kind(device), DEVICES)
    _check("--precision", precision, PRECISIONS)
    if precision in FEW_BITS:
        runtime.openvino()  # or the reason why not
        if device not in ("auto", "cpu"):
            raise BadValue(
                f"--precision {precision} is for --device cpu, not {device}: take fp16, or leave"
                " one of them out"
            )
        device = "cpu"
    reasons: list[str] = []
    for name, kind in _candidates(config, device, precision, decks):
        needed = needed_bytes(config, kind, window_steps)
        free = _free_bytes(name)
        if free is None:
            reasons.append(f"there is no {name} device")
        elif free < needed:
            reasons.append(f"{name} has {_gb(free)} free, {kind} and one deck need {_gb(needed)}")
        else:
            return Place(torch.device(name), kind, "; ".join(reasons) if device == "auto" else "")
    raise EngineUnavailable(f"{'; '.join(reasons)}: {_would_fit(config, window_steps, device)}")


def needed_bytes(config: ModelConfig, precision: str, window_steps: int) -> int:
    """The model and one stream, in bytes."""
    past = 2 if precision in FEW_BITS else round(PRECISION_BYTES[precision])
    caches = 2 * cache_bytes(config.decoder, window_steps, past)
    return config.parameter_bytes(precision) + caches + _SPARE_BYTES


def has_fast_bf16() -> bool:
    """Whether this CPU multiplies bf16 in hardware (AVX-512 BF16, AMX, or Arm's)."""
    supported = getattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", None)
    try:
        return bool(supported is not None and supported())
    except RuntimeError:
        return False


def _candidates(
    config: ModelConfig, device: str, precision: str, decks: int
) -> Iterator[tuple[str, str]]:
    """Devices with their precisions, the best first; a missing GPU is no candidate of `auto`."""
    present = [name for name in ("cuda", "mps") if _free_bytes(name) is not None]
    for name in [*present, "cpu"] if device == "auto" else [device]:
        if precision != "auto":
            yield name, precision
        elif name != "cpu":
            yield name, "fp16"
        else:
            yield from ((name, kind) for kind in _for_cpu(config, decks))


def _for_cpu(config: ModelConfig, decks: int) -> tuple[str, ...]:
    if runtime.is_installed():
        from engine.musicgen.openvino import probe

        in_time = not decks or probe.is_in_time(config, "int8", decks)
        return ("int8", "int4") if in_time else ("int4",)
    # bf16 is slower where it is not in hardware, but half the size.
    return ("bf16",) if has_fast_bf16() else ("fp32", "bf16")


def _free_bytes(name: str) -> int | None:
    """None: there is no such device."""
    if name == "cpu":
        return int(psutil.virtual_memory().available)
    if _kind(name) == "cuda":
        return _free_cuda_bytes(torch.device(name))
    if not torch.backends.mps.is_available():
        return None
    # Shared with the system; Metal takes no more than it recommends.
    limit = torch.mps.recommended_max_memory() - torch.mps.driver_allocated_memory()
    return min(int(limit), int(psutil.virtual_memory().available))


def _free_cuda_bytes(device: torch.device) -> int | None:
    if (device.index or 0) >= torch.cuda.device_count():
        return None
    return int(torch.cuda.mem_get_info(device)[0])


def _kind(device: str) -> str:
    """Without its number: `cuda:1` is a `cuda`."""
    kind, colon, number = device.partition(":")
    return kind if kind == "cuda" and (number.isdigit() or not colon) else device


def _would_fit(config: ModelConfig, window_steps: int, device: str) -> str:
    """The remedy: another precision or device that has room, else a smaller model."""
    for name in ("cuda", "mps", "cpu") if device != "cpu" else ("cpu",):
        free = _free_bytes(name)
        for kind in ("fp16", "bf16", "fp32") if name != "cpu" else _smallest_for_cpu():
            if free is not None and free >= needed_bytes(config, kind, window_steps):
                return f"--device {name} --precision {kind} would fit"
    return "free some, take a smaller model (--model small), or --engine groove, which needs none"


def _smallest_for_cpu() -> tuple[str, ...]:
    return ("int4", "bf16") if runtime.is_installed() else ("bf16",)


def _check(option: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise BadValue(f"{option} {value!r} is none of {' '.join(choices)}")


def _gb(count: int) -> str:
    return f"{count / 1e9:.1f} GB"
