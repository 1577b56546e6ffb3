"""Pytrees in files: `save`, `load` and `contents`, in NumPy's .npz or in safetensors."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np

from ..core.aval import ShapeDtypeStruct, short_dtype
from ..errors import ArgumentError, DtypeError, ExportError, FileContentError, FunctraceError, OptionError
from ..export.fields import structure_from, structure_list
from ..pytrees.treedef import PyTreeDef
from ..replacing import replacing
from . import npz, safetensors
from .names import leaf_names


class Reader(Protocol):
    """An open file of named arrays."""

    #: The shape and dtype of each array, by its name.
    avals: dict[str, ShapeDtypeStruct]
    #: The structure of the tree, as JSON; None where it is not said.
    structure: str | None

    def read(self, name: str) -> np.ndarray:
        """One array, new and writable."""


_FORMATS: dict[str, Any] = {".npz": npz, ".safetensors": safetensors}


def save(path: str | os.PathLike[str], tree: Any) -> None:
    """Write a pytree of arrays to a file.

    Each leaf is an array in the file, by the name of its path: ``layers/0/weights``. Besides, the file holds the
    structure as JSON, and no pickled object; other programs can read it (`numpy.load`, the libraries of safetensors).

    Parameters
    ----------
    path
        The file, whose ending says the format: ``.npz``, or ``.safetensors`` (it needs the extra ``training``, and has
        no dtypes for numbers of more than 64 bits, but for complex64). It is replaced as a whole, or not at all.
    tree
        A pytree whose leaves are arrays or numbers.

    Raises
    ------
    OptionError
        The ending is another.
    DtypeError
        A leaf is no array of numbers, or the format has not its dtype; the error names the leaf.
    ArgumentError
        Two paths have one name, or one that cannot be written.
    OSError
        The file cannot be written.

    Examples
    --------
    >>> import tempfile, pathlib, numpy as np
    >>> from functrace import training
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "params.npz"
    >>> training.save(path, {"layers": [(np.ones(2), 0.5)]})
    >>> training.load(path)
    {'layers': [(array([1., 1.]), array(0.5))]}
    """
    form = _form(path)
    names, treedef = leaf_names(tree)
    arrays = {name: _array(name, leaf, form.DTYPES) for name, leaf in names.items()}
    structure = _structure(treedef)
    with replacing(path) as file:
        form.write(file, arrays, structure)


def load(path: str | os.PathLike[str], like: Any = None) -> Any:
    """Read a pytree of arrays from a file.

    Parameters
    ----------
    path
        A file that `save` wrote, or another ``.npz`` or ``.safetensors`` whose arrays have these names.
    like
        A pytree with the structure, shapes and dtypes that are expected: arrays, numbers, or `ShapeDtypeStruct`, as
        ``functrace.eval_shape`` gives them. All is checked before an array is read. A Python or NumPy number comes back
        as one. Without it the tree is what the file says: dicts, lists, tuples and None.

    Returns
    -------
    tree
        The pytree, with arrays that are the caller's.

    Raises
    ------
    FileContentError
        The file is damaged, or does not fit `like`: the error names the leaves, what was expected and what came.
    OptionError
        The ending is neither ``.npz`` nor ``.safetensors``.
    OSError
        The file cannot be read.

    Examples
    --------
    >>> import tempfile, pathlib, numpy as np
    >>> from functrace import training
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "params.npz"
    >>> training.save(path, {"w": np.ones(2), "rate": 0.5})
    >>> training.load(path, like={"w": np.zeros(2), "rate": 0.0})
    {'rate': 0.5, 'w': array([1., 1.])}
    """
    with opened(path) as reader:
        if like is None:
            treedef, expected = _tree_of(reader, path)
        else:
            names, treedef = leaf_names(like)
            expected = list(names.items())
            _check(path, reader.avals, names)
        return treedef.unflatten([_like(reader.read(name), leaf) for name, leaf in expected])


def contents(path: str | os.PathLike[str]) -> dict[str, ShapeDtypeStruct]:
    """What is in a file, without reading the arrays.

    Parameters
    ----------
    path
        A ``.npz`` or ``.safetensors``.

    Returns
    -------
    dict
        The shape and dtype of each leaf, by its name.

    Raises
    ------
    FileContentError, OptionError, OSError
        As for `load`.

    Examples
    --------
    >>> import tempfile, pathlib, numpy as np
    >>> from functrace import training
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "params.npz"
    >>> training.save(path, {"w": np.ones((2, 3))})
    >>> training.contents(path)
    {'w': ShapeDtypeStruct(shape=(2, 3), dtype=float64)}
    """
    with opened(path) as reader:
        return dict(reader.avals)


# ---------------------------------------------------------------------------------------------------------------------
# writing
# ---------------------------------------------------------------------------------------------------------------------


def _form(path: str | os.PathLike[str]) -> Any:
    ending = os.path.splitext(os.fspath(path))[1].lower()
    if ending not in _FORMATS:
        raise OptionError(f"expected a file that ends in {' or '.join(_FORMATS)}, got {os.fspath(path)!r}")
    return _FORMATS[ending]


def _array(name: str, leaf: Any, dtypes: str) -> np.ndarray:
    """A leaf as an array that the format can hold."""
    try:
        array = np.asarray(leaf)
    except (TypeError, ValueError, OverflowError) as error:
        raise DtypeError(f"save: the leaf {name} is no array of numbers: {error}") from None
    code = array.dtype.kind + str(8 * array.dtype.itemsize)
    if array.dtype.kind not in "biufc":
        raise DtypeError(f"save: the leaf {name} is no array of numbers, but {type(leaf).__name__} ({array.dtype})")
    if code not in dtypes.split():
        raise DtypeError(
            f"save: the leaf {name} is {short_dtype(array.dtype)}, which this format has not",
            instead="a path that ends in .npz, or another dtype",
        )
    return array


def _structure(treedef: PyTreeDef) -> str | None:
    """The structure as JSON, where it is one of plain containers: named tuples and other classes are not told."""
    try:
        return json.dumps(structure_list(treedef, "the tree"), separators=(",", ":"))
    except ExportError:
        return None


# ---------------------------------------------------------------------------------------------------------------------
# reading
# ---------------------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def opened(path: str | os.PathLike[str]) -> Iterator[Reader]:
    """A file, to be read from; what a parser says of a damaged one becomes an error of this library.

    Raises
    ------
    FileContentError
        It is no such file, or a damaged one.
    """
    form = _form(path)
    with open(path, "rb") as file:
        try:
            with form.reader(file, os.fspath(path)) as reader:
                yield reader
        except FunctraceError:
            raise
        except Exception as error:  # whatever a parser may raise of what is not well formed
            raise FileContentError(
                f"{os.fspath(path)} is damaged, or no such file: {error or type(error).__name__}"
            ) from error


def _tree_of(reader: Reader, path: Any) -> tuple[PyTreeDef, list[tuple[str, Any]]]:
    """The structure that a file says, and the names of its leaves."""
    if reader.structure is None:
        raise FileContentError(
            f"{os.fspath(path)} does not say what containers its leaves stand in (no file can tell of named tuples)",
            instead="load(path, like=a tree of the same structure), as init gives it",
        )
    try:
        treedef = structure_from(json.loads(reader.structure), "structure")
    except (ExportError, ValueError, RecursionError) as error:
        raise FileContentError(f"{os.fspath(path)}: the structure in it is damaged: {error}") from None
    names = leaf_names(treedef.unflatten(reader.avals.values()))[0] if treedef.num_leaves == len(reader.avals) else {}
    if set(names) != set(reader.avals):
        raise FileContentError(f"{os.fspath(path)}: the structure in it has other leaves than the file")
    return treedef, [(name, reader.avals[name]) for name in names]


def _check(path: Any, found: dict[str, ShapeDtypeStruct], expected: dict[str, Any]) -> None:
    problems = [f"the leaf {name} is missing" for name in expected if name not in found]
    problems += [f"the leaf {name} is not expected" for name in found if name not in expected]
    for name, leaf in expected.items():
        aval = _aval(name, leaf)
        if name in found and (found[name].shape, found[name].dtype) != (aval.shape, aval.dtype):
            problems.append(f"the leaf {name} is {_text(found[name])}, expected {_text(aval)}")
    if problems:
        more = [f"and {len(problems) - 8} more"] if len(problems) > 8 else []
        listed = "\n    ".join([*problems[:8], *more])
        raise FileContentError(f"{os.fspath(path)} does not fit:\n    {listed}")


def _aval(name: str, leaf: Any) -> ShapeDtypeStruct:
    if not isinstance(leaf, ShapeDtypeStruct):
        leaf = np.asarray(leaf)
        if leaf.dtype == object:
            raise ArgumentError(f"load expected arrays, numbers or ShapeDtypeStruct in like, got another at {name}")
    return ShapeDtypeStruct(leaf.shape, leaf.dtype)


def _text(aval: ShapeDtypeStruct) -> str:
    return f"{short_dtype(aval.dtype)}[{','.join(map(str, aval.shape))}]"


def _like(array: np.ndarray, leaf: Any) -> Any:
    """An array, as a number where the leaf is one."""
    if isinstance(leaf, np.generic):
        return array[()]
    return array.item() if isinstance(leaf, (bool, int, float, complex)) else array
