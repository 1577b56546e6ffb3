"""Traced programs in files: `save` and `load`.

The format
----------
A file is JSON (UTF-8), an object with these fields:

``format``, ``version``
    ``"functrace program"`` and ``1``.
``checksum``
    The SHA-256 of the other fields, as JSON with sorted keys and without white space. It finds damage, not malice.
``name``
    The function's name.
``arguments``, ``result``
    The structures of ``(args, kwargs)`` and of the result: a list of nodes in preorder, of which ``"*"`` is a leaf,
    ``null`` is None, ``{"tuple": 2}`` and ``{"list": 2}`` have so many children, and ``{"dict": ["a", "b"]}`` and
    ``{"ordered dict": [...]}`` have one for each key.
``programs``
    A list of programs. The last is the function's, from leaves to leaves; the others are used by later ones.

A program is an object. Its variables are numbered from 0: first the constants, then the inputs, then what the equations
give, in their order.

``constants``
    Arrays: ``{"type": "f64[2,3]", "data": base64}``, bytes with the little end first; with ``"axes"``, the axes from
    the one with the longest steps in memory to the one with the shortest, where that is not C's order.
``inputs``
    Types, as a jaxpr prints them: ``f32[3,4]``, ``~f64[]`` (weak: a Python number), ``f64[?,3]`` (an extent that is
    known only as the program runs).
``equations``
    Objects of ``primitive`` (a name of this library), ``inputs`` (each the number of a variable, or ``{"literal":
    value}``), ``params`` (values by name) and ``outputs`` (types).
``outputs``
    Numbers of variables, and literals.

A value is ``null``, true, false, an int, or a string that is an identifier; any other is an object of one field,
which says what it is: ``tuple`` and ``list`` (values), ``float`` (its shortest text; a NaN as ``nan:`` and its bits),
``complex`` (two of these), ``dtype``, ``slice`` (three ints or null), ``scalar`` and ``array`` (as constants),
``type``, ``program`` (a number), ``policy`` (of `checkpoint`, by name). An index has ``index`` (ints, null, ``"..."``,
slices, and ``"array"`` where an operand stands) and ``unique``.

Lines of the user's source are not kept. A file holds no Python function and no class: callbacks, rules of
`custom_vmap`, named tuples and registered containers are refused when it is written. What a file says is checked
down to the last field before it is used, nothing in it is imported or run, and the strings in it are words that mean
nothing where the compiler writes them. To call a loaded program runs what the file says, in NumPy's operations alone;
like any program it can take more time and memory than there is.
"""

from __future__ import annotations

import json
import os
from typing import Any

from .. import tree
from ..core.jaxpr import ClosedJaxpr
from ..errors import ArgumentError, ExportError
from ..replacing import replacing
from ..transforms.jit import Traced
from .decode import Decoder
from .encode import Encoder
from .fields import label, malformed, record, structure_from, structure_list
from .loaded import LoadedFunction
from .tracing import refuse_captured, trace

FORMAT = "functrace program"
VERSION = 1

_FIELDS = ("name", "arguments", "result", "programs")


def save(path: str | os.PathLike[str], function: Any, /, *args: Any, **kwargs: Any) -> None:
    """Write a function, traced for example arguments, to a file that `load` reads.

    Parameters
    ----------
    path
        The file. It is replaced as a whole, or not at all.
    function
        A function of arrays and pytrees, jitted or not; or what ``jit(f).trace(...)`` gives; or a `ClosedJaxpr`, as a
        function of flat arguments with a list as its result; or a loaded function, as it is.
    *args, **kwargs
        Example arguments, for a function: arrays, numbers, or `ShapeDtypeStruct`. It is traced for them and not run.

    Raises
    ------
    ExportError
        The program holds what a file cannot: a callback, a class, a rule that cannot be traced. The error names the
        equation and the user's line.
    OSError
        The file cannot be written.

    Examples
    --------
    >>> import functrace, functrace.export, numpy as np, tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "square.json"
    >>> functrace.export.save(path, lambda x: x * x, np.ones(3))
    >>> square = functrace.export.load(path)
    >>> square(np.array([1.0, 2.0, 3.0]))
    array([1., 4., 9.])
    >>> functrace.grad(lambda x: square(x).sum())(np.array([1.0, 2.0, 3.0]))
    array([2., 4., 6.])
    """
    text = json.dumps(_document(function, args, kwargs), separators=(",", ":"))
    _read(text)  # what cannot be loaded is not saved
    with replacing(path) as file:
        file.write(text.encode("utf-8"))


