"""Functions of ``scipy.special``, a file for each family.

They need SciPy, which MinPy does not, so nothing imports this package before a program uses ``scipy.special``
(see ``of_numpy`` in ``ops/op.py``) or ``minpy.scipy.special``. Derivatives and recurrences are those of the
NIST Digital Library of Mathematical Functions (DLMF), whose numbers stand beside them. A parameter without a
closed derivative, such as the order of a Bessel function, is ``UNDEFINED``.
"""

from __future__ import annotations

from minpy.ops.special import (  # noqa: F401
    bessel,
    distributions,
    elementary,
    elliptic,
    equations,
    gamma,
    hypergeometric,
    integrals,
    legendre,
    normal,
    polynomials,
    sums,
)
