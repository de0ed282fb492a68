"""Processes of a job that are no workers: scheduler and servers, which never get beyond ``import minpy``."""

from __future__ import annotations

import os
import sys

from minpy.runtime import liveness

_IS_BEGUN = "MINPY_ROLE_IS_BEGUN"
#: A flag of MXNet's server is what lies in memory where the server is made. Where it is not 0, the server
#: adds up float64 in float32. These settings of glibc's make it 0.
_ZEROED_MEMORY = {"MALLOC_PERTURB_": "255", "GLIBC_TUNABLES": "glibc.malloc.tcache_count=0"}


def role() -> str | None:
    """'worker', 'server' or 'scheduler' in a job, else None."""
    return os.environ.get("DMLC_ROLE")


def serves() -> bool:
    """Whether this process is no worker: importing MXNet then does its work, and ends it."""
    return role() in ("scheduler", "server")


def environment() -> dict[str, str]:
    """What a scheduler or a server needs in its environment from the start."""
    return {**_ZEROED_MEMORY, _IS_BEGUN: "1"}


def begin() -> None:
    """Before MXNet is imported: begin anew, with memory as a server needs it, without the user's program."""
    if not serves():
        return
    if _IS_BEGUN not in os.environ:
        path = {"PYTHONPATH": os.pathsep.join(sys.path)}
        os.execve(
            sys.executable, [sys.executable, "-c", "import minpy"], {**os.environ, **environment(), **path}
        )
    if role() == "scheduler":
        liveness.Monitor()
    else:
        liveness.Member(f"server {os.environ.get('MINPY_RANK', '')}".rstrip(), "server")
