"""What a report of a fault needs to say about the installation: ``python -m minpy info``."""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import platform
import sys
from pathlib import Path
from typing import Any

import minpy
from minpy.runtime import cuda, native, objects
from minpy.runtime.artefacts import artefacts
from minpy.runtime.auto import processor
from minpy.runtime.context import num_gpus
from minpy.runtime.engine import cores, mx
from minpy.runtime.kernels import state

_LIBRARIES = "numpy", "scipy", "llvmlite", "gast", "astunparse", "safetensors"
_SETTINGS = "MINPY_", "MXNET_", "OMP_", "OPENBLAS_", "MKL_", "KMP_", "CUDA_VISIBLE_DEVICES"
_IN_USE = "in use"


def facts() -> dict[str, Any]:
    """Everything that is known about the installation, fit for JSON.

    Of ``accelerator``, ``kernels`` and ``mxnet_gradients`` it is the text 'in use', or why they are not.
    """
    features = mx.runtime.Features()
    folder = artefacts()
    entries, size = folder.extent() if folder is not None else (0, 0)
    return {
        "minpy": minpy.__version__,
        "folder": str(Path(minpy.__file__).parent),
        "python": platform.python_version(),
        "executable": sys.executable,
        "system": f"{platform.platform()}, {platform.machine()}",
        "processor": processor(),
        "mxnet": f"{mx.__version__}, for {'GPUs' if cuda.is_gpu_build() else 'the CPU'}",
        "mxnet_features": sorted(name for name in features if features.is_enabled(name)),
        "engine": "synchronous" if native.SYNCHRONOUS else "asynchronous",
        "libraries": {name: _version(name) for name in _LIBRARIES},
        "cores": cores(),
        "threads": native.openmp_threads(),
        "gpus": num_gpus(),
        "accelerator": objects.why_slow or _IN_USE,
        "kernels": state() or _IN_USE,
        "mxnet_gradients": native.why_no_zero_gradients or _IN_USE,
        "cache": None if folder is None else {"folder": str(folder.path), "entries": entries, "bytes": size},
        "environment": {
            name: value for name, value in sorted(os.environ.items()) if name.startswith(_SETTINGS)
        },
    }


def _version(library: str) -> str | None:
    try:
        return importlib.metadata.version(library)
    except importlib.metadata.PackageNotFoundError:
        return None


def as_text(found: dict[str, Any]) -> str:
    """The facts for people, one a line."""
    cache = found["cache"]
    kept = "none"
    if cache is not None:
        kept = f"{cache['folder']}, {cache['entries']} entries, {cache['bytes'] / 2**20:.1f} MiB"
    lines = [
        ("MinPy", f"{found['minpy']} in {found['folder']}"),
        ("Python", f"{found['python']}, {found['executable']}"),
        ("System", found["system"]),
        ("Processor", f"{found['processor']}, {found['cores']} cores for this process"),
        ("MXNet", f"{found['mxnet']}; {found['engine']}; {', '.join(found['mxnet_features'])}"),
        ("Libraries", ", ".join(f"{name} {version or '-'}" for name, version in found["libraries"].items())),
        ("Threads", str(found["threads"])),
        ("GPUs", str(found["gpus"])),
        ("Accelerator", found["accelerator"]),
        ("Kernels", found["kernels"]),
        ("MXNet's gradients", found["mxnet_gradients"]),
        ("Cache", kept),
        ("Environment", ", ".join(f"{name}={value}" for name, value in found["environment"].items()) or "-"),
    ]
    return "\n".join(f"{name:<18} {text}" for name, text in lines)


def add_command(commands: Any) -> None:
    """Add ``info`` to the commands of ``python -m minpy``."""
    info = commands.add_parser(
        "info",
        help="print what a report of a fault needs: versions, devices, what is in use, settings",
        description="Print what a report of a fault needs: versions, devices, what is in use, settings.",
    )
    info.add_argument("--json", action="store_true", help="print JSON")
    info.add_argument(
        "--check", action="store_true", help="fail where MinPy runs slower than it could: status 1"
    )
    info.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    found = facts()
    print(json.dumps(found, indent=2) if options.json else as_text(found))
    is_complete = all(found[part] == _IN_USE for part in ("accelerator", "kernels", "mxnet_gradients"))
    return int(options.check and not is_complete)
