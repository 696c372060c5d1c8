"""What memory allows, by hand."""

from __future__ import annotations

import pytest
import torch

from engine.bench.limit import Limit, bits, bytes_per_s, kv_bytes, mean_context_s, weight_bytes
from engine.bench.memory import peak_bytes
from engine.musicgen.models import config, published

SMALL = config.parse(published.raw("small"), "small").decoder


@pytest.mark.parametrize(("precision", "width"), [("fp32", 32), ("bf16", 16), ("int4", 4)])
def test_the_width_of_a_weight_is_in_its_name(precision: str, width: int) -> None:
    assert bits(precision) == width


def test_a_step_of_small_reads_352_million_weights_and_8_of_the_heads() -> None:
    # As counted by hand from the published shape, without what a prompt's keys and values need.
    assert weight_bytes(SMALL, "fp32") / 4 == pytest.approx(352e6 + 8e6, rel=0.01)
    assert weight_bytes(SMALL, "int4") == weight_bytes(SMALL, "fp32") / 8


def test_half_a_minute_of_keys_and_values_is_550_mb_with_guidance() -> None:
    assert 2 * 1400 * kv_bytes(SMALL, "fp32") == pytest.approx(550e6, rel=0.01)
    assert kv_bytes(SMALL, "int4") == kv_bytes(SMALL, "fp16")


def test_more_context_streams_and_rows_lower_the_limit() -> None:
    limit = Limit(SMALL, 50.0, 40e9)
    alone = limit.steps_s("bf16", 1.0)
    assert limit.steps_s("bf16", 13.0) < alone
    assert limit.steps_s("bf16", 1.0, streams=8) < alone < limit.steps_s("bf16", 1.0, rows=1)
    assert limit.steps_s("bf16", 0.0) == pytest.approx(40e9 / weight_bytes(SMALL, "bf16"))


def test_the_mean_context_knows_of_windows() -> None:
    assert mean_context_s(5, 1.0, None) == 2.0
    # 0 1 2 3, then a window that begins with half of the last.
    assert mean_context_s(8, 1.0, 4.0) == (0 + 1 + 2 + 3 + 2 + 3 + 2 + 3) / 8
    assert mean_context_s(0, 50.0, 14.0) == 0.0


def test_memory_has_a_speed_and_a_peak() -> None:
    assert bytes_per_s(torch.device("cpu"), 1 << 20) > 0
    before = peak_bytes()
    taken = torch.ones(25_000_000)
    assert peak_bytes() >= max(before, 4 * len(taken))
