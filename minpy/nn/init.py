"""Initial values of parameters: each rule makes an array of a shape, as its config says.

    init.initialize("gaussian", (3072, 512), {"stdvar": 0.01})

The random numbers are those of NumPy's global generator, so that ``numpy.random.seed`` repeats them. Rules
for matrices take the weights of ``layers.affine``, (inputs, outputs), and those of convolution,
(filters, channels, *kernel); vectors, which are biases, they fill with zeros, as the papers do.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy

import minpy.numpy as np
from minpy.errors import ShapeError
from minpy.ops.creation import default_dtype

Shape = tuple[int, ...]
Rule = Callable[[Shape, Mapping[str, Any]], numpy.ndarray]

#: The rules by name.
RULES: dict[str, Rule] = {}
#: The keys that the config of a rule may have, and what stands for those that it lacks.
DEFAULTS: dict[str, dict[str, Any]] = {}


def _rule(**defaults: Any) -> Callable[[Rule], Rule]:
    """Decorator: the rule is known by its name, and finds these defaults in its config."""

    def register(function: Callable) -> Rule:
        def rule(shape: Shape, config: Mapping[str, Any] | None = None) -> numpy.ndarray:
            return function(tuple(shape), {**defaults, **(config or {})})

        rule.__name__, rule.__doc__ = function.__name__, function.__doc__
        RULES[function.__name__], DEFAULTS[function.__name__] = rule, defaults
        return rule

    return register


def check(rule: str | Rule, config: Mapping[str, Any] | None = None, name: str = "") -> Rule:
    """The function of a rule.

    Raises:
        ValueError: for a rule or a key of its config that there is not.
        TypeError: where a setting is no number.
    """
    if callable(rule):
        return rule
    if rule not in RULES:
        raise ValueError(
            f"{_who(name)}: there is no initialization rule {rule!r}; there are {_listed(RULES)}"
        )
    unknown = set(config or ()) - set(DEFAULTS[rule])
    if unknown:
        raise ValueError(
            f"{_who(name)}: the rule {rule!r} has no setting {_listed(unknown)}; "
            f"it has {_listed(DEFAULTS[rule])}"
        )
    for key, value in (config or {}).items():
        if isinstance(DEFAULTS[rule][key], float) and (value is None or isinstance(value, str)):
            raise TypeError(f"{_who(name)}: {key!r} of the rule {rule!r} is a number, not {value!r}")
    return RULES[rule]


def _who(name: str) -> str:
    return f"parameter {name!r}" if name else "init"


def initialize(
    rule: str | Rule, shape: Shape, config: Mapping[str, Any] | None = None, name: str = "", dtype: Any = None
) -> Any:
    """A new array of MinPy's by a rule.

    Args:
        rule: the name of one of ``RULES``, or a function like those there.
        shape: of the array.
        config: what the rule looks at.
        name: of the parameter, for errors.
        dtype: a dtype of floats; MinPy's default dtype, float32, unless given.

    Raises:
        ValueError: for a rule or a key of its config that there is not.
        ShapeError: where the rule cannot make this shape, or a function makes another.
    """
    rule = check(rule, config, name)
    who = _who(name)
    try:
        values = numpy.asarray(rule(tuple(shape), dict(config or {})))
    except ValueError as error:
        kind = ShapeError if isinstance(error, ShapeError) else ValueError
        raise kind(f"{who}: {error}") from error
    if values.shape != tuple(shape):
        raise ShapeError(f"{who}: the rule made an array {values.shape}, not {tuple(shape)}")
    return np.array(values, dtype=default_dtype() if dtype is None else dtype)


def _listed(names: Any) -> str:
    return ", ".join(map(repr, sorted(names)))


def fans(shape: Shape) -> tuple[int, int]:
    """How many inputs an output of these weights depends on, and how many outputs an input has a part in.

    Args:
        shape: (inputs, outputs), or (filters, channels, *kernel), where stride and groups are not known.

    Raises:
        ShapeError: for fewer than two axes.
    """
    if len(shape) < 2:
        raise ShapeError(f"weights are (inputs, outputs) or (filters, channels, *kernel), not {shape!r}")
    if len(shape) == 2:
        return shape
    filters, channels, *kernel = shape
    return channels * math.prod(kernel), filters * math.prod(kernel)


@_rule(value=0.0)
def constant(shape, config):
    """``value``: a number, or an array that broadcasts to the shape, such as ``np.identity(hidden_size)``."""
    value = numpy.asarray(config["value"])
    try:
        return numpy.broadcast_to(value, shape)
    except ValueError:
        raise ShapeError(f"the value has the shape {value.shape}, the parameter {shape}") from None


@_rule(mu=0.0, stdvar=0.001)
def gaussian(shape, config):
    """Normal numbers with the mean ``mu`` and the standard deviation ``stdvar``."""
    if not config["stdvar"] >= 0:
        raise ValueError(f"stdvar is a number from 0 on, not {config['stdvar']!r}")
    return numpy.random.standard_normal(shape) * config["stdvar"] + config["mu"]


@_rule(low=-0.07, high=0.07)
def uniform(shape, config):
    """Uniform numbers from ``low`` to ``high``."""
    return numpy.random.uniform(config["low"], config["high"], shape)


def _scaled(shape: Shape, variance: float, distribution: str) -> numpy.ndarray:
    """Random numbers of mean 0, 'uniform' or 'gaussian'."""
    if distribution == "uniform":
        limit = math.sqrt(3 * variance)
        return numpy.random.uniform(-limit, limit, shape)
    if distribution == "gaussian":
        return numpy.random.standard_normal(shape) * math.sqrt(variance)
    raise ValueError(f"the distribution is 'uniform' or 'gaussian', not {distribution!r}")


@_rule(gain=1.0, distribution="uniform")
def xavier(shape, config):
    """The variance gain^2 * 2 / (inputs + outputs), which keeps that of activations and of gradients.

    Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural networks" (2010),
    equation 16: uniform within sqrt(6 / (inputs + outputs)). ``distribution`` is 'uniform' or 'gaussian'.
    """
    if len(shape) < 2:
        return numpy.zeros(shape)
    return _scaled(shape, config["gain"] ** 2 * 2 / max(sum(fans(shape)), 1), config["distribution"])


@_rule(gain=math.sqrt(2), fan="in", distribution="gaussian")
def he(shape, config):
    """The variance gain^2 / inputs, which keeps that of activations behind ``relu``.

    He et al., "Delving Deep into Rectifiers" (2015), equations 10 and 14: with ``fan`` 'out' that of
    gradients instead. ``distribution`` is 'gaussian' or 'uniform'.
    """
    if config["fan"] not in ("in", "out"):
        raise ValueError(f"fan is 'in' or 'out', not {config['fan']!r}")
    if len(shape) < 2:
        return numpy.zeros(shape)
    fan = fans(shape)[config["fan"] == "out"]
    return _scaled(shape, config["gain"] ** 2 / max(fan, 1), config["distribution"])


@_rule(gain=1.0)
def orthogonal(shape, config):
    """Rows, or columns where these are fewer, of length ``gain`` at right angles.

    Saxe, McClelland and Ganguli, "Exact solutions to the nonlinear dynamics of learning in deep linear neural
    networks" (2014). Filters of a convolution are rows. The signs make all such matrices equally probable:
    Mezzadri, "How to generate random matrices from the classical compact groups" (2007).
    """
    if len(shape) < 2:
        return numpy.zeros(shape)
    rows, columns = shape[0], math.prod(shape[1:])
    q, r = numpy.linalg.qr(numpy.random.standard_normal((max(rows, columns), min(rows, columns))))
    q = q * numpy.where(numpy.diag(r) < 0, -1.0, 1.0)
    return config["gain"] * (q if rows >= columns else q.T).reshape(shape)


@_rule(gain=1.0)
def identity(shape, config):
    """The identity matrix times ``gain``, for recurrent weights; a kernel that gives each channel as it is.

    Le, Jaitly and Hinton, "A Simple Way to Initialize Recurrent Networks of Rectified Linear Units" (2015).
    """
    values = numpy.zeros(shape)
    if len(shape) >= 2:
        middle = tuple((size - 1) // 2 for size in shape[2:])
        values[(slice(None), slice(None), *middle)] = config["gain"] * numpy.eye(*shape[:2])
    return values


@_rule(function=None)
def custom(shape, config):
    """What ``function`` gives for the shape: ``{'function': lambda shape: ...}``."""
    if not callable(config["function"]):
        raise ValueError(f"the rule 'custom' needs a function of the shape, not {config['function']!r}")
    return config["function"](shape)
