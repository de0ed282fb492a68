"""``python -m tests.installed dist``: the wheel there does all that it should, in a fresh environment.

It is installed into an environment of its own and used from an empty folder, where nothing of the checkout
is in reach: everything that is compiled is there and in use, a program runs in fused kernels, and a type
checker sees the types.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

PROGRAM = """
import numpy
import minpy
import minpy.io, minpy.nn.solver
import minpy.numpy as np

@minpy.jit
def loss(w, x):
    return np.sum(np.exp(-np.dot(x, w) ** 2))

w, x = numpy.linspace(-1, 1, 4), numpy.linspace(0, 2, 12).reshape(3, 4)
gradient, value = minpy.grad_and_loss(loss)(w, x)
numpy.testing.assert_allclose(value.asnumpy(), numpy.exp(-(x @ w) ** 2).sum(), rtol=1e-12)
numpy.testing.assert_allclose(
    gradient.asnumpy(), x.T @ (-2 * (x @ w) * numpy.exp(-(x @ w) ** 2)), rtol=1e-12
)
loss(w, x)
assert minpy.explain(loss).leftovers == [], minpy.explain(loss)
minpy.explain(loss).save_html("page.html")
from minpy.runtime.kernels.program import Program
import gc
assert any(isinstance(x, Program) for x in gc.get_objects()), "no kernels"
"""
TYPED = """
import minpy
context: minpy.Context = minpy.cpu()
minpy.set_context("cpu")
minpy.jit(lambda x: x, cache_size="many")
reveal_type(minpy.num_gpus())
"""
SEEN = (
    'Argument 1 to "set_context" has incompatible type "str"',
    'No overload variant of "jit" matches argument types',
    'Revealed type is "int"',
)


def main() -> int:
    """Gives 0 where the wheel is good; raises where it is not."""
    parser = argparse.ArgumentParser("python -m tests.installed", description=__doc__)
    parser.add_argument("dist", type=Path, help="the folder with one wheel")
    (wheel,) = parser.parse_args().dist.resolve().glob("*.whl")
    environment = {
        name: value
        for name, value in os.environ.items()
        if name != "PYTHONPATH" and not name.startswith(("MINPY_", "MXNET_"))
    }
    with tempfile.TemporaryDirectory() as folder:
        environment["MINPY_CACHE_DIR"] = f"{folder}/cache"
        venv.create(f"{folder}/venv", with_pip=True)
        empty = Path(folder, "empty")
        empty.mkdir()
        python = f"{folder}/venv/bin/python"

        def run(*command: str) -> str:
            done = subprocess.run(command, cwd=empty, env=environment, text=True, stdout=subprocess.PIPE)
            if done.returncode:
                raise SystemExit(f"{done.stdout}\n{' '.join(command)} failed")
            return done.stdout

        run(python, "-m", "pip", "install", "-qq", f"{wheel}[cpu]")
        info = run(python, "-m", "minpy", "info", "--check")
        assert folder in info.splitlines()[0], info
        (empty / "program.py").write_text(PROGRAM)
        run(python, "-W", "error", "program.py")
        (empty / "typed.py").write_text(TYPED)
        checked = subprocess.run(
            [sys.executable, "-m", "mypy", "--python-executable", python, "typed.py"],
            cwd=empty,
            env=environment,
            text=True,
            stdout=subprocess.PIPE,
        )
        assert all(text in checked.stdout for text in SEEN), checked.stdout
    print(info)
    print(f"{wheel.name}: good")
    return 0


if __name__ == "__main__":
    sys.exit(main())
