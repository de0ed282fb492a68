"""What a call changes in its thread for a while, put back where the call is interrupted.

Each ``with`` block inside puts back its own part. But Python may raise an interrupt (Ctrl-C) at the
beginning of the very function that puts it back, before its first instruction. So the outermost calls put
back all of it.
"""

from __future__ import annotations

import gc

import numpy

from minpy.compiler import eager
from minpy.ops.op import thread
from minpy.runtime import context, policy, tape
from minpy.runtime.forking import compilation


class Surroundings:
    """``with Surroundings():`` after an interrupt the interpreter, tape, policies, devices and so on of this
    thread are as they were. Other exceptions leave them as the program does.
    """

    __slots__ = (
        "_collects",
        "_compiling",
        "_devices",
        "_eager",
        "_errors",
        "_interpreter",
        "_policies",
        "_tape",
    )

    def __enter__(self) -> None:
        self._interpreter = thread.interpreter
        self._tape = tape.current()
        self._policies = policy.depth()
        self._devices = len(context.thread.blocks)
        self._eager = eager.depth()
        self._compiling = compilation.depth()
        self._errors = list(numpy.geterrobj())  # it is the one that NumPy writes to
        self._collects = gc.isenabled()

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        if kind is None or issubclass(kind, Exception):
            return
        thread.interpreter = self._interpreter
        tape.go_back_to(self._tape)
        policy.go_back_to(self._policies)
        del context.thread.blocks[self._devices :]
        eager.go_back_to(self._eager)
        compilation.go_back_to(self._compiling)
        numpy.seterrobj(self._errors)
        if self._collects:
            gc.enable()
