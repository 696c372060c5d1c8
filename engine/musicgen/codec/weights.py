"""A checkpoint's tensors, one at a time, into modules that keep them in a layout of their own.

So a checkpoint is never in memory twice: each tensor is read, folded, copied and dropped.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from engine.errors import EngineUnavailable

Shape = tuple[int, ...]

_HALVES = {
    # Weight norm keeps a weight as a length g for each row and a direction v. Its two names in
    # checkpoints: torch's parametrizations, and what was before them.
    ".weight_g": "g",
    ".weight_v": "v",
    ".parametrizations.weight.original0": "g",
    ".parametrizations.weight.original1": "v",
}


class Weighted(nn.Module):
    """A module with weights of its own, named and shaped as in transformers' checkpoints."""

    def shapes(self) -> dict[str, Shape]:
        """Every tensor that it takes, by its name under the module; none at first."""
        return {}

    def put(self, name: str, tensor: Tensor) -> None:
        """Keep a tensor of `shapes()`, float32, in the module's own layout."""
        raise NotImplementedError


@dataclass(slots=True)
class _Slot:
    module: Weighted
    name: str
    shape: Shape
    halves: dict[str, Tensor] = field(default_factory=dict)
    filled: bool = False


class WeightLoader:
    """Hands tensors to the modules they belong to, and knows which have not come.

    `parts` are the codec's, by their names in a checkpoint (`AudioDecoder.parts()`), and
    `prefix` is what stands before them there.
    """

    def __init__(self, parts: Mapping[str, nn.Module], prefix: str = "audio_encoder.") -> None:
        self._slots: dict[str, _Slot] = {}
        for part, root in parts.items():
            for path, module in root.named_modules(prefix=f"{prefix}{part}"):
                if isinstance(module, Weighted):
                    for name, shape in module.shapes().items():
                        self._slots[f"{path}.{name}"] = _Slot(module, name, shape)

    def wants(self, name: str) -> bool:
        """Whether `take` would keep the tensor of that name: those it would not need no reading."""
        return _split(name)[0] in self._slots

    @torch.inference_mode()
    def take(self, name: str, tensor: Tensor) -> bool:
        """Keep a tensor of any floating type; False if it is none of ours.

        Raises EngineUnavailable if its shape is not what the configuration asks for.
        """
        plain, half = _split(name)
        slot = self._slots.get(plain)
        if slot is None:
            return False
        rows = (slot.shape[0],) + (1,) * (len(slot.shape) - 1)
        wanted = rows if half == "g" else slot.shape
        if tuple(tensor.shape) != wanted:
            raise EngineUnavailable(
                f"{name} has the shape {list(tensor.shape)}, and config.json asks for "
                f"{list(wanted)}: this checkpoint and its config.json do not belong together"
            )
        if half:
            slot.halves[half] = tensor
            if len(slot.halves) < 2:
                return True
            tensor = fold(slot.halves["g"], slot.halves["v"])
            slot.halves.clear()
        slot.module.put(slot.name, tensor.float())
        slot.filled = True
        return True

    def finish(self) -> None:
        """Raises EngineUnavailable naming what has not come."""
        missing = [name for name, slot in self._slots.items() if not slot.filled]
        if not missing:
            return
        lone = self._slots[missing[0]].halves
        half = f" (only half of it came, its weight_{next(iter(lone))})" if lone else ""
        more = f" and {len(missing) - 1} more tensors of the codec" if missing[1:] else ""
        raise EngineUnavailable(
            f"the checkpoint lacks {missing[0]}{half}{more}: download it whole again"
        )


def fold(g: Tensor, v: Tensor) -> Tensor:
    """The weight that weight norm stands for: each row of `v` brought to its length in `g`."""
    v = v.float()
    length = v.flatten(1).norm(dim=1).view(g.shape)  # [rows, 1, 1]
    weight: Tensor = v * (g.float() / length)
    return weight


def _split(name: str) -> tuple[str, str]:
    """The name of the weight, and which half of it this is: `g`, `v` or, if whole, nothing."""
    for ending, half in _HALVES.items():
        if name.endswith(ending):
            return name.removesuffix(ending) + ".weight", half
    return name, ""
