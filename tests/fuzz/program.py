"""What a random program is: source text, in which ``np`` is NumPy or MinPy."""

from __future__ import annotations

import ast
import linecache
import textwrap
import types
from collections.abc import Iterator
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
    def sources(self) -> list[tuple[str, str]]:
        """The names of the inputs, and what they are."""
        return [(name, source) for name, _, source in (each.partition(" = ") for each in self.inputs)]

    @property
    def names(self) -> list[str]:
        """The names of the inputs."""
        return [name for name, _ in self.sources]

    @property
    def statements(self) -> tuple[str, ...]:
        return (*self.inputs, *self.body)

    def __str__(self) -> str:
        return "\n".join((*self.inputs, "", *self.body))

    @property
    def script(self) -> str:
        """A file that runs the program with MinPy."""
        header = "import numpy\n\nimport minpy\nimport minpy.numpy as np  # or: import numpy as np\n"
        text, names = str(self), ", ".join(self.names)
        if any("return" in statement for statement in self.body):
            function = f"@minpy.jit\ndef function({names}):\n{indented(chr(10).join(self.body))}\n"
            text = "\n".join((*self.inputs, "", "", function, "", f"print(function({names}))"))
        return f'{header}\nminpy.set_default_dtype("float64")\n\n{text}\n'

    def reduced(self, fails: Callable[[Program], bool]) -> Program:
        """The program without the statements that are not needed for it to fail."""
        program, before = self, None
        while program != before:
            before = program
            for shorter in program._shorter():
                if fails(shorter):
                    program = shorter
                    break
        return program

    def _shorter(self) -> Iterator[Program]:
        """The program without one of its statements, of the values that it returns, of its inputs."""
        *body, last = self.body or ("",)
        for i in reversed(range(len(self.body))):
            yield replace(self, body=self.body[:i] + self.body[i + 1 :])
        if last.startswith("return "):
            names = last.removeprefix("return ").split(", ")
            for i in range(len(names) if len(names) > 1 else 0):
                yield replace(self, body=(*body, f"return {', '.join(names[:i] + names[i + 1 :])}"))
        for i in reversed(range(len(self.inputs))):
            yield replace(self, inputs=self.inputs[:i] + self.inputs[i + 1 :])


def statements_of(text: str) -> tuple[str, ...]:
    """The source of each statement of a text."""
    lines = text.splitlines()
    return tuple("\n".join(lines[node.lineno - 1 : node.end_lineno]) for node in ast.parse(text).body)


def indented(text: str, by: int = 4) -> str:
    """The text as the body of something."""
    return textwrap.indent(text, " " * by)


def compiled(source: str, file: str) -> types.CodeType:
    """The code of a source, which can be read as if it were a file."""
    linecache.cache[file] = len(source), None, source.splitlines(keepends=True), file
    return compile(source, file, "exec", dont_inherit=True)
