"""The loops that statements share, and where in them a view of a value stands.

A loop may be split in two, an outer and an inner one, as often as it takes to tell the axes of a reshaped
value apart. What was said of the whole loop still holds: ``moves`` and ``leaves`` say it of its parts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from minpy.compiler.codegen.views import View, contiguous

Loops = tuple[int, ...]


class Space:
    """Loops by number; those that were split are no longer in ``order``.

    Attributes:
        order: the loops that there are, outermost first.
        extents: of each loop, also of those that were split.
    """

    def __init__(self) -> None:
        self.extents: list[int] = []
        self.order: list[int] = []
        self._halves: dict[int, tuple[int, int]] = {}

    def add(self, extent: int) -> int:
        """A new innermost loop."""
        self.extents.append(extent)
        self.order.append(len(self.extents) - 1)
        return self.order[-1]

    def axes(self, shape: tuple[int, ...]) -> tuple[Loops, ...]:
        """New loops for the axes of a shape; none for those with one element."""
        return tuple((self.add(extent),) if extent > 1 else () for extent in shape)

    def split(self, loop: int, inner: int) -> tuple[int, int]:
        """A loop as two, of which the inner one has ``inner`` turns."""
        position = self.order.index(loop)
        self.extents += [self.extents[loop] // inner, inner]
        halves = len(self.extents) - 2, len(self.extents) - 1
        self.order[position : position + 1] = halves
        self._halves[loop] = halves
        return halves

    def leaves(self, loops: Iterable[int]) -> Loops:
        """The loops that some became, each in its order."""
        found: list[int] = []
        for loop in loops:
            found.extend(self.leaves(self._halves[loop]) if loop in self._halves else [loop])
        return tuple(found)

    def moves(self, strides: Mapping[int, int]) -> dict[int, int]:
        """Distances from turn to turn, for the loops that there are."""
        found: dict[int, int] = {}
        for loop, stride in strides.items():
            if loop in self._halves:
                outer, inner = self._halves[loop]
                found.update(self.moves({outer: stride * self.extents[inner], inner: stride}))
            elif stride:
                found[loop] = stride
        return found

    def along(self, axes: Iterable[Loops], strides: Iterable[int]) -> dict[int, int]:
        """How something moves along loops when it moves by strides along axes that are made of them."""
        found: dict[int, int] = {}
        for loops, stride in zip(axes, strides):
            for loop in reversed(loops):
                if stride:
                    found[loop] = stride
                stride *= self.extents[loop]
        return found

    def match(self, view: View, strides: Mapping[int, int]) -> list[Loops | None] | None:
        """The loops of each axis of a view, for a value whose elements move by ``strides`` in these loops.

        An axis along which the view stays where it is has None. The answer is None where the view is not of
        all elements, each once, or where its axes are not made of loops.
        """
        if view.offset:
            return None
        moves = self.moves(strides)
        found: list[Loops | None] = []
        for extent, stride in zip(view.shape, view.strides):
            if extent == 1:
                found.append(())
            elif not stride:
                found.append(None)
            else:
                loops = self._axis(extent, stride, moves)
                if loops is None:
                    return None
                found.append(loops)
        used = [loop for loops in found if loops for loop in self.leaves(loops)]
        return found if sorted(used) == sorted(moves) else None

    def _axis(self, extent: int, stride: int, moves: dict[int, int]) -> Loops | None:
        """The loops of an axis; splits loops, also in ``moves``, that are only in part of it."""
        loops: list[int] = []
        while extent > 1:
            loop = next((k for k, s in moves.items() if s <= stride < s * self.extents[k]), None)
            if loop is None:
                return None
            skipped, rest = divmod(stride, moves[loop])
            if rest or self.extents[loop] % skipped:
                return None
            if skipped > 1:
                loop = self._split_moves(loop, skipped, moves)[0]
            if self.extents[loop] > extent:
                if self.extents[loop] % extent:
                    return None
                loop = self._split_moves(loop, extent, moves)[1]
            elif extent % self.extents[loop]:
                return None
            loops.insert(0, loop)
            stride *= self.extents[loop]
            extent //= self.extents[loop]
        return tuple(loops)

    def _split_moves(self, loop: int, inner: int, moves: dict[int, int]) -> tuple[int, int]:
        halves = self.split(loop, inner)
        stride = moves.pop(loop)
        moves.update({halves[0]: stride * inner, halves[1]: stride})
        return halves

    def fill(
        self, shape: tuple[int, ...], axes: list[Loops | None], closed: Iterable[int]
    ) -> list[Loops] | None:
        """Loops for the axes that have none yet, from those that no axis has and that are not ``closed``."""
        taken = [loop for loops in axes if loops for loop in self.leaves(loops)]
        if len(set(taken)) < len(taken):
            return None
        free = [loop for loop in self.order if loop not in taken and loop not in set(closed)]
        found: list[Loops] = []
        for extent, loops in zip(shape, axes):
            if loops is None:
                loops = () if extent == 1 else self._run(extent, free)
                if loops is None:
                    return None
                free = [loop for loop in free if loop not in loops]
            found.append(loops)
        return [self.leaves(loops) for loops in found]

    def _run(self, extent: int, free: list[int]) -> Loops | None:
        """Neighboring free loops with as many turns together."""
        for first in range(len(free)):
            turns = 1
            for last in range(first, len(free)):
                turns *= self.extents[free[last]]
                if turns == extent:
                    return tuple(free[first : last + 1])
        return None


def own_strides(space: Space, shape: tuple[int, ...], axes: Iterable[Loops]) -> dict[int, int]:
    """How the numbers of a value's elements move in the loops of its axes."""
    return space.along(axes, contiguous(shape))
