"""Parts of SciPy that are differentiable on MinPy's arrays: ``minpy.scipy.special``."""

from __future__ import annotations
