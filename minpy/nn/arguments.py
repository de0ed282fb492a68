"""What a solver is given, checked before anything runs."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Mapping
from typing import Any

import numpy

from minpy.nn import init
from minpy.nn.callbacks import Callback
from minpy.nn.model import ModelBase

TASKS = ("classification", "regression")


def refuse_unknown(unknown: Mapping[str, Any], function: Callable) -> None:
    """Raise TypeError for keywords that a function does not have; it names the nearest that it has."""
    if not unknown:
        return
    known = [p.name for p in inspect.signature(function).parameters.values() if p.kind is p.KEYWORD_ONLY]
    name = next(iter(unknown))
    near = difflib.get_close_matches(name, known, 1)
    hint = f"did you mean {near[0]!r}?" if near else f"it has {', '.join(known)}"
    raise TypeError(f"Solver has no argument {name!r}; {hint}")


def require_positive(**counts: Any) -> None:
    """Raise ValueError for what is not a positive integer, by name."""
    for name, value in counts.items():
        is_count = isinstance(value, (int, numpy.integer)) and not isinstance(value, bool)
        if not is_count or value < 1:
            raise ValueError(f"{name} is a positive integer, not {value!r}")


def require_solvable(model: Any, lr_decay: Any, seed: Any, callbacks: Any) -> None:
    """Raise TypeError or ValueError, by name, for what is none of these."""
    if not isinstance(model, ModelBase):
        raise TypeError(f"model is an object of a class with the base ModelBase, not {model!r}")
    if not (isinstance(lr_decay, (int, float)) and lr_decay > 0):
        raise ValueError(f"lr_decay is a positive number, not {lr_decay!r}")
    if not (seed is None or isinstance(seed, (int, numpy.integer))):
        raise TypeError(f"seed is an integer or None, not {seed!r}")
    for callback in callbacks:
        if not isinstance(callback, Callback):
            raise TypeError(f"callbacks are objects of classes with the base Callback, not {callback!r}")


def init_rules(
    model: ModelBase, rule: str | Callable, config: Mapping[str, Any]
) -> dict[str, tuple[str | Callable, Mapping[str, Any]]]:
    """For each parameter the rule by which it starts, and the config of the rule.

    A parameter's own rule goes before that of the solver, whose config is for the solver's rule.
    """
    chosen = {}
    for name in model.params:
        own = model.param_configs.get(name, {})
        own_rule, own_config = own.get("init_rule"), own.get("init_config")
        if own_rule is not None:
            chosen[name] = (own_rule, own_config or {})
        else:
            chosen[name] = (rule, config if own_config is None else own_config)
        init.check(*chosen[name], name)
    return chosen
