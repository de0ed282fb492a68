"""Numerical code in float64, as scientists write it: option prices, a mixture of Gaussians, gravity."""

from __future__ import annotations

import numpy

from benchmarks.work import Symbol, Work

OPTIONS, RATE = 100_000, 0.03
# The normal distribution function after Abramowitz and Stegun, Handbook of Mathematical Functions, 26.2.17.
COEFFICIENTS = (0.319381530, -0.356563782, 1.781477937, -1.821255978, 1.330274429)

POINTS, DIMENSIONS, CLUSTERS, ITERATIONS = 10_000, 8, 6, 10

BODIES, STEPS, TIME_STEP, SOFTENING = 200, 10, 0.01, 0.1


def cumulative(np, d):
    k = 1 / (1 + 0.2316419 * np.abs(d))
    series = 0
    for c in reversed(COEFFICIENTS):
        series = (series + c) * k
    tail = np.exp(-0.5 * d * d) / (2 * numpy.pi) ** 0.5 * series
    return np.where(d > 0, 1 - tail, tail)


def write_black_scholes(np):
    def value(params, strike, years):
        spot, volatility = params
        root = volatility * np.sqrt(years)
        d1 = (np.log(spot / strike) + (RATE + 0.5 * volatility**2) * years) / root
        discounted = strike * np.exp(-RATE * years)
        return np.sum(spot * cumulative(np, d1) - discounted * cumulative(np, d1 - root))

    return value


def torch_black_scholes(params, strike, years):
    import torch

    return write_black_scholes(torch)(params, strike, years)


def symbol_black_scholes(F, params, strike, years):
    spot, volatility = params

    def cumulative(d):
        k = 1 / (1 + 0.2316419 * F.abs(d))
        series = COEFFICIENTS[-1] * k
        for c in reversed(COEFFICIENTS[:-1]):
            series = (series + c) * k
        tail = F.exp(F.square(d) * -0.5) * series * (2 * numpy.pi) ** -0.5
        return F.where(d > 0, 1 - tail, tail)

    root = volatility * F.sqrt(years)
    d1 = (F.log(spot / strike) + (F.square(volatility) * 0.5 + RATE) * years) / root
    return F.sum(spot * cumulative(d1) - strike * F.exp(-RATE * years) * cumulative(d1 - root))


def black_scholes_by_hand(params, strike, years):
    """The gradient is known in closed form: delta and vega."""
    spot, volatility = params
    root = volatility * numpy.sqrt(years)
    d1 = (numpy.log(spot / strike) + (RATE + 0.5 * volatility**2) * years) / root
    discounted = strike * numpy.exp(-RATE * years)
    delta = cumulative(numpy, d1)
    vega = spot * numpy.exp(-0.5 * d1 * d1) / (2 * numpy.pi) ** 0.5 * numpy.sqrt(years)
    return [numpy.sum(spot * delta - discounted * cumulative(numpy, d1 - root)), delta, vega]


def black_scholes() -> Work:
    random = numpy.random.RandomState(0)
    params = [random.uniform(10, 50, OPTIONS), random.uniform(0.1, 0.6, OPTIONS)]
    return Work(
        title=f"Black-Scholes prices of {OPTIONS:,} options, gradient (delta and vega), float64",
        kind="gradient",
        params=params,
        data=[random.uniform(10, 50, OPTIONS), random.uniform(0.2, 2, OPTIONS)],
        numpy=write_black_scholes,
        torch=torch_black_scholes,
        symbol=Symbol(symbol_black_scholes),
        by_hand=black_scholes_by_hand,
    )


def write_mixture(np):
    def fit(params, x):
        means, variances, weights = params
        squares = x * x
        for _ in range(ITERATIONS):
            precision = 1 / variances
            distance = (
                np.dot(squares, precision.T)
                - 2 * np.dot(x, (means * precision).T)
                + np.sum(means * means * precision, axis=1)
            )
            log_joint = np.log(weights) - 0.5 * (distance + np.sum(np.log(2 * numpy.pi * variances), axis=1))
            largest = np.max(log_joint, axis=1, keepdims=True)
            joint = np.exp(log_joint - largest)
            total = np.sum(joint, axis=1, keepdims=True)
            share = joint / total
            count = np.sum(share, axis=0)
            weights = count / x.shape[0]
            means = np.dot(share.T, x) / count[:, None]
            variances = np.dot(share.T, squares) / count[:, None] - means * means + 1e-6
        return np.mean(largest + np.log(total)), means, variances, weights

    return fit


