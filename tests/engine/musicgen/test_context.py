"""Windows of a stream's past: which positions are computed when, and what a rewind brings back."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import BadValue
from engine.musicgen.context import Context, Span, WindowPolicy, policy_for
from engine.musicgen.kv import KvCache
from engine.musicgen.models.config import DecoderConfig
from engine.musicgen.options import TAIL_SHARE

POLICY = WindowPolicy(window_steps=40, tail_steps=20, slice_steps=6, rewind_steps=12)
CONFIG = DecoderConfig(
    hidden_size=2, num_attention_heads=1, num_hidden_layers=1, num_codebooks=1, ffn_dim=1
)


def caches(count: int = 2) -> tuple[KvCache, ...]:
    cpu = torch.device("cpu")
    return tuple(KvCache.new(CONFIG, 40, cpu, torch.float32) for _ in range(count))


@dataclass
class Memory:
    """Carries out spans: which step each position of each cache holds."""

    held: dict[tuple[int, int, int], int] = field(default_factory=dict)
    """By cache, row and position."""

    def compute(self, span: Span) -> None:
        for row in range(span.rows):
            for i in range(span.length):
                position = span.start + i
                self.held[id(span.cache), row, position] = span.base + position

    def sees(self, span: Span) -> list[list[int]]:
        """The steps that the last position of a span looks at, row by row."""
        end = span.start + span.length
        return [[self.held[id(span.cache), row, p] for p in range(end)] for row in range(span.rows)]


def take(context: Context, memory: Memory, step: int, pair: bool = True) -> list[list[int]]:
    main, *beside = context.enter(step, pair=pair)
    for span in (main, *beside):
        assert span.start + span.length <= 40
        assert span.base + span.start + span.length <= step + 1  # nothing that is not known yet
        memory.compute(span)
    context.leave(step, main.rows, wordless=False)
    return memory.sees(main)


@pytest.mark.parametrize("count", [1, 2])
def test_every_step_sees_an_unbroken_past_of_bounded_length(count: int) -> None:
    context, memory = Context(POLICY, caches(count)), Memory()
    for step in range(500):
        seen = take(context, memory, step)
        assert len(seen) == 2
        for past in seen:
            assert past == list(range(past[0], step + 1))
            assert 20 <= len(past) <= 40 or past[0] == 0


def test_what_goes_beside_a_step_is_bounded() -> None:
    context, memory = Context(POLICY, caches()), Memory()
    for step in range(300):
        spans = context.enter(step, pair=True)
        assert spans[0].length == 1
        assert sum(span.length for span in spans[1:]) <= 6
        for span in spans:
            memory.compute(span)
        context.leave(step, spans[0].rows, wordless=False)


@given(st.lists(st.tuples(st.integers(1, 30), st.integers(0, 12), st.booleans()), max_size=20))
def test_a_rewind_brings_back_what_was(moves: list[tuple[int, int, bool]]) -> None:
    """Whatever was rewound, each step sees what it sees in a run without a rewind."""
    context, memory = Context(POLICY, caches()), Memory()
    pairs: dict[int, bool] = {}
    seen: dict[int, list[list[int]]] = {}
    step, pair = 0, True
    for forward, back, pair in moves:
        for _ in range(forward):
            pairs[step] = pair
            seen[step] = take(context, memory, step, pair)
            step += 1
        step = max(context.oldest, step - back)
        context.rewind(step)
    for _ in range(5):
        pairs[step] = pair
        seen[step] = take(context, memory, step, pair)
        step += 1
    fresh, plain = Context(POLICY, caches()), Memory()
    for at in range(step):
        assert take(fresh, plain, at, pairs[at]) == seen[at]


def test_at_least_the_promised_steps_can_be_rewound() -> None:
    context, memory = Context(POLICY, caches()), Memory()
    for step in range(200):
        take(context, memory, step)
        assert context.oldest <= max(0, step + 1 - POLICY.rewind_steps)
    with pytest.raises(BadValue, match="rewind to step 3"):
        context.rewind(3)


def test_a_second_row_that_comes_late_gets_all_of_the_past() -> None:
    context, memory = Context(POLICY, caches()), Memory()
    for step in range(10):
        assert len(take(context, memory, step, pair=False)) == 1
    rows = [len(take(context, memory, step)) for step in range(10, 20)]
    assert rows == [1] * POLICY.slices + [2] * (10 - POLICY.slices)


def test_an_opening_is_the_tail_of_the_first_window() -> None:
    context, memory = Context(POLICY, caches(), opening=15, rows=2), Memory()
    for span in context.opening():
        assert span.length <= 6
        memory.compute(span)
    for step in range(60):
        for past in take(context, memory, step):
            assert past == list(range(past[0], step + 1))
            assert past[0] == -15 or len(past) >= 20


@pytest.mark.parametrize("count", [1, 2])
def test_a_step_that_failed_can_be_taken_again(count: int) -> None:
    context, memory = Context(POLICY, caches(count)), Memory()
    for step in range(200):
        context.enter(step, pair=True)  # whatever it was to compute is lost
        for past in take(context, memory, step):
            assert past == list(range(past[0], step + 1))


def test_a_window_too_short_for_a_rewind_is_refused() -> None:
    with pytest.raises(BadValue, match="take a longer window"):
        WindowPolicy(window_steps=40, tail_steps=20, slice_steps=2, rewind_steps=12)
    for context_s in (10.0, 14.0, 30.0):
        for slice_steps in (8, 10_000):
            policy = policy_for(context_s, 50, slice_steps, delay=7)
            assert policy.tail_steps == round(policy.window_steps * TAIL_SHARE)
            assert policy.rewind_steps > 4 * 50
