"""``minpy.scipy.special``: the functions of ``scipy.special``, differentiable where the op table has them.

Most of them are ufuncs, which SciPy's own ``from scipy.special import erf`` gives on MinPy's arrays too.
Some are Python functions, such as ``logsumexp``, ``softmax``, ``polygamma``, ``lambertw``, ``comb`` and
``spherical_jn``; in eager code take them from here.
"""

from __future__ import annotations

from typing import Any

import scipy.special as _special

from minpy.numpy._fallback import member as _member
from minpy.ops.op import FUNCTIONS as _FUNCTIONS
from minpy.ops.op import add_scipy as _add_scipy

_add_scipy()
globals().update({name[8:]: function for name, function in _FUNCTIONS.items() if name.startswith("special.")})


def __getattr__(name: str) -> Any:
    return _member(_special, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *dir(_special)})
