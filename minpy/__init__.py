"""MinPy: plain NumPy code, compiled to MXNet graphs and differentiated.

import minpy
import minpy.numpy as np

@minpy.jit
def loss(w, x, y): ...

gradient, value = minpy.grad_and_loss(loss)(w, x, y)
print(minpy.explain(loss))
"""

from __future__ import annotations

import minpy.requirements  # noqa: F401  # ahead of all others

# isort: split

import minpy.numpy as numpy
from minpy import array, context, dispatch, errors, primitive, tape, testing
from minpy.compiler.eager import eager
from minpy.compiler.explain import explain
from minpy.compiler.jit import JitFunction, jit
from minpy.core import (
    checkpoint,
    custom_gradient,
    customop,
    elementwise_grad,
    grad,
    grad_and_loss,
    hessian,
    hvp,
    jacobian,
    jvp,
    stop_gradient,
    value_and_grad,
    vjp,
)
from minpy.ops.creation import default_dtype, set_default_dtype
from minpy.profiling import profile
from minpy.runtime.array import Array
from minpy.runtime.artefacts import cache_dir
from minpy.runtime.auto import AutoPolicy
from minpy.runtime.blacklist import AutoBlacklistPolicy, BlacklistPolicy
from minpy.runtime.context import Context, cpu, current_context, gpu, num_gpus, set_context
from minpy.runtime.nans import debug_nans
from minpy.runtime.policy import (
    OnlyMXNetPolicy,
    OnlyNumPyPolicy,
    Policy,
    PreferMXNetPolicy,
    get_global_policy,
    set_global_policy,
    wrap_policy,
)
from minpy.version import __version__

__all__ = [
    "Array",
    "AutoBlacklistPolicy",
    "AutoPolicy",
    "BlacklistPolicy",
    "Context",
    "JitFunction",
    "OnlyMXNetPolicy",
    "OnlyNumPyPolicy",
    "Policy",
    "PreferMXNetPolicy",
    "__version__",
    "array",
    "cache_dir",
    "checkpoint",
    "context",
    "cpu",
    "current_context",
    "custom_gradient",
    "customop",
    "debug_nans",
    "default_dtype",
    "dispatch",
    "eager",
    "elementwise_grad",
    "errors",
    "explain",
    "get_global_policy",
    "gpu",
    "grad",
    "grad_and_loss",
    "hessian",
    "hvp",
    "jacobian",
    "jit",
    "jvp",
    "num_gpus",
    "numpy",
    "primitive",
    "profile",
    "set_context",
    "set_default_dtype",
    "set_global_policy",
    "stop_gradient",
    "tape",
    "testing",
    "value_and_grad",
    "vjp",
    "wrap_policy",
]
