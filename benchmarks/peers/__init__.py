"""Who is measured. A peer is ``prepare(work) -> Task``, or None where it lacks what the work needs.

Nothing of a library is imported before a peer is used, since each has a process of its own.
"""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Callable
from typing import NamedTuple

from benchmarks.peers import libraries, mxnet, numpys, solver
from benchmarks.peers.task import Task

__all__ = ["PEERS", "Peer", "Task", "missing"]


class Peer(NamedTuple):
    """A function that prepares work, and the module that it needs."""

    prepare: Callable
    module: str


PEERS = {
    "minpy compiled": Peer(numpys.minpy_compiled, "minpy"),
    "minpy Solver": Peer(solver.minpy_solver, "minpy"),
    "minpy eager": Peer(numpys.minpy_eager, "minpy"),
    "numpy by hand": Peer(numpys.by_hand, "numpy"),
    "autograd": Peer(numpys.autograd, "autograd"),
    "jax jit": Peer(libraries.jax_jit, "jax"),
    "jax scan": Peer(libraries.jax_scan, "jax"),
    "torch": Peer(libraries.torch_eager, "torch"),
    "torch.compile": Peer(libraries.torch_compile, "torch"),
    "mx.sym": Peer(mxnet.executor, "mxnet"),
    "gluon": Peer(mxnet.gluon, "mxnet"),
}


def missing(peer: str) -> str | None:
    """Why a peer cannot be measured here, or None."""
    module = PEERS[peer].module
    if importlib.util.find_spec(module) is None:
        return f"{module} is not installed"
    if peer == "torch.compile" and not (shutil.which("g++") or shutil.which("clang++")):
        return "it needs a C++ compiler, and none was found"
    return None
