"""Runs the scalar rule of an op in a kernel of its own."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Any

import numpy

from minpy.compiler.codegen import loops
from minpy.compiler.codegen.nest import Access, Apply, Constant, Load, Nest, Node, Store
from minpy.ops import Op
from minpy.ops.kernels import operand_dtypes
from minpy.runtime.kernels import llvm


def run(op: Op, args: Sequence[Any], params: dict) -> numpy.ndarray:
    """The result for arrays that broadcast, and Python numbers.

    Raises:
        UnsupportedError: where kernels do not have the op for these dtypes.
    """
    out = op.infer(*args, **params)
    arrays = [numpy.broadcast_to(x, out.shape).ravel() for x in args if isinstance(x, numpy.ndarray)]
    result = numpy.empty(out.shape, out.dtype)
    nest = _nest(op, out, args, params)
    text = loops.write(nest)
    code = llvm.codes([text])[text]
    function = ctypes.CFUNCTYPE(None, ctypes.c_void_p, *[ctypes.c_int64] * 3)(code.address)
    pointers = (ctypes.c_void_p * (len(arrays) + 1))(*[x.ctypes.data for x in (*arrays, result)])
    count = loops.turns(nest)
    function(ctypes.addressof(pointers), 0, count, count)
    return result


def _nest(op: Op, out: Any, args: Sequence[Any], params: dict) -> Nest:
    nodes: list[Node] = []
    operands = []
    for arg, dtype in zip(args, operand_dtypes(op, args)):
        if isinstance(arg, numpy.ndarray):
            nodes.append(Load(Access(sum(isinstance(node, Load) for node in nodes), arg.dtype, (1,))))
            if dtype != arg.dtype:
                nodes.append(Apply("astype", dtype, (len(nodes) - 1,), (("dtype", dtype),)))
        else:
            nodes.append(Constant(arg, dtype))
        operands.append(len(nodes) - 1)
    nodes.append(Apply(op.name, out.dtype, tuple(operands), tuple(sorted(params.items()))))
    place = Access(sum(isinstance(node, Load) for node in nodes), out.dtype, (1,))
    nodes.append(Store(place, len(nodes) - 1))
    return Nest((out.size,), 0, 0, tuple(nodes))
