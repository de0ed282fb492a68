"""From LLVM's language to machine code of this processor, by llvmlite.

A text is compiled once: while anyone uses its code, that is found by the text; and the object code is kept on
disk (see ``runtime/artefacts.py``). Several texts are compiled side by side. LLVM's JITLink links code, in
memory that is executable only after it is not writable any more.
"""

from __future__ import annotations

import base64
import ctypes
import functools
import hashlib
import itertools
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple
from weakref import WeakValueDictionary

from minpy.runtime import native
from minpy.runtime.artefacts import artefacts
from minpy.runtime.forking import compilation

try:
    import llvmlite
    from llvmlite import binding
except ImportError as error:  # on Python 3.9 there is none of the release that is needed
    missing: str | None = f"llvmlite cannot be imported ({error})"
else:
    missing = None
    if llvmlite.__version__.split(".")[:2] != ["0", "50"]:
        missing = f"llvmlite is {llvmlite.__version__}, and kernels need 0.50"

#: The function that a text defines.
ENTRY = "nest"

#: Sums lie on the stack in the texts. Else they are what is to run: more passes take twice the time for the
#: same code.
_PASSES = "sroa", "simplify_cfg"
#: For the linker code has to be independent of its position; it lies next to its constants.
_MACHINE: dict[str, Any] = {"opt": 2, "reloc": "pic", "codemodel": "small", "jit": True}


class Code:
    """The machine code of a text, which is there as long as this object.

    Attributes:
        address: of the function.
    """

    __slots__ = ("__weakref__", "_library", "address")

    def __init__(self, object_code: bytes):
        builder = binding.JITLibraryBuilder().add_object_img(object_code).add_current_process()
        self._library = builder.export_symbol(ENTRY).link(_linker(), f"kernel{next(_numbers)}")
        self.address: int = self._library[ENTRY]


_numbers = itertools.count()
_known: WeakValueDictionary[str, Code] = WeakValueDictionary()


def codes(texts: Iterable[str]) -> dict[str, Code]:
    """The machine code of each text.

    Raises:
        RuntimeError: where a text is not in LLVM's language.
    """
    found = {text: _known.get(text) for text in texts}
    new = [text for text, code in found.items() if code is None]
    if new:
        with compilation():
            found.update(_made(new))
    return found  # type: ignore[return-value]


def _made(new: list[str]) -> dict[str, Code]:
    count = min(len(new), native.THREADS)
    if count > 1:
        with ThreadPoolExecutor(count) as pool:
            made = list(pool.map(_object_code, new))
    else:
        made = list(map(_object_code, new))
    return {text: _known.setdefault(text, Code(object_code)) for text, object_code in zip(new, made)}


def assembly(text: str) -> str:
    """What the processor runs for a text, for people."""
    tools = _Tools.new()
    return tools.machine.emit_assembly(tools.optimized(text))


def _object_code(text: str) -> bytes:
    folder = artefacts()
    if folder is None:
        return _compiled(text)
    key = hashlib.sha256(f"{_machine()} {text}".encode()).hexdigest()
    kept = folder.read(key)
    if isinstance(kept, dict) and isinstance(kept.get("object"), str):
        return base64.b64decode(kept["object"])
    made = _compiled(text)
    folder.write(key, {"object": base64.b64encode(made).decode()})
    return made


def _compiled(text: str) -> bytes:
    try:
        tools = _idle.pop()
    except IndexError:
        tools = _Tools.new()
    try:
        return tools.emit(tools.optimized(text))
    finally:
        _idle.append(tools)


class _Tools(NamedTuple):
    """What one thread at a time compiles with."""

    machine: Any
    passes: Any

    @classmethod
    def new(cls) -> _Tools:
        machine = _new_machine()
        options = binding.create_pipeline_tuning_options()
        return cls(machine, binding.create_pass_builder(machine, options))

    def optimized(self, text: str) -> Any:
        module = binding.parse_assembly(text, binding.create_context())
        module.verify()
        module.triple, module.data_layout = self.machine.triple, str(self.machine.target_data)
        manager = binding.create_new_function_pass_manager()
        for name in _PASSES:
            getattr(manager, f"add_{name}_pass")()
        for function in module.functions:
            if not function.is_declaration:
                function.add_function_attribute("nounwind")  # else the linker keeps tables, for good
                manager.run(function, self.passes)
        return module

    def emit(self, module: Any) -> bytes:
        """``machine.emit_object(module)``, without llvmlite's lock, which lets one thread work at a time.

        LLVM needs none where each thread has a context of its own.
        """
        library, failure = _library(), ctypes.c_char_p()
        buffer = library.LLVMPY_TargetMachineEmitToMemory(self.machine, module, 1, ctypes.byref(failure))
        if not buffer:
            raise RuntimeError(f"LLVM cannot compile a kernel: {(failure.value or b'').decode()}")
        size = library.LLVMPY_GetBufferSize(buffer)
        made = ctypes.string_at(library.LLVMPY_GetBufferStart(buffer), size)
        library.LLVMPY_DisposeMemoryBuffer(buffer)
        return made


_idle: list[_Tools] = []


@functools.cache
def _machine() -> tuple[Any, ...]:
    """All but the text that decides what the object code is."""
    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    features = binding.get_host_cpu_features().flatten()
    versions = llvmlite.__version__, binding.llvm_version_info, binding.get_default_triple()
    return *versions, binding.get_host_cpu_name(), features, _PASSES, tuple(_MACHINE.items())


def _new_machine() -> Any:
    *_, processor, features, _, _ = _machine()
    return binding.Target.from_default_triple().create_target_machine(processor, features, **_MACHINE)


@functools.cache
def _linker() -> Any:
    return binding.create_lljit_compiler(_new_machine(), use_jit_link=True)


@functools.cache
def _library() -> ctypes.CDLL:
    """llvmlite's library of functions, as far as they are called without its lock."""
    locked = binding.ffi.lib
    library = ctypes.CDLL(locked._name)
    for name in ("TargetMachineEmitToMemory", "GetBufferStart", "GetBufferSize", "DisposeMemoryBuffer"):
        function, known = getattr(library, f"LLVMPY_{name}"), getattr(locked, f"LLVMPY_{name}")
        function.argtypes, function.restype = known.argtypes, known.restype
    return library
