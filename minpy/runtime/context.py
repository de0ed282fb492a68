"""Devices: where arrays live and MXNet computes."""

from __future__ import annotations

import threading

from minpy.errors import ContextError
from minpy.runtime.engine import mx

_MXNET_CODES = {"cpu": 1, "gpu": 2}
_devices: dict[tuple[int, int], Context] = {}


class Context:
    """A device. ``with context:`` makes it the current one of this thread.

    There is one object for each device: the short way of an op (``fast/``) knows the CPU by its address.

    Raises:
        ContextError: when the device is not there.
    """

    __slots__ = ("device_id", "device_type")

    device_type: str
    device_id: int

    def __new__(cls, device_type: str, device_id: int = 0):
        if not isinstance(device_type, str) or device_type not in _MXNET_CODES:
            raise ContextError(f"unknown device type {device_type!r}; there are 'cpu' and 'gpu'")
        if isinstance(device_id, bool) or not hasattr(device_id, "__index__") or device_id < 0:
            raise ContextError(f"a device number is an integer from 0, not {device_id!r}")
        if device_type == "gpu" and device_id >= num_gpus():
            raise ContextError(
                f"gpu({device_id}) was asked for, but MXNet sees {num_gpus()} GPU(s) on this machine. "
                'A GPU needs the MXNet build for it: pip install "minpy[cu112]".'
            )
        context = super().__new__(cls)
        context.device_type, context.device_id = device_type, device_id.__index__()
        return _devices.setdefault(context.mxnet_device, context)

    @property
    def mxnet_device(self) -> tuple[int, int]:
        """MXNet's (type code, number)."""
        return _MXNET_CODES[self.device_type], self.device_id

    @property
    def mxnet(self):
        """The ``mxnet.Context`` of this device."""
        return mx.Context(self.device_type, self.device_id)

    def __enter__(self) -> Context:
        thread.blocks.append(self)
        return self

    def __exit__(self, *exc_info) -> None:
        thread.blocks.pop()

    def __repr__(self) -> str:
        return f"{self.device_type}({self.device_id})"

    def __reduce__(self):
        return Context, (self.device_type, self.device_id)


def num_gpus() -> int:
    """The number of GPUs that MXNet can use; 0 for the CPU build."""
    return mx.context.num_gpus()


def cpu(device_id: int = 0) -> Context:
    """The CPU."""
    return Context("cpu", device_id)


def gpu(device_id: int = 0) -> Context:
    """GPU number ``device_id``. Raises ContextError where there is none."""
    return Context("gpu", device_id)


CPU = cpu()
process = [CPU]


class _Thread(threading.local):
    def __init__(self) -> None:
        self.blocks: list[Context] = []


thread = _Thread()


def current_context() -> Context:
    """The context of the innermost ``with`` block of this thread, else the one set for the process."""
    return thread.blocks[-1] if thread.blocks else process[0]


def set_context(context: Context) -> None:
    """Make ``context`` the default of the process.

    Raises:
        ContextError: for anything but a context, as made by ``cpu()`` or ``gpu(i)``.
    """
    if not isinstance(context, Context):
        raise ContextError(f"set_context takes a context such as cpu() or gpu(0), not {context!r}")
    process[0] = context
