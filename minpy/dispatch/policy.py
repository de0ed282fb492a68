"""Policies: which library runs an operation in eager mode."""

from __future__ import annotations

from minpy.runtime.policy import (
    OnlyMXNetPolicy,
    OnlyNumPyPolicy,
    Policy,
    PreferMXNetPolicy,
    get_global_policy,
    set_global_policy,
    wrap_policy,
)

__all__ = [
    "OnlyMXNetPolicy",
    "OnlyNumPyPolicy",
    "Policy",
    "PreferMXNetPolicy",
    "get_global_policy",
    "set_global_policy",
    "wrap_policy",
]
