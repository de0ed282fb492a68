"""Every error class of MinPy.

Each class is also the built-in exception that plain NumPy code would raise in the same place, so
that code which catches ``ValueError`` or ``IndexError`` keeps working under MinPy.
"""

from __future__ import annotations


class MinPyError(Exception):
    """Base of every error that MinPy itself raises."""


class BackendError(MinPyError, ImportError):
    """MXNet, the backend, is missing or cannot be loaded on this machine."""


class ContextError(MinPyError, ValueError):
    """A device is unknown, absent, or two devices were mixed in one operation."""


class PolicyError(MinPyError, ValueError):
    """A dispatch policy is unknown, or forbids the only implementation there is."""


class ShapeError(MinPyError, ValueError):
    """The shapes of the operands do not fit the operation."""


class DTypeError(MinPyError, TypeError):
    """An operation is not defined for the dtype or the type of an operand."""


class GradientError(MinPyError, TypeError):
    """A gradient was asked for where none is defined."""


class UnsupportedError(MinPyError, NotImplementedError):
    """An operation has no implementation for these arguments on the chosen path.

    Inside MinPy this is a signal, not a failure: eager mode then runs NumPy's own function, and the
    compiler leaves the statement to eager mode. ``reason`` completes "left to Python because ...".
    """

    def __init__(self, reason: str):
        super().__init__(reason)
        self.reason = reason


class NanError(MinPyError, FloatingPointError):
    """Under ``debug_nans`` an operation made a nan. The text names the line and the values."""


class NotCompiledError(MinPyError, RuntimeError):
    """Under ``jit(strict=True)`` something is left to Python. The text is that of ``explain``."""


class CheckError(MinPyError, AssertionError):
    """Under ``jit(check=True)`` compiled code gave something else than plain Python: a fault of MinPy."""


class StaticArgumentError(MinPyError, ValueError):
    """An argument is named in ``static_argnames`` that cannot be a constant of the compiled code."""


class SettingError(MinPyError, ValueError):
    """An environment variable of MinPy names something that there is not."""


class DonatedError(MinPyError, RuntimeError):
    """An array is used that was given up in a call (``jit(donate_argnames=)``): its memory holds a result."""


class ModelError(MinPyError, ValueError):
    """A model is declared wrongly, or what is given does not fit its parameters."""


class SymbolError(MinPyError, ValueError):
    """A symbol of MXNet cannot be translated, or its shapes do not fit."""


class StorageError(MinPyError, ValueError):
    """A file of arrays is damaged or of another kind, or something cannot be written into one."""


class DistributedError(MinPyError, RuntimeError):
    """A job of several workers is described wrongly, its workers do not fit, or one of them is gone."""


class MissingExtraError(MinPyError, ImportError):
    """Something needs a package that an extra of MinPy installs."""

    def __init__(self, what: str, package: str, extra: str):
        super().__init__(
            f"{what} needs the package {package}, which cannot be imported here. It comes with the extra "
            f"{extra!r}: pip install 'minpy[{extra}]'"
        )


class PerformanceWarning(UserWarning):
    """The program is right, but slower than it has to be."""


class GradientWarning(UserWarning):
    """A gradient is zero or lacks a part, which may not be what was meant."""
