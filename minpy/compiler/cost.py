"""What an equation costs, estimated from shapes and dtypes: floating point operations and memory traffic.

Formulas, with ``out`` and ``in`` for numbers of elements, and square matrices of size n:

=============================  =============================================================
elementwise                    out (of any function: an exponential counts as one)
reductions                     in
softmax, log_softmax           5 out (maximum, subtract, exponential, sum, divide)
normalization                  6 out (two sums, subtract, square, multiply, add)
scans                          out
matrix products                2 m k n for (m, k) times (k, n): a multiplication and an addition
convolution                    2 places k, of the result, for k weights that a filter has;
                               each of its gradients the same
recurrent layers               2 steps batch k, for k weights; each gradient twice that
pooling                        out k, for k elements of a window
inverse, determinant, solve    2 n^3; 2/3 n^3; 2/3 n^3 + 2 n^2 for each right side
Cholesky, QR                   1/3 n^3; 2 m n k for (m, n) with k the smaller
eigenvectors, SVD, inverse     9 n^3; 22 m n k; 22 m n k, for (m, n) with k the smaller
  of Moore and Penrose
Fourier transform              5 out log2(n) along an axis of n
sorting                        out log2(n) along an axis of n (comparisons)
everything that moves data     0
kernel                         those of its body
=============================  =============================================================

The factors of the factorizations are those of Golub and Van Loan, "Matrix Computations", 4th edition.
Traffic is each input read once and each output written once; a reshape moves nothing.
"""

from __future__ import annotations

import math
from typing import Callable

from minpy.compiler.ir import Eqn, Graph
from minpy.ops.aval import product

#: Nanoseconds, of one core of 2020 or so. With OpenMP each of MXNet's operators wakes its threads, however
#: small its arrays are; it takes longer until they have work of their own.
_PRODUCT, _ARITHMETIC, _FUNCTION, _IN_KERNEL = 0.01, 1, 8, 0.3
_WAKE, _SHARE = 4_000, 12_000


def cost(graph: Graph) -> tuple[int, int]:
    """The floating point operations and the bytes of one run of a graph."""
    return sum(map(flops, graph.eqns)), sum(map(traffic, graph.eqns))


def is_for_one_thread(graph: Graph) -> bool:
    """Whether a graph runs faster on one thread: most of its operators would only wait for others."""
    times = [flops(eqn) * _nanoseconds(eqn) for eqn in graph.eqns]
    waking = sum(eqn.body is None for eqn in graph.eqns)  # a kernel wakes them only where it is worth it
    return sum(max(0.0, time / 2 - _SHARE) for time in times) < _WAKE * waking


def _nanoseconds(eqn: Eqn) -> float:
    """Of each operation of an equation, roughly."""
    if eqn.op.cost == "compute":
        return _PRODUCT
    if eqn.body is not None:
        return _IN_KERNEL
    return _FUNCTION if eqn.op.singular or eqn.op.name in _FUNCTIONS else _ARITHMETIC


def flops(eqn: Eqn) -> int:
    """The floating point operations of an equation."""
    if eqn.body is not None:
        return sum(map(flops, eqn.body.eqns))
    formula = _FORMULAS.get(eqn.op.name) or _BY_FAMILY.get(eqn.op.family)
    if formula is not None:
        return round(formula(eqn))
    moves = eqn.op.name in _MOVES or not eqn.op.elementwise
    return 0 if moves else _out(eqn)


def traffic(eqn: Eqn) -> int:
    """The bytes that an equation reads and writes."""
    if eqn.op.cost == "free":
        return 0
    return sum(atom.aval.size * atom.aval.dtype.itemsize for atom in (*eqn.inputs, *eqn.outputs))


def _out(eqn: Eqn) -> int:
    return sum(var.aval.size for var in eqn.outputs)


def _in(eqn: Eqn) -> int:
    return eqn.inputs[0].aval.size


def _gemm(eqn: Eqn) -> float:
    shape = eqn.inputs[0].aval.shape
    return 2 * _out(eqn) * shape[0 if eqn.params["transpose_x"] else 1]


def _matmul(eqn: Eqn) -> float:
    return 2 * _out(eqn) * eqn.inputs[0].aval.shape[-1]


