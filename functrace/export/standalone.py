"""A function as a Python module that needs NumPy and nothing else: `to_source`."""

from __future__ import annotations

import ast
import builtins
import inspect
import keyword
import re
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from .. import tree
from ..compiler.effects import has_effect
from ..compiler.names import identifier
from ..compiler.source import Program, compiled
from ..core.aval import Aval
from ..core.jaxpr import ClosedJaxpr, Equation, inner_jaxprs
from ..errors import ExportError, Location, OptionError
from .bundle import Bundle, CannotBundle
from .scopes import OuterNames
from .structures import Check, rebuilt, unpacked
from .tracing import Parameter, TracedFunction, trace

_HELPERS = {
    "array": '''\
def {name}(value, place, shape, dtype):
    """`value`, if it is an array of this shape and dtype; a NumPy scalar is one of shape ()."""
    if type(value) is not np.ndarray and not isinstance(value, np.generic):
        kind = type(value).__name__
        raise TypeError(f"{{place}}: expected a NumPy array of shape {{shape}} and dtype {{dtype}}, got {{kind}}")
    if value.dtype != dtype:
        raise TypeError(f"{{place}}: expected dtype {{dtype}}, got {{value.dtype}}")
    if value.shape != shape:
        raise ValueError(f"{{place}}: expected shape {{shape}}, got {{value.shape}}")
    return value''',
    "number": '''\
def {name}(value, place, kind):
    """`value` as a Python number: a bool, an int, a float or a complex."""
    kinds = {{"bool": (bool, "b"), "int": (int, "iu"), "float": (float, "iuf"), "complex": (complex, "iufc")}}
    convert, dtype_kinds = kinds[kind]
    if np.ndim(value) or np.asarray(value).dtype.kind not in dtype_kinds:
        raise TypeError(f"{{place}}: expected a number ({{kind}}), got {{type(value).__name__}}")
    return convert(value)''',
    "dict": '''\
def {name}(value, place, keys):
    """Check that `value` is a dict with these keys."""
    if not isinstance(value, dict):
        raise TypeError(f"{{place}}: expected a dict, got {{type(value).__name__}}")
    if set(value) != set(keys):
        raise ValueError(f"{{place}}: expected the keys {{list(keys)}}, got {{list(value)}}")''',
    "sequence": '''\
def {name}(value, place, kind, length):
    """Check that `value` is a list or tuple of this length."""
    if not isinstance(value, {{"list": list, "tuple": tuple}}[kind]):
        raise TypeError(f"{{place}}: expected a {{kind}}, got {{type(value).__name__}}")
    if len(value) != length:
        raise ValueError(f"{{place}}: expected {{length}} items, got {{len(value)}}")''',
    "none": '''\
def {name}(value, place):
    """Check that `value` is None."""
    if value is not None:
        raise TypeError(f"{{place}}: expected None, got {{type(value).__name__}}")''',
}

_NUMBERS = {"b": "bool", "i": "int", "f": "float", "c": "complex"}


