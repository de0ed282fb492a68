"""``python -m minpy explain script.py``: what was compiled of the functions that a script jits."""

from __future__ import annotations

import sys

from minpy.compiler.explain.command import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