def _convolution(eqn: Eqn) -> float:
    """Of a gradient the cotangent, which comes first, has the places of the result."""
    is_gradient = eqn.op.name != "convolution"
    places, w = (eqn.inputs[0], eqn.inputs[2]) if is_gradient else (eqn.outputs[0], eqn.inputs[1])
    return 2 * places.aval.size * product(w.aval.shape[1:])


def _recurrence(eqn: Eqn) -> float:
    is_gradient = eqn.op.name != "recurrence"  # of which the cotangent comes first
    x, p = eqn.inputs[1:3] if is_gradient else eqn.inputs[:2]
    return (4 if is_gradient else 2) * product(x.aval.shape[:2]) * p.aval.size


def _pooling(eqn: Eqn) -> float:
    places = eqn.inputs[0] if "gradient" in eqn.op.name else eqn.outputs[0]
    return places.aval.size * product(eqn.params["size"])


def _on_matrices(formula: Callable[[int, int], float]) -> Callable[[Eqn], float]:
    """``formula`` of the sizes of a matrix, for each matrix of a stack."""

    def flops(eqn: Eqn) -> float:
        *batch, m, n = eqn.inputs[0].aval.shape
        return product(batch) * formula(m, n)

    return flops


def _solve(eqn: Eqn) -> float:
    n = eqn.inputs[0].aval.shape[-1]
    batches = product(eqn.inputs[0].aval.shape[:-2])
    return 2 / 3 * n**3 * batches + 2 * n * _out(eqn)


def _per_level(factor: float) -> Callable[[Eqn], float]:
    """``factor`` for each element and each level of a divide and conquer along an axis."""

    def flops(eqn: Eqn) -> float:
        n = eqn.inputs[0].aval.shape[eqn.params["axis"]]
        return factor * _in(eqn) * math.log2(max(n, 2))

    return flops


_MOVES = frozenset(("copy", "astype", "where", "real", "imag"))
#: slow ones that are not singular
_FUNCTIONS = frozenset(("sin", "cos", "tanh", "arctan", "arcsinh", "sigmoid", "softmax", "log_softmax"))
_FORMULAS: dict[str, Callable[[Eqn], float]] = {
    "gemm": _gemm,
    "add_gemm": lambda eqn: 2 * _out(eqn) * eqn.inputs[1].aval.shape[0 if eqn.params["transpose_x"] else 1],
    "narrow_gradient": lambda eqn: 2 * _in(eqn) * eqn.outputs[0].aval.shape[1],
    "matmul": _matmul,
    "dense": _matmul,
    **dict.fromkeys(
        ("convolution", "convolution_data_gradient", "convolution_weight_gradient"), _convolution
    ),
    **dict.fromkeys(
        ("max_pooling", "mean_pooling", "max_pooling_gradient", "mean_pooling_gradient"), _pooling
    ),
    "convolution_bias_gradient": _in,
    **dict.fromkeys(("recurrence", "recurrence_gradient"), _recurrence),
    "linalg.inv": _on_matrices(lambda m, n: 2 * n**3),
    "linalg.det": _on_matrices(lambda m, n: 2 / 3 * n**3),
    "linalg.slogdet": _on_matrices(lambda m, n: 2 / 3 * n**3),
    "linalg.solve": _solve,
    "linalg.cholesky": _on_matrices(lambda m, n: n**3 / 3),
    "linalg.qr": _on_matrices(lambda m, n: 2 * m * n * min(m, n)),
    "linalg.eigh": _on_matrices(lambda m, n: 9 * n**3),
    "linalg.svd": _on_matrices(lambda m, n: 22 * m * n * min(m, n)),
    "linalg.pinv": _on_matrices(lambda m, n: 22 * m * n * min(m, n)),
    **dict.fromkeys(("batch_norm", "batch_norm_data_gradient", "standardize"), lambda eqn: 6 * _out(eqn)),
    "softmax": lambda eqn: 5 * _out(eqn),
    "log_softmax": lambda eqn: 5 * _out(eqn),
}
_BY_FAMILY: dict[str, Callable[[Eqn], float]] = {
    "reduction": _in,
    "scan": _out,
    "fft": _per_level(5),
    "sorting": _per_level(1),
}
