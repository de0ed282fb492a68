"""Python source as HTML, line by line: keywords, strings, numbers and comments in spans."""

from __future__ import annotations

import io
import keyword
import tokenize
from collections.abc import Sequence
from html import escape

_CLASSES = {tokenize.STRING: "string", tokenize.NUMBER: "number-literal", tokenize.COMMENT: "comment"}


def highlighted(lines: Sequence[str]) -> list[str]:
    """HTML for each line of a piece of source; what cannot be read as Python is only escaped."""
    indent = min((len(line) - len(line.lstrip()) for line in lines if line.strip()), default=0)
    spans: list[list[tuple[int, int, str]]] = [[] for _ in lines]
    text = "\n".join(line[indent:] for line in lines) + "\n"
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            is_keyword = token.type == tokenize.NAME and keyword.iskeyword(token.string)
            kind = "keyword" if is_keyword else _CLASSES.get(token.type)
            if kind is None and tokenize.tok_name[token.type].startswith("FSTRING"):
                kind = "string"
            if kind is not None:
                _mark(spans, lines, token.start, token.end, indent, kind)
    except (tokenize.TokenError, IndentationError, SyntaxError):
        pass  # part of a statement, such as the lines of a lambda
    return [_line(line, marks) for line, marks in zip(lines, spans)]


def _mark(
    spans: list, lines: Sequence[str], start: tuple[int, int], end: tuple[int, int], indent: int, kind: str
) -> None:
    for row in range(start[0], end[0] + 1):
        first = start[1] + indent if row == start[0] else 0
        last = end[1] + indent if row == end[0] else len(lines[row - 1])
        spans[row - 1].append((first, last, kind))


def _line(text: str, marks: list[tuple[int, int, str]]) -> str:
    pieces, position = [], 0
    for first, last, kind in marks:
        pieces.append(escape(text[position:first]))
        pieces.append(f'<span class="{kind}">{escape(text[first:last])}</span>')
        position = last
    return "".join(pieces) + escape(text[position:])
