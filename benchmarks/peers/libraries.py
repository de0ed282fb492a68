"""JAX and PyTorch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy

from benchmarks.peers.numpys import full_step, read, with_state
from benchmarks.peers.task import Task
from benchmarks.work import Work


def jax_jit(work: Work) -> Task | None:
    """The NumPy program under ``jax.jit``; a step gives its parameters up, so that their memory is reused."""
    return _jax(work, work.program("jax"))


def jax_scan(work: Work) -> Task | None:
    """The same with loops as ``jax.lax.scan``."""
    return _jax(work, work.jax_scan)


def _jax(work: Work, write: Callable | None) -> Task | None:
    if write is None:
        return None
    import jax

    arrays = [*work.flat_params(), *work.data]
    jax.config.update("jax_enable_x64", any(a.dtype == numpy.float64 for a in arrays))
    function = write(jax.numpy)
    params = work.grouped([jax.numpy.array(a) for a in work.flat_params()])
    data = [jax.numpy.array(a) for a in work.data]
    if work.kind == "step":
        step = jax.jit(full_step(jax.value_and_grad(function), work.rate), donate_argnums=0)
        run = with_state(step, params, data)
        return Task(lambda: jax.block_until_ready(run()), read)
    compiled = jax.jit(function if work.kind == "value" else jax.value_and_grad(function))
    return Task(lambda: jax.block_until_ready(compiled(params, *data)), read)


def torch_eager(work: Work) -> Task | None:
    """PyTorch as it is."""
    return _torch(work, lambda function: function)


def torch_compile(work: Work) -> Task | None:
    """``torch.compile`` of the function; autograd's call and the optimizer stay outside, as usual."""
    import torch

    torch._dynamo.reset()
    return _torch(work, torch.compile)


def _torch(work: Work, compiler: Callable) -> Task | None:
    if work.torch is None:
        return None
    import torch

    data = [torch.tensor(a) for a in (work.data if work.torch_data is None else work.torch_data)]
    leaves = [torch.tensor(a) for a in work.flat_params()]
    params = work.grouped(leaves)
    function = compiler(work.torch)
    if work.kind == "value":

        def value() -> Any:
            with torch.no_grad():
                return function(params, *data)

        return Task(value, read)

    for leaf in leaves:
        leaf.requires_grad_(True)
    # Making one takes seconds in a fresh process, so only where it is needed.
    optimizer = torch.optim.SGD(leaves, lr=work.rate) if work.kind == "step" else None

    def step() -> Any:
        for leaf in leaves:
            leaf.grad = None
        value = function(params, *data)
        value.backward()
        if optimizer is None:
            return value, [leaf.grad for leaf in leaves]
        optimizer.step()
        return value, leaves

    return Task(step, lambda results: read([results[0].detach(), [t.detach() for t in results[1]]]))