def torch_mixture(params, x):
    import torch

    means, variances, weights = params
    squares = x * x
    for _ in range(ITERATIONS):
        precision = 1 / variances
        distance = (
            squares @ precision.T - 2 * (x @ (means * precision).T) + (means * means * precision).sum(1)
        )
        log_joint = weights.log() - 0.5 * (distance + (2 * numpy.pi * variances).log().sum(1))
        likelihood = torch.logsumexp(log_joint, 1, keepdim=True)
        share = torch.softmax(log_joint, 1)
        count = share.sum(0)
        weights = count / x.shape[0]
        means = share.T @ x / count[:, None]
        variances = share.T @ squares / count[:, None] - means * means + 1e-6
    return likelihood.mean(), means, variances, weights


def symbol_mixture(F, params, x):
    means, variances, weights = params
    squares = F.square(x)
    for _ in range(ITERATIONS):
        precision = 1 / variances
        distance = F.dot(squares, precision, transpose_b=True) - 2 * F.dot(
            x, means * precision, transpose_b=True
        )
        constant = F.log(weights) - 0.5 * F.sum(
            F.square(means) * precision + F.log(2 * numpy.pi * variances), axis=1
        )
        log_joint = F.broadcast_add(-0.5 * distance, F.reshape(constant, (1, CLUSTERS)))
        share = F.softmax(log_joint)
        likelihood = F.pick(log_joint - F.log_softmax(log_joint), F.zeros((POINTS,), dtype="float64"))
        count = F.sum(share, axis=0)
        column = F.reshape(count, (CLUSTERS, 1))
        weights = count / POINTS
        means = F.broadcast_div(F.dot(share, x, transpose_a=True), column)
        variances = F.broadcast_div(F.dot(share, squares, transpose_a=True), column) - F.square(means) + 1e-6
    return [F.mean(likelihood), means, variances, weights]


def gmm_em() -> Work:
    random = numpy.random.RandomState(0)
    centres = random.randn(CLUSTERS, DIMENSIONS) * 3
    x = centres[random.randint(0, CLUSTERS, POINTS)] + random.randn(POINTS, DIMENSIONS)
    params = [
        x[:CLUSTERS].copy(),
        numpy.ones((CLUSTERS, DIMENSIONS)) * 4,
        numpy.ones(CLUSTERS) / CLUSTERS,
    ]
    return Work(
        title=f"mixture of {CLUSTERS} Gaussians, {POINTS:,} points, {ITERATIONS} steps of EM, value, float64",
        kind="value",
        params=params,
        data=[x],
        numpy=write_mixture,
        torch=torch_mixture,
        symbol=Symbol(symbol_mixture),
    )


def write_bodies(np):
    def forces(position, mass):
        apart = position[None, :, :] - position[:, None, :]
        inverse = (np.sum(apart * apart, axis=2) + SOFTENING**2) ** -1.5
        return np.sum(apart * (inverse * mass)[:, :, None], axis=1)

    def simulate(params, mass):
        position, velocity = params
        acceleration = forces(position, mass)
        for _ in range(STEPS):
            velocity = velocity + 0.5 * TIME_STEP * acceleration
            position = position + TIME_STEP * velocity
            acceleration = forces(position, mass)
            velocity = velocity + 0.5 * TIME_STEP * acceleration
        return position, velocity

    return simulate


def torch_bodies(params, mass):
    import torch

    return write_bodies(torch)(params, mass)


def symbol_bodies(F, params, mass):
    position, velocity = params
    row = F.reshape(mass, (1, BODIES))

    def forces(position):
        left, right = F.expand_dims(position, 0), F.expand_dims(position, 1)
        apart = F.broadcast_sub(left, right)
        root = F.rsqrt(F.sum(F.square(apart), axis=2) + SOFTENING**2)
        pull = F.broadcast_mul(root * root * root, row)
        return F.sum(F.broadcast_mul(apart, F.expand_dims(pull, 2)), axis=1)

    acceleration = forces(position)
    for _ in range(STEPS):
        velocity = velocity + 0.5 * TIME_STEP * acceleration
        position = position + TIME_STEP * velocity
        acceleration = forces(position)
        velocity = velocity + 0.5 * TIME_STEP * acceleration
    return [position, velocity]


def nbody() -> Work:
    random = numpy.random.RandomState(0)
    return Work(
        title=f"gravity, {BODIES} bodies, {STEPS} leapfrog steps, value, float64",
        kind="value",
        params=[random.randn(BODIES, 3), random.randn(BODIES, 3)],
        data=[random.rand(BODIES) / BODIES],
        numpy=write_bodies,
        torch=torch_bodies,
        symbol=Symbol(symbol_bodies),
    )


WORKS = {"black_scholes": black_scholes, "gmm_em": gmm_em, "nbody": nbody}
