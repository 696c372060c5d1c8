"""A recorder for machines without a GPU: a tape of operations, replayed on the same memory."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from engine.musicgen.cuda.backend import GraphBackend
from tests.engine.musicgen.playing import Player

_WAIT = ("aten::_local_scalar_dense", "aten::nonzero", "aten::masked_select", "aten::is_nonzero")
"""Operations for whose result the processor has to wait: no graph can hold them."""


class _Tape(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """As a graph does, it keeps operations with the memory they were done on, and none of the
    Python around them: what was a number then is the same number for ever."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._calls: list[tuple[Any, Any, Any, Any]] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        assert func.name().split(".")[0] not in _WAIT, f"{func} cannot be in a graph"
        made = func(*args, **(kwargs or {}))
        self._calls.append((func, args, kwargs or {}, made))
        return made

    @torch.inference_mode()
    def replay(self) -> None:
        for func, args, kwargs, made in self._calls:
            again = func(*args, **kwargs)
            for place, value in zip(tree_leaves(made), tree_leaves(again), strict=True):
                if isinstance(place, Tensor) and place.data_ptr() != value.data_ptr():
                    place.copy_(value)


class TapeRecorder:
    """Counts what it is asked for."""

    def __init__(self) -> None:
        self.runs = 0
        self.recordings = 0
        self.replays = 0

    def run(self, step: Callable[[], None]) -> None:
        self.runs += 1
        step()

    def record(self, step: Callable[[], None]) -> Callable[[], None]:
        self.recordings += 1
        tape = _Tape()
        with tape:
            step()

        def replay() -> None:
            self.replays += 1
            tape.replay()

        return replay


class Refusing(TapeRecorder):
    """A driver that cannot record."""

    def record(self, step: Callable[[], None]) -> Callable[[], None]:
        super().record(step)  # half-way
        raise RuntimeError("CUDA error: operation not permitted\n when stream is capturing")


class GraphPlayer(Player):
    """A player whose steps are taped."""

    def __init__(self, folder: Path, **more: Any) -> None:
        super().__init__(folder, **more)
        self.recorder = TapeRecorder()
        self.backend = GraphBackend(self.decoder, self.recorder)
        object.__setattr__(self.engine._model, "backend", self.backend)
        self.engine._pool.clear()  # of the eager backend's caches
