"""What functions are handed and what they use: parameters, objects of all kinds, Python's own modules.

The names are those of ``around.AROUND`` and ``around.PARAMETERS``.
"""

from __future__ import annotations

from tests.fuzz.steps_python import fresh, rows, test
from tests.fuzz.writer import Unfit, Writer, in_function


def _any(w: Writer) -> str:
    return w.array(lambda x: x.size)


@in_function(14)
def parameter(w: Writer) -> str:
    """Numbers, texts, lists and dicts that the caller gives, and defaults."""
    x, v, i = _any(w), fresh(w), fresh(w, "i")
    forms = [f"{v} = {x} * by", f"seen.append({x}.shape)\n{v} = {x} * len(seen)", "seen.append(calls)"]
    given = {
        "n": (
            f"{v} = {x} * n",
            f"{v} = {x} ** n",
            f"{v} = np.full((n, 2), 0.5) + n",
            f"{v} = {x}[:n] if {x}.ndim else n",
            f"{v} = {x} if n > 2 else -{x}",
            f"{v} = 0.0\nfor {i} in range(n):\n    {v} += {x} * {i}",
            f"{v} = np.sum({x}) // n, divmod(n, 2)",
            f"{v} = [{x} * k for k in range(n)]",
            f"n += 1\n{v} = {x} / n",
        ),
        "rate": (
            f"{v} = {x} * rate",
            f"{v} = {x} - rate * np.cos({x})",
            f"{v} = {x} if rate > 0 else -{x}",
            f"rate *= 0.5\n{v} = {x} + rate",
            f"{v} = scaled({x}, by=rate)",
            f"{v} = np.where({x} > rate, {x}, rate)",
            f"{v} = {x} * (1 - rate) ** 2 + rate / 2",
            f"{v} = max(rate, 0.25) * {x}, min(abs(rate), total)",
        ),
        "mode": (
            f"{v} = {x} * 2 if mode == 'train' else {x}",
            f"{v} = {x} if mode is None else {x} + len(mode)",
            f"{v} = {{'train': {x}, 'test': -{x}}}.get(mode)",
            f"if mode in ('train', 'test'):\n{w.block()}\nelse:\n    calls += 1",
            f"if not mode:\n    return {x}, 'none'",
            f"log.append(mode)\n{v} = f'{{mode}}: {{{x}.shape}}'",
        ),
        "rows": (
            f"{v} = sum(rows)",
            f"{v} = [z * 2 for z in rows][-1]",
            f"{v} = np.stack(rows).sum(axis=0)",
            f"{v} = {x} * len(rows)",
            f"rows[0][0] = 0.5\n{v} = rows[-1] + 1",
            f"rows.append({x})\n{v} = rows",
            f"rows[0] = rows[0] + 1\n{v} = np.concatenate(rows)",
            f"{v}, *_ = rows",
            f"{v} = 0\nfor {i}, z in enumerate(rows):\n    {v} = {v} + z * {i}",
            f"{v} = rows.pop() if len(rows) > 1 else {x}",
        ),
        "options": (
            f"{v} = {x} * options['by']",
            f"{v} = scaled({x}, by=options['by'])",
            f"options['w'] = options['w'] * 0.5\n{v} = options['w']",
            f"options['w'] += 1\n{v} = options['w'].sum()",
            f"{v} = moved({x}, **options)",
            f"options['new'] = {x}\n{v} = options.get('new')",
            f"{v} = {{k: z * 2 for k, z in options.items()}}",
            f"{v} = {{**options, 'x': {x}}}",
            f"del options['by']\n{v} = len(options) * {x}",
        ),
        "at": (
            f"{v} = np.array([{x}, {x}])[at]",
            f"{v} = np.expand_dims({x}, 0)[at if at < 1 else 0]",
            f"{v} = np.stack([{x}] * 3)[..., None][at, ..., 0]",
            f"{v} = weights[at] * np.stack([weights, weights * 2], 1)[at, 0], at",
            f"{v} = table['w'][:, :1][at, 0] * {x}",
            f"table['w'][at, 0] += 0.25\n{v} = table['w'][:, at] * 2",
        ),
        "places": (
            f"{v} = np.stack([{x}, {x} * 2])[places]",
            f"{v} = np.stack([weights, weights * 2])[..., None][places, 1:, 0]",
            f"{v} = table['w'][:, :1][places, 0].sum() * {x}",
            f"table['w'][places, 0] = 0.5\n{v} = table['w'] + 1",
            f"{v} = weights[places[0]] * {x}, len(places)",
        ),
        "t": (
            f"{v} = {x} * 0.9**t",
            f"{v} = {x} / (t + 1)",
            f"{v} = {x}[t % len({x})] if {x}.ndim and len({x}) else t",
            f"{v} = {x} if t % 2 else -{x}",
            f"log.append(t)\n{v} = np.sum({x}) * (1 - 0.5 ** (t + 1))",
            f"{v} = np.sum({x}) + t, t",
        ),
    }
    for name, more in given.items():
        if name in w.namespace:
            forms.extend(more)
    return w.pick(forms)


