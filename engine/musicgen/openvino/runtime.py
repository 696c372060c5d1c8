"""OpenVINO, as it is used here: without a word to the network, on cores that others use, too."""

from __future__ import annotations

import sys
from functools import cache
from importlib.util import find_spec
from typing import Any

from engine.errors import EngineUnavailable

_TELLS_ITS_MAKER = "openvino.tools.ovc"
"""Imported by `import openvino`, it reports that over the network. It converts other programs'
models, which is not done here, and OpenVINO does without it."""


def is_installed() -> bool:
    """Whether OpenVINO is there; imports nothing."""
    return find_spec("openvino") is not None


@cache
def openvino() -> Any:
    """The module. Raises EngineUnavailable."""
    if not is_installed():
        raise EngineUnavailable(
            "int8 and int4 need OpenVINO, which is not installed: pip install openvino, or take"
            " --precision bf16"
        )
    unwanted = sys.modules.get(_TELLS_ITS_MAKER)
    if unwanted is None:
        sys.modules[_TELLS_ITS_MAKER] = None  # type: ignore[assignment]
    try:
        import openvino
    finally:
        if unwanted is None:
            del sys.modules[_TELLS_ITS_MAKER]
    return openvino


def compiled(model: Any, quantized_together: int) -> Any:
    """An infer request of `model`, in float32, on all cores that are worth it.

    Products with weights in few bits take their other side in 8 bits, too, each run of
    `quantized_together` numbers with a scale of its own.
    """
    properties = {
        "PERFORMANCE_HINT": "LATENCY",
        # A thread that is tied to a core waits for it while a DAW has it, whatever else is free.
        "ENABLE_CPU_PINNING": False,
        "INFERENCE_PRECISION_HINT": "f32",
        "KV_CACHE_PRECISION": "f16",
        "DYNAMIC_QUANTIZATION_GROUP_SIZE": str(quantized_together),
    }
    return core().compile_model(model, "CPU", properties).create_infer_request()


@cache
def core() -> Any:
    return openvino().Core()
