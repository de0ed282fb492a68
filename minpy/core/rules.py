"""How MXNet's operators are written in functions of the op table.

A rule gives None where the table lacks what the attributes ask for; then the operator is MXNet's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Callable

from minpy.core.translation import DIMENSIONS, RULES, Rule, Writer
from minpy.errors import SymbolError
from minpy.runtime.network import Node


def _rule(*names: str) -> Callable[[Rule], Rule]:
    def register(rule: Rule) -> Rule:
        RULES.update(dict.fromkeys(names, rule))
        return rule

    return register


# Layers ---------------------------------------------------------------------------------------------


def _windows(node: Node) -> str | None:
    """The suffix of the function for a convolution or a pooling; None for a layout that it does not have."""
    kernel = node.attr("kernel", ())
    kernel = (kernel,) if isinstance(kernel, int) else kernel
    is_usual = node.attr("layout", "NC") in ("NC", "NCW", "NCHW", "NCDHW")
    return DIMENSIONS[len(kernel) - 1] if is_usual and 1 <= len(kernel) <= 3 else None


@_rule("Convolution")
def _convolution(writer: Writer, node: Node, x: Sequence[str]) -> Any:
    suffix = _windows(node)
    if suffix is None:
        return None
    options = {
        "stride": node.attr("stride", ()) or 1,
        "padding": node.attr("pad", ()) or 0,
        "dilation": node.attr("dilate", ()) or 1,
        "groups": node.attr("num_group", 1),
    }
    return f"conv{suffix}({', '.join([*x, *(f'{key}={value}' for key, value in options.items())])})"


@_rule("FullyConnected")
def _dense(writer: Writer, node: Node, x: Sequence[str]) -> Any:
    rows = f"np.reshape({x[0]}, ({x[0]}.shape[0], -1))" if node.attr("flatten", True) else x[0]
    return f"np.dot({rows}, {x[1]}.T)" + (f" + {x[2]}" if len(x) > 2 else "")


@_rule("Pooling")
def _pooling(writer: Writer, node: Node, x: Sequence[str]) -> Any:
    kind = node.attr("pool_type", "max")
    suffix, axes = _windows(node), f"tuple(range(2, {x[0]}.ndim))"
    if kind not in ("max", "avg"):
        return None
    if node.attr("global_pool", False):
        return f"np.{'max' if kind == 'max' else 'mean'}({x[0]}, axis={axes}, keepdims=True)"
    if suffix is None or node.attr("pooling_convention", "valid") != "valid":
        return None
    if kind == "avg" and not node.attr("count_include_pad", True):
        return None
    options = f"stride={node.attr('stride', ()) or 1}, padding={node.attr('pad', ()) or 0}"
    return f"{kind}_pool{suffix}({x[0]}, {node.attr('kernel', ())}, {options})"


@_rule("Activation")
def _activation(writer: Writer, node: Node, x: Sequence[str]) -> Any:
    kind = node.attr("act_type", "")
    if kind == "softsign":
        return f"{x[0]} / (1 + np.abs({x[0]}))"
    known = {"relu": "relu", "sigmoid": "sigmoid", "tanh": "np.tanh"}
    return f"{known[kind]}({x[0]})" if kind in known else None


@_rule("BatchNorm")
def _batch_norm(writer: Writer, node: Node, x: Sequence[str]) -> Any:
    axis = node.attr("axis", 1)
    if node.attr("output_mean_var", False) or axis < 0:
        raise SymbolError(
            f"{node.name}: a BatchNorm with output_mean_var, or a negative axis, is not translated"
        )
    data, gamma, beta, mean, var = x
    if axis != 1:
        data = writer.line(f"{node.name}_data", f"np.swapaxes({data}, 1, {axis})")
    if node.attr("fix_gamma", True):
        gamma = writer.line(f"{node.name}_ones", f"np.ones_like({gamma})")
    eps, momentum = node.attr("eps", 1e-3), node.attr("momentum", 0.9)
    if writer.training and not node.attr("use_global_stats", False):
        names = [writer.fresh(f"{node.name}_{what}") for what in ("y", "mean", "var")]
        writer.lines.append(f"{', '.join(names)} = batch_moments({data}, {gamma}, {beta}, {eps})")
        y = names[0]
        for state, old, new in zip(node.inputs[3:], (mean, var), names[1:]):
            writer.states[writer.network.nodes[state[0]].name] = writer.line(
                f"new_{old}", f"{momentum} * {old} + (1 - {momentum}) * stop_gradient({new})"
            )
    else:
        shape = f"(1, -1) + (1,) * ({data}.ndim - 2)"
        scale = writer.line(f"{node.name}_scale", f"{gamma} / np.sqrt({var} + {eps})")
        shift = f"np.reshape({beta} - {mean} * {scale}, {shape})"
        y = f"{data} * np.reshape({scale}, {shape}) + {shift}"
    return (
        y if axis == 1 else f"np.swapaxes({y if y.isidentifier() else writer.line(node.name, y)}, 1, {axis})"
    )


@_rule("Dropout")
def _dropout(writer: Writer, node: Node, x: Sequence[str]) -> Any:
    rate, axes = node.attr("p", 0.5), node.attr("axes", ())
    if rate == 0 or not (writer.training or node.attr("mode", "training") == "always"):
        return x[0]
    shape = f"{x[0]}.shape"
    if axes:
        axes = (axes,) if isinstance(axes, int) else axes
        shape = f"tuple([1 if i in {axes} else n for i, n in enumerate({shape})])"
    kept = writer.line(f"{node.name}_kept", f"np.random.uniform(size={shape}) >= {rate}")
    return f"{x[0]} * ({kept} / (1 - {rate})).astype({x[0]}.dtype)"


@_rule("Deconvolution")
def _deconvolution(writer: Writer, node: Node, x: Sequence[str]) -> Any:
    """The gradient of a convolution; oneDNN fails in that of MXNet's own."""
    suffix = _windows(node)
    if suffix is None or node.attr("target_shape", ()):
        return None
    count = DIMENSIONS.index(suffix) + 1
    kernel = node.attr("kernel", ())
    kernel = (kernel,) * count if isinstance(kernel, int) else kernel

    def each(name: str, default: int) -> tuple[int, ...]:
        found = node.attr(name, ()) or default
        return (found,) * count if isinstance(found, int) else found

    stride, pad, dilate, adj = each("stride", 1), each("pad", 0), each("dilate", 1), each("adj", 0)
    groups = node.attr("num_group", 1)
    sizes = ", ".join(
        f"({x[0]}.shape[{i + 2}] - 1) * {stride[i]} + {dilate[i] * (kernel[i] - 1) + 1 + adj[i] - 2 * pad[i]}"
        for i in range(count)
    )
    like = writer.line(
        f"{node.name}_like",
        f"np.zeros(({x[0]}.shape[0], {x[1]}.shape[1] * {groups}, {sizes}), dtype={x[0]}.dtype)",
    )
    options = f"stride={stride}, padding={pad}, dilation={dilate}, groups={groups}"
    y = f"convolution_data_gradient({x[0]}, {like}, {x[1]}, {options})"
    return y if len(x) < 3 else f"{y} + np.reshape({x[2]}, (1, -1) + (1,) * {count})"


