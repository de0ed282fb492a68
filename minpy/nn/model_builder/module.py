"""``Module``, of which networks are made, and those that join others. Shapes are those of one example."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import minpy.numpy as np
from minpy.errors import ModelError

Shape = tuple[int, ...]
#: What the dictionary of parameters has beside them: under this key is 'train' or 'test'.
MODE = "mode"


class Module:
    """A part of a network. Subclasses write ``forward`` and ``output_shape``, and what else they need.

    Modules do not hold their parameters: the model does, and hands them to ``forward`` in a dictionary. So a
    module that stands in two places, or in two models, is the same function in both; in two places of one
    model its parameters are shared.

    Example::

        class Scale(Module):
            def forward(self, input, params):
                return input * params["scale"]

            def output_shape(self, input_shape):
                return input_shape

            def parameter_shape(self, input_shape):
                return {"scale": input_shape}

            def parameter_settings(self):
                return {"scale": {"init_rule": "constant", "init_config": {"value": 1.0}}}
    """

    #: What the names of its parameters begin with; a model names the modules that have none.
    name: str | None = None

    def forward(self, input: Any, params: dict[str, Any]) -> Any:
        """The output for a batch, in NumPy's words.

        Args:
            input: (N, *input_shape).
            params: all parameters of the model by name, auxiliary ones too, and 'train' or 'test' under
                'mode'. An auxiliary parameter is changed by an assignment, ``params[name] = value``.
        """
        raise NotImplementedError(f"{type(self).__name__} has no forward(self, input, params)")

    def output_shape(self, input_shape: Shape) -> Shape:
        """The shape of an output for an input of this shape, both without the axis of the batch."""
        raise NotImplementedError(f"{type(self).__name__} has no output_shape(self, input_shape)")

    def parameter_shape(self, input_shape: Shape) -> dict[str, Shape]:
        """The shapes of the parameters by name."""
        return {}

    def parameter_settings(self) -> dict[str, dict[str, Any]]:
        """For parameters by name ``init_rule``, ``init_config``, ``update_rule`` and ``optim_config``.

        They go before those of the solver.
        """
        return {}

    def aux_parameters(self, input_shape: Shape) -> dict[str, Any]:
        """What ``forward`` keeps from one batch to the next, such as running means: the values at first."""
        return {}

    def parts(self, input_shape: Shape) -> Iterator[tuple[Module, Shape]]:
        """The modules inside that have parameters of their own, with the shapes of their inputs."""
        return iter(())

    def __add__(self, other: Module) -> Module:
        return Add(self, other) if isinstance(other, Module) else NotImplemented

    def __sub__(self, other: Module) -> Module:
        return Sub(self, other) if isinstance(other, Module) else NotImplemented

    def __mul__(self, other: Module) -> Module:
        return Mul(self, other) if isinstance(other, Module) else NotImplemented

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name or ''})"


class Container(Module):
    """A module made of others, whose parameters are those of its parts."""

    def __init__(self, *modules: Module):
        self.modules = [_checked(self, module) for module in modules]

    def parameter_shape(self, input_shape: Shape) -> dict[str, Shape]:
        return self._gathered(input_shape, lambda module, shape: module.parameter_shape(shape))

    def aux_parameters(self, input_shape: Shape) -> dict[str, Any]:
        return self._gathered(input_shape, lambda module, shape: module.aux_parameters(shape))

    def parameter_settings(self) -> dict[str, dict[str, Any]]:
        settings: dict[str, dict[str, Any]] = {}
        for module in self.modules:
            settings.update(module.parameter_settings())
        return settings

    def _gathered(self, input_shape: Shape, own: Any) -> dict[str, Any]:
        """What all innermost parts have by name; the same name twice is the same module twice."""
        found: dict[str, Any] = {}
        owners: dict[str, tuple[Module, Any]] = {}
        for module, shape in leaves(self, input_shape):
            for name, value in own(module, shape).items():
                owner, known = owners.setdefault(name, (module, value))
                if owner is not module:
                    raise ModelError(
                        f"{owner!r} and {module!r} both have a parameter {name!r}; give them different "
                        f"names, or use one module in both places to share it"
                    )
                if isinstance(value, tuple) and value != known:
                    raise ModelError(f"{module!r} is in two places, where {name!r} is {known} and {value}")
                found[name] = value
        return found

    def __len__(self) -> int:
        return len(self.modules)

    def __getitem__(self, index: int) -> Module:
        return self.modules[index]

    def __iter__(self) -> Iterator[Module]:
        return iter(self.modules)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(map(repr, self.modules))})"


class Sequential(Container):
    """Modules one after the other: ``Sequential(Affine(512), ReLU(), Affine(10))``. They nest."""

    def forward(self, input: Any, params: dict[str, Any]) -> Any:
        for module in self.modules:
            input = module.forward(input, params)
        return input

    def output_shape(self, input_shape: Shape) -> Shape:
        for module in self.modules:
            input_shape = module.output_shape(input_shape)
        return input_shape

    def parts(self, input_shape: Shape) -> Iterator[tuple[Module, Shape]]:
        for module in self.modules:
            yield module, input_shape
            input_shape = module.output_shape(input_shape)

    def append(self, module: Module) -> None:
        """One more at the end."""
        self.modules.append(_checked(self, module))

    def insert(self, index: int, module: Module) -> None:
        """One more in front of the one at ``index``."""
        self.modules.insert(index, _checked(self, module))

    def remove(self, index: int) -> None:
        """Without the one at ``index``."""
        del self.modules[index]


class Branches(Container):
    """Modules side by side, which all have the same input. Subclasses say how their outputs are joined."""

    def __init__(self, *modules: Module):
        super().__init__(*modules)
        if not modules:
            raise ModelError(f"{type(self).__name__} needs at least one module")

    def outputs(self, input: Any, params: dict[str, Any]) -> list[Any]:
        return [module.forward(input, params) for module in self.modules]

    def parts(self, input_shape: Shape) -> Iterator[tuple[Module, Shape]]:
        for module in self.modules:
            yield module, input_shape

    def output_shape(self, input_shape: Shape) -> Shape:
        shapes = [module.output_shape(input_shape) for module in self.modules]
        if len(set(shapes)) > 1:
            raise ModelError(
                f"the branches of {self!r} have different outputs: {', '.join(map(str, shapes))}; "
                f"{type(self).__name__} joins equal shapes"
            )
        return shapes[0]


class Add(Branches):
    """The sum of what modules give for the same input; ``a + b`` makes one of two."""

    def forward(self, input: Any, params: dict[str, Any]) -> Any:
        first, *rest = self.outputs(input, params)
        for output in rest:
            first = first + output
        return first


class Sub(Branches):
    """What the first module gives less what the others give; ``a - b``."""

    def forward(self, input: Any, params: dict[str, Any]) -> Any:
        first, *rest = self.outputs(input, params)
        for output in rest:
            first = first - output
        return first


class Mul(Branches):
    """The product, element by element, of what modules give; ``a * b``, as in a gate."""

    def forward(self, input: Any, params: dict[str, Any]) -> Any:
        first, *rest = self.outputs(input, params)
        for output in rest:
            first = first * output
        return first


class Concatenate(Branches):
    """What modules give, joined along the first axis of an example, the channels of images."""

    def forward(self, input: Any, params: dict[str, Any]) -> Any:
        return np.concatenate(self.outputs(input, params), axis=1)

    def output_shape(self, input_shape: Shape) -> Shape:
        shapes = [module.output_shape(input_shape) for module in self.modules]
        if len({shape[1:] for shape in shapes}) > 1:
            raise ModelError(
                f"the branches of {self!r} give {', '.join(map(str, shapes))}, which differ in more than the "
                f"first axis"
            )
        return (sum(shape[0] for shape in shapes), *shapes[0][1:])


def leaves(module: Module, input_shape: Shape) -> Iterator[tuple[Module, Shape]]:
    """The innermost parts of a module in the order of the network, with the shapes of their inputs."""
    if not isinstance(module, Container):
        yield module, input_shape
        return
    for part, shape in module.parts(input_shape):
        yield from leaves(part, shape)


def _checked(container: Module, module: Any) -> Module:
    if isinstance(module, Module):
        return module
    what = type(container).__name__
    if isinstance(module, type) and issubclass(module, Module):
        raise ModelError(f"{what} is given the class {module.__name__}; write {module.__name__}(...)")
    raise ModelError(f"{what} joins modules, and {module!r} is none; write a class with Module as its base")
