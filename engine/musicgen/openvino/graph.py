"""What the networks are put together from. A `Node` is one of OpenVINO's, or its output."""

from __future__ import annotations

from typing import Any

import numpy as np

from engine.musicgen.openvino.runtime import openvino
from engine.musicgen.openvino.store import Weights

Node = Any


def ops() -> Any:
    """The operation set."""
    return openvino().opset15


def ints(*values: int) -> Node:
    return ops().constant(np.array(values, np.int64))


def parameter(name: str, shape: list[int], dtype: Any) -> Node:
    """An input; -1 is a length that changes."""
    node = ops().parameter(shape, dtype, name=name)
    node.output(0).set_names({name})
    return node


def named(node: Node, name: str) -> Node:
    """An output of the network, to be asked for by `name`."""
    result = ops().result(node)
    result.output(0).set_names({name})
    return result


def constant(store: Weights, name: str) -> Node:
    """An array of the store, not copied."""
    ov = openvino()
    return ov.op.Constant(ov.Tensor(store.array(name), shared_memory=True))


def linear(x: Node, store: Weights, name: str) -> Node:
    """`[rows, k]` -> `[rows, n]`, by the matrix `name` in whichever precision it is kept.

    Without quantisation it is one float32 array, `NAME`.
    """
    o = ops()
    if name in store:
        return o.matmul(x, constant(store, name), False, True)
    scale = constant(store, f"{name}.scale")
    n, groups = store.array(f"{name}.scale").shape[:2]
    if f"{name}.i8" in store:
        k = groups * store.array(f"{name}.i8").shape[2]
        values = o.convert(constant(store, f"{name}.i8"), np.float32)
        return o.matmul(x, o.reshape(o.multiply(values, scale), ints(n, k), False), False, True)
    group = 2 * store.array(f"{name}.u4").shape[2]
    values = _in_4_bits(store, f"{name}.u4", [n, groups, group])
    zero = _in_4_bits(store, f"{name}.zero", [n, groups, 1])
    centred = o.subtract(o.convert(values, np.float16), o.convert(zero, np.float16))
    weight = o.reshape(o.multiply(centred, scale), ints(n, groups * group), False)
    return o.matmul(x, o.convert(weight, np.float32), False, True)


def _in_4_bits(store: Weights, name: str, shape: list[int]) -> Node:
    ov = openvino()
    packed = store.array(name).reshape(-1)
    return ov.op.Constant(ov.Tensor(packed, ov.Shape(shape), ov.Type.u4))


def layer_norm(x: Node, store: Weights, name: str) -> Node:
    """Over the last axis of `[rows, width]`, by `NAME.weight` and `NAME.bias`; torch's epsilon."""
    o = ops()
    normed = o.mvn(x, ints(1), True, 1e-5, "INSIDE_SQRT")
    scaled = o.multiply(normed, constant(store, f"{name}.weight"))
    return o.add(scaled, constant(store, f"{name}.bias"))