# Functions ------------------------------------------------------------------------------------------


@_rule("Flatten", "flatten")
def _flatten(writer: Writer, node: Node, x: Sequence[str]) -> Any:
    return f"np.reshape({x[0]}, ({x[0]}.shape[0], -1))"


@_rule("Reshape", "reshape")
def _reshape(writer: Writer, node: Node, x: Sequence[str]) -> Any:
    shape = node.attr("shape", ())
    shape = (shape,) if isinstance(shape, int) else shape
    if not shape or min(shape) < -1 or node.attr("reverse", False):
        return None
    sizes = "".join(f"{n or f'{x[0]}.shape[{i}]'}, " for i, n in enumerate(shape))
    return f"np.reshape({x[0]}, ({sizes.rstrip()}))"


@_rule("transpose")
def _transpose(writer: Writer, node: Node, x: Sequence[str]) -> Any:
    return f"np.transpose({x[0]}, {node.attr('axes', ()) or None})"


@_rule("SwapAxis", "swapaxes")
def _swap(writer: Writer, node: Node, x: Sequence[str]) -> Any:
    return f"np.swapaxes({x[0]}, {node.attr('dim1', 0)}, {node.attr('dim2', 0)})"


@_rule("SliceChannel", "split")
def _slices(writer: Writer, node: Node, x: Sequence[str]) -> Any:
    count, axis = node.attr("num_outputs", 1), node.attr("axis", 1)
    parts = writer.line(f"{node.name}_parts", f"np.split({x[0]}, {count}, axis={axis})")
    found = [f"{parts}[{i}]" for i in range(count)]
    is_squeezed = node.attr("squeeze_axis", False)
    return [f"np.squeeze({part}, axis={axis})" for part in found] if is_squeezed else found


