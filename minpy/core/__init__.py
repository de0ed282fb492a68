"""The differentiation API: gradients, products with Jacobians, and rules of your own.

Every function here takes and gives nested tuples, lists and dicts of arrays, works on plain and on
jitted functions, to any order, and may be called inside a jitted function.
"""

from __future__ import annotations

from minpy.core.custom import CustomOp, checkpoint, custom_gradient, customop, stop_gradient
from minpy.core.function import Function
from minpy.core.gradient import grad, grad_and_loss, value_and_grad
from minpy.core.jacobian import elementwise_grad, hessian, hvp, jacobian, jvp, vjp

__all__ = [
    "CustomOp",
    "Function",
    "checkpoint",
    "custom_gradient",
    "customop",
    "elementwise_grad",
    "grad",
    "grad_and_loss",
    "hessian",
    "hvp",
    "jacobian",
    "jvp",
    "stop_gradient",
    "value_and_grad",
    "vjp",
]