def to_source(function: Callable, /, *args: Any, name: str | None = None, **kwargs: Any) -> str:
    """A function as the text of a Python module that imports NumPy (and Python's own library) alone.

    Where it has functions of `functrace.scipy.special` whose values are SciPy's, it imports these from SciPy.

    The module has one public function. It takes what `function` takes in the example call, in arguments of the same
    names, and computes what ``jit(function)`` computes, to the last bit. It checks the shapes and dtypes of what it is
    given. Arguments that the example call leaves out, and static arguments, have their values fixed. In place of a
    named tuple any tuple of its length is taken; a result that is a named tuple comes back as one of the same name and
    fields, of a class of the module's own. What is captured becomes a constant of the module, which runs on one thread.

    Parameters
    ----------
    function
        A function of arrays and pytrees, jitted or not: also ``grad(f)`` or ``vmap(f)``.
    *args, **kwargs
        Example arguments: arrays, numbers, or `ShapeDtypeStruct`; the function is traced for them and not run.
    name
        The name of the public function; by default that of `function`, as far as it is an identifier. A name of
        Python's own (`sum`) gets an underscore.

    Returns
    -------
    str
        The text. It depends on nothing but NumPy (and SciPy, as above): no line of it needs functrace.

    Raises
    ------
    ExportError
        Something in the function cannot be written as source: a callback, a debug print, a container that only this
        library knows, an operation made of another library's code. The error names the operation and the line.
    OptionError
        `name` is no identifier, or means something else in Python.

    Examples
    --------
    >>> import functrace, functrace.export, numpy as np
    >>> text = functrace.export.to_source(functrace.grad(lambda x: x * x), 1.0, name="slope")
    >>> module = {}
    >>> exec(text, module)
    >>> float(module["slope"](3.0))
    6.0
    """
    traced = trace(function, args, kwargs)
    _refuse_effects(traced.closed)
    wanted = _public_name(traced.name, name)
    fresh = ClosedJaxpr(traced.closed.jaxpr, traced.closed.consts)  # its source is to have another name
    program = _Program.of(compiled(fresh, wanted, traced.argument_names))
    if name is not None and program.name != name:
        raise OptionError(f"name={name!r} means something else in the exported module", instead=f"name='{name}_'")
    text = _module(traced, program)
    try:
        compile(text, "<exported>", "exec")
    except (SyntaxError, RecursionError, MemoryError) as error:
        raise ExportError(f"Python cannot compile the module, whose structures are too deep: {error}") from None
    return text


def _public_name(own: str, given: str | None) -> str:
    if given is None:
        return identifier(own)
    if not isinstance(given, str) or not given.isidentifier() or keyword.iskeyword(given) or hasattr(builtins, given):
        raise OptionError(f"name should be an identifier that means nothing yet, got {given!r}")
    return given


# ---------------------------------------------------------------------------------------------------------------------
# what cannot be exported
# ---------------------------------------------------------------------------------------------------------------------


def _refuse_effects(closed: ClosedJaxpr) -> None:
    """Refuse what reaches outside of the program: callbacks and prints."""
    for equation in all_equations(closed):
        if equation.primitive.calls:
            continue
        if any(callable(value) and not isinstance(value, type) for value in equation.params.values()):
            raise ExportError(
                f"{equation.primitive.name} calls a Python function while the program runs, which cannot be written "
                "into a module that stands alone",
                instead="the same computation with functrace.numpy; a version without debug prints and callbacks",
                where=equation.location,
            )
        if has_effect(equation) and not any(True for _ in inner_jaxprs(equation.params)):
            raise ExportError(f"{equation.primitive.name} has an effect beside its value", where=equation.location)


def all_equations(closed: ClosedJaxpr) -> Iterator[Equation]:
    """The equations of a program and of the programs inside it, each once."""
    pending, seen = [closed], {id(closed)}
    while pending:
        for equation in pending.pop().equations:
            yield equation
            for _, inner in inner_jaxprs(equation.params):
                if id(inner) not in seen:
                    seen.add(id(inner))
                    pending.append(inner)


def _place_of(closed: ClosedJaxpr, value: Any) -> tuple[str, Location | None]:
    """The operation that something in the source belongs to, and the user's line."""
    for equation in all_equations(closed):
        if equation.primitive.impl is value or any(parameter is value for parameter in equation.params.values()):
            return f"the operation {equation.primitive.name}", equation.location
    return "the program", None


# ---------------------------------------------------------------------------------------------------------------------
# the text
# ---------------------------------------------------------------------------------------------------------------------


class _Program(NamedTuple):
    """Compiled source, with what it needs from outside."""

    name: str
    text: str  # without its imports
    imports: list[str]
    defined: set[str]
    needed: dict[str, Any]

    @classmethod
    def of(cls, program: Program) -> _Program:
        tree = ast.parse(program.text)
        lines = program.text.split("\n")
        imports: list[str] = []
        defined: set[str] = set()
        for node in tree.body:
            match node:
                case ast.Import() | ast.ImportFrom():
                    imports.append(ast.unparse(node))
                    defined.update(alias.asname or alias.name for alias in node.names)
                    for number in range(node.lineno, (node.end_lineno or node.lineno) + 1):
                        lines[number - 1] = ""
                case ast.FunctionDef() | ast.ClassDef():
                    defined.add(node.name)
                case ast.Assign():
                    defined.update(target.id for target in node.targets if isinstance(target, ast.Name))
        used: set[str] = set()

        def note(name: str) -> ast.expr:
            used.add(name)
            return ast.Name(name, ast.Load())

        OuterNames(note).visit(tree)
        namespace = program.namespace  # of what it has, the header says in comments what it does not define
        needed = {word: namespace[word] for word in sorted(used - defined) if word in namespace}
        remarks = tuple([f"# {word}: " for word in needed])
        code = "\n".join([line for line in lines if not line.startswith(remarks)]).strip("\n")
        return cls(program.name, code, imports, defined, needed)