@in_function(10)
def an_object(w: Writer) -> str:
    x, y = _any(w), _any(w)
    v, u = fresh(w), fresh(w, "u")
    number = w.pick(("2", "0.5", "scale", "total"))
    return w.pick(
        (
            f"{v} = Pair({x}, {y})",
            f"{v} = Pair({x}, {number}).left * 2",
            f"{v}, {u} = Pair({x}, right={y})",
            f"{v} = Pair({x}, 1)._replace(right={y})",
            f"{u} = Pair({x}, {y})\n{v} = {u}.left * {u}[0], {u} == {u}, {u}._fields",
            f"{v} = params.apply({x})",
            f"params.b *= 0.5\n{v} = params.apply({x})",
            f"params.w = params.w * 0.9\n{v} = params.w",
            f"params.w = {x}",
            f"{u} = Params({x}, {number})\n{v} = {u}.apply({y})",
            f"{v} = Params({x})\n{v}.b = {v}.b + 1",
            f"{v} = dataclasses.replace(params, b={number}).apply({x})",
            f"{v} = dataclasses.asdict(params)['b'] * {x}",
            f"{v} = box({x})",
            f"{v} = crate({x}, by={number})",
            f"{v} = crate.times({x}) + box.times({x})",
            f"{v} = box[0] * {x}",
            f"box[0] = {number}\n{v} = box.data",
            f"box[0] += 1\n{v} = len(box) * {x}",
            f"{v} = (box + {number}) * {x}",
            f"box.half = {x}\n{v} = box.data",
            f"crate.half *= 0.5\n{v} = crate.half",
            f"{v} = Crate.shared({x}) + Box.shared({x})",
            f"{v} = box.twice({x}), Box.made",
            f"crate.extra = {x} + crate.made\n{v} = crate.extra",
            f"{v} = getattr(box, 'extra', {x})",
            f"setattr(box, 'data', {x})\n{v} = getattr(box, 'da' + 'ta')",
            f"{v} = hasattr(crate, 'extra') or {x}.size",
            f"{v} = isinstance(crate, Box) * {x}",
            f"{u} = Crate()\n{u}.count = {number}\n{v} = {u}.times({x})",
            f"{u} = Box()\n{u}.data = {x}\n{v} = {u}.half, {u}.count",
            f"{u} = box.times\n{v} = {u}({x}) * {u}({x})",
        )
    )


@in_function(8)
def with_python(w: Writer) -> str:
    """``math``, ``operator``, ``functools``, builtins, and NumPy itself."""
    x, y = _any(w), _any(w)
    one = f"float(np.mean({x}))" if w.value(x).dtype.kind != "c" else "scale"
    source = w.pick(
        (
            f"math.exp(-abs({one})) * {y}",
            f"{y} * math.tanh({one})",
            f"math.sqrt({x}.size) * {y}",
            f"math.floor({one}) * {y}",
            f"math.hypot(scale, {one}) + {y} * math.pi",
            f"math.log1p(calls) * {x}",
            f"math.isnan({one}) or {y}",
            f"operator.mul({x}, 2)",
            f"operator.itemgetter(1)([{x}, {y}])",
            "operator.attrgetter('data')(box) * scale",
            f"functools.reduce(operator.add, [{x}, {x} * 2, 1])",
            f"functools.partial(scaled, by=3)({x})",
            f"list(map(scaled, ({x}, {y})))",
            f"[*zip(({x}, {y}), (1, 2))]",
            f"tuple(filter(lambda z: z.ndim, [{x}, {y}]))",
            f"max(np.max({x}), 0.5) * {y}",
            f"min(({x}, {y}), key=np.size)",
            f"any(np.any(z > 1) for z in ({x}, {y}))",
            f"all([np.all({x} == {x}), {y}.size])",
            f"abs({x}) + abs(calls - 2)",
            f"round({one}) * {y}",
            f"int(np.sum({x} == {x})) * {y}",
            f"bool(np.any({x})) + 1",
            f"numpy.tanh({x})",
            f"numpy.sum({x}) * {y}",
            f"numpy.maximum({x}, {x} * 0.5)",
            f"numpy.float32(0.5) * {x}",
            f"[{x}, {y}][calls % 2]",
            f"list({x}) + [scale]" if w.value(x).ndim else f"[{x}]",
            f"{x}.tolist()",
            f"isinstance({x}, (np.ndarray, numpy.ndarray))",
            f"len(str({x}.shape)) * {y}",
            f"{x}.shape + np.shape({y})",
            f"sorted([scale, total, 0.75])[1] * {x}",
            f"dict(zip('ab', ({x}, {y})))['b']",
            f"sum([{x} * k for k in (0.5, 2)], 1)",
        )
    )
    return f"{fresh(w)} = {source}"


