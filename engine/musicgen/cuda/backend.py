"""The decoder with its steps as graphs; whatever is no step is left to the eager decoder.

The first time that a batch of a shape comes, its step runs as it is; the second time it is
recorded, and from then on replayed. A step that cannot be recorded ends it for good: the eager
decoder, the reference, does everything from there on.

Threading: the runner's thread only.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.musicgen.backend import Backend, TorchBackend
from engine.musicgen.cuda.lanes import Lanes, Shape, is_single
from engine.musicgen.cuda.recorder import Recorder
from engine.musicgen.cuda.slabs import Slabs
from engine.musicgen.cuda.step import StaticStep
from engine.musicgen.cuda.texts import AllTexts
from engine.musicgen.decoder import Decoder, Segment, TextKv
from engine.musicgen.directions import Knobs
from engine.musicgen.kv import KvCache

_MOST_GRAPHS = 64
"""Four decks need some 30: as many as there are pairs of slabs and spans."""
_TRIED_STEPS = 8


@dataclass(slots=True)
class _Graph:
    """A step, and what runs it again once it is recorded."""

    step: StaticStep
    warm: bool = False
    """It ran once as it is."""
    replay: Callable[[], None] | None = None


class GraphBackend(Backend):
    """See `engine.musicgen.backend.Backend`."""

    def __init__(self, decoder: Decoder, recorder: Recorder) -> None:
        self._eager = TorchBackend(decoder)
        self._decoder = decoder
        self._recorder = recorder
        weight = decoder.norm.weight
        self._slabs = Slabs(decoder.config, weight)
        self._texts = AllTexts(decoder.config, weight)
        self._graphs: OrderedDict[Shape, _Graph] = OrderedDict()
        self.remark = ""
        """One line, once steps are not recorded any more: why."""

    @property
    def device(self) -> torch.device:
        return self._eager.device

    def new_cache(self, steps: int) -> KvCache:
        return self._slabs.take(steps)

    def text_kv(self, states: Tensor) -> TextKv:
        return self._eager.text_kv(states)

    def logits(self, segments: Sequence[Segment]) -> Tensor:
        return self._eager.logits(segments)

    def draw(self, segments: Sequence[Segment], knobs: Knobs, numbers: Tensor) -> Tensor:
        steps = [segment for segment in segments if is_single(segment)]
        beside = [segment for segment in segments if not segment.predicts]
        if self.remark or not steps or len(steps) + len(beside) < len(segments):
            return self._eager.draw(segments, knobs, numbers)
        lanes = Lanes(steps)
        graph = self._graph(lanes.shape)
        graph.step.fill(steps, lanes, knobs, numbers)
        if not self._run(graph):
            return self._eager.draw(segments, knobs, numbers)
        if beside:
            self._eager.logits(beside)
        return graph.step.made.clone()

    @torch.inference_mode()
    def try_out(self) -> str:
        """Record a step, and replay it, leaving nothing behind. Returns the remark, if any."""
        config, device = self._decoder.config, self.device
        codes = torch.zeros(config.num_codebooks, 1, dtype=torch.int64, device=device)
        one = torch.ones(1, device=device)
        numbers = torch.zeros(1, config.num_codebooks, device=device)
        segment = Segment(codes, 0, self.new_cache(_TRIED_STEPS), None)
        for _ in range(3):  # as it is, recorded, replayed
            self.draw([segment], Knobs(one, one, one.long()), numbers)
        self._graphs.clear()
        return self.remark

    def _graph(self, shape: Shape) -> _Graph:
        graph = self._graphs.get(shape)
        if graph is None:
            texts = self._texts.of(shape.lanes, shape.tokens) if shape.tokens else None
            graph = self._graphs[shape] = _Graph(StaticStep(self._decoder, shape, texts))
            if len(self._graphs) > _MOST_GRAPHS:
                self._graphs.popitem(last=False)
        self._graphs.move_to_end(shape)
        return graph

    def _run(self, graph: _Graph) -> bool:
        """Whether it went well; if not, the step can be taken again: it writes the same."""
        if graph.replay is not None:
            graph.replay()
        elif not graph.warm:
            self._recorder.run(graph.step)
            graph.warm = True
        else:
            try:
                graph.replay = self._recorder.record(graph.step)
            except RuntimeError as error:  # out of memory is one, too
                self._graphs.clear()
                reason = " ".join(str(error).split())[:120]
                self.remark = f"CUDA graphs are off, which costs speed: {reason}"
                return False
        return True
