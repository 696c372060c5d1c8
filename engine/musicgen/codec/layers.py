"""EnCodec's layers as streams: what a layer carries from call to call is a value beside it.

`forward(state, x) -> (state, y)` never changes a tensor of the state it was given, so a caller
may keep any state and go on from it again. Audio is channels last, `[B, T, C]`: a convolution is
then one matrix product over rows that lie together, several times faster here than torch's own
for the few samples of a frame (`nn.LSTM` takes 27 ms for a step that takes 3 ms this way).

A convolution that is not causal looks ahead. As a stream it gives fewer samples than it got, at
first, and as many from then on: its `y` begins where that of the whole would. Sources:
transformers' `modeling_encodec.py`, and moshi's streaming modules for the shape of a stream.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.musicgen.codec.weights import Shape, Weighted


@dataclass(frozen=True, slots=True)
class Tail:
    """What a convolution carries: the end of its input or, upsampling, of its output."""

    kept: Tensor
    """`[B, n, C]`, storage of its own: a view would keep alive all it is a view of."""
    begun: bool
    """Whether the start of the stream is behind it."""


CACHED_FLOATS = 1 << 18
"""1 MiB of weights: half of the second-level cache of a small core."""

LayerState = Tail | tuple[Tensor, ...]
S = TypeVar("S", bound=LayerState)


class Layer(Weighted, Generic[S]):
    """One layer of a codec; its weights never change once they are loaded."""

    def start(self, batch: int) -> S:
        """The state before the first sample of `batch` channels."""
        raise NotImplementedError

    def forward(self, state: S, x: Tensor) -> tuple[S, Tensor]:
        """The next samples, `[B, T, C]` -> `[B, T', C']`; T' is as many as can be given."""
        raise NotImplementedError

    def finish(self, state: S, x: Tensor) -> Tensor:
        """The last samples of a stream, `x` not empty: all that have not been given yet."""
        return self.forward(state, x)[1]

    def lookahead(self, samples: int) -> int:
        """How far behind what came in its output ends, if its input ends `samples` behind."""
        return samples


class Elu(Layer[tuple[Tensor, ...]]):
    """The codec's nonlinearity, sample by sample."""

    def start(self, batch: int) -> tuple[Tensor, ...]:
        return ()

    def forward(self, state: tuple[Tensor, ...], x: Tensor) -> tuple[tuple[Tensor, ...], Tensor]:
        return state, functional.elu(x)