@in_function(8)
def call(w: Writer) -> str:
    """Arguments of all kinds; decorated functions, generators, callbacks."""
    x, y = _any(w), _any(w)
    v, u, f = fresh(w), fresh(w, "u"), fresh(w, "f")
    return w.pick(
        (
            f"{v} = moved({x})",
            f"{v} = moved({x}, to={w.pick(('scale', '2', y))}, twice={y})",
            f"{u} = {{'to': scale, 'more': {y}}}\n{v} = moved({x}, **{u})",
            f"{u} = ({x}, {y})\n{v} = both(*{u}, weights, **{{'sign': calls}})[0]",
            f"{v} = both(*[{x}] * 2)",
            f"{v} = 0\nfor {u} in halves({x}, {w.integer(0, 3)}):\n    {v} = {v} + {u}",
            f"{v} = sum(halves({x}, 3))",
            f"{v} = list(halves({x}, 2))[-1]",
            f"{u}, {v} = halves({x}, 2)",
            f"{u} = halves({x}, 2)\n{v} = next({u}) + next({u})\ndel {u}",
            f"{v} = [f({x}) for f in (scaled, np.sum, box.times)]",
            f"{v} = {{'s': scaled, 't': np.tanh}}['t' if {test(w)} else 's']({x})",
            f"{v} = (scaled if {test(w)} else moved)({x})",
            f"def {f}(*args, **kwargs):\n    return sum(args) * len(kwargs)\n\n{v} = {f}({x}, 1, k=2)",
            f"def {f}(g, z):\n    return g(g(z))\n\n{v} = {f}(lambda z: z * scale, {x})",
            f"def {f}(z):\n    yield z\n    yield z * 2\n\n{v} = list({f}({x}))",
            f"def {f}(z, to=[]):\n    to.append(np.sum(z))\n    return to\n\n{v} = {f}({x}), {f}({y})",
            f"def {f}():\n    nonlocal calls\n    global total\n    calls, total = calls + 1, total * 0.5\n"
            f"    return {x} * total\n\n{v} = {f}()",
            f"class {f}:\n    k = 2\n\n    def __init__(self, z):\n        self.z = z * self.k\n\n"
            f"{v} = {f}({x}).z",
        )
    )


@in_function(6)
def aliases(w: Writer) -> str:
    """Arrays under several names, in containers and objects, that are written."""
    x = rows(w)
    if not w.value(x).flags.writeable:
        raise Unfit
    v, u = fresh(w), fresh(w, "u")
    key = w.pick(("0", "-1", "...", ":1", "::-1"))
    change = w.pick((f"[{key}] = 0.5", f"[{key}] *= 2", " += 1", "[:] = 0", ".fill(2)", ".sort()"))
    return w.pick(
        (
            f"{v} = {u} = {x}\n{u}{change}",
            f"{u} = [{x}, {x}]\n{u}[0]{change}\n{v} = {u}[1] * 1",
            f"{u} = {{'x': {x}}}\n{u}['x']{change}\n{v} = {x} * 2",
            f"{u} = Pair({x}, {x}[0])\n{u}.left[...] = {u}.right\n{v} = {u}",
            f"box.data = {x}\n{x}{change}\n{v} = box.half",
            f"box.data = {x}\nbox.data[{key}] = 0.5\n{v} = {x} + 1",
            f"params.w = {x}[:]\nparams.w{change}\n{v} = params.apply({x})",
            f"{u} = {x}[::-1]\n{x}{change}\n{v} = {u} + 1",
            f"{u} = {x}[1:]\n{u}[...] = {x}[:-1]\n{v} = {x} * 1",
            f"{u} = {x}.copy()\n{u}{change}\n{v} = {x} - {u}",
            f"def {v}(z):\n    z{change}\n    return z\n\n{u} = {v}({x}) is {x}",
            f"kept.append({x})\nkept[-1]{change}\n{v} = {x} * 1",
            f"for {v} in [{x}, weights]:\n    {v}[0] = 0.25",
            f"weights[:2], {v} = {x}[0], weights" if w.value(x).ndim == 1 else f"{v} = {x}.T\n{v}[0] = 1",
            f"{v} = np.add({x}, 1, out={x}) is {x}",
            f"{v} = np.asarray({x})\n{v}{change}",
        )
    )
