"""One step of training: forward, backward and the update of all parameters, in one function.

``train_step`` is what the solver compiles, to one graph where all of the model compiles. ``Optimizer`` has
what of it does not change from step to step.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from minpy.core import grad_and_loss
from minpy.errors import ModelError
from minpy.nn import optim
from minpy.nn.checks import require_finite_numbers
from minpy.nn.model import ModelBase
from minpy.nn.schedules import Schedule
from minpy.runtime.array import Array

Settings = dict[str, Any]


@dataclass
class Group:
    """Parameters with the same rule and the same settings, which the graph gets once for all of them.

    Attributes:
        rule: updates a parameter.
        settings: numbers that the rule gets in its config; ``learning_rate`` is that of this step.
        rate: the learning rate that was asked for; None where the rule knows none.
        names: of the parameters.
    """

    rule: Callable
    settings: Settings
    rate: float | None
    names: list[str] = field(default_factory=list)


class Optimizer:
    """Which rule updates which parameter, with which settings.

    Args:
        model: its ``param_configs`` go before the rule and the settings here.
        rule: the name of one of ``optim.RULES``, or a function ``(w, dw, config) -> next_w, next_config``.
        settings: of the rule, such as ``{'learning_rate': 0.1}``.
        schedule: by what the learning rate of a step is multiplied.
        clip_norm: the largest norm of all gradients together; a longer one is scaled to it.
        clip_value: the largest element of a gradient; what is beyond it is cut off.
        wants_norm: whether steps compute the norm of all gradients, as it is before they are clipped.

    Attributes:
        groups: of parameters with the same rule and settings.

    Raises:
        ValueError: for a rule or a setting that there is not; it names the parameter.
    """

    def __init__(
        self,
        model: ModelBase,
        rule: str | Callable,
        settings: Mapping[str, Any],
        schedule: Schedule | None = None,
        clip_norm: float | None = None,
        clip_value: float | None = None,
        wants_norm: bool = False,
    ):
        self.schedule, self.clip_norm, self.clip_value = schedule, clip_norm, clip_value
        self.wants_norm = wants_norm or clip_norm is not None
        self._given: dict[str, tuple[str | Callable, Settings]] = {}
        for name in model.params:
            own = model.param_configs.get(name, {})
            same = own.get("update_rule") in (None, rule)
            given = {**(settings if same else {}), **(own.get("optim_config") or {})}
            self._given[name] = (own.get("update_rule") or rule, given)
        self.groups: list[Group] = []
        for name in model.params:
            self._add(name)

    def _add(self, name: str) -> None:
        rule = self._given[name][0]
        settings = {key: value for key, value in self._config(name, _LIKE_ANY).items() if _is_setting(value)}
        function = optim.RULES[rule] if isinstance(rule, str) else rule
        if function not in optim.RULES.values():  # it may keep numbers too: only the learning rate is ours
            settings = {key: settings[key] for key in ("learning_rate",) if key in settings}
        rate = settings.get("learning_rate")
        for group in self.groups:
            if group.rule is function and group.settings == settings:
                group.names.append(name)
                return
        self.groups.append(Group(function, settings, rate, [name]))

    def _config(self, name: str, w: Any) -> Settings:
        rule, given = self._given[name]
        try:
            return optim.start(rule, w, given)
        except ValueError as error:
            raise ValueError(f"parameter {name!r}: {error}") from None

    def start(self, params: Mapping[str, Any]) -> dict[str, Settings]:
        """What the rules keep from step to step, before the first one, by parameter."""
        return {
            name: {key: v for key, v in self._config(name, params[name]).items() if key not in group.settings}
            for group in self.groups
            for name in group.names
        }

    def misfit(self, states: Mapping[str, Settings]) -> str:
        """Why states, as ``start`` gives them, are not of these rules; empty where they are."""
        for group in self.groups:
            for name in group.names if group.rule in optim.RULES.values() else ():
                needed = {k for k, v in self._config(name, _LIKE_ANY).items() if not _is_setting(v)}
                found = set(states.get(name, ()))
                if found != needed:
                    return f"of {name!r} it keeps {sorted(found)}, not {sorted(needed)}"
        return ""

    def set_rate(self, factor: float, step: int) -> None:
        """Multiply the learning rates that were asked for by ``factor``, and as scheduled for a step."""
        if self.schedule is not None:
            scheduled = self.schedule(step)
            require_finite_numbers(**{f"the value of lr_schedule for step {step}": scheduled})
            factor *= scheduled
        for group in self.groups:
            if group.rate is not None:
                group.settings["learning_rate"] = group.rate * factor

    @property
    def learning_rate(self) -> float | None:
        """That of the first group: of the solver, where parameters have none of their own."""
        return next((g.settings["learning_rate"] for g in self.groups if g.rate is not None), None)


_LIKE_ANY = Array(0.0)


def _is_setting(value: Any) -> bool:
    return isinstance(value, (bool, int, float))


def train_step(
    model: ModelBase, optimizer: Optimizer, params: dict[str, Any], states: dict[str, Settings], batch: Any
) -> tuple[Any, Any, dict[str, Any], dict[str, Settings]]:
    """The loss of a batch, the norm of its gradients if it is wanted, new parameters and new states.

    ``params`` is a copy of ``model.params``, which is left as it was. What ``forward`` writes, such as
    ``model.aux_params``, it writes.
    """
    gradients, loss = gradients_of(model, params, batch)
    norm, new_params, new_states = updated(optimizer, params, gradients, states)
    return loss, norm, new_params, new_states


def gradients_of(model: ModelBase, params: dict[str, Any], batch: Any) -> tuple[dict[str, Any], Any]:
    """Gradients of the loss of a batch, by parameter, and the loss. ``model.params`` stay as they were."""

    def objective(params: dict[str, Any]) -> Any:
        for name in params:  # the same dict, since the model may know it by other names
            model.params[name] = params[name]
        predict = model.forward_batch(batch, "train")
        if predict is None:
            raise ModelError(f"forward of {type(model).__name__} gives nothing: does it lack a return?")
        loss = model.loss_batch(batch, predict)
        if loss is None:
            raise ModelError(f"loss of {type(model).__name__} gives nothing: does it lack a return?")
        return loss

    gradients, loss = grad_and_loss(objective)(params)
    for name in params:
        model.params[name] = params[name]
    return gradients, loss


def updated(
    optimizer: Optimizer, params: dict[str, Any], gradients: dict[str, Any], states: dict[str, Settings]
) -> tuple[Any, dict[str, Any], dict[str, Settings]]:
    """The norm of gradients if it is wanted, new parameters and new states."""
    norm = optim.global_norm(gradients) if optimizer.wants_norm else None
    if optimizer.clip_value is not None:
        gradients = optim.clip_by_value(gradients, optimizer.clip_value)
    if optimizer.clip_norm is not None:
        gradients, _ = optim.clip_by_global_norm(gradients, optimizer.clip_norm)
    new_params, new_states = {}, {}
    for group in optimizer.groups:
        for name in group.names:
            config = {**group.settings, **states[name]}
            new_params[name], config = group.rule(params[name], gradients[name], config)
            new_states[name] = {key: value for key, value in config.items() if key not in group.settings}
    return norm, new_params, new_states


def predict_batch(model: ModelBase, batch: Any) -> Any:
    """What the model predicts for a batch in mode 'test'."""
    return model.forward_batch(batch, "test")


#: of a model, which a step calls
METHODS = ("forward_batch", "forward", "loss_batch", "loss")


@contextmanager
def replaced(model: ModelBase, methods: Mapping[str, Callable]) -> Iterator[None]:
    """``with replaced(model, methods):`` the model has other functions for its methods."""
    own = {name: vars(model)[name] for name in methods if name in vars(model)}
    vars(model).update(methods)
    try:
        yield
    finally:
        for name in methods:
            del vars(model)[name]
        vars(model).update(own)
