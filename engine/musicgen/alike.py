"""Matrix products whose rows come out the same however many rows there are.

What a stream plays must not depend on who plays beside it. But libraries choose another kernel,
and with it another order of adding up, for one row, a few or many: MKL in fp32 for 1, 2 and 13,
oneDNN in bf16 for 33. Its switch for strict reproducibility (`MKL_CBWR=STRICT`) makes a step take
more than twice as long. So products are taken in blocks of 2 rows up to as many as this machine is
found to treat alike.

On a GPU nothing of this is promised, and products are taken as they come.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

_TRIED_ROWS = (*range(3, 17), 20, 24, 28, 32)


class AlikeLinear(nn.Linear):
    """A linear layer without bias, for `[rows, inputs]`."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs, bias=False)
        self.most_rows = 0
        """Of one block; 0: any number."""

    def forward(self, x: Tensor) -> Tensor:
        rows = len(x)
        if self.most_rows and rows == 1:
            return functional.linear(x.expand(2, -1), self.weight)[:1]
        if not self.most_rows or rows <= self.most_rows:
            return functional.linear(x, self.weight)
        blocks = -(-rows // self.most_rows)
        return torch.cat([self.forward(part) for part in x.tensor_split(blocks)])


@torch.inference_mode()
def find_blocks(module: nn.Module) -> None:
    """Find out, for each shape of weight in `module`, how many rows this machine treats alike."""
    found: dict[tuple[int, ...], int] = {}
    for layer in module.modules():
        if isinstance(layer, AlikeLinear) and layer.weight.device.type == "cpu":
            shape = tuple(layer.weight.shape)
            if shape not in found:
                found[shape] = _most_alike(layer.weight)
            layer.most_rows = found[shape]


def _most_alike(weight: Tensor) -> int:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(_TRIED_ROWS[-1], weight.shape[1], generator=generator).to(weight.dtype)
    pairs = torch.cat([functional.linear(pair, weight) for pair in torch.split(x, 2)])
    alike = 2
    for rows in _TRIED_ROWS:
        if not torch.equal(functional.linear(x[:rows], weight), pairs[:rows]):
            break
        alike = rows
    return alike