def _module(traced: TracedFunction, program: _Program) -> str:
    parameters = [*[parameter.name for parameter in traced.parameters], traced.rest_name, "out"]
    bundle = Bundle([program.name, *program.defined, *program.needed, *parameters])
    flat = bundle.take(f"{program.name}_program")
    public = bundle.take(f"{program.name}_") if hasattr(builtins, program.name) else program.name
    for word, value in program.needed.items():
        try:
            bundle.define(word, value)
        except CannotBundle as error:
            what, where = _place_of(traced.closed, value)
            raise ExportError(
                f"{what} cannot be written into a module that stands alone: {error}",
                instead="functrace.export.save, which keeps the program for this library to load",
                where=where,
            ) from None
    code = re.sub(rf"^def {program.name}\(", f"def {flat}(", program.text, count=1, flags=re.MULTILINE)
    bundled = _spaced(bundle.definitions)
    wrapper = _wrapper(traced, public, flat, bundle)
    imports = sorted({*bundle.imports, *program.imports}, key=lambda line: (line.startswith("from"), line))
    libraries = "NumPy and SciPy" if any(line.startswith("from scipy.") for line in imports) else "NumPy alone"
    parts = [
        _docstring(traced, public, libraries),
        "\n".join(imports),
        *([f"{_attribution(bundle)}\n\n\n{bundled}"] if bundled else []),
        "\n".join(["# The program.", *bundle.values, code]),
        *wrapper,
    ]
    return "\n\n\n".join(parts).replace('"""\n\n\n', '"""\n\n', 1) + "\n"


def _attribution(bundle: Bundle) -> str:
    also = "operations of the user's own, and " if bundle.of_user else ""
    return f"# From here to the program: {also}parts of functrace, (c) 2026 The functrace developers, MIT License."


def _spaced(definitions: Sequence[str]) -> str:
    """Definitions with two lines between them, but none between those of one line."""
    text = ""
    for before, after in zip(["", *definitions], definitions, strict=False):
        close = not text or ("\n" not in before and "\n" not in after)
        text += ("\n" if close else "\n\n\n") + after
    return text.strip("\n")


def _docstring(traced: TracedFunction, name: str, libraries: str) -> str:
    lines = [
        f"{name}: a function that computes with {libraries}.",
        "",
        f"Written by functrace.export.to_source from the function {_plain(traced.name)}, as it was traced for",
        "arguments of these shapes and dtypes. It computes what functrace.jit computes, to the last bit.",
        "",
        "Arguments",
    ]
    places = [place for _, leaves, _ in _arguments(traced) for place in leaves]
    lines += [
        f"    {_plain(place)}: {_described(aval)}" for place, aval in zip(places, traced.closed.in_avals, strict=True)
    ] or ["    none"]
    lines += ["", "Result"]
    example = traced.out_tree.unflatten(range(traced.out_tree.num_leaves))
    paths = [f"result{tree.keystr(path)}" for path, _ in tree.leaves_with_path(example)]
    lines += [
        f"    {_plain(path)}: {_described(aval.strong())}"
        for path, aval in zip(paths, traced.closed.out_avals, strict=True)
    ] or ["    nothing"]
    return '"""' + "\n".join(lines) + '\n"""'


def _plain(text: str) -> str:
    """Text as it may stand in a docstring."""
    return "".join(c if c.isprintable() and c != "\\" else "?" for c in text).replace('"""', "'''")


def _described(aval: Aval) -> str:
    if aval.weak_type:
        return f"a number ({_NUMBERS[aval.dtype.kind]})"
    return f"{aval.dtype.name} of shape {aval.shape}"


