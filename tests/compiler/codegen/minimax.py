"""Where the coefficients of ``codegen/functions`` come from: minimax approximations, computed with 50 digits.

    python -m tests.compiler.codegen.minimax

prints them all, with the greatest weighted error of each. Polynomials and well-behaved quotients by
Remez' exchange algorithm on a fine grid; the others by Lawson's: least squares, each point weighted by
its last error.
"""

from __future__ import annotations

from typing import Any, Callable, NamedTuple

from mpmath import mp, mpf

mp.dps = 50


class Fit(NamedTuple):
    """P / Q with coefficients from the lowest power on, Q(0) = 1, and the greatest weighted error."""

    over: list[Any]
    under: list[Any]
    error: Any


class Task(NamedTuple):
    """What is approximated.

    Attributes:
        name: of the constants.
        function, weight: the error is that of the function times the weight.
        start, stop: the interval, of what ``grid`` maps to arguments; there the points are spread as the
            extremes of a Chebyshev polynomial are.
        degrees: of numerator and denominator.
    """

    name: str
    function: Callable
    weight: Callable
    start: Any
    stop: Any
    degrees: tuple[int, int]
    grid: Callable = lambda x: x
    method: str = "remez"


class _Points(NamedTuple):
    xs: list[Any]
    ys: list[Any]
    weights: list[Any]


def _points(task: Task, count: int) -> _Points:
    start, stop = mpf(task.start), mpf(task.stop)
    middle, radius = (start + stop) / 2, (stop - start) / 2
    xs = [task.grid(middle - radius * mp.cos(mp.pi * (i + mpf(1) / 2) / count)) for i in range(count)]
    weights = [abs(task.weight(x)) for x in xs]
    least = max(weights) / 50  # where the weight is 0 no error would be left to exchange
    return _Points(xs, [task.function(x) for x in xs], [max(w, least) for w in weights])


def _value(coefficients: list[Any], x: Any) -> Any:
    total = mpf(0)
    for coefficient in reversed(coefficients):
        total = total * x + coefficient
    return total


def _errors(points: _Points, over: list[Any], under: list[Any]) -> list[Any]:
    return [
        (_value(over, x) / _value(under, x) - y) * w for x, y, w in zip(points.xs, points.ys, points.weights)
    ]


def remez(task: Task, count: int = 800) -> Fit:
    """The best approximation: errors of one size and alternating signs at as many points as there are
    unknowns."""
    points = _points(task, count)
    unknowns = sum(task.degrees) + 2
    chosen = [round((count - 1) * i / (unknowns - 1)) for i in range(unknowns)]
    for _ in range(40):
        over, under, level = _levelled(task, points, chosen)
        errors = _errors(points, over, under)
        worst = max(map(abs, errors))
        extremes = _extremes(errors, unknowns)
        if len(extremes) < unknowns and worst > level * mpf("1.02"):
            raise ValueError(f"{task.name}: the errors do not alternate any more; use Lawson's algorithm")
        if extremes == chosen or worst < level * mpf("1.0001"):
            break
        chosen = extremes
    return Fit(over, under, worst)


def _levelled(task: Task, points: _Points, chosen: list[int]) -> tuple[list[Any], list[Any], Any]:
    """P and Q with errors +e, -e, +e ... at the points, and |e|; linear in all but the product of e and Q."""
    n, m = task.degrees
    level = mpf(0)
    for _ in range(30 if m else 1):
        rows, right = mp.matrix(len(chosen), len(chosen)), mp.matrix(len(chosen), 1)
        for row, i in enumerate(chosen):
            x, y, step = points.xs[i], points.ys[i], (-1) ** row / points.weights[i]
            numbers = [x**j for j in range(n + 1)] + [-(y + step * level) * x**j for j in range(1, m + 1)]
            for column, number in enumerate([*numbers, -step]):
                rows[row, column] = number
            right[row] = y
        found = list(mp.lu_solve(rows, right))
        before, level = level, found[-1]
        if abs(level - before) <= abs(level) * mpf(10) ** -12:
            break
    return found[: n + 1], [mpf(1), *found[n + 1 : -1]], abs(level)


def _extremes(errors: list[Any], wanted: int) -> list[int]:
    """The points of the greatest errors of alternating signs."""
    found: list[int] = []
    for i, error in enumerate(errors):
        if any(abs(error) < abs(beside) for beside in errors[max(0, i - 1) : i + 2]):
            continue
        if not found or (errors[found[-1]] > 0) != (error > 0):
            found.append(i)
        elif abs(error) > abs(errors[found[-1]]):
            found[-1] = i
    while len(found) > wanted:
        sizes = [abs(errors[i]) for i in found]
        least = sizes.index(min(sizes))
        if len(found) == wanted + 1 or least in (0, len(found) - 1):
            del found[0 if sizes[0] < sizes[-1] else -1]
        else:  # with a neighbour, or the signs would not alternate
            least -= sizes[least - 1] < sizes[least + 1]
            del found[least : least + 2]
    return found


def lawson(task: Task, count: int = 200, steps: int = 60) -> Fit:
    """An approximation that is nearly the best; it finds its way also where Remez' algorithm needs a good
    start."""
    points = _points(task, count)
    n, m = task.degrees
    importance, below = [mpf(1)] * count, [mpf(1)] * count
    best = Fit([], [], mp.inf)
    for _ in range(steps):
        rows = []
        for x, y, w, share, q in zip(*points, importance, below):
            scale = w / q * mp.sqrt(share)
            powers = [scale * x**j for j in range(max(n, m) + 1)]
            rows.append([*powers[: n + 1], *[-y * p for p in powers[1 : m + 1]], scale * y])
        sums = [
            [mp.fsum(row[i] * row[j] for row in rows) for j in range(n + m + 2)] for i in range(n + m + 1)
        ]
        found = list(mp.lu_solve(mp.matrix([row[:-1] for row in sums]), mp.matrix([row[-1] for row in sums])))
        over, under = found[: n + 1], [mpf(1), *found[n + 1 :]]
        below = [_value(under, x) for x in points.xs]
        errors = list(map(abs, _errors(points, over, under)))
        if max(errors) < best.error:
            best = Fit(over, under, max(errors))
        mean = mp.fsum(share * error for share, error in zip(importance, errors)) / count
        importance = [share * error / mean + mpf(10) ** -12 for share, error in zip(importance, errors)]
    return best


