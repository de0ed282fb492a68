"""What there is to say about a jitted function, as plain data. Times are in seconds."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Place:
    """A line of a file."""

    file: str
    line: int


@dataclass
class Leftover:
    """Lines that stay with Python.

    Attributes:
        reason: completes "left to Python because ...".
        fix: what to change so that they compile; empty where nothing can be changed.
        cause: the line that the reason is about; it may stand in a function that the lines call.
        cause_text: the text of that line.
        columns: where the expression that stays begins and ends in its line; None where all of it stays.
        is_control_flow: Python decides here where to go on; what is inside may be compiled.
        is_unforeseen: not refused, but what the lines depend on is known only when it has run.
        seconds: run time spent in them.
    """

    line: int
    last_line: int
    reason: str
    fix: str
    cause: Place
    cause_text: str
    columns: tuple[int, int] | None = None
    is_control_flow: bool = False
    is_unforeseen: bool = False
    seconds: float = 0.0


@dataclass
class Variable:
    """An input or an output of a region. ``type`` is dtype and shape, ``origin`` where it comes from."""

    name: str
    type: str
    origin: str = ""


@dataclass
class Version:
    """A graph of a region for one signature.

    Attributes:
        purpose: 'value', 'value and gradient', 'value for a gradient' or 'gradient'.
        signature: the types of the variables that it was compiled for.
        graph_sizes: the number of equations as lowered and after each pass.
        rewritten: for passes that make equations of another kind, the lines of these.
        backward_equations: how many of the last are the gradient's.
        operators: the MXNet operators with their number.
        kernels: what its kernels do besides, loop nests and matrix products, with their number.
        without_kernels: why it could have none; empty where it could.
        flops, bytes: estimates for one call (see ``cost.py``).
        failures: calls that an operator refused, so that they ran as Python.
        compilations: how often it was compiled; blocks around different leftovers are compiled anew.
        was_kept: the graph came from ``minpy.cache_dir()``, so no pass had to run.
    """

    purpose: str
    signature: list[str]
    inputs: list[Variable]
    outputs: list[Variable]
    calls: int
    seconds_per_call: float
    compile_seconds: float
    graph_sizes: dict[str, int]
    rewritten: dict[str, list[int]]
    backward_equations: int
    operators: dict[str, int]
    flops: int
    bytes: int
    kernels: dict[str, int] = field(default_factory=dict)
    without_kernels: str = ""
    failures: int = 0
    compilations: int = 1
    was_kept: bool = False


@dataclass
class Region:
    """Lines that run as one graph."""

    number: int
    first_line: int
    last_line: int
    versions: list[Version] = field(default_factory=list)


@dataclass
class Recompilation:
    """Something was compiled again. ``place`` is the line that reads what changed."""

    place: Place
    reason: str
    fix: str


@dataclass
class Shares:
    """Where the run time went; compiling is not in it."""

    compiled: float = 0.0
    leftover: float = 0.0
    overhead: float = 0.0

    @property
    def total(self) -> float:
        """All of it."""
        return self.compiled + self.leftover + self.overhead


@dataclass
class CalleeLine:
    """A line of a function that was inlined, with the calls in it."""

    number: int
    text: str
    regions: list[int]
    calls: list[Call]


@dataclass
class Call:
    """A function that was inlined: the lines of it that were compiled."""

    function: str
    file: str
    lines: list[CalleeLine]


@dataclass
class Line:
    """A line of the function.

    Attributes:
        kind: 'compiled', 'control' (Python decides, around regions), 'leftover', 'unforeseen',
            'skipped' (not reached so far, or decided while compiling), or '' for no statement.
        regions: the numbers of the regions that it is part of.
        leftovers: the leftovers that end with this line.
        calls: what was inlined here.
    """

    number: int
    text: str
    kind: str
    regions: list[int]
    leftovers: list[Leftover]
    calls: list[Call]


@dataclass
class Report:
    """Everything about a function.

    Attributes:
        verdict: in a sentence, where the run time goes and what to fix.
        counts: calls and compilations, in words.
        notes: what else there is to know, in sentences.
        reason: why nothing can be compiled; empty where something can.
    """

    name: str
    verdict: str
    reason: str = ""
    file: str = ""
    line: int = 0
    counts: str = ""
    notes: list[str] = field(default_factory=list)
    calls: int = 0
    hits: int = 0
    compilations: int = 0
    compile_seconds: float = 0.0
    evictions: int = 0
    shares: Shares = field(default_factory=Shares)
    lines: list[Line] = field(default_factory=list)
    regions: list[Region] = field(default_factory=list)
    leftovers: list[Leftover] = field(default_factory=list)
    recompilations: list[Recompilation] = field(default_factory=list)
    residual: list[str] = field(default_factory=list)
