"""One block of a transformer as in "Attention Is All You Need", normalized first: a full training step."""

from __future__ import annotations

import numpy

from benchmarks.work import Symbol, Work, normal, transposed

BATCH, TOKENS, WIDTH, HEADS = 8, 128, 256, 4
SIZE = WIDTH // HEADS
EPSILON = 1e-5


def write(np):
    def normalize(x, gain, shift):
        centred = x - np.mean(x, axis=-1, keepdims=True)
        variance = np.mean(centred**2, axis=-1, keepdims=True)
        return centred / np.sqrt(variance + EPSILON) * gain + shift

    def heads(x):
        return np.transpose(np.reshape(x, (BATCH, TOKENS, HEADS, SIZE)), (0, 2, 1, 3))

    def attend(x, wq, wk, wv, wo):
        q, k, v = heads(np.dot(x, wq)), heads(np.dot(x, wk)), heads(np.dot(x, wv))
        scores = np.matmul(q, np.transpose(k, (0, 1, 3, 2))) / SIZE**0.5
        scores = np.exp(scores - np.max(scores, axis=-1, keepdims=True))
        scores = scores / np.sum(scores, axis=-1, keepdims=True)
        joined = np.reshape(np.transpose(np.matmul(scores, v), (0, 2, 1, 3)), (BATCH, TOKENS, WIDTH))
        return np.dot(joined, wo)

    def loss(params, x, y):
        g1, s1, wq, wk, wv, wo, g2, s2, w1, b1, w2, b2 = params
        x = x + attend(normalize(x, g1, s1), wq, wk, wv, wo)
        hidden = np.maximum(np.dot(normalize(x, g2, s2), w1) + b1, 0)
        x = x + np.dot(hidden, w2) + b2
        return np.mean((x - y) ** 2)

    return loss


def torch_loss(params, x, y):
    import torch
    from torch.nn import functional as F

    g1, s1, wq, wk, wv, wo, g2, s2, w1, b1, w2, b2 = params

    def heads(a):
        return a.view(BATCH, TOKENS, HEADS, SIZE).transpose(1, 2)

    n = F.layer_norm(x, (WIDTH,), g1, s1, EPSILON)
    attended = F.scaled_dot_product_attention(heads(n @ wq), heads(n @ wk), heads(n @ wv))
    x = x + attended.transpose(1, 2).reshape(BATCH, TOKENS, WIDTH) @ wo
    hidden = torch.relu(F.layer_norm(x, (WIDTH,), g2, s2, EPSILON) @ w1 + b1)
    return F.mse_loss(x + hidden @ w2 + b2, y)


def symbol(F, params, x, y):
    g1, s1, wq, wk, wv, wo, g2, s2, w1, b1, w2, b2 = params

    def product(a, w, outputs, *bias):
        return F.FullyConnected(a, w, *bias, num_hidden=outputs, no_bias=not bias, flatten=False)

    def heads(a):
        return F.reshape(
            F.transpose(F.reshape(a, (BATCH, TOKENS, HEADS, SIZE)), (0, 2, 1, 3)), (-1, TOKENS, SIZE)
        )

    n = F.LayerNorm(x, g1, s1, eps=EPSILON)
    q, k, v = (heads(product(n, w, WIDTH)) for w in (wq, wk, wv))
    weights = F.softmax(F.batch_dot(q, k, transpose_b=True) * SIZE**-0.5)
    attended = F.reshape(F.batch_dot(weights, v), (BATCH, HEADS, TOKENS, SIZE))
    joined = F.reshape(F.transpose(attended, (0, 2, 1, 3)), (BATCH, TOKENS, WIDTH))
    x = x + product(joined, wo, WIDTH)
    hidden = F.Activation(product(F.LayerNorm(x, g2, s2, eps=EPSILON), w1, 4 * WIDTH, b1), act_type="relu")
    return F.mean(F.square(x + product(hidden, w2, WIDTH, b2) - y))


def attention() -> Work:
    square = [normal(i, WIDTH, WIDTH, scale=WIDTH**-0.5) for i in range(4)]
    ones, zeros = numpy.ones(WIDTH, "float32"), numpy.zeros(WIDTH, "float32")
    w1, w2 = normal(4, WIDTH, 4 * WIDTH, scale=0.05), normal(5, 4 * WIDTH, WIDTH, scale=0.03)
    params = [ones, zeros, *square, ones, zeros, w1, normal(6, 4 * WIDTH, scale=0.1), w2, zeros]
    return Work(
        title=f"transformer block, batch {BATCH}, {TOKENS} tokens, {WIDTH} wide, {HEADS} heads, full step",
        kind="step",
        params=params,
        data=[normal(7, BATCH, TOKENS, WIDTH), normal(8, BATCH, TOKENS, WIDTH)],
        numpy=write,
        torch=torch_loss,
        symbol=Symbol(symbol, **transposed(2, 3, 4, 5, 8, 10)),
    )


WORKS = {"attention": attention}
