"""Policies: which library runs an op in eager mode."""

from __future__ import annotations

import functools
import threading
from typing import TYPE_CHECKING, Any, Callable

import numpy

from minpy.errors import PolicyError
from minpy.ops.op import Op
from minpy.runtime.objects import set_process_policy, set_thread_policy
from minpy.runtime.statistics import NO_OPS, OpStatistics

if TYPE_CHECKING:
    from minpy.runtime.context import Context


class Policy:
    """Decides between MXNet and NumPy, op by op. ``with policy:`` uses it in this thread.

    Attributes:
        name: the name for ``set_global_policy``.
        strict: whether the other library is forbidden.
        compiles: whether compiled graphs, which are MXNet's, run under this policy.
        only_numpy: whether NumPy runs everything, so that ``decide`` need not be asked.
        decisions: where ``decide`` always says the same for the same key, its answers. A key is the op, and
            for each operand the dtype and the ``magnitude`` of its size, or its Python type and -1.
        statistics: counts every op that ran in eager mode under this policy; where it ``compiles``, also
            those in compiled graphs, which ran under any policy.
    """

    name = "policy"
    strict = False
    compiles = False
    only_numpy = False
    decisions: dict[tuple, bool] | None = None

    def __init__(self) -> None:
        self.statistics = OpStatistics(has_graphs=self.compiles)

    def decide(self, op: Op, values: tuple, params: dict[str, Any], context: Context) -> bool:
        """Whether MXNet is to run ``op``; where it cannot, NumPy does.

        Args:
            values: the operands: values of the runtime, arrays of NumPy, Python numbers.
            params: the keywords of the op.
            context: the device that the op runs on.
        """
        raise NotImplementedError(
            f"{type(self).__name__} does not decide: define decide(self, op, values, params, context)"
        )

    def refused(self, op: Op, values: tuple, results: tuple, reason: str) -> None:
        """Called after MXNet refused ``op`` for this reason and NumPy gave the results."""

    def op_stat(self) -> dict[str, dict[str, int]]:
        """How often each op ran under this policy: ``{'mxnet': {name: count}, 'numpy': {...}}``."""
        return self.statistics.counts()

    def show_op_stat(self) -> None:
        """Print how often each op ran under this policy, by library."""
        print(self.statistics.table())

    def reset_op_stat(self) -> None:
        """Count from zero again."""
        self.statistics.reset()

    def __enter__(self) -> Policy:
        _current.stack.append(self)
        try:
            set_thread_policy(self)
        except BaseException:
            _current.stack.pop()
            raise
        return self

    def __exit__(self, *exc_info: Any) -> None:
        go_back_to(depth() - 1)

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


_BY_NAME: dict[str, Callable[[], Policy]] = {}


def named(policy: type[Policy]) -> type[Policy]:
    """Decorator: let ``set_global_policy`` find a class of policies by its name."""
    _BY_NAME[policy.name] = policy
    return policy


@named
class PreferMXNetPolicy(Policy):
    """MXNet where it has the operator, NumPy for the rest. The default.

    Attributes:
        for_leftovers: what decides in lines that compiled functions leave to Python, once there were any.
    """

    name = "prefer_mxnet"
    compiles = True
    for_leftovers: Policy | None = None

    def decide(self, op: Op, values: tuple, params: dict[str, Any], context: Context) -> bool:
        return op.mx is not None


@named
class OnlyNumPyPolicy(Policy):
    """NumPy for everything."""

    name = "only_numpy"
    only_numpy = True

    def decide(self, op: Op, values: tuple, params: dict[str, Any], context: Context) -> bool:
        return False


@named
class OnlyMXNetPolicy(Policy):
    """MXNet for everything; what MXNet lacks raises PolicyError.

    NumPy still makes new arrays and random numbers, and on the CPU views and writes in place.
    """

    name = "only_mxnet"
    strict = True
    compiles = True

    def decide(self, op: Op, values: tuple, params: dict[str, Any], context: Context) -> bool:
        return True


class _Current(threading.local):
    def __init__(self) -> None:
        self.stack: list[Policy] = []


_current = _Current()
_default: list[Policy] = [PreferMXNetPolicy()]
set_process_policy(_default[0])


def current_policy() -> Policy:
    """The policy of the innermost ``with`` block of this thread, else the global one."""
    return _current.stack[-1] if _current.stack else _default[0]


def depth() -> int:
    """How many ``with`` blocks of policies this thread is in."""
    return len(_current.stack)


def go_back_to(depth: int) -> None:
    """Leave ``with`` blocks of policies until this thread is in so many."""
    stack = _current.stack
    del stack[depth:]
    set_thread_policy(stack[-1] if stack else None)


#: NumPy's bits for what to do about errors: three for each kind of error; 0 is to ignore, 1 to warn.
_MORE_THAN_WARN = 0o6666


def heeds_float_errors() -> bool:
    """Whether NumPy is told to do more about errors of floats than to warn, as by ``errstate(all="raise")``.

    MXNet knows of no such errors.
    """
    return bool(numpy.geterrobj()[1] & _MORE_THAN_WARN)


def count_by_numpy(name: str) -> None:
    """Count one run of NumPy's function ``name`` under the current policy, unless it computes nothing."""
    if name not in NO_OPS:
        current_policy().statistics.numpy[name] += 1


def get_global_policy() -> Policy:
    """The policy of the process."""
    return _default[0]


def set_global_policy(policy: Any) -> None:
    """Set the policy of the process, by object or by name.

    The names are 'prefer_mxnet', 'only_numpy', 'only_mxnet', 'blacklist', 'auto_blacklist' and 'auto'.

    Raises:
        PolicyError: for an unknown name, or something that is no policy.
    """
    if isinstance(policy, str):
        if policy not in _BY_NAME:
            raise PolicyError(f"unknown policy {policy!r}; there are {', '.join(map(repr, _BY_NAME))}")
        policy = _BY_NAME[policy]()
    if not isinstance(policy, Policy):
        raise PolicyError(f"a policy or the name of one is needed, not {_shown(policy)}")
    _default[0] = policy
    set_process_policy(policy)


def _shown(policy: Any) -> str:
    """What was given instead of a policy, for messages."""
    if isinstance(policy, type) and issubclass(policy, Policy):
        return f"its class: write {policy.__name__}()"
    return repr(policy)


def show_op_stat() -> None:
    """Print how often each op ran under the current policy, by library."""
    current_policy().show_op_stat()


def wrap_policy(policy: Policy) -> Callable[[Callable], Callable]:
    """Decorator: run a function under ``policy``.

    Raises:
        PolicyError: where ``policy`` is no policy.
    """
    if not isinstance(policy, Policy):
        raise PolicyError(f"wrap_policy takes a policy, not {_shown(policy)}")

    def decorate(function: Callable) -> Callable:
        if not callable(function):
            raise TypeError(f"wrap_policy decorates a function, not {function!r}")

        @functools.wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            with policy:
                return function(*args, **kwargs)

        return wrapper

    return decorate
