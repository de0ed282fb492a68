"""A loss with a gradient of one's own: the softmax of the chapter "Customized Operator".

Its body is NumPy's, outside of what is compiled. The rest of the step compiles around it, which ``explain``
shows.
"""

from __future__ import annotations

import numpy

from examples.nn import program
from examples.nn.mlp import TwoLayerNet, batch_size
from minpy.core import customop
from minpy.nn.solver import Solver


@customop("numpy")
def my_softmax(x, y):
    probs = numpy.exp(x - numpy.max(x, axis=1, keepdims=True))
    probs /= numpy.sum(probs, axis=1, keepdims=True)
    N = x.shape[0]
    return -numpy.sum(numpy.log(probs[numpy.arange(N), y])) / N


def my_softmax_grad(ans, x, y):
    def grad(g):
        N = x.shape[0]
        probs = numpy.exp(x - numpy.max(x, axis=1, keepdims=True))
        probs /= numpy.sum(probs, axis=1, keepdims=True)
        probs[numpy.arange(N), y] -= 1
        probs /= N
        return g * probs

    return grad


my_softmax.def_grad(my_softmax_grad)


class Net(TwoLayerNet):
    def loss(self, predict, y):
        return my_softmax(predict, y)


def main(arguments: list[str] | None = None) -> Solver:
    options = program.start(__doc__, arguments, data="CIFAR-10")
    return program.train(
        Net(),
        program.cifar10(options),
        batch_size,
        options,
        init_rule="gaussian",
        init_config={"stdvar": 0.001},
        update_rule="sgd_momentum",
        optim_config={"learning_rate": 1e-4, "momentum": 0.9},
    )


if __name__ == "__main__":
    main()
