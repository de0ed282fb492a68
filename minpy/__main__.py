"""The command line: ``python -m minpy explain script.py``, ``launch`` and ``info``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from minpy.compiler.explain import command as explain
from minpy.distributed import launch
from minpy.runtime import info


def main(arguments: Sequence[str]) -> int:
    """Run a command; gives the exit status, 2 for a wrong command."""
    parser = argparse.ArgumentParser("python -m minpy")
    commands = parser.add_subparsers(required=True, metavar="command")
    explain.add_command(commands)
    info.add_command(commands)
    launch.add_command(commands)
    options = parser.parse_args(arguments)
    return options.run(options)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
