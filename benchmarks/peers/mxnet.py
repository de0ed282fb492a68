"""MXNet as a person who knows it best uses it: an executor bound to a symbol, and a hybridized Gluon block.

Both run with the engine settings that MinPy makes, which are the fastest on a CPU.
"""

from __future__ import annotations

from typing import Any

import numpy

from benchmarks.peers.task import Task
from benchmarks.work import Work, as_list


def _arrays(work: Work) -> tuple[list, list]:
    """Parameters and data on MXNet."""
    from minpy.runtime.engine import mx

    data = work.data if work.symbol.data is None else work.symbol.data
    packed = work.symbol.pack(work.flat_params())
    return tuple([mx.nd.array(a, dtype=a.dtype) for a in arrays] for arrays in (packed, data))


def _reader(work: Work):
    def read(results: Any) -> list[numpy.ndarray]:
        values, arrays = results
        unpacked = work.symbol.unpack([a.asnumpy() for a in arrays])
        return [*(v.asnumpy() for v in values), *unpacked]

    return read


_AT_ONCE = 45  # multi_sgd_update has room for 60 arrays, and crashes without a word past that


def _update(weights: list, gradients: list, rate: float) -> None:
    """All parameters in few calls, in place."""
    from minpy.runtime.engine import mx

    for start in range(0, len(weights), _AT_ONCE):
        some = weights[start : start + _AT_ONCE]
        pairs = [a for pair in zip(some, gradients[start:]) for a in pair]
        rates, decays = [rate] * len(some), [0.0] * len(some)
        mx.nd.multi_sgd_update(*pairs, lrs=rates, wds=decays, num_weights=len(some), out=some)


def executor(work: Work) -> Task | None:
    """``bind`` once; ``forward``, ``backward`` and one call that updates all parameters in place."""
    if work.symbol is None:
        return None
    from minpy.runtime.engine import mx

    params, data = _arrays(work)
    names = [f"p{i}" for i in range(len(params))], [f"d{i}" for i in range(len(data))]
    variables = [
        [mx.sym.Variable(n, dtype=a.dtype) for n, a in zip(*pair)] for pair in zip(names, (params, data))
    ]
    result = work.symbol.function(mx.sym, work.grouped(variables[0]), *variables[1])
    symbol = mx.sym.Group(as_list(result))
    arrays = dict(zip(names[0] + names[1], params + data))
    states = {name: arrays.pop(name) for name in symbol.list_auxiliary_states()}
    train = work.kind != "value"
    gradients = {n: mx.nd.zeros_like(p) for n, p in zip(names[0], params)} if train else {}
    wanted = {name: "write" if name in gradients else "null" for name in arrays}
    bound = symbol.bind(mx.cpu(), arrays, gradients, wanted, states)
    results = list(gradients.values())
    seed = [mx.nd.ones_like(output) for output in bound.outputs]

    def step() -> Any:
        bound.forward(is_train=train)
        if train:
            bound.backward(seed)
        if work.kind == "step":
            _update(params, results, work.rate)
        mx.nd.waitall()
        return bound.outputs, params if work.kind == "step" else results

    return Task(step, _reader(work))


def gluon(work: Work) -> Task | None:
    """A HybridBlock with static memory and shapes, a Trainer for the update. A block needs an input."""
    if work.symbol is None or not work.data:
        return None
    from minpy.runtime.engine import mx

    values, data = _arrays(work)

    class Block(mx.gluon.HybridBlock):
        def __init__(self) -> None:
            super().__init__()
            for i, value in enumerate(values):
                parameter = self.params.get(f"p{i}", shape=value.shape, dtype=value.dtype)
                setattr(self, f"p{i}", parameter)

        def hybrid_forward(self, F, *data, **params):
            ordered = [params[f"p{i}"] for i in range(len(values))]
            return work.symbol.function(F, work.grouped(ordered), *data)

    block = Block()
    block.initialize()
    for i, value in enumerate(values):
        getattr(block, f"p{i}").set_data(value)
    block.hybridize(static_alloc=True, static_shape=True)
    parameters = list(block.collect_params().values())
    trainer = mx.gluon.Trainer(parameters, "sgd", {"learning_rate": work.rate}, kvstore=None)

    def step() -> Any:
        if work.kind == "value":
            return as_list(block(*data)), []
        with mx.autograd.record():
            result = block(*data)
        result.backward()
        if work.kind == "step":
            trainer.step(1)
        mx.nd.waitall()
        return as_list(result), [p.data() if work.kind == "step" else p.grad() for p in parameters]

    return Task(step, _reader(work))
