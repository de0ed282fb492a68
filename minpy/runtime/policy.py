"""Policies: which library runs an op in eager mode."""

from __future__ import annotations

import functools
import threading
from typing import Any, Callable

from minpy.errors import PolicyError
from minpy.ops.op import Op


class Policy:
    """Decides between MXNet and NumPy, op by op. ``with policy:`` uses it in this thread.

    ``decide(op)`` says whether MXNet is tried; ``strict`` forbids the other library.
    """

    name = "policy"
    strict = False

    def decide(self, op: Op) -> bool:
        """Whether to run ``op`` by MXNet."""
        raise NotImplementedError

    def __enter__(self) -> Policy:
        _current.stack.append(self)
        return self

    def __exit__(self, *exc_info: Any) -> None:
        _current.stack.pop()

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class PreferMXNetPolicy(Policy):
    """MXNet where it has the operator, NumPy for the rest. The default."""

    name = "prefer_mxnet"

    def decide(self, op: Op) -> bool:
        return op.mx is not None


class OnlyNumPyPolicy(Policy):
    """NumPy for everything."""

    name = "only_numpy"

    def decide(self, op: Op) -> bool:
        return False


class OnlyMXNetPolicy(Policy):
    """MXNet for everything; an op that MXNet lacks raises PolicyError."""

    name = "only_mxnet"
    strict = True

    def decide(self, op: Op) -> bool:
        return True


_BY_NAME: dict[str, Callable[[], Policy]] = {
    policy.name: policy for policy in (PreferMXNetPolicy, OnlyNumPyPolicy, OnlyMXNetPolicy)
}


class _Current(threading.local):
    def __init__(self) -> None:
        self.stack: list[Policy] = []


_current = _Current()
_default: list[Policy] = [PreferMXNetPolicy()]


def current_policy() -> Policy:
    """The policy of the innermost ``with`` block of this thread, else the global one."""
    return _current.stack[-1] if _current.stack else _default[0]


def get_global_policy() -> Policy:
    """The policy of the process."""
    return _default[0]


def set_global_policy(policy: Any) -> None:
    """Set the policy of the process, by object or by name ('prefer_mxnet', 'only_numpy', 'only_mxnet').

    Raises:
        PolicyError: for an unknown name, or something that is no policy.
    """
    if isinstance(policy, str):
        if policy not in _BY_NAME:
            raise PolicyError(f"unknown policy {policy!r}; there are {', '.join(map(repr, _BY_NAME))}")
        policy = _BY_NAME[policy]()
    if not isinstance(policy, Policy):
        raise PolicyError(f"a policy or the name of one is needed, not {policy!r}")
    _default[0] = policy


def wrap_policy(policy: Policy) -> Callable[[Callable], Callable]:
    """Decorator: run a function under ``policy``.

    Raises:
        PolicyError: where ``policy`` is no policy.
    """
    if not isinstance(policy, Policy):
        raise PolicyError(f"wrap_policy takes a policy, not {policy!r}")

    def decorate(function: Callable) -> Callable:
        @functools.wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            with policy:
                return function(*args, **kwargs)

        return wrapper

    return decorate
