"""Where a loss stopped being finite: which parameter, which line."""

from __future__ import annotations

from typing import Any, NoReturn

import numpy

from minpy.core import grad_and_loss
from minpy.errors import NanError
from minpy.nn.model import ModelBase
from minpy.runtime.nans import debug_nans


def raise_not_finite(
    model: ModelBase, batch: Any, iteration: int, loss: float, norm: float | None
) -> NoReturn:
    """Look for the reason why the loss of an iteration, or the norm of its gradients, is nan or infinite.

    The model has the parameters that it had before the iteration.

    Raises:
        NanError: it names the first parameter or array of the batch that is not finite, or the line that made
            the first nan of finite ones.
    """
    what = f"norm of the gradients is {norm}" if numpy.isfinite(loss) else f"loss is {loss}"
    raise NanError(
        f"iteration {iteration}: the {what}. {_reason(model, batch)}\n"
        "The parameters are those from before this iteration. Solver(nan_guard=False) goes on regardless."
    )


def require_finite(model: ModelBase, iteration: int) -> None:
    """Raise NanError where a parameter is not finite after an iteration whose loss was."""
    if told := _parameter(model):
        raise NanError(f"iteration {iteration}: {told} Solver(nan_guard=False) goes on regardless.")


def _parameter(model: ModelBase) -> str:
    """What of the first parameter that is not finite is not; empty where all are."""
    for name, x in model.params.items():
        if told := _not_finite(x):
            return (
                f"The parameter {name!r}: {told} since the update before it. A smaller learning rate or "
                "clip_norm may help; minpy.debug_nans() around that step names the line."
            )
    return ""


def _reason(model: ModelBase, batch: Any) -> str:
    given = [(f"data[{i}] of the batch", x) for i, x in enumerate(batch.data)]
    given += [(f"label[{i}] of the batch", x) for i, x in enumerate(batch.label)]
    for name, x in given:
        if told := _not_finite(x):
            return f"{name}: {told}."
    if told := _parameter(model):
        return told
    for name, x in model.aux_params.items():
        if x is not None and (told := _not_finite(x)):
            return f"The auxiliary parameter {name!r}: {told}."
    return _line(model, batch)


def _not_finite(x: Any) -> str:
    """What is not finite in an array; empty where all is."""
    array = numpy.asarray(x)
    if array.dtype.kind not in "fc":
        return ""
    count = int(numpy.size(array) - numpy.count_nonzero(numpy.isfinite(array)))
    return f"{count} of {array.size} elements are nan or infinite" if count else ""


def _line(model: ModelBase, batch: Any) -> str:
    """What goes wrong when forward and backward run once more, line by line."""
    params, aux = dict(model.params), dict(model.aux_params)

    def objective(params: dict[str, Any]) -> Any:
        model.params.update(params)
        return model.loss_batch(batch, model.forward_batch(batch, "train"))

    try:
        with debug_nans():
            gradients, _ = grad_and_loss(objective)(params)
    except NanError as error:
        return f"All parameters are finite; then {error}"
    finally:
        model.params.update(params)
        model.aux_params.update(aux)
    for name, gradient in gradients.items():
        if told := _not_finite(gradient):
            return f"All parameters are finite; of the gradient of {name!r} {told}."
    return "All parameters are finite: a number becomes too large for its dtype, or random numbers made it."