def _odd(function: Callable) -> dict[str, Callable]:
    """Of an odd function: (f(x)/x - 1) / x^2 as a function of x^2, and the weight that makes errors
    relative to f."""

    def rest(z: Any) -> Any:
        return (function(mp.sqrt(z)) / mp.sqrt(z) - 1) / z

    return {"function": rest, "weight": lambda z: z * mp.sqrt(z) / function(mp.sqrt(z))}


def _ratio(function: Callable) -> dict[str, Callable]:
    """Of an odd function: f(x)/x as a function of x^2, and that weight."""

    def ratio(z: Any) -> Any:
        return function(mp.sqrt(z)) / mp.sqrt(z)

    return {"function": ratio, "weight": lambda z: 1 / ratio(z)}


def _excess(x: Any) -> Any:
    """What is added to x in erfc(x) = e^(-x^2) / (sqrt(pi) (x + D(x)))."""
    return 1 / (mp.sqrt(mp.pi) * mp.exp(x * x) * mp.erfc(x)) - x


def tasks() -> list[Task]:
    """All of them."""
    log2, root, near = mp.log(2), mp.sqrt(mpf(1) / 2), mpf(10) ** -8
    wide, slope = (
        mpf("1.001"),
        mp.tan(mp.pi / 8),
    )  # arguments are rounded, and so beyond their limits at times
    step = (1 - root) / (1 + root)
    made = []

    def task(name: str, single: Any, double: Any, start: Any, stop: Any, **rest: Any) -> None:
        for width, degrees in ((32, single), (64, double)):
            if degrees is not None:
                pair = degrees if isinstance(degrees, tuple) else (degrees, 0)
                ends = [end[width == 64] if isinstance(end, tuple) else end for end in (start, stop)]
                made.append(Task(f"{name}_{width}", start=ends[0], stop=ends[1], degrees=pair, **rest))

    task(
        *("EXP", 4, 9, -wide * log2 / 2, wide * log2 / 2),
        function=lambda r: (mp.expm1(r) - r) / r**2,
        weight=lambda r: r**2 / mp.expm1(r),
    )
    task(
        *("EXP2", 5, 10, -mpf(1) / 2, mpf(1) / 2),
        function=lambda r: (mpf(2) ** r - 1) / r,
        weight=lambda r: r / mpf(2) ** r,
    )
    task(
        *("LOG", 7, None, root - 1, 2 * root - 1),
        function=lambda f: (mp.log1p(f) - f + f**2 / 2) / f**3,
        weight=lambda f: f**3 / mp.log1p(f),
    )
    task(
        *("LOG", None, 6, near, step**2),
        function=lambda z: (2 * mp.atanh(mp.sqrt(z)) / mp.sqrt(z) - 2) / z,
        weight=lambda z: z * mp.sqrt(z) / (2 * mp.atanh(mp.sqrt(z))),
    )
    task(
        *("P", 2, 7, near, step**2),
        function=lambda z: (2 * mp.atanh(mp.sqrt(z)) / mp.sqrt(z) - 2 - 2 * z / 3) / log2 / z**2,
        weight=lambda z: z**2 * log2 / 2,
    )
    task("SIN", 3, 7, near, (wide * mp.pi / 2) ** 2, **_odd(mp.sin))
    task("TAN", (1, 2), (3, 3), mpf(10) ** -6, wide * mp.pi / 4, grid=lambda x: x * x, **_ratio(mp.tan))
    task("ARCTAN", 3, 10, near, (slope * mpf("1.0001")) ** 2, **_odd(mp.atan))
    task("ARCSIN", 4, 12, near, mpf(1) / 4, **_odd(mp.asin))
    task("SINH", 3, 6, near, mpf(1), **_odd(mp.sinh))
    task("CBRT", 3, 5, root, 2 * root, function=mp.cbrt, weight=lambda x: 1 / mp.cbrt(x))
    task(
        *("EXPONENT", 9, 29, mpf(10) ** -6, (mpf(4), mpf("5.95"))),
        function=lambda x: -mp.log(mp.erfc(x)) / x,
        weight=lambda x: mp.erfc(x) * x / mp.erf(x),
    )
    task("NEAR", 4, 8, mpf(10) ** -6, mpf("0.251"), **_ratio(mp.erf))
    task(
        *("OVER", (3, 4), (8, 9), mp.log(mpf(1) / 2), (mp.log(mpf("10.2")), mp.log(mpf("27.3")))),
        function=_excess,
        weight=lambda x: mp.sqrt(mp.pi) * mp.exp(x * x) * mp.erfc(x),
        grid=mp.exp,
        method="lawson",
    )
    return made


def solve(task: Task) -> Fit:
    """The coefficients."""
    return remez(task) if task.method == "remez" else lawson(task)


def main() -> None:
    for task in tasks():
        fit = solve(task)
        digits = 9 if task.name.endswith("32") else 17
        print(f"{task.name}: error {mp.nstr(fit.error, 2)}")
        for part in (fit.over, fit.under[1:]):
            print("   ", ", ".join(f"{float(c):.{digits}g}" for c in part))


if __name__ == "__main__":
    main()
