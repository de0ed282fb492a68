"""What a solver is given, checked before anything runs."""

from __future__ import annotations

import difflib
import inspect
import os
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy

from minpy.nn import init
from minpy.nn.callbacks import Callback
from minpy.nn.checks import given, require_iterators
from minpy.nn.io import has_state
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


def require_solvable(model: Any, train_dataiter: Any, test_dataiter: Any, seed: Any, callbacks: Any) -> None:
    """Raise TypeError or ValueError, by name, for what is none of these."""
    if not isinstance(model, ModelBase):
        raise TypeError(f"model is an object of a class with the base ModelBase, not {model!r}")
    require_iterators(train_dataiter=train_dataiter, **given(test_dataiter=test_dataiter))
    if not (seed is None or isinstance(seed, (int, numpy.integer))):
        raise TypeError(f"seed is an integer or None, not {seed!r}")
    if seed is not None and not 0 <= seed < 2**32:
        raise ValueError(f"seed is an integer from 0 to 2**32 - 1, not {seed!r}")
    if not isinstance(callbacks, (list, tuple)):
        raise TypeError(f"callbacks is a list of objects with the base Callback, not {callbacks!r}")
    for callback in callbacks:
        if not isinstance(callback, Callback):
            raise TypeError(f"callbacks are objects of classes with the base Callback, not {callback!r}")


def require_writable(checkpoint: Any, every: Any, train_dataiter: Any) -> None:
    """Raise where a checkpoint could not be written; warn where it may not resume exactly."""
    if checkpoint is None:
        if every is not None:
            raise ValueError("checkpoint_every needs checkpoint, the file to write to")
        return
    if not isinstance(checkpoint, (str, os.PathLike)):
        raise TypeError(f"checkpoint is the path of a file, not {checkpoint!r}")
    folder = Path(checkpoint).absolute().parent
    if not folder.is_dir():
        raise FileNotFoundError(f"checkpoint is to be written to {folder}, and there is no such folder")
    if not has_state(train_dataiter) and getattr(train_dataiter, "shuffle", True):
        warnings.warn(
            f"a {type(train_dataiter).__name__} cannot tell in which order it gives its samples: a run that "
            "is resumed within an epoch has the same losses only where that order is the same each time. The "
            "iterators of minpy.nn.io and minpy.io, and those with state() and restore(), resume exactly.",
            UserWarning,
            stacklevel=3,
        )


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
