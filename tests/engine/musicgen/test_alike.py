"""Products of rows that do not depend on how many rows there are, as the decoder needs them."""

from __future__ import annotations

import pytest
import torch

from engine.musicgen.alike import AlikeLinear, find_blocks

SHAPES = [(1024, 3072), (1024, 1024), (1024, 4096), (4096, 1024), (32, 128), (128, 32), (7, 5)]
"""Those of `small`, and small ones, for which libraries have kernels of their own."""


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=["fp32", "bf16"])
@pytest.mark.parametrize(("inputs", "outputs"), SHAPES)
@torch.inference_mode()
def test_a_row_is_the_same_among_any_number_of_others(
    inputs: int, outputs: int, dtype: torch.dtype
) -> None:
    layer = AlikeLinear(inputs, outputs).to(dtype)
    find_blocks(layer)
    assert layer.most_rows >= 2
    x = torch.randn(80, inputs, generator=torch.Generator().manual_seed(1)).to(dtype)
    alone = torch.cat([layer(row) for row in torch.split(x, 1)])
    for rows in range(1, 81):
        assert torch.equal(layer(x[:rows]), alone[:rows]), rows
    torch.testing.assert_close(alone, torch.nn.functional.linear(x, layer.weight))


def test_blocks_never_leave_a_single_row_over() -> None:
    layer = AlikeLinear(4, 4)
    layer.most_rows = 2
    x = torch.randn(9, 4)
    torch.testing.assert_close(layer(x), torch.nn.functional.linear(x, layer.weight))
    assert layer(x[:0]).shape == (0, 4)