class Conv1d(Layer[Tail]):
    """A convolution whose input is padded by reflection: at both ends or, `causal`, at its start.

    Its start needs more input than the rest of it if `left > right` (a kernel of even length):
    the reflection reaches that far.
    """

    weight: Tensor
    bias: Tensor

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int,
        stride: int = 1,
        dilation: int = 1,
        *,
        causal: bool = False,
    ) -> None:
        super().__init__()
        self.kernel, self.stride, self.dilation = kernel, stride, dilation
        self.span = (kernel - 1) * dilation + 1
        self.right = 0 if causal else (self.span - stride) // 2
        self.left = self.span - stride - self.right
        # The longest padding: at the end, a stride that has begun is filled up. What is kept is
        # enough to reflect then, as strided kernels are two strides long.
        self._longest = max(self.left, self.right + stride - 1)
        self._inputs = inputs
        self.register_buffer("weight", torch.zeros(outputs, kernel * inputs))
        self.register_buffer("bias", torch.zeros(outputs))

    def start(self, batch: int) -> Tail:
        return Tail(self.weight.new_zeros(batch, 0, self._inputs), begun=False)

    def forward(self, state: Tail, x: Tensor) -> tuple[Tail, Tensor]:
        state, padded = self.take_in(state, x)
        return state, self.convolve(padded)

    def finish(self, state: Tail, x: Tensor) -> Tensor:
        return self.convolve(self.close(state, x))

    def lookahead(self, samples: int) -> int:
        return samples + self.left

    def take_in(self, state: Tail, x: Tensor) -> tuple[Tail, Tensor]:
        """What `convolve` can use now: `[B, n, C]`, its start padded."""
        samples = torch.cat((state.kept, x), 1)
        if not state.begun:
            if samples.shape[1] <= self._longest:
                return Tail(samples, begun=False), samples[:, :0]
            samples = reflect(samples, self.left, 0)
        used = self.outputs(samples.shape[1]) * self.stride
        return Tail(samples[:, used:].clone(), begun=True), samples

    def close(self, state: Tail, x: Tensor) -> Tensor:
        """The same for the last samples: its end padded."""
        samples = torch.cat((state.kept, x), 1)
        left, padded = (0, self.left) if state.begun else (self.left, 0)
        # All but the padding must fill whole strides.
        right = self.right + (padded - samples.shape[1]) % self.stride
        return reflect(samples, left, right)

    def outputs(self, padded: int) -> int:
        """How many samples `convolve` makes of so many."""
        return max(0, (padded - self.span) // self.stride + 1)

    def convolve(self, padded: Tensor) -> Tensor:
        """`[B, n, C]` -> `[B, outputs(n), C']`, with nothing carried."""
        if self.kernel == 1:
            return affine(padded, self.weight, self.bias)
        batch, outputs = padded.shape[0], self.outputs(padded.shape[1])
        if not outputs:
            return padded.new_zeros(batch, 0, self.bias.shape[0])
        windows = padded.unfold(1, self.span, self.stride)[..., :: self.dilation]  # [B, T, C, k]
        rows = windows.transpose(2, 3).reshape(batch, outputs, -1)  # [B, T, k * C]
        return affine(rows, self.weight, self.bias)

    def shapes(self) -> dict[str, Shape]:
        outputs = self.bias.shape[0]
        return {"conv.weight": (outputs, self._inputs, self.kernel), "conv.bias": (outputs,)}

    def put(self, name: str, tensor: Tensor) -> None:
        if name == "conv.bias":
            self.bias.copy_(tensor)
        else:
            self.weight.copy_(tensor.transpose(1, 2).flatten(1))  # [C', k * C]


class ConvTranspose1d(Layer[Tail]):
    """Upsampling by `stride` with a kernel of two strides: each input sample overlaps the next.

    What it carries is the second half of what the last input sample gave, `[B, stride, C']`. Of
    the output `left` samples are cut at the start, and the rest of a stride at the end.
    """

    weight: Tensor
    bias: Tensor

    def __init__(self, inputs: int, outputs: int, stride: int, left: int) -> None:
        super().__init__()
        self.stride, self.left = stride, left
        self._outputs = outputs
        self.register_buffer("weight", torch.zeros(2 * stride * outputs, inputs))
        # Added once to each sample: with its first half.
        self.register_buffer("bias", torch.zeros(2 * stride * outputs))

    def start(self, batch: int) -> Tail:
        return Tail(self.bias.new_zeros(batch, self.stride, self._outputs), begun=False)

    def forward(self, state: Tail, x: Tensor) -> tuple[Tail, Tensor]:
        batch, inputs = x.shape[:2]
        spread = affine(x, self.weight, self.bias)
        halves = spread.view(batch, inputs, 2, self.stride, self._outputs)
        overlap = torch.cat((state.kept[:, None], halves[:, :-1, 1]), 1)  # [B, T, stride, C']
        y = (halves[:, :, 0] + overlap).view(batch, inputs * self.stride, self._outputs)
        if not state.begun:
            y = y[:, self.left :]
        return Tail(halves[:, -1, 1].clone(), begun=True), y

    def lookahead(self, samples: int) -> int:
        return samples * self.stride + self.left

    def shapes(self) -> dict[str, Shape]:
        inputs, outputs = self.weight.shape[1], self._outputs
        return {"conv.weight": (inputs, outputs, 2 * self.stride), "conv.bias": (outputs,)}

    def put(self, name: str, tensor: Tensor) -> None:
        if name == "conv.bias":
            self.bias[: self.stride * self._outputs] = tensor.repeat(self.stride)
        else:
            self.weight.copy_(tensor.permute(2, 1, 0).flatten(0, 1))  # [2 * stride * C', C]


class ResnetBlock(Layer[Tail]):
    """Two convolutions, the second of length 1, beside the input itself or (`shortcut`) one more.

    It carries its input alone: the branch that goes past the convolutions waits for them there.
    """

    def __init__(
        self,
        channels: int,
        hidden: int,
        kernel: int,
        dilation: int,
        *,
        causal: bool = False,
        shortcut: bool = False,
    ) -> None:
        super().__init__()
        wide, narrow = (
            Conv1d(channels, hidden, kernel, dilation=dilation, causal=causal),
            Conv1d(hidden, channels, 1),
        )
        self.shortcut = Conv1d(channels, channels, 1) if shortcut else None
        # By their names in a checkpoint; 0 and 2 are nonlinearities.
        self.block = nn.ModuleDict({"1": wide, "3": narrow})
        # In a tuple, which registers nothing: a module has one name.
        self._pair = (wide, narrow)

    def start(self, batch: int) -> Tail:
        return self._pair[0].start(batch)

    def forward(self, state: Tail, x: Tensor) -> tuple[Tail, Tensor]:
        state, padded = self._pair[0].take_in(state, x)
        return state, self._both_branches(padded)

    def finish(self, state: Tail, x: Tensor) -> Tensor:
        return self._both_branches(self._pair[0].close(state, x))

    def lookahead(self, samples: int) -> int:
        return self._pair[0].lookahead(samples)

    def _both_branches(self, padded: Tensor) -> Tensor:
        wide, narrow = self._pair
        y = narrow.convolve(functional.elu(wide.convolve(functional.elu(padded))))
        beside = padded[:, wide.left : wide.left + y.shape[1]]
        return y + (beside if self.shortcut is None else self.shortcut.convolve(beside))


class Lstm(Layer[tuple[Tensor, ...]]):
    """Layers of LSTM cells beside their input. It carries h and c, `[B, C]`, of each layer."""

    def __init__(self, channels: int, layers: int) -> None:
        super().__init__()
        self._channels = channels
        self._layers = layers
        for name, shape in self.shapes().items():
            self.register_buffer(name.removeprefix("lstm."), torch.zeros(shape))

    def start(self, batch: int) -> tuple[Tensor, ...]:
        some = self.get_buffer("bias_ih_l0")
        return tuple(some.new_zeros(batch, self._channels) for _ in range(2 * self._layers))

    def forward(self, state: tuple[Tensor, ...], x: Tensor) -> tuple[tuple[Tensor, ...], Tensor]:
        y, after = x, []
        for layer in range(self._layers):
            h, c, y = self._layer(layer, state[2 * layer], state[2 * layer + 1], y)
            after += [h, c]
        return tuple(after), y + x

    def _layer(self, layer: int, h: Tensor, c: Tensor, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        weight, bias = self.get_buffer(f"weight_hh_l{layer}"), self.get_buffer(f"bias_hh_l{layer}")
        # The inputs' part of the gates, for all samples in one product: [B, T, 4 * C].
        of_inputs = affine(
            x, self.get_buffer(f"weight_ih_l{layer}"), self.get_buffer(f"bias_ih_l{layer}")
        )
        outputs = []
        for of_input in of_inputs.unbind(1):
            gates = of_input + affine(h, weight, bias)  # [B, 4 * C]
            keep, forget, new, out = gates.chunk(4, 1)
            c = forget.sigmoid() * c + keep.sigmoid() * new.tanh()
            h = out.sigmoid() * c.tanh()
            outputs.append(h)
        return h, c, torch.stack(outputs, 1)

    def shapes(self) -> dict[str, Shape]:
        gates, channels = 4 * self._channels, self._channels
        of: dict[str, Shape] = {"weight": (gates, channels), "bias": (gates,)}
        return {
            f"lstm.{kind}_{side}_l{layer}": shape
            for layer in range(self._layers)
            for side in ("ih", "hh")
            for kind, shape in of.items()
        }

    def put(self, name: str, tensor: Tensor) -> None:
        self.get_buffer(name.removeprefix("lstm.")).copy_(tensor)


def affine(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """`[B, T, C]` or `[B, C]` by `[C', C]`.

    One row or two on a CPU are what reading the weight costs, and go as products of a matrix and
    a vector, so that neither depends on the other.
    """
    rows = x.numel() // x.shape[-1]
    if not 0 < rows <= 2 or not x.is_cpu:
        return functional.linear(x, weight, bias)
    vectors = x.reshape(rows, -1).unbind(0)
    # For two, by blocks that the second finds in the cache.
    blocks = 1 if rows == 1 else -(-weight.numel() // CACHED_FLOATS)
    pairs = list(zip(weight.chunk(blocks), bias.chunk(blocks), strict=True))
    y = torch.cat([torch.stack([torch.addmv(b, w, v) for v in vectors]) for w, b in pairs], 1)
    return y.view(*x.shape[:-1], -1)  # from [rows, C']


def reflect(x: Tensor, left: int, right: int) -> Tensor:
    """Pad `[B, T, C]` by reflection at its ends.

    As transformers does it: what is too short to reflect is first lengthened by zeros, which
    are not counted.
    """
    length = x.shape[1]
    short = max(0, max(left, right) + 1 - length)
    x = functional.pad(x, (0, 0, 0, short))
    end = length + short - 1
    parts = (x[:, 1 : left + 1].flip(1), x, x[:, end - right : end].flip(1))
    return torch.cat(parts, 1)[:, : left + length + right]