@_rule("BlockGrad", "stop_gradient")
def _block(writer: Writer, node: Node, x: Sequence[str]) -> Any:
    return f"stop_gradient({x[0]})"


@_rule("_copy", "identity")
def _identity(writer: Writer, node: Node, x: Sequence[str]) -> Any:
    return x[0]


@_rule("Concat", "concat")
def _concatenate(writer: Writer, node: Node, x: Sequence[str]) -> Any:
    return f"np.concatenate([{', '.join(x)}], axis={node.attr('dim', 1)})"


@_rule("add_n", "ElementWiseSum")
def _sum(writer: Writer, node: Node, x: Sequence[str]) -> Any:
    return " + ".join(x)


@_rule("softmax", "log_softmax")
def _softmax(writer: Writer, node: Node, x: Sequence[str]) -> Any:
    if node.attrs.keys() - {"axis", "temperature"} or len(x) > 1 or node.attr("temperature", 1.0) != 1:
        return None
    return f"{node.op}({x[0]}, axis={node.attr('axis', -1)})"


def _operators(signs: dict[str, str]) -> None:
    for name, sign in signs.items():
        infix = f"{{0}} {sign} {{1}}".format

        def binary(writer: Writer, node: Node, x: Sequence[str], infix: Any = infix) -> Any:
            return infix(*x)

        def scalar(writer: Writer, node: Node, x: Sequence[str], infix: Any = infix) -> Any:
            return infix(x[0], _number(node, x[0]))

        def reversed_scalar(writer: Writer, node: Node, x: Sequence[str], infix: Any = infix) -> Any:
            return infix(_number(node, x[0]), x[0])

        _rule(f"elemwise_{name}", f"broadcast_{name}", f"_{name}")(binary)
        _rule({"add": "_plus_scalar", "sub": "_minus_scalar"}.get(name, f"_{name}_scalar"))(scalar)
        _rule({"sub": "_rminus_scalar"}.get(name, f"_r{name}_scalar"))(reversed_scalar)


def _number(node: Node, x: str) -> str:
    """The number of an operator, of the dtype of the array."""
    return f"{x}.dtype.type({float(node.attr('scalar', 0.0))!r})"


_operators({"add": "+", "sub": "-", "mul": "*", "div": "/"})


def _call(written: str) -> Rule:
    def rule(writer: Writer, node: Node, x: Sequence[str]) -> Any:
        return f"{written}({x[0]})"

    return rule


for _name, _written in {
    **{name: f"np.{name}" for name in ("abs", "cos", "exp", "log", "log1p", "sin", "sqrt", "square", "tanh")},
    **{"negative": "-", "sigmoid": "sigmoid", "relu": "relu"},
}.items():
    RULES[_name] = _call(_written)
