"""The buffer protocol for a class written in Python, so that ``memoryview(a)`` shows the memory of ``a``.

Python 3.12 asks the method ``__buffer__``. Before, only types made in C can export a buffer: a type object
points to a table of two C functions, which is there for a class too, but empty. ``ctypes`` fills it here
with a function that passes each request on to a NumPy array; the protocol allows that by name, as
*redirecting* it.

One thing cannot be passed on, the text of an error. Who asks for a buffer that there is not, such as a
writable one of read-only memory, gets an error of its own, or a SystemError without a reason.
"""

from __future__ import annotations

import _thread
import ctypes
import sys
from typing import Any, Callable

_WORDS_BEFORE = 20  # of a PyTypeObject before tp_as_buffer, from Python 3.8 on (Include/cpython/object.h)
_GetBuffer = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.py_object, ctypes.c_void_p, ctypes.c_int)


class _BufferProcs(ctypes.Structure):
    _fields_ = [("getbuffer", ctypes.c_void_p), ("releasebuffer", ctypes.c_void_p)]


class _TypeObject(ctypes.Structure):
    _fields_ = [("before", ctypes.c_void_p * _WORDS_BEFORE), ("as_buffer", ctypes.POINTER(_BufferProcs))]


def export_buffers(kind: type, exported: Callable[[Any], Any]) -> None:
    """Let instances of ``kind`` export the buffer of the object that ``exported(instance)`` gives."""
    if sys.version_info >= (3, 12):
        setattr(kind, "__buffer__", lambda self, flags: memoryview(exported(self)))  # noqa: B010
        return
    request = ctypes.pythonapi.PyObject_GetBuffer
    request.argtypes = (ctypes.py_object, ctypes.c_void_p, ctypes.c_int)

    def getbuffer(instance: Any, view: int, flags: int) -> int:
        try:
            return request(exported(instance), view, flags)
        except BaseException as error:  # what leaves a function that C calls is printed and lost
            if isinstance(error, KeyboardInterrupt):
                _thread.interrupt_main()  # once more
            return -1

    function = _GetBuffer(getbuffer)
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(function))  # the type may be asked until the very end
    procs = _TypeObject.from_address(id(kind)).as_buffer.contents
    procs.getbuffer = ctypes.cast(function, ctypes.c_void_p).value
