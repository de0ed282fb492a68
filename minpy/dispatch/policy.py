"""Policies: which library runs an operation in eager mode."""

from __future__ import annotations

from minpy.runtime.auto import AutoPolicy
from minpy.runtime.blacklist import AutoBlacklistPolicy, BlacklistPolicy
from minpy.runtime.policy import (
    OnlyMXNetPolicy,
    OnlyNumPyPolicy,
    Policy,
    PreferMXNetPolicy,
    get_global_policy,
    set_global_policy,
    show_op_stat,
    wrap_policy,
)

__all__ = [
    "AutoBlacklistPolicy",
    "AutoPolicy",
    "BlacklistPolicy",
    "OnlyMXNetPolicy",
    "OnlyNumPyPolicy",
    "Policy",
    "PreferMXNetPolicy",
    "get_global_policy",
    "set_global_policy",
    "show_op_stat",
    "wrap_policy",
]
