"""Rules that update parameters: ``rule(w, dw, config) -> next_w, next_config``.

    config = optim.start("adam", w, {"learning_rate": 1e-3})
    w, config = optim.adam(w, dw, config)

``w`` is a parameter and ``dw`` the gradient of the loss with respect to it. ``config`` has the settings, and
what the rule keeps from step to step; neither it nor the arrays in it are changed. Arrays of it have the same
shape and dtype before and after a step, so that a compiled step is compiled once. ``weight_decay`` adds
``weight_decay * w`` to the gradient, which is the derivative of ``weight_decay / 2 * sum(w ** 2)``.

A rule of your own is any function of this form.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import minpy.numpy as np
from minpy.errors import ShapeError
from minpy.runtime.tree import leaves, rebuild

Config = dict[str, Any]
Rule = Callable[[Any, Any, Config], tuple[Any, Config]]


#: The rules by name.
RULES: dict[str, Rule] = {}
#: The settings of each rule, with their defaults.
DEFAULTS: dict[str, Config] = {}
#: What each rule keeps from step to step: arrays like the parameter, but ``t``, the number of steps.
STATE: dict[str, tuple[str, ...]] = {}


def _rule(*state: str, **defaults: float) -> Callable[[Rule], Rule]:
    """Decorator: the rule is known by its name, with what it keeps and the defaults of its settings."""

    def register(rule: Rule) -> Rule:
        name = rule.__name__
        RULES[name], DEFAULTS[name], STATE[name] = rule, defaults, state
        return rule

    return register


def start(rule: str | Rule, w: Any, config: Config | None = None) -> Config:
    """The config for the first step: with the defaults of settings that it lacks, and zeros as state.

    Args:
        rule: the name of one of ``RULES``, or one of these functions; of another function the config stays.
        w: the parameter.
        config: settings, and state to go on with.

    Raises:
        ValueError: for a rule or a setting that there is not.
        TypeError: where a setting is no number.
        ShapeError: where state is not that of such a parameter.
    """
    config = dict(config or {})
    if callable(rule) and rule not in RULES.values():
        return config
    name: Any = rule.__name__ if callable(rule) else rule
    if name not in RULES:
        raise ValueError(f"there is no update rule {rule!r}; there are {', '.join(RULES)}")
    for key, value in config.items():
        if key in DEFAULTS[name] and (value is None or isinstance(value, str)):
            raise TypeError(f"{key!r} of the rule {name!r} is a number, not {value!r}")
        if isinstance(value, float) and math.isnan(value):
            raise ValueError(f"{key!r} of the rule {name!r} is a number, and was given as nan")
    return _complete(name, w, config)


def _complete(name: str, w: Any, config: Config | None) -> Config:
    """The same of a rule that there is. It looks at no numbers, which are others in each compiled step."""
    config = {**DEFAULTS[name], **(config or {})}
    for key in config:
        if key not in DEFAULTS[name] and key not in STATE[name]:
            known = ", ".join(DEFAULTS[name])
            raise ValueError(f"the rule {name!r} has no setting {key!r}; it has {known}")
    for key in STATE[name]:
        if key == "t":
            config[key] = np.asarray(config.get(key, 0), dtype=w.dtype)
        elif key not in config:
            config[key] = np.zeros_like(w)
        elif np.shape(config[key]) != np.shape(w):
            what = f"{key!r} of the rule {name!r} has the shape {np.shape(config[key])}"
            raise ShapeError(f"{what}, the parameter {np.shape(w)}")
    return config


@_rule(learning_rate=1e-2, weight_decay=0.0)
def sgd(w, dw, config=None):
    """Gradient descent: w - learning_rate * dw."""
    config = _complete("sgd", w, config)
    return w - config["learning_rate"] * _decayed(w, dw, config), config


@_rule("velocity", learning_rate=1e-2, momentum=0.9, nesterov=False, weight_decay=0.0)
def sgd_momentum(w, dw, config=None):
    """Gradient descent with momentum: v = momentum * v - learning_rate * dw; w + v.

    Polyak, "Some methods of speeding up the convergence of iteration methods" (1964). With ``nesterov`` the
    step is momentum * v - learning_rate * dw with the new v: Sutskever et al., "On the importance of
    initialization and momentum in deep learning" (2013), in the form of Bengio et al. (2012), equation 7.
    """
    config = _complete("sgd_momentum", w, config)
    step = config["learning_rate"] * _decayed(w, dw, config)
    velocity = config["momentum"] * config["velocity"] - step
    change = config["momentum"] * velocity - step if config["nesterov"] else velocity
    return w + change, {**config, "velocity": velocity}


@_rule("cache", learning_rate=1e-2, decay_rate=0.99, epsilon=1e-8, weight_decay=0.0)
def rmsprop(w, dw, config=None):
    """Steps divided by the root of a moving average of squared gradients.

    Tieleman and Hinton, "Lecture 6.5 - RMSProp", COURSERA: Neural Networks for Machine Learning (2012).
    """
    config = _complete("rmsprop", w, config)
    dw = _decayed(w, dw, config)
    decay = config["decay_rate"]
    cache = decay * config["cache"] + (1 - decay) * dw**2
    step = config["learning_rate"] * dw / (np.sqrt(cache) + config["epsilon"])
    return w - step, {**config, "cache": cache}


@_rule("cache", learning_rate=1e-2, epsilon=1e-10, weight_decay=0.0)
def adagrad(w, dw, config=None):
    """Steps divided by the root of the sum of all squared gradients so far.

    Duchi, Hazan and Singer, "Adaptive Subgradient Methods for Online Learning and Stochastic Optimization"
    (2011), its diagonal form.
    """
    config = _complete("adagrad", w, config)
    dw = _decayed(w, dw, config)
    cache = config["cache"] + dw**2
    step = config["learning_rate"] * dw / (np.sqrt(cache) + config["epsilon"])
    return w - step, {**config, "cache": cache}


@_rule("m", "v", "t", learning_rate=1e-3, beta1=0.9, beta2=0.999, epsilon=1e-8, weight_decay=0.0)
def adam(w, dw, config=None):
    """Steps along a moving average of gradients, divided by the root of one of their squares.

    Kingma and Ba, "Adam: A Method for Stochastic Optimization" (2015), algorithm 1. ``t`` counts steps.
    """
    config = _complete("adam", w, config)
    step, config = _adam_step(_decayed(w, dw, config), config)
    return w - step, config


@_rule("m", "v", "t", learning_rate=1e-3, beta1=0.9, beta2=0.999, epsilon=1e-8, weight_decay=1e-2)
def adamw(w, dw, config=None):
    """``adam`` whose weight decay is no part of the gradient: w also shrinks by learning_rate * weight_decay.

    Loshchilov and Hutter, "Decoupled Weight Decay Regularization" (2019), algorithm 2.
    """
    config = _complete("adamw", w, config)
    step, config = _adam_step(dw, config)
    return w * (1 - config["learning_rate"] * config["weight_decay"]) - step, config


def _decayed(w: Any, dw: Any, config: Config) -> Any:
    return dw + config["weight_decay"] * w if config["weight_decay"] else dw


def _adam_step(dw: Any, config: Config) -> tuple[Any, Config]:
    beta1, beta2, t = config["beta1"], config["beta2"], np.array(config["t"] + 1, dtype=dw.dtype)
    m = beta1 * config["m"] + (1 - beta1) * dw
    v = beta2 * config["v"] + (1 - beta2) * dw**2
    unbiased_m, unbiased_v = m / _weight(beta1, t), v / _weight(beta2, t)
    step = config["learning_rate"] * unbiased_m / (np.sqrt(unbiased_v) + config["epsilon"])
    return step, {**config, "m": m, "v": v, "t": t}


def _weight(beta: float, t: Any) -> Any:
    """1 - beta ** t, which keeps its digits in float32 where t is small."""
    return -np.expm1(t * (math.log(beta) if beta > 0 else -math.inf))


def clip_by_value(gradients: Any, limit: float) -> Any:
    """Nested tuples, lists and dicts of arrays with every element within -limit and limit.

    Raises:
        ValueError: where ``limit`` is not positive.
    """
    _check_limit(limit)
    return rebuild(lambda g: np.clip(g, -limit, limit), gradients)


def _check_limit(limit: float) -> None:
    if not limit > 0:
        raise ValueError(f"limit is a positive number, not {limit!r}")


def global_norm(gradients: Any) -> Any:
    """The root of the sum of all squares in nested tuples, lists and dicts of arrays."""
    return np.sqrt(sum(np.sum(g**2) for _, g in leaves(gradients)))


def clip_by_global_norm(gradients: Any, limit: float) -> tuple[Any, Any]:
    """Gradients, scaled so that their norm over all arrays is at most ``limit``; the others stay.

    Pascanu, Mikolov and Bengio, "On the difficulty of training recurrent neural networks" (2013),
    algorithm 1.

    Args:
        gradients: nested tuples, lists and dicts of arrays.

    Returns:
        The same nesting, and the norm before.

    Raises:
        ValueError: where ``limit`` is not positive.
    """
    _check_limit(limit)
    norm = global_norm(gradients)
    scale = limit / np.maximum(norm, limit)
    return rebuild(lambda g: g * scale, gradients), norm