def load(path: str | os.PathLike[str]) -> LoadedFunction:
    """Read a function that `save` wrote.

    Parameters
    ----------
    path
        The file.

    Returns
    -------
    LoadedFunction
        It takes and gives what the saved function did, for arguments of the shapes and dtypes of the example. It runs
        compiled, and can be differentiated, mapped and jitted as any function; `jaxpr` is its program.

    Raises
    ------
    ExportError
        The file is damaged, of another version, or not such a file; the error says where.
    OSError
        The file cannot be read.
    """
    with open(path, "rb") as file:
        data = file.read()
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ExportError(f"{os.fspath(path)} is no file of a saved program: {error}") from None
    return _read(text)


# ---------------------------------------------------------------------------------------------------------------------
# writing
# ---------------------------------------------------------------------------------------------------------------------


def _document(function: Any, args: tuple, kwargs: dict[str, Any]) -> dict[str, Any]:
    if isinstance(function, (Traced, ClosedJaxpr)) and (args or kwargs):
        raise ArgumentError(
            f"save takes no example arguments with a {type(function).__name__}, which is traced already"
        )
    if isinstance(function, LoadedFunction) and not args and not kwargs:
        closed, name = function.jaxpr, function.__name__
        in_tree, out_tree = function.in_tree, function.out_tree
    elif isinstance(function, Traced):
        refuse_captured(function)
        closed, name, in_tree, out_tree = function.jaxpr, function.fun_name, function.in_tree, function.out_tree
    elif isinstance(function, ClosedJaxpr):
        closed, name = function, "program"
        in_tree = tree.structure(((0,) * len(closed.in_avals), {}))
        out_tree = tree.structure([0] * len(closed.out_avals))
    else:
        traced = trace(function, args, kwargs)
        closed, name, in_tree, out_tree = traced.closed, traced.name, traced.in_tree, traced.out_tree
    encoder = Encoder()
    encoder.program(closed)
    content = {
        "name": "".join(c if c.isprintable() else "?" for c in name[:200]),
        "arguments": structure_list(in_tree, "the arguments"),
        "result": structure_list(out_tree, "the result"),
        "programs": encoder.programs,
    }
    return {"format": FORMAT, "version": VERSION, "checksum": checksum(content), **content}


def checksum(content: dict[str, Any]) -> str:
    """The SHA-256 of a document's content."""
    import hashlib  # here, as below: they cost as much as the rest of this package

    data = json.dumps({field: content[field] for field in _FIELDS}, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(data.encode("utf-8")).hexdigest()


# ---------------------------------------------------------------------------------------------------------------------
# reading
# ---------------------------------------------------------------------------------------------------------------------


def _read(text: str) -> LoadedFunction:
    try:
        return _function(json.loads(text, object_pairs_hook=_object, parse_float=_no_number, parse_constant=_no_number))
    except ExportError:
        raise
    except (ValueError, RecursionError) as error:  # no JSON; an int of thousands of digits; objects in objects
        raise ExportError(f"the file is no JSON of a saved program: {error}") from None


def _function(document: Any) -> LoadedFunction:
    document = record(document, "the file", "format", "version", "checksum", *_FIELDS)
    if document["format"] != FORMAT:
        malformed("format", repr(FORMAT), document["format"])
    if document["version"] != VERSION or type(document["version"]) is not int:
        raise ExportError(
            f"version: this library reads version {VERSION}, the file is of version {document['version']!r:.20}",
            instead="the version of functrace that wrote the file",
        )
    if document["checksum"] != checksum(document):
        raise ExportError("checksum: the file is damaged: its content is not what was written")
    name = label(document["name"], "name")
    in_tree = structure_from(document["arguments"], "arguments")
    out_tree = structure_from(document["result"], "result")
    closed = Decoder().read(document["programs"], "programs")
    children = tree.treedef_children(in_tree)
    if len(children) != 2 or document["arguments"][:1] != [{"tuple": 2}] or not _is_call(children):
        malformed("arguments", "the structure of (args, kwargs)", document["arguments"])
    if in_tree.num_leaves != len(closed.in_avals) or out_tree.num_leaves != len(closed.out_avals):
        raise ExportError(
            f"programs: the last program has {len(closed.in_avals)} inputs and {len(closed.out_avals)} outputs for "
            f"{in_tree.num_leaves} leaves of the arguments and {out_tree.num_leaves} of the result"
        )
    return LoadedFunction(closed, name, in_tree, out_tree)


def _is_call(children: list[Any]) -> bool:
    """Whether two structures are those of a tuple and of a dict with names as its keys."""
    args, kwargs = [child.unflatten(range(child.num_leaves)) for child in children]
    return type(args) is tuple and type(kwargs) is dict and all(isinstance(key, str) for key in kwargs)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ExportError(f"the file has an object with a field twice: {', '.join(key for key, _ in pairs)[:100]}")
    return found


def _no_number(text: str) -> Any:
    raise ExportError(f"the file has the number {text[:40]}, and all numbers in such a file are ints")
