"""The codec's two networks (SEANet), as lists of streaming layers in a checkpoint's order."""

from __future__ import annotations

import math
from typing import Any

from torch import Tensor, nn

from engine.musicgen.codec.layers import (
    Conv1d,
    ConvTranspose1d,
    Elu,
    Layer,
    LayerState,
    Lstm,
    ResnetBlock,
)
from engine.musicgen.models.config import CodecConfig

States = tuple[LayerState, ...]


class Stack(nn.Module):
    """Layers one after another. Its state is theirs, in order."""

    def __init__(self, layers: list[Layer[Any]]) -> None:
        super().__init__()
        self._list = layers
        self.layers = nn.ModuleList(layers)

    def start(self, batch: int) -> States:
        return tuple(layer.start(batch) for layer in self._list)

    def forward(self, states: States, x: Tensor) -> tuple[States, Tensor]:
        """The next samples, `[B, T, C]` -> `[B, T', C']`.

        T' may be 0, and then what C' is does not matter.
        """
        after: list[LayerState] = []
        for layer, state in zip(self._list, states, strict=True):
            if not x.shape[1]:
                after.append(state)
                continue
            state, x = layer.forward(state, x)
            after.append(state)
        return tuple(after), x

    def finish(self, states: States, x: Tensor) -> Tensor:
        """All that is left of a stream, `x` (not empty) being its last samples."""
        for layer, state in zip(self._list, states, strict=True):
            x = layer.finish(state, x)
        return x

    @property
    def lookahead_samples(self) -> int:
        """By how many samples the output ends behind the input."""
        samples = 0
        for layer in self._list:
            samples = layer.lookahead(samples)
        return samples


def decoder_stack(config: CodecConfig) -> Stack:
    """Vectors `[B, T, hidden]` -> audio `[B, hop * T, 1]`."""
    channels, causal = config.num_filters << len(config.upsampling_ratios), config.use_causal_conv
    layers: list[Layer[Any]] = [
        Conv1d(config.hidden_size, channels, config.kernel_size, causal=causal),
        Lstm(channels, config.num_lstm_layers),
    ]
    for ratio in config.upsampling_ratios:
        cut = math.ceil(ratio * config.trim_right_ratio) if causal else ratio // 2
        layers += [Elu(), ConvTranspose1d(channels, channels // 2, ratio, left=ratio - cut)]
        channels //= 2
        layers += _residual(config, channels)
    last = Conv1d(channels, 1, config.last_kernel_size, causal=causal)
    return Stack([*layers, Elu(), last])


def encoder_stack(config: CodecConfig) -> Stack:
    """Audio `[B, T, 1]` -> vectors `[B, ceil(T / hop), hidden]`."""
    channels, causal = config.num_filters, config.use_causal_conv
    layers: list[Layer[Any]] = [Conv1d(1, channels, config.kernel_size, causal=causal)]
    for ratio in reversed(config.upsampling_ratios):
        layers += _residual(config, channels)
        down = Conv1d(channels, 2 * channels, 2 * ratio, stride=ratio, causal=causal)
        layers += [Elu(), down]
        channels *= 2
    layers += [Lstm(channels, config.num_lstm_layers), Elu()]
    last = Conv1d(channels, config.hidden_size, config.last_kernel_size, causal=causal)
    return Stack([*layers, last])


def _residual(config: CodecConfig, channels: int) -> list[Layer[Any]]:
    hidden = channels // config.compress
    return [
        ResnetBlock(
            channels,
            hidden,
            config.residual_kernel_size,
            config.dilation_growth_rate**j,
            causal=config.use_causal_conv,
            shortcut=config.use_conv_shortcut,
        )
        for j in range(config.num_residual_layers)
    ]
