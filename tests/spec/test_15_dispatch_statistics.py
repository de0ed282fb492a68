"""Show Operation Dispatch Statistics."""

from __future__ import annotations

import re

import pytest

import minpy
import minpy.numpy as np

# The program as a whole, which prints the table at its end.
DOCUMENTED = """
from minpy.core import grad
import minpy.numpy as np
import minpy.numpy.random as random
import minpy.dispatch.policy as policy


def test_op_statistics():
    def sigmoid(x):
        return 0.5 * (np.tanh(x / 2) + 1)

    def predict(weights, inputs):
        return sigmoid(np.dot(inputs, weights))

    def training_loss(weights, inputs):
        preds = predict(weights, inputs)
        label_probabilities = preds * targets + (1 - preds) * (1 - targets)
        l = -np.sum(np.log(label_probabilities))
        return l

    def training_accuracy(weights, inputs):
        preds = predict(weights, inputs)
        error = np.count_nonzero(np.argmax(preds, axis=1) - np.argmax(targets, axis=1))
        return (256 - error) * 100 / 256.0

    xshape = (256, 500)
    wshape = (500, 250)
    tshape = (256, 250)
    inputs = random.rand(*xshape) - 0.5
    targets = np.zeros(tshape)
    truth = random.randint(0, 250, 256)
    targets[np.arange(256), truth] = 1
    weights = random.rand(*wshape) - 0.5

    training_gradient_fun = grad(training_loss)

    for i in range(30):
        print('Trained accuracy #{}: {}%'.format(i, training_accuracy(weights, inputs)))
        gr = training_gradient_fun(weights, inputs)
        weights -= gr * 0.01

    # Print Op Statistics Info
    np.policy.show_op_stat()


if __name__ == "__main__":
    test_op_statistics()
"""

TABLE = re.compile(
    r"MXNET op called times:\n(?P<mxnet>(?: \S+ : \d+\n)*)"
    r"NUMPY op called times:\n(?P<numpy>(?: \S+ : \d+\n)*)"
    r"Total Dispatch Proportion: (?P<by_mxnet>\d+\.\d)% in MXNet, (?P<by_numpy>\d+\.\d)% in NumPy\n"
)


def printed(text):
    """(counts by library, the two percentages) of a table."""
    found = TABLE.fullmatch(text)
    assert found, text
    counts = {
        library: {name: int(count) for name, count in re.findall(r" (\S+) : (\d+)\n", found[library])}
        for library in ("mxnet", "numpy")
    }
    return counts, (float(found["by_mxnet"]), float(found["by_numpy"]))


@pytest.mark.parametrize("name", ["prefer_mxnet", "only_numpy", "blacklist"])
def test_program(name, capsys):
    minpy.set_global_policy(name)
    exec(compile(DOCUMENTED, "documented.py", "exec"), {"__name__": "__main__"})
    lines = capsys.readouterr().out.splitlines(keepends=True)
    assert all(re.fullmatch(r"Trained accuracy #\d+: \d+\.\d+%\n", line) for line in lines[:30])
    assert float(lines[29].split()[-1].rstrip("%\n")) > float(lines[0].split()[-1].rstrip("%\n"))
    counts, parts = printed("".join(lines[30:]))
    assert counts == np.policy.op_stat()

    by_numpy = {"rand": 2, "zeros": 1, "randint": 1, "arange": 1, "count_nonzero": 30}
    assert counts["numpy"].items() >= by_numpy.items()
    where = {"prefer_mxnet": ("mxnet", "mxnet"), "blacklist": ("mxnet", "numpy")}
    by_default, on_the_list = where.get(name, ("numpy", "numpy"))
    forward = {"tanh": 60, "log": 30, "sum": 30}
    assert counts[by_default].items() >= forward.items()
    assert counts[on_the_list]["argmax"] == 60
    # Forward once for the accuracy and once for the loss, and a matrix product in the backward pass.
    assert counts[by_default]["dot"] == 90
    # 2 to make data; in a loop 1 for the error, 2 for the loss, 1 in the backward pass; 1 for the update in
    # place, which is always NumPy's.
    subtractions = {by_default: 2 + 30 * 4}
    subtractions["numpy"] = subtractions.get("numpy", 0) + 30
    assert {library: counts[library]["subtract"] for library in subtractions} == subtractions
    assert counts[by_default]["divide"] >= 90
    assert not {"true_divide", "matmul", "gemm"} & (counts["mxnet"].keys() | counts["numpy"].keys())
    total = {library: sum(of_library.values()) for library, of_library in counts.items()}
    assert parts[0] == pytest.approx(100 * total["mxnet"] / sum(total.values()), abs=0.06)
    assert sum(parts) == pytest.approx(100)
    assert (total["mxnet"] == 0) == (name == "only_numpy")
