"""EnCodec's decoder as one network of OpenVINO's, whose shapes never change.

The same layers as `engine.musicgen.codec`, which is the reference, and the same audio. What
differs is how a stream starts. There a layer waits until it knows enough to pad its start; here
every layer gives a frame's worth for every frame, as late as the padding makes it, and one network
serves a stream from its first frame on. What comes out of a layer for the time before the first
sample is noise, and stays unheard: convolutions gather their inputs by a table of places, in which
the padding is written, and everything else that looks back is given zeros. The tables change while
a stream starts, and never again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.musicgen.codec.decoder import AudioDecoder
from engine.musicgen.codec.layers import Conv1d, ConvTranspose1d, Elu, Layer, Lstm, ResnetBlock
from engine.musicgen.openvino.graph import Node, constant, ints, linear, named, ops, parameter
from engine.musicgen.openvino.matrices import Array
from engine.musicgen.openvino.runtime import openvino
from engine.musicgen.openvino.store import Store

PREFIX = "codec."
"""Of the names in a store."""
AFTER = ".after"
"""Behind the name of a state: what it is after the frame."""

Shape = tuple[int, ...]


class CodecNetwork:
    """One frame of all channels, `[B, T, C]` between the layers.

    Of a layer that gives `samples` a frame, `late` behind its codes, frame f has those from
    `f * samples - late` on: negative numbers lie before the start.
    """

    def __init__(self, shape: AudioDecoder, store: Store, channels: int) -> None:
        self._shape, self._store, self._channels = shape, store, channels
        self._inputs: list[Node] = []
        self._outputs: list[Node] = []
        self.states: dict[str, Shape] = {}
        """What is carried: inputs of these names, and outputs with `AFTER` behind them."""
        self.placed: dict[str, Callable[[int], Array]] = {}
        """Inputs that depend on the frame, and their values for it: the tables."""
        self.settled_frames = 0
        """From this frame on they stay as they are."""

    def model(self) -> Any:
        """Inputs: `vector` float32 `[B, 1, hidden]`, the states and the tables. Outputs: `audio`
        float32 `[hop, B]` and the states."""
        shape = self._channels, 1, self._shape.config.hidden_size
        x = self._input("vector", shape, np.float32)
        samples, late = 1, 0
        for i, layer in enumerate(self._shape.stack.layers):
            assert isinstance(layer, Layer)
            name = f"{PREFIX}decoder.layers.{i}"
            match layer:
                case Elu():
                    x = ops().elu(x, 1.0)
                case Conv1d():
                    x = self._convolve(layer, name, self._window(layer, name, x), samples, late)
                case ResnetBlock():
                    x = self._residual(layer, name, x, samples, late)
                case Lstm():
                    x = self._lstm(name, x, late)
                case ConvTranspose1d():
                    x = self._upsample(layer, name, x, samples, late)
                    samples *= layer.stride
            late = layer.lookahead(late)
        self._outputs.append(named(self._played(x, samples, late), "audio"))
        return openvino().Model(self._outputs, self._inputs, "codec")

    def _window(self, layer: Conv1d, name: str, x: Node) -> Node:
        """`x` behind all that its convolution has to know of what came before."""
        return self._behind(name, x, 2 * layer.left)

    def _convolve(self, layer: Conv1d, name: str, window: Node, samples: int, late: int) -> Node:
        """`[B, 2 * left + samples, C]` -> `[B, samples, C']`."""
        inputs = layer.weight.shape[1]  # k * C
        if layer.kernel > 1:
            places = self._placed_input(name, lambda frame: _places(layer, frame, samples, late))
            self._settle(samples, late + 2 * layer.left)
            rows = ops().gather(window, places, ints(1))  # [B, samples, k, C]
            window = ops().reshape(rows, ints(self._channels, samples, inputs), False)
        return self._affine(window, name)

    def _residual(self, layer: ResnetBlock, name: str, x: Node, samples: int, late: int) -> Node:
        o = ops()
        wide, narrow = f"{name}.block.1", f"{name}.block.3"
        first: Any = layer.block["1"]
        window = self._window(first, name, x)
        y = self._convolve(first, wide, o.elu(window, 1.0), samples, late)
        y = self._affine(o.elu(y, 1.0), narrow)
        beside = _part(window, first.left, first.left + samples)
        if layer.shortcut is not None:
            beside = self._affine(beside, f"{name}.shortcut")
        return o.add(y, beside)

    def _lstm(self, name: str, x: Node, late: int) -> Node:
        o, y = ops(), x
        config = self._shape.config
        width = config.num_filters << len(config.upsampling_ratios)
        from_start = self._from_start(name, 1, late)
        for i in range(config.num_lstm_layers):
            shape = self._channels, 1, width
            h, c = (self._state(f"{name}.{part}_l{i}", shape) for part in "hc")
            of_input = self._affine(y, name, f"_ih_l{i}")
            gates = o.add(of_input, self._affine(h, name, f"_hh_l{i}"))  # [B, 1, 4 * C]
            keep, forget, new, out = o.split(gates, o.constant(np.int64(2)), 4).outputs()
            fresh = o.multiply(o.sigmoid(keep), o.tanh(new))
            c = o.multiply(o.add(o.multiply(o.sigmoid(forget), c), fresh), from_start)
            y = o.multiply(o.sigmoid(out), o.tanh(c))  # c being 0, so is this
            self._carry(f"{name}.h_l{i}", y)
            self._carry(f"{name}.c_l{i}", c)
        return o.add(y, x)

    def _upsample(
        self, layer: ConvTranspose1d, name: str, x: Node, samples: int, late: int
    ) -> Node:
        """`[B, samples, C]` -> `[B, samples * stride, C']`."""
        o = ops()
        stride, outputs = layer.stride, layer.weight.shape[0] // (2 * layer.stride)
        # Of zeros the second half is zeros, for the bias is in the first.
        spread = self._affine(o.multiply(x, self._from_start(name, samples, late)), name)
        first, second = o.split(spread, o.constant(np.int64(2)), 2).outputs()
        overlap = _part(self._behind(name, second, 1), 0, samples)  # [B, samples, stride * C']
        shape = ints(self._channels, samples * stride, outputs)
        return o.reshape(o.add(first, overlap), shape, False)

    def _played(self, x: Node, samples: int, late: int) -> Node:
        """The codec's samples `[B, samples, 1]` -> a frame's at the output rate, `[hop, B]`."""
        o, resampler = ops(), self._shape.resampler
        reach = resampler.reach if resampler else 0
        x = o.multiply(x, self._from_start("audio", samples, late))
        held = self._shape.lookahead_frames * samples - late + reach
        x = _part(self._behind("held", x, held), 0, samples + 2 * reach)
        if resampler is not None:
            width, step = resampler.weight.shape[1], resampler.period_in
            places = np.arange(0, samples, step)[:, None] + np.arange(width)
            x = o.squeeze(o.gather(x, o.constant(places), ints(1)), ints(3))
            x = o.matmul(x, o.constant(resampler.weight.numpy()), False, True)
        x = o.reshape(x, ints(self._channels, self._shape.hop), False)
        return o.transpose(x, ints(1, 0))

    # What the layers are put together from

    def _affine(self, x: Node, name: str, ending: str = "") -> Node:
        product = linear(x, self._store, f"{name}.weight{ending}")
        return ops().add(product, constant(self._store, f"{name}.bias{ending}"))

    def _behind(self, name: str, x: Node, kept: int) -> Node:
        """`x` `[B, T, C]` behind the last `kept` samples before it: `[B, kept + T, C]`."""
        if not kept:
            return x
        samples, width = list(x.shape)[1:]
        before = self._state(name, (self._channels, kept, width))
        joined = ops().concat([before, x], 1)
        self._carry(name, _part(joined, samples, samples + kept))
        return joined

    def _from_start(self, name: str, samples: int, late: int) -> Node:
        """Factors `[samples, 1]`: 0 for what lies before the start, 1 for the rest."""
        self._settle(samples, late)
        numbers = np.arange(-late, samples - late)[:, None]
        return self._placed_input(
            f"{name}.from_start",
            lambda frame: (numbers + frame * samples >= 0).astype(np.float32),
        )

    def _settle(self, samples: int, last: int) -> None:
        self.settled_frames = max(self.settled_frames, -(-last // samples))

    def _state(self, name: str, shape: Shape) -> Node:
        self.states[name] = shape
        return self._input(name, shape, np.float32)

    def _carry(self, name: str, node: Node) -> None:
        self._outputs.append(named(node, name + AFTER))

    def _placed_input(self, name: str, place: Callable[[int], Array]) -> Node:
        name = f"{name}.placed"
        self.placed[name] = place
        some = place(0)
        return self._input(name, some.shape, some.dtype)

    def _input(self, name: str, shape: Shape, dtype: Any) -> Node:
        node = parameter(name, list(shape), dtype)
        self._inputs.append(node)
        return node


def _places(layer: Conv1d, frame: int, samples: int, late: int) -> NDArray[np.int32]:
    """Where in its window a convolution finds its inputs, `[samples, kernel]`.

    Before the start there is the reflection of what follows; of the samples that are needed none
    is outside the window, and the others may be anything.
    """
    begin = frame * samples - late - 2 * layer.left
    taps = np.arange(layer.kernel) * layer.dilation
    numbers = np.abs(begin + np.arange(samples)[:, None] + taps)
    places = np.clip(numbers - begin, 0, 2 * layer.left + samples - 1)
    return np.asarray(places, np.int32)


def _part(x: Node, begin: int, end: int) -> Node:
    """Of `[B, T, C]` the samples `begin` to `end`."""
    return ops().slice(x, ints(begin), ints(end), ints(1), ints(1))
