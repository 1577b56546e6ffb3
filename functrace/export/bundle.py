"""Functions, classes and values gathered into one text that needs nothing of this library.

A function is taken in by its source. The names in it that come from outside are looked up as Python would, and what
they stand for is taken in too: a value as an expression that gives the same value, an object of NumPy or of Python's
own library by its name there. Where a function asks whether something is a tracer, there are none in the text.
"""

from __future__ import annotations

import ast
import builtins
import copy
import functools
import importlib
import inspect
import keyword
import linecache
import sys
import types
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from ..compiler.arena import Workspaces
from ..compiler.runtime import CHUNK, give_chunks, in_blocks, take_chunks
from ..compiler.source import compiled_inner
from ..core.aval import Aval, aval_of
from ..core.jaxpr import ClosedJaxpr
from ..core.primitive import Primitive
from ..core.trace import Tracer
from ..errors import FunctraceError
from ..lax import loops
from ..lax.loops import progress_bar
from ..lax.shape import dtype_of, ndim_of, shape_of
from ..lazy import LateUfunc
from .literals import array_text, number_text, scalar_text
from .scopes import OuterNames, bound_names, drop_annotations, names_inside

_PACKAGE = __name__.partition(".")[0]
_NUMBERS = (bool, int, float, complex, str, bytes, types.NoneType)

_ERROR = '''\
class {name}({base}):
    """{summary}"""

    def __init__(self, what, *, instead=None, where=None):
        super().__init__(what if instead is None else f"{{what}}\\n  instead: {{instead}}")'''

_TRACER = '''\
class {name}:
    """A value that is being traced: there is none here."""'''

#: What these functions of the library come to where there is one thread, no tracer, and a program is its function.
_STAND_INS: dict[Any, str] = {
    in_blocks: "def {name}(run, extent, block):\n    run(0, extent)",
    take_chunks: f"def {{name}}(count):\n    return [np.empty({CHUNK}, np.uint8) for _ in range(count)]",
    give_chunks: "def {name}(chunks):\n    pass",
    aval_of: (
        "def {name}(x):\n    is_weak = type(x) in (bool, int, float, complex)\n"
        "    return {aval}(np.shape(x), np.asarray(x).dtype, is_weak)"
    ),
    shape_of: "def {name}(x):\n    return np.shape(x)",
    ndim_of: "def {name}(x):\n    return np.ndim(x)",
    dtype_of: "def {name}(x):\n    return np.asarray(x).dtype",
    progress_bar: "def {name}(steps, total=None):\n    return steps",
    compiled_inner: "def {name}(program, name=None):\n    return program.call",
}

#: What does the same as these functions without the compiler.
_SAME_AS: dict[Any, Callable] = {loops._scan_impl: loops._scan_by_steps, loops._while_impl: loops._while_by_steps}


class CannotBundle(Exception):
    """Why something cannot be written as text that stands alone."""


