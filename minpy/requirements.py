"""What has to be so before anything else is imported: a NumPy that MXNet works with. Raises BackendError."""

from __future__ import annotations

import numpy

from minpy.errors import BackendError

if int(numpy.__version__.split(".")[0]) >= 2:
    raise BackendError(
        f"NumPy {numpy.__version__} is installed, and MXNet, on which MinPy runs, needs NumPy below 2. Where "
        "other packages want NumPy 2, give MinPy an environment of its own; else install an older one:\n"
        '    pip install "numpy>=1.25,<2"'
    )