def _arguments(traced: TracedFunction) -> Iterator[tuple[Parameter, list[str], list[Check]]]:
    """Each argument with its leaves as expressions and the containers that are checked."""
    for parameter in traced.parameters:
        place = f"{traced.rest_name}[{parameter.name}]" if parameter.kind is _REST else parameter.name
        leaves, checks = unpacked(parameter.treedef, place)
        yield parameter, leaves, checks


_REST = inspect.Parameter.VAR_POSITIONAL


def _wrapper(traced: TracedFunction, name: str, flat: str, bundle: Bundle) -> list[str]:
    """The public function, and what it uses."""
    helpers: dict[str, str] = {}
    classes: dict[type, str] = {}

    def helper(kind: str) -> str:
        if kind not in helpers:
            helpers[kind] = bundle.take(f"_{kind}")
        return helpers[kind]

    lines: list[str] = []
    words: list[str] = []
    avals = iter(traced.closed.in_avals)
    rest = sum(parameter.kind is _REST for parameter in traced.parameters)
    if rest:
        lines.append(f"{helper('sequence')}({traced.rest_name}, {traced.rest_name!r}, 'tuple', {rest})")
    for _, leaves, checks in _arguments(traced):
        for check in checks:
            lines.append(_check_text(check, helper))
        for place in leaves:
            aval = next(avals)
            if aval.weak_type:
                words.append(f"{helper('number')}({place}, {place!r}, {_NUMBERS[aval.dtype.kind]!r})")
            else:
                words.append(f"{helper('array')}({place}, {place!r}, {aval.shape}, {aval.dtype.name!r})")
    results = [f"out[{number}]" for number in range(traced.out_tree.num_leaves)]
    result = rebuilt(traced.out_tree, results, lambda cls: _class_name(cls, classes, bundle))
    lines.append(f"out = {flat}(" if words else f"out = {flat}()")
    if words:
        lines += [f"    {word}," for word in words] + [")"]
    lines.append(f"return {result}")
    signature = ", ".join(_signature(traced))
    definition = "\n".join([f"def {name}({signature}):", *[f"    {line}" for line in lines]])
    named_tuples = [_class_text(cls, word, bundle) for cls, word in classes.items()]
    written = [_HELPERS[kind].format(name=helpers[kind]) for kind in _HELPERS if kind in helpers]
    return [*[text for text in named_tuples if text], *written, definition]


def _check_text(check: Check, helper: Callable[[str], str]) -> str:
    place = f"{check.place}, {check.place!r}"
    if check.kind == "None":
        return f"{helper('none')}({place})"
    if check.kind == "dict":
        return f"{helper('dict')}({place}, {check.expected})"
    return f"{helper('sequence')}({place}, {check.kind!r}, {check.expected})"


def _signature(traced: TracedFunction) -> list[str]:
    """The parameters, each given as in the example call."""

    def named(kind: Any) -> list[str]:
        return [parameter.name for parameter in traced.parameters if parameter.kind is kind]

    by_name = named(inspect.Parameter.KEYWORD_ONLY)
    for word in by_name:
        if not word.isidentifier() or keyword.iskeyword(word):
            raise ExportError(f"the argument {word!r} has a name that cannot stand in a function's head")
    alone = named(inspect.Parameter.POSITIONAL_ONLY)
    rest = [f"*{traced.rest_name}"] if named(_REST) else ["*"] if by_name else []
    return [*alone, *(["/"] if alone else []), *named(inspect.Parameter.POSITIONAL_OR_KEYWORD), *rest, *by_name]


def _class_name(cls: type, classes: dict[type, str], bundle: Bundle) -> str:
    """A name for the class of a result's container."""
    if cls not in classes:
        if not cls.__name__.isidentifier():
            raise ExportError(f"the class {cls.__qualname__} of a result has a name that is no identifier")
        classes[cls] = bundle.take(cls.__name__)
    return classes[cls]


def _class_text(cls: Any, name: str, bundle: Bundle) -> str:
    if cls is OrderedDict:
        bundle.imports[f"from collections import OrderedDict{'' if name == 'OrderedDict' else f' as {name}'}"] = None
        return ""
    bundle.imports["import collections"] = None
    return f"{name} = collections.namedtuple({name!r}, {cls._fields!r})"
