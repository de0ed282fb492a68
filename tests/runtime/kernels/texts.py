"""Kernels written by hand, in LLVM's language, on float64."""

from __future__ import annotations

_LOOP = """
define void @nest(ptr noalias %arguments, i64 %begin, i64 %end, i64 %chunk) {{
entry:
{pointers}
  %some = icmp slt i64 %begin, %end
  br i1 %some, label %loop, label %done
loop:
  %i = phi i64 [%begin, %entry], [%next, %loop]
{body}
  %next = add i64 %i, 1
  %more = icmp slt i64 %next, %end
  br i1 %more, label %loop, label %done
done:
{after}
  ret void
}}
"""


def _loop(pointers: str, body: str, after: str = "") -> str:
    lines = []
    for i, name in enumerate(pointers.split()):
        lines.append(f"  %at_{name} = getelementptr ptr, ptr %arguments, i64 {i}")
        lines.append(f"  %{name} = load ptr, ptr %at_{name}")
    return _LOOP.format(pointers="\n".join(lines), body=body, after=after)


def _element(name: str, array: str, index: str = "%i") -> str:
    return f"""
  %place_{name} = getelementptr double, ptr %{array}, i64 {index}
  %{name} = load double, ptr %place_{name}"""


_STORE = """
  %place = getelementptr double, ptr %out, i64 %i
  store double %result, ptr %place"""

#: out[i] = 3 x[i] + y[i], rounded twice
AXPY = _loop(
    "x y out",
    _element("a", "x")
    + _element("b", "y")
    + """
  %scaled = fmul double %a, 3.0
  %result = fadd double %scaled, %b"""
    + _STORE,
)


#: out[i] = x[i] + shift
def shifted(by: float) -> str:
    return _loop("x out", _element("a", "x") + f"\n  %result = fadd double %a, {by}" + _STORE)


#: partial[chunk] = the sum of x over the turns of the chunk
SUM = _loop(
    "x partial",
    "  %sum = phi double [0.0, %entry], [%total, %loop]"
    + _element("a", "x")
    + "\n  %total = fadd double %sum, %a",
    """
  %found = phi double [0.0, %entry], [%total, %loop]
  %place = getelementptr double, ptr %partial, i64 %chunk
  store double %found, ptr %place""",
)
