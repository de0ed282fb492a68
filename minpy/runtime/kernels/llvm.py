"""From LLVM's language to machine code of this processor, by llvmlite.

A text is compiled once: while anyone uses its code, that is found by the text; and the object code is kept on
disk (see ``runtime/artefacts.py``). Several texts are compiled side by side, those of one thread as one
module: LLVM takes longer for a module than for a small function. The first of them are compiled while the
next ones are still written. JITLink links code, in memory that is executable only after it is not writable
any more.
"""

from __future__ import annotations

import base64
import contextlib
import ctypes
import functools
import hashlib
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Callable, NamedTuple
from weakref import WeakValueDictionary

from minpy.runtime import native
from minpy.runtime.artefacts import Artefacts, artefacts
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
    """The machine code of a text, which is there as long as this object, or another of the same module.

    Attributes:
        address: of the function.
    """

    __slots__ = ("__weakref__", "_library", "address")

    def __init__(self, library: Any, name: str):
        self._library = library
        self.address: int = library[name]


class _Object(NamedTuple):
    """The object code of a module, and for texts in it the names of their functions."""

    code: bytes
    names: dict[str, str]

    def linked(self) -> dict[str, Code]:
        builder = binding.JITLibraryBuilder().add_object_img(self.code).add_current_process()
        for name in self.names.values():
            builder.export_symbol(name)
        number = next(_numbers)
        linker = _linker(number // _LINKS)
        library = builder.link(linker, f"kernel{number}")
        library.linker = linker  # which has to outlive it
        return {text: Code(library, name) for text, name in self.names.items()}


_numbers = itertools.count()
#: How much one linker links. As long as it is there it keeps 9 KB of everything, also of what is gone.
_LINKS = 32
_known: WeakValueDictionary[str, Code] = WeakValueDictionary()
#: characters of texts that are worth a module of their own: about 5 ms
_MODULE = 1 << 14

#: A kernel of what most kernels have: a loop, vectors, a constant, a choice, a sum on the stack.
_SMALL = f"""
define void @{ENTRY}(ptr %arguments, i64 %begin, i64 %end, i64 %chunk) {{
entry:
  %sum = alloca <16 x double>
  store <16 x double> zeroinitializer, ptr %sum
  %x = load ptr, ptr %arguments
  br label %head
head:
  %i = phi i64 [ %begin, %entry ], [ %next, %body ]
  %more = icmp slt i64 %i, %end
  br i1 %more, label %body, label %done
body:
  %at = getelementptr inbounds float, ptr %x, i64 %i
  %v = load <16 x float>, ptr %at, align 4
  %w = call <16 x float> @llvm.fma.v16f32(<16 x float> %v, <16 x float> %v, <16 x float> splat (float 3.0))
  %above = fcmp ogt <16 x float> %w, %v
  %y = select <16 x i1> %above, <16 x float> %w, <16 x float> zeroinitializer
  %z = fdiv <16 x float> %y, %v
  store <16 x float> %z, ptr %at, align 4
  %wide = fpext <16 x float> %z to <16 x double>
  %before = load <16 x double>, ptr %sum
  %after = fadd <16 x double> %before, %wide
  store <16 x double> %after, ptr %sum
  %next = add nsw i64 %i, 16
  br label %head
done:
  %all = load <16 x double>, ptr %sum
  store <16 x double> %all, ptr %x, align 8
  ret void
}}
declare <16 x float> @llvm.fma.v16f32(<16 x float>, <16 x float>, <16 x float>)
"""


def warm_up() -> None:
    """Compile a small kernel: the first one of a process takes 7 ms more, for tables that LLVM makes once."""
    with compilation():
        _compiled_together([_SMALL]).linked()


def codes(texts: Iterable[str]) -> dict[str, Code]:
    """The machine code of each text.

    Raises:
        RuntimeError: where a text is not in LLVM's language.
    """
    with making() as code:
        for text in texts:
            code.add(text)
        return code.finish()


@contextlib.contextmanager
def making(ahead: bool = False) -> Iterator[Making]:
    """Makes machine code of texts that come one by one: ``ahead`` also on another thread meanwhile.

    No thread is left behind the block.
    """
    with compilation(), ThreadPoolExecutor(1, "minpy-llvm") as pool:
        yield Making(pool if ahead and native.THREADS > 1 else None)


class Making:
    """See ``making``."""

    def __init__(self, pool: ThreadPoolExecutor | None):
        self._pool = pool
        self._found: dict[str, Code | None] = {}
        self._waiting: list[str] = []
        self._kept: list[_Object] = []
        self._begun: list[Future[_Object]] = []
        self._folder = artefacts()

    def add(self, text: str) -> None:
        """One text more."""
        if text in self._found:
            return
        self._found[text] = code = _known.get(text)
        if code is None:
            self._waiting.append(text)

    def begin(self) -> None:
        """Another text is going to be written: what waits is compiled meanwhile, where that is worth it.

        A thread costs up to 5 ms, for memory and caches of its own. So the last text has none.
        """
        if self._pool is not None and self._is_worth_it():
            self._begin(self._pool)

    def finish(self) -> dict[str, Code]:
        """The machine code of all texts.

        Raises:
            RuntimeError: where one is not in LLVM's language.
        """
        made = [*_compiled(self._new()), *[future.result() for future in self._begun]]
        if self._folder is not None:
            for new in made:
                key = hashlib.sha256(new.code).hexdigest()
                self._folder.write(key, {"object": base64.b64encode(new.code).decode()})
                for text, name in new.names.items():
                    self._folder.write(_key(text), {"object": key, "name": name})
        for module in (*self._kept, *made):
            for text, code in module.linked().items():
                self._found[text] = _known.setdefault(text, code)
        return self._found  # type: ignore[return-value]

    def _is_worth_it(self) -> bool:
        """Whether the other thread has nothing to do, and much waits."""
        return sum(map(len, self._waiting)) >= _MODULE and all(future.done() for future in self._begun)

    def _begin(self, pool: ThreadPoolExecutor) -> None:
        # LLVM's part alone is done on the other thread: for each of Python's calls that would have to wait
        # until the thread that writes lets it.
        new = self._new()
        if new:
            self._begun.append(pool.submit(_prepared(new)))

    def _new(self) -> list[str]:
        """What waits and is not on disk. It does not wait any more."""
        texts, self._waiting = self._waiting, []
        kept = [] if self._folder is None else _kept(self._folder, texts)
        self._kept.extend(kept)
        known = {text for module in kept for text in module.names}
        return [text for text in texts if text not in known]


def _key(text: str) -> str:
    """Of the entry that says in which object code a text is, and under what name."""
    return hashlib.sha256(f"object, name {_machine()} {text}".encode()).hexdigest()


def _kept(folder: Artefacts, texts: Iterable[str]) -> list[_Object]:
    names: dict[str, dict[str, str]] = {}
    for text in texts:
        told = folder.read(_key(text))
        if told is not None:
            names.setdefault(told["object"], {})[text] = told["name"]
    read = [(folder.read(key), of_texts) for key, of_texts in names.items()]
    return [_Object(base64.b64decode(kept["object"]), told) for kept, told in read if kept is not None]


def _compiled(texts: Sequence[str]) -> list[_Object]:
    """Object code that is made now: one for each thread."""
    shares = _shared_out(texts, native.THREADS)
    if len(shares) < 2:
        return list(map(_compiled_together, shares))
    with ThreadPoolExecutor(len(shares) - 1) as pool:
        others = [pool.submit(_prepared(share)) for share in shares[1:]]  # LLVM's part, as in ``_begin``
        return [_compiled_together(shares[0]), *[other.result() for other in others]]


def _shared_out(texts: Sequence[str], count: int) -> list[list[str]]:
    """So many parts, or fewer, that take about the same time."""
    shares: list[list[str]] = [[] for _ in range(max(count, 1))]
    for text in sorted(texts, key=len, reverse=True):
        min(shares, key=lambda share: sum(map(len, share))).append(text)
    return [share for share in shares if share]


def _compiled_together(texts: Sequence[str]) -> _Object:
    return _prepared(texts)()


def _prepared(texts: Sequence[str]) -> Callable[[], _Object]:
    """A module as it is when LLVM makes object code of it, which the function that it gives does."""
    try:
        tools = _idle.pop()
    except IndexError:
        tools = _Tools.new()
    names = {text: f"{ENTRY}{i}" for i, text in enumerate(texts)}
    try:
        module = tools.optimized(names)
    except BaseException:
        _idle.append(tools)
        raise

    def emitted() -> _Object:
        try:
            return _Object(tools.emit(module), names)
        finally:
            module.close()  # a traceback would keep it, perhaps longer than its context
            _idle.append(tools)

    return emitted


def assembly(text: str) -> str:
    """What the processor runs for a text, for people."""
    tools = _Tools.new()
    return tools.machine.emit_assembly(tools.optimized({text: ENTRY}))


class _Tools(NamedTuple):
    """What one thread at a time compiles with."""

    machine: Any
    passes: Any

    @classmethod
    def new(cls) -> _Tools:
        machine = _new_machine()
        options = binding.create_pipeline_tuning_options()
        return cls(machine, binding.create_pass_builder(machine, options))

    def optimized(self, names: Mapping[str, str]) -> Any:
        """A module with the function of each text, under these names."""
        module, *others = self._parsed(names)
        for other in others:
            module.link_in(other)
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

    @staticmethod
    def _parsed(names: Mapping[str, str]) -> Iterator[Any]:
        context = binding.create_context()
        for text, name in names.items():
            module = binding.parse_assembly(text, context)
            module.get_function(ENTRY).name = name
            yield module

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


@functools.lru_cache(maxsize=1)
def _linker(number: int) -> Any:
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
