"""``jit``, ``grad`` and ``eager`` inside of functions that are jitted."""

from __future__ import annotations

import functools

import numpy

import minpy
import minpy.numpy as np
from minpy.core import grad, grad_and_loss, jacobian
from tests.corpus.inputs import V, X
from tests.corpus.registry import program


@minpy.jit
def inner(x, power=2):
    return np.tanh(x) ** power


@program((V,), (X,))
def jit_in_jit(x):
    return inner(x) + inner(x, power=3)


@program((V,))
def jit_of_a_lambda_inside(x):
    double = minpy.jit(lambda v: v * 2)
    return double(x) + double(double(x))


def energy(x, scale=1.0):
    return np.sum(x * x * x) * scale


@program((V,), (2 * V,))
def gradient_inside(x):
    return grad(energy)(x) * 2


@program((V, 0.5))
def value_and_gradient_inside(x, scale):
    gradient, value = grad_and_loss(energy)(x, scale)
    return x - 0.1 * gradient, value


@program((V,))
def second_derivative(x):
    return grad(lambda v: np.sum(grad(energy)(v) ** 2))(x)


@program((V,))
def jacobian_inside(x):
    return jacobian(lambda v: v[:2] * np.sum(v))(x)


@program((V, {"w": V, "b": 0.5 * V}))
def gradient_of_a_dict(x, params):
    def loss(params):
        return np.sum((x * params["w"] + params["b"]) ** 2)

    gradients = grad(loss)(params)
    return {name: params[name] - 0.1 * gradients[name] for name in params}


@minpy.eager
def kept_out(x):
    return x + 1 if np.sum(x) > 0 else x - 1


@program((V,), (-V,))
def calls_what_is_kept_out(x):
    y = np.exp(x)
    z = kept_out(y)  # leftover
    return z * y


@program((V,), (-V,))
def a_block_is_kept_out(x):
    y = np.exp(x)
    with minpy.eager():  # leftover
        z = y * 2
        if np.sum(x) > 0:
            z = z + 1
    return z - y


@program((V,), (-V,))
def a_jitted_function_with_a_leftover_inside(x):
    return noisy(x) * 2  # leftover


@minpy.jit
def noisy(x):
    y = x + 1
    print("noise")
    return y * y


def jitted_under_a_decorator(function):
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        return function(*args, **kwargs) + 1

    return wrapper


@program((V,))
@jitted_under_a_decorator
@minpy.jit
def decorator_over_jit(x):
    return np.tanh(x)


class Model:
    def __init__(self):
        self.w = numpy.array([1.0, 2.0, 3.0])

    @minpy.jit
    def predict(self, x):
        return x * self.w

    def loss(self, x):
        return np.sum(self.predict(x) ** 2)


MODEL = Model()
program((V,))(MODEL.loss)


@program((V, MODEL), (2 * V, MODEL))
def methods_that_are_jitted(x, model):
    return model.predict(x) + grad(model.loss)(x)


@program((V,), no_gradient="one is stopped")
def stopped_gradient(x):
    y = np.exp(x)
    return grad(lambda v: np.sum(v * minpy.stop_gradient(v)))(y)


@program((V, 3), (V, 0))
def gradient_of_a_loop(x, steps):
    def run(v):
        for _ in range(steps):
            v = np.sin(v) * 2
        return np.sum(v)

    return grad(run)(x)


@program((V,), (-V,))
def gradient_where_data_decides(x):
    def loss(v):  # leftover
        return np.sum(v * v) if np.sum(v) > 0 else -np.sum(v)

    return grad(loss)(x)  # leftover