class Bundle:
    """A module's text in the making.

    Parameters
    ----------
    reserved
        Names that mean something else in the module.

    Attributes
    ----------
    imports
        The import statements.
    definitions
        The definitions, each after those that it needs while the module is loaded.
    values
        The values of reserved names, which come after these.
    of_user
        Whether some of the definitions are not this library's.
    """

    def __init__(self, reserved: Iterable[str]) -> None:
        self.taken: set[str] = {*reserved, *dir(builtins), *keyword.kwlist, *keyword.softkwlist, "np"}
        self.imports: dict[str, None] = {"import numpy as np": None}
        self.definitions: list[str] = []
        self.values: list[str] = []
        self.of_user = False
        self._known: dict[Any, str] = {}
        self._alive: list[Any] = []  # what is known by its identity
        self._open: set[str] = set()  # the names whose definitions are being written

    def take(self, wanted: str) -> str:
        """A name as near as can be to the one that is wanted."""
        name, number = wanted, 1
        while name in self.taken:
            number += 1
            name = f"{wanted}_{number}"
        self.taken.add(name)
        return name

    def define(self, name: str, value: Any) -> None:
        """Give a reserved name its value."""
        self.taken.discard(name)  # what is written for this name alone takes it
        expression = self.reference(value, name)
        self.taken.add(name)
        if expression != name:
            self.values.append(_assignment(name, value, expression))

    def reference(self, value: Any, wanted: str) -> str:
        """An expression for a value; what has none is defined, under a name near to the wanted one."""
        return self._name_elsewhere(value) or self._data(value) or self._defined(value, wanted)

    def _in_function(self, value: Any, wanted: str) -> str:
        """The expression in place of a name in a function: numbers and other data keep their name."""
        text = self._name_elsewhere(value)
        if text is None:
            text = self._data(value)
            if text is None:
                text = self._defined(value, wanted)
            elif not isinstance(value, (bool, types.NoneType)):
                text = self._constant(value, text, wanted)
        return text

    def _constant(self, value: Any, text: str, wanted: str) -> str:
        key = ("constant", wanted, id(value))
        if key not in self._known:
            self._known[key] = self.take(wanted)
            self._alive.append(value)
            self.definitions.append(_assignment(self._known[key], value, text))
        return self._known[key]

    # -- what NumPy or Python has ------------------------------------------------------------------------------------

    def _name_elsewhere(self, value: Any) -> str | None:
        if isinstance(value, (*_NUMBERS, np.generic)):
            return None
        name = _known_names().get(id(value))
        if name is not None:
            return name
        if isinstance(value, LateUfunc):
            return self._imported_from(value.module, value.__name__)
        if isinstance(value, types.ModuleType):
            return self._module(value)
        if isinstance(value, (types.MethodDescriptorType, types.WrapperDescriptorType)):
            return f"{self.reference(value.__objclass__, value.__objclass__.__name__)}.{value.__name__}"
        if isinstance(value, (types.BuiltinMethodType, types.MethodType)):
            owner = value.__self__
            if owner is not None and not isinstance(owner, types.ModuleType):
                return f"{self.reference(owner, 'owner')}.{value.__name__}"
        module, path = getattr(value, "__module__", None), getattr(value, "__qualname__", None)
        if not isinstance(module, str) or not isinstance(path, str) or not _is_standard(module):
            return None
        return self._imported_from(module, path) if getattr(sys.modules.get(module), path, None) is value else None

    def _module(self, module: types.ModuleType) -> str:
        name = module.__name__
        if module is not builtins and not _is_standard(name) and name.partition(".")[0] != "numpy":
            raise CannotBundle(f"it needs the module {name}")
        key = ("module", name)
        if key not in self._known:
            self._known[key] = self.take(name.rpartition(".")[2])
            renamed = "" if self._known[key] == name else f" as {self._known[key]}"
            self.imports[f"import {name}{renamed}"] = None
        return self._known[key]

    def _imported_from(self, module: str, path: str) -> str:
        key = ("from", module, path)
        if key not in self._known:
            self._known[key] = self.take(path)
            renamed = "" if self._known[key] == path else f" as {self._known[key]}"
            self.imports[f"from {module} import {path}{renamed}"] = None
        return self._known[key]

    # -- data --------------------------------------------------------------------------------------------------------

    def _data(self, value: Any) -> str | None:
        kind = type(value)
        if kind in _NUMBERS:
            return number_text(value)
        if kind in (tuple, list, set, frozenset):
            return self._collection(value)
        if kind is dict:
            pairs = [f"{self.reference(k, 'key')}: {self.reference(v, 'item')}" for k, v in value.items()]
            return f"{{{', '.join(pairs)}}}"
        if kind in (slice, range) or value is Ellipsis:
            return "..." if value is Ellipsis else repr(value)
        if isinstance(value, np.dtype):
            return f"np.dtype({value.name!r})" if value.names is None else f"np.dtype({value.descr!r})"
        if isinstance(value, np.generic):
            return scalar_text(value)
        if isinstance(value, np.ndarray):
            return array_text(value)
        return None

    def _collection(self, value: Any) -> str:
        items = [self.reference(item, "item") for item in value]
        if isinstance(value, tuple):
            return f"({', '.join(items)}{',' if len(items) == 1 else ''})"
        if isinstance(value, list):
            return f"[{', '.join(items)}]"
        return f"{type(value).__name__}([{', '.join(sorted(items))}])"

    # -- what is defined here ----------------------------------------------------------------------------------------

    def _defined(self, value: Any, wanted: str) -> str:
        """Define a function, a class or an object, if that is not done yet; its name."""
        if isinstance(value, Primitive):
            return self.reference(value.impl, wanted)
        if isinstance(value, types.FunctionType) and value in _SAME_AS:
            return self.reference(_SAME_AS[value], wanted)
        if id(value) in self._known:
            return self._known[id(value)]
        function: Any = value.__wrapped__ if isinstance(value, functools._lru_cache_wrapper) else value
        if isinstance(function, (type, types.FunctionType)) and function.__name__.isidentifier():
            wanted = function.__name__
        else:
            wanted = _own_name(value) or wanted
        name = self._known[id(value)] = self.take(wanted)
        self._alive.append(value)
        self._open.add(name)
        if isinstance(function, types.FunctionType) and function in _STAND_INS:
            template = _STAND_INS[function]
            text = template.format(name=name, aval=self.reference(Aval, "Aval") if "{aval}" in template else "")
        elif isinstance(function, types.FunctionType):
            text = self._function(function, name)
            if function is not value:
                cache = self._imported_from("functools", "lru_cache")
                text = f"@{cache}(maxsize={value.cache_parameters()['maxsize']})\n{text}"
        elif isinstance(value, type):
            text = self._class(value, name)
        elif isinstance(value, ClosedJaxpr):
            text = f"{name} = {self._program(value)}"
        elif isinstance(value, Workspaces):
            text = f"{name} = {self._workspaces(value)}"
        else:
            text = f"{name} = {self._instance(value)}"
        self._open.discard(name)
        self.definitions.append(text)
        return name

    def _function(self, function: types.FunctionType, name: str) -> str:
        self._take_from(function.__module__, f"the function {function.__qualname__}")
        node = _source_of(function.__code__)
        arguments = node.args
        drop_annotations(arguments)
        arguments.defaults = [self._inline(value) for value in function.__defaults__ or ()]
        given = function.__kwdefaults__ or {}
        arguments.kw_defaults = [
            self._inline(given[argument.arg]) if argument.arg in given else None for argument in arguments.kwonlyargs
        ]
        body: list[ast.stmt] = [ast.Return(node.body)] if isinstance(node, ast.Lambda) else node.body
        written = ast.FunctionDef(name, arguments, body, [], lineno=1)
        outside = {
            **function.__globals__,
            **_taken_in_imports(written, function.__globals__),
            **dict(zip(function.__code__.co_freevars, map(_content, function.__closure__ or ()), strict=True)),
        }
        self._names_in(outside, written).visit_body(written, bound_names(written.body, arguments))
        return _unparsed(written)

    def _take_from(self, module: str | None, what: str) -> None:
        """Note whose code is taken in; other people's installed packages are refused."""
        if module is None or module.partition(".")[0] == _PACKAGE:  # None: a compiled program's
            return
        filename = getattr(sys.modules.get(module), "__file__", None) or ""
        if "site-packages" in filename or "dist-packages" in filename:
            raise CannotBundle(f"it needs {what} of {module.partition('.')[0]}")
        self.of_user = True

    def _inline(self, value: Any) -> ast.expr:
        return ast.parse(self.reference(value, "default"), mode="eval").body

    def _class(self, cls: type, name: str) -> str:
        if issubclass(cls, FunctraceError):
            base = next(kind for kind in cls.__mro__ if kind.__module__ == "builtins")
            return _ERROR.format(name=name, base=base.__name__, summary=(cls.__doc__ or "An error.").splitlines()[0])
        if issubclass(cls, Tracer):
            return _TRACER.format(name=name)
        self._take_from(cls.__module__, f"the class {cls.__qualname__}")
        module = sys.modules[cls.__module__]
        tree = _parsed(getattr(module, "__file__", None) or "")
        found = [node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == cls.__qualname__]
        if len(found) != 1:
            raise CannotBundle(f"it needs the class {cls.__qualname__}, whose source is not to be had")
        node = copy.deepcopy(found[0])
        node.name = name
        self._names_in({**vars(module), **_taken_in_imports(node, vars(module))}, node).visit_ClassDef(node)
        return _unparsed(node)

    def _program(self, closed: ClosedJaxpr) -> str:
        """A program inside of an operation: the function that it is compiled to, and its avals."""
        namespace = self._imported_from("types", "SimpleNamespace")
        call = self.reference(compiled_inner(closed), "body")
        avals = [f"{name}_avals={self.reference(getattr(closed, f'{name}_avals'), name)}" for name in ("in", "out")]
        return f"{namespace}(call={call}, {', '.join(avals)})"

    def _workspaces(self, workspaces: Workspaces) -> str:
        """A compiled program's memory between its calls: empty as yet, of the same plan."""
        namespace = self._imported_from("types", "SimpleNamespace")
        plan = f"{namespace}(size={workspaces._size}, views={self.reference(workspaces._views, 'views')})"
        return f"{self.reference(Workspaces, 'Workspaces')}({plan})"

    def _instance(self, value: Any) -> str:
        """An object as a call of its class with the attributes that are named as its parameters are."""
        cls = type(value)
        if cls.__module__.partition(".")[0] != _PACKAGE:
            raise CannotBundle(f"it needs an object of the class {cls.__module__}.{cls.__qualname__}")
        try:
            fields = list(inspect.signature(cls).parameters)
        except ValueError:
            raise CannotBundle(f"it needs an object of the class {cls.__qualname__}") from None
        words = []
        for field in fields:
            if not hasattr(value, field):
                raise CannotBundle(f"it needs an object of the class {cls.__qualname__}")
            words.append(f"{field}={self.reference(getattr(value, field), field)}")
        return f"{self.reference(cls, cls.__name__)}({', '.join(words)})"

    # -- the names in a definition -----------------------------------------------------------------------------------

    def _names_in(self, outside: dict[str, Any], node: ast.FunctionDef | ast.ClassDef) -> OuterNames:
        """What replaces the names that come from outside of a definition by what they are called in the text."""
        inside = names_inside(node)
        self.taken.update(inside)

        def replace(name: str) -> ast.expr:
            if name not in outside:
                if hasattr(builtins, name):
                    return ast.Name(name, ast.Load())
                raise CannotBundle(f"it uses the name {name}, which stands for nothing")
            text = self._in_function(outside[name], name)
            expression = ast.parse(text, mode="eval").body
            roots = {part.id for part in ast.walk(expression) if isinstance(part, ast.Name)}
            if roots & inside:  # what it is called here is something else in there
                return ast.Name(self._alias(text, roots), ast.Load())
            return expression

        return OuterNames(replace)

    def _alias(self, text: str, roots: set[str]) -> str:
        if roots & self._open:
            raise CannotBundle(f"it uses {text} under another name while that is defined")
        name = self.take(f"{min(roots)}_outside")
        self.definitions.append(f"{name} = {text}")
        return name


