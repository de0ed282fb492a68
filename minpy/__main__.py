"""The command line: ``python -m minpy explain script.py``, ``launch`` and ``info``."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence

#: where each command is
COMMANDS = {
    "explain": "minpy.compiler.explain.command",
    "info": "minpy.runtime.info",
    "launch": "minpy.distributed.launch",
}


def main(arguments: Sequence[str]) -> int:
    """Run a command; gives the exit status, 2 for a wrong command."""
    parser = argparse.ArgumentParser("python -m minpy")
    commands = parser.add_subparsers(required=True, metavar="command")
    # Only the one that is asked for: what a report of a fault needs works where another part does not.
    for name in [name for name in arguments[:1] if name in COMMANDS] or COMMANDS:
        importlib.import_module(COMMANDS[name]).add_command(commands)
    options = parser.parse_args(arguments)
    return options.run(options)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
