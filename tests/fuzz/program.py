"""What a random program is: source text, in which ``np`` is NumPy or MinPy."""

from __future__ import annotations

import ast
from dataclasses import dataclass, replace
from typing import Callable


@dataclass(frozen=True)
class Program:
    """Statements of Python over arrays, each as source text.

    Attributes:
        inputs: one assignment for each array that the program starts from. Where gradients are
            checked they are taken with respect to these.
        body: what is done with them.
    """

    inputs: tuple[str, ...]
    body: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> Program:
        """The program of a text: the inputs, an empty line, the body."""
        inputs, _, body = text.strip().partition("\n\n")
        return cls(statements_of(inputs), statements_of(body))

    @property
    def names(self) -> list[str]:
        """The names of the inputs."""
        return [statement.partition(" = ")[0] for statement in self.inputs]

    @property
    def statements(self) -> tuple[str, ...]:
        return (*self.inputs, *self.body)

    def __str__(self) -> str:
        return "\n".join((*self.inputs, "", *self.body))

    @property
    def script(self) -> str:
        """A file that runs the program with MinPy."""
        header = "import numpy\n\nimport minpy\nimport minpy.numpy as np  # or: import numpy as np\n"
        return f'{header}\nminpy.set_default_dtype("float64")\n\n{self}\n'

    def reduced(self, fails: Callable[[Program], bool]) -> Program:
        """The program without the statements that are not needed for it to fail."""
        program, before = self, None
        while program != before:
            before = program
            for i in reversed(range(len(program.body))):
                shorter = replace(program, body=program.body[:i] + program.body[i + 1 :])
                if fails(shorter):
                    program = shorter
            for i in reversed(range(len(program.inputs))):
                shorter = replace(program, inputs=program.inputs[:i] + program.inputs[i + 1 :])
                if fails(shorter):
                    program = shorter
        return program


def statements_of(text: str) -> tuple[str, ...]:
    """The source of each statement of a text."""
    lines = text.splitlines()
    return tuple("\n".join(lines[node.lineno - 1 : node.end_lineno]) for node in ast.parse(text).body)
