"""Which library runs an op in the lines that compiled functions leave to Python."""

from __future__ import annotations

from typing import Any

from minpy.ops import Op
from minpy.runtime.auto import decision_key
from minpy.runtime.context import Context
from minpy.runtime.policy import Policy, PreferMXNetPolicy, current_policy

#: Up to 4 ** 5 elements NumPy is done before MXNet has begun, also where they are broadcast to each other.
_SMALL = 5


class LeftoverPolicy(PreferMXNetPolicy):
    """The default policy in the lines that a compiled function leaves to Python: small arrays go to NumPy.

    A call of MXNet's takes some 40 us, and who compiles a function wants speed.
    """

    def __init__(self, policy: PreferMXNetPolicy) -> None:
        self.statistics = policy.statistics
        self.decisions: dict[tuple, bool] = {}

    def decide(self, op: Op, values: tuple, params: dict[str, Any], context: Context) -> bool:
        if op.mx is None:
            return False
        if context.device_type != "cpu" or (op.cost == "compute" and op.name != "matmul"):
            return True
        key = decision_key(op, values)
        return self.decisions.setdefault(key, max(key[2::2], default=0) > _SMALL)


def leftover_policy() -> Policy | None:
    """What decides there instead of the current policy, if anything does; for a ``with`` block."""
    policy = current_policy()
    if type(policy) is not PreferMXNetPolicy:
        return None
    if policy.for_leftovers is None:
        policy.for_leftovers = LeftoverPolicy(policy)
    return policy.for_leftovers