def _taken_in_imports(node: ast.AST, namespace: dict[str, Any]) -> dict[str, Any]:
    """What the import statements inside of a function give, if that is this library's; these are taken out."""
    found: dict[str, Any] = {}
    for parent in ast.walk(node):
        body = getattr(parent, "body", None)
        if isinstance(body, list):
            body[:] = [item for item in body if not _imports(item, namespace, found)] or [ast.Pass()]
    return found


def _assignment(name: str, value: Any, expression: str) -> str:
    lines = [f"{name} = {expression}"]
    if isinstance(value, np.ndarray):
        lines.append(f"{name}.flags.writeable = False")
    return "\n".join(lines)


def _imports(statement: ast.stmt, namespace: dict[str, Any], found: dict[str, Any]) -> bool:
    """Whether a statement imports from this library; then what it imports goes into `found`."""
    if isinstance(statement, ast.Import):
        modules = [alias.name for alias in statement.names]
    elif isinstance(statement, ast.ImportFrom):
        modules = [f"{'.' * statement.level}{statement.module or ''}"]
    else:
        return False
    foreign = [module for module in modules if not (_is_standard(module) or module.partition(".")[0] == "numpy")]
    if not foreign:
        return False
    if isinstance(statement, ast.Import) or not (statement.level or foreign[0].partition(".")[0] == _PACKAGE):
        raise CannotBundle(f"it needs {foreign[0]}")
    module = importlib.import_module(foreign[0], namespace.get("__package__"))
    for alias in statement.names:
        found[alias.asname or alias.name] = getattr(module, alias.name)
    return True


