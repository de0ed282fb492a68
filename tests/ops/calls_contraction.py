"""Calls of the functions in ``ops/contraction.py``."""

from __future__ import annotations

from tests.ops.calls import CALLS, Call, Draw, _calls


def _einsum(subscripts: str, *shapes: tuple[int, ...], compiles: bool = True) -> Call:
    return Call(lambda np, *x: np.einsum(subscripts, *x), tuple(map(Draw, shapes)), compiles)


def _crosses() -> list[Call]:
    return [
        Call(lambda np, x, y: np.cross(x, y), (Draw(a), Draw(b)))
        for a in ((3,), (2,), (4, 3), (4, 2))
        for b in ((3,), (2,), (4, 3), (1, 2))
    ]


CALLS.update(
    {
        "einsum": [
            _einsum("ij,jk->ik", (2, 3), (3, 4)),
            _einsum("ij,jk", (2, 3), (3, 4)),
            _einsum("ba,cb", (2, 3), (4, 2)),
            _einsum("i,i", (3,), (3,)),
            _einsum("i,j->ji", (3,), (2,)),
            _einsum("ij->ji", (2, 3)),
            _einsum("ij->", (2, 3)),
            _einsum("ij -> j", (2, 3)),
            _einsum("ii", (3, 3)),
            _einsum("ii->i", (3, 3)),
            _einsum("iji->j", (3, 2, 3)),
            _einsum("bij,bjk->bik", (2, 3, 4), (2, 4, 5)),
            _einsum("bij,bkj->kib", (2, 3, 4), (2, 5, 4)),
            _einsum("...ij,...jk->...ik", (5, 2, 3), (3, 4)),
            _einsum("...ij,...j", (5, 2, 3), (5, 3)),
            _einsum("i...,i...->...", (3, 2), (3, 2)),
            _einsum("...,...", (2, 3), ()),
            _einsum("ij,ij->ij", (2, 3), (1, 3)),
            _einsum("ij,ij->", (2, 1), (2, 3)),
            _einsum("ij,jk,kl->il", (2, 3), (3, 4), (4, 2)),
            _einsum("i,j,k->kij", (2,), (3,), (4,)),
            _einsum("abcd,be,dc->ae", (2, 3, 2, 3), (3, 4), (3, 2)),
            _einsum("ij,kl->i", (2, 3), (3, 4)),
            *_calls(
                lambda np, x: np.einsum(x, [0, 1], [1, 0]),
                lambda np, x: np.einsum(x, [30, 2]),
                lambda np, x: np.einsum(x, [0, ...], x, [1, ...], [1, 0, ...]),
                on=((2, 3),),
            ),
        ],
        "kron": [
            *_calls(lambda np, x, y: np.kron(x, y), on=((2, 3), (3, 2))),
            *_calls(lambda np, x, y: np.kron(x, y), on=((3,), (2, 2))),
            *_calls(lambda np, x, y: np.kron(x, y), on=((2, 1, 2), (3,))),
        ],
        "vdot": _calls(lambda np, x, y: np.vdot(x, y), on=((2, 3), (3, 2))),
        "cross": [
            *_crosses(),
            *_calls(lambda np, x, y: np.cross(x, y, axis=0), on=((3, 4), (3, 4))),
            *_calls(lambda np, x, y: np.cross(x, y, 0, 1, 0), on=((3, 4), (4, 3))),
        ],
        "linalg.multi_dot": [
            *_calls(lambda np, x, y: np.linalg.multi_dot([x, y]), on=((2, 3), (3, 4))),
            *_calls(lambda np, x, y, z: np.linalg.multi_dot([x, y, z]), on=((2, 3), (3, 4), (4, 2))),
            *_calls(lambda np, x, y, z: np.linalg.multi_dot((x, y, z, x)), on=((3,), (3, 4), (4, 3))),
        ],
    }
)