def _content(cell: types.CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:
        raise CannotBundle("it uses a variable of the function around it that has no value") from None


def _own_name(value: Any) -> str | None:
    """The name of an object in the module of its class."""
    module = vars(sys.modules[type(value).__module__])
    return next((name for name, other in module.items() if other is value and name.isidentifier()), None)


def _is_standard(module: str) -> bool:
    return module.partition(".")[0] in sys.stdlib_module_names and module != "builtins"


@functools.cache
def _known_names() -> dict[int, str]:
    """The objects of NumPy and of Python by their identity."""
    names: dict[int, str] = {}
    spaces: dict[str, Any] = {"np.": np, "np.linalg.": np.linalg, "np.fft.": np.fft}
    for prefix, space in spaces.items():
        for name in space.__all__:
            value = None if name in _NOT_ASKED else getattr(space, name)
            own = prefix == "np." and getattr(value, "__name__", "") == name  # of several names the one it has itself
            if callable(value) and (own or id(value) not in names):
                names[id(value)] = f"{prefix}{name}"
    for name, value in vars(builtins).items():
        if callable(value) and not name.startswith("_"):
            names[id(value)] = name
    for view in (np.lib.stride_tricks.as_strided, np.lib.stride_tricks.sliding_window_view):
        names[id(view)] = f"np.lib.stride_tricks.{view.__name__}"
    names[id(np)] = "np"
    return names


_NOT_ASKED = ("random", "ctypeslib", "f2py", "testing", "typing")  # modules that NumPy loads when they are asked for

# ---------------------------------------------------------------------------------------------------------------------
# source
# ---------------------------------------------------------------------------------------------------------------------


@functools.lru_cache(maxsize=256)
def _parsed(filename: str) -> ast.Module:
    lines = linecache.getlines(filename)
    if not lines:
        raise CannotBundle(f"the source in {filename or 'a module without a file'} is not to be had")
    return ast.parse("".join(lines))


def _source_of(code: types.CodeType) -> ast.FunctionDef | ast.Lambda:
    """The part of its file that a function was made from."""
    if code.co_name == "<lambda>":
        found: list[Any] = _lambdas(code)
    else:
        found = [
            node
            for node in ast.walk(_parsed(code.co_filename))
            if isinstance(node, ast.FunctionDef)
            and node.name == code.co_name
            and min([node.lineno, *[item.lineno for item in node.decorator_list]]) == code.co_firstlineno
        ]
    if len(found) != 1:
        raise CannotBundle(f"the source of {code.co_qualname} in {code.co_filename} is not to be had")
    return copy.deepcopy(found[0])


def _lambdas(code: types.CodeType) -> list[ast.Lambda]:
    """The innermost lambda whose body has the places of all the code's instructions."""
    places = [p for p in code.co_positions() if None not in p and p[2:] != (0, 0)]

    def holds(body: ast.expr) -> bool:
        start, end = (body.lineno, body.col_offset), (body.end_lineno, body.end_col_offset)
        return all(start <= (p[0], p[2]) and (p[1], p[3]) <= end for p in places)

    candidates = [
        node
        for node in ast.walk(_parsed(code.co_filename))
        if isinstance(node, ast.Lambda) and node.lineno == code.co_firstlineno and holds(node.body)
    ]
    if not places and len(candidates) > 1:  # Python was told not to keep the places
        return []
    return sorted(candidates, key=lambda node: (node.lineno, node.col_offset))[-1:]


def _unparsed(node: ast.FunctionDef | ast.ClassDef) -> str:
    for inner in _definitions(node):
        _shorten_docstring(inner)
    return ast.unparse(ast.fix_missing_locations(node))


def _definitions(node: ast.AST) -> Iterator[Any]:
    return (inner for inner in ast.walk(node) if isinstance(inner, (ast.FunctionDef, ast.ClassDef)))


def _shorten_docstring(node: Any) -> None:
    """Its first sentence is enough here; the rest is for the library's users."""
    summary = (ast.get_docstring(node) or "").partition("\n\n")[0]
    if summary:
        node.body[0] = ast.Expr(ast.Constant(" ".join(summary.split())))
