"""The small things that a file is made of, as JSON and back: numbers, types, arrays, strings, structures.

What is read is checked down to the last field. `place` says where in the file something stands.
"""

from __future__ import annotations

import base64
import binascii
import functools
import math
import re
import reprlib
import struct
from collections import OrderedDict
from typing import Any, NoReturn

import numpy as np

from ..core.aval import DYNAMIC, Aval, short_dtype
from ..errors import ExportError
from ..pytrees.registry import Node, kinds, make_node
from ..pytrees.treedef import PyTreeDef, structure_of
from .literals import memory_order

LARGEST_EXTENT = 2**62
LARGEST_INT = 2**64
LONGEST_STRING = 200
MOST_AXES = 64

_FLOAT = re.compile(r"-?(\d{1,17}(\.\d{1,21})?(e[+-]\d{1,3})?|inf)|nan:[0-9a-f]{16}", re.ASCII)
_TYPE = re.compile(r"(~?)([a-z]\w{1,7})\[((?:\d{1,19}|\?)(?:,(?:\d{1,19}|\?))*)?\]", re.ASCII)
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)


def malformed(place: str, expected: str, got: Any) -> NoReturn:
    """Raise the error for something in a file that is not what it should be."""
    raise ExportError(f"{place}: expected {expected}, got {type(got).__name__} {reprlib.repr(got)}")


def record(value: Any, place: str, *fields: str, optional: tuple[str, ...] = ()) -> dict[str, Any]:
    """A JSON object with these fields and no others."""
    if not isinstance(value, dict) or not set(fields) <= set(value) <= {*fields, *optional}:
        malformed(place, f"an object with the fields {', '.join(fields)}", value)
    return value


def listed(value: Any, place: str) -> list[Any]:
    """A JSON array."""
    if not isinstance(value, list):
        malformed(place, "a list", value)
    return value


def integer(value: Any, place: str, low: int, high: int) -> int:
    """An int from `low` to below `high`."""
    if type(value) is not int or not low <= value < high:
        malformed(place, f"an int from {low} to {high - 1}", value)
    return value


# ---------------------------------------------------------------------------------------------------------------------
# strings
# ---------------------------------------------------------------------------------------------------------------------


def is_word(text: str) -> bool:
    """Whether a string is an identifier of ASCII letters: one that is harmless wherever the compiler writes it."""
    return len(text) <= LONGEST_STRING and _WORD.fullmatch(text) is not None


def word(value: Any, place: str) -> str:
    """A string that is an identifier."""
    if type(value) is not str or not is_word(value):
        malformed(place, "an identifier", value)
    return value


def label(value: Any, place: str) -> str:
    """A string that only ever names something."""
    if type(value) is not str or len(value) > LONGEST_STRING or not value.isprintable():
        malformed(place, f"a printable string of at most {LONGEST_STRING} characters", value)
    return value


# ---------------------------------------------------------------------------------------------------------------------
# numbers
# ---------------------------------------------------------------------------------------------------------------------


def float_text(value: float) -> str:
    """A float as the shortest text from which it comes back; a NaN with its bits."""
    return f"nan:{struct.pack('>d', value).hex()}" if math.isnan(value) else repr(value)


def float_of(value: Any, place: str) -> float:
    """The float of a text."""
    if type(value) is not str or _FLOAT.fullmatch(value) is None:
        malformed(place, "the text of a float", value)
    if value.startswith("nan:"):
        number: float = struct.unpack(">d", bytes.fromhex(value[4:]))[0]
        if not math.isnan(number):
            malformed(place, "the bits of a NaN", value)
        return number
    return float(value)


# ---------------------------------------------------------------------------------------------------------------------
# types and arrays
# ---------------------------------------------------------------------------------------------------------------------


@functools.cache
def dtypes() -> dict[str, np.dtype]:
    """The dtypes that a file may name: booleans, integers, floats and complex numbers."""
    found = [np.dtype(kind) for kind in np.sctypeDict.values()]
    return {short_dtype(dtype): dtype for dtype in found if dtype.kind in "biufc"}


def dtype_text(dtype: np.dtype) -> str:
    """A dtype's name in a file."""
    text = short_dtype(dtype)
    if dtype.kind not in "biufc":
        raise ExportError(f"a program with values of dtype {dtype} cannot be saved")
    return text


def dtype_of(value: Any, place: str) -> np.dtype:
    """The dtype of a name."""
    if type(value) is not str or value not in dtypes():
        malformed(place, "the name of a dtype", value)
    return dtypes()[value]


def type_text(aval: Aval) -> str:
    """An aval as a jaxpr prints it."""
    dtype_text(aval.dtype)
    return str(aval)


def type_of(value: Any, place: str) -> Aval:
    """The aval of a text such as ``~f64[]`` or ``f32[?,3]``."""
    match = _TYPE.fullmatch(value) if type(value) is str else None
    if match is None:
        malformed(place, "a type such as f64[3,4]", value)
    weak, name, extents = match.groups()
    shape = tuple([DYNAMIC if part == "?" else int(part) for part in extents.split(",")]) if extents else ()
    if len(shape) > MOST_AXES or any(extent >= LARGEST_EXTENT for extent in shape):
        malformed(place, "a type with extents that an array can have", value)
    return Aval(shape, dtype_of(name, place), weak == "~")


def array_record(array: np.ndarray) -> dict[str, Any]:
    """An array: its type, its bytes (little end first), and the order of its axes in memory if that is not C's."""
    axes = memory_order(array)
    stored = np.ascontiguousarray(array.transpose(axes))
    little = stored.astype(array.dtype.newbyteorder("<"), copy=False)
    data: dict[str, Any] = {
        "type": type_text(Aval(array.shape, array.dtype)),
        "data": base64.b64encode(little.tobytes()).decode("ascii"),
    }
    if axes != tuple(range(array.ndim)):
        data["axes"] = list(axes)
    return data


def array_of(value: Any, place: str) -> np.ndarray:
    """The array of a record; it cannot be written to."""
    value = record(value, place, "type", "data", optional=("axes",))
    aval = type_of(value["type"], f"{place}.type")
    if aval.weak_type or DYNAMIC in aval.shape:
        malformed(f"{place}.type", "the type of an array", value["type"])
    if type(value["data"]) is not str:
        malformed(f"{place}.data", "base64", value["data"])
    if len(value["data"]) != 4 * -(-aval.nbytes // 3):
        malformed(f"{place}.data", f"base64 of {aval.nbytes} bytes, as {aval} has them", value["data"])
    try:
        data = base64.b64decode(value["data"], validate=True)
    except (binascii.Error, ValueError):
        malformed(f"{place}.data", "base64", value["data"])
    if len(data) != aval.nbytes:
        malformed(f"{place}.data", f"base64 of {aval.nbytes} bytes, as {aval} has them", value["data"])
    if aval.dtype.kind == "b" and data.strip(b"\x00\x01"):
        malformed(f"{place}.data", "bytes that are booleans", value["data"])
    axes = value.get("axes", list(range(aval.ndim)))
    if not isinstance(axes, list) or not all(type(axis) is int for axis in axes) or sorted(axes) != [*range(aval.ndim)]:
        malformed(f"{place}.axes", f"the numbers of {aval.ndim} axes", axes)
    try:
        flat = np.frombuffer(data, aval.dtype.newbyteorder("<")).astype(aval.dtype)
        stored = flat.reshape([aval.shape[axis] for axis in axes])
    except (ValueError, OverflowError):  # no extents that an array can have, one of them 0
        malformed(f"{place}.type", "a shape that an array can have", value["type"])
    array = stored.transpose([axes.index(axis) for axis in range(aval.ndim)])
    array.flags.writeable = False
    return array


# ---------------------------------------------------------------------------------------------------------------------
# structures
# ---------------------------------------------------------------------------------------------------------------------

_SEQUENCES: dict[str, type] = {"tuple": tuple, "list": list}
_MAPPINGS: dict[str, type] = {"dict": dict, "ordered dict": OrderedDict}


def structure_list(treedef: PyTreeDef, what: str) -> list[Any]:
    """A structure as the list of its nodes in preorder: "*" for a leaf, null for None."""
    nodes: list[Any] = []
    for node in treedef._nodes:
        cls = type(None) if node is None else node.kind.cls
        if node is None:
            nodes.append("*")
        elif cls is type(None):
            nodes.append(None)
        elif cls in (tuple, list):
            nodes.append({cls.__name__: node.arity})
        elif cls in (dict, OrderedDict):
            nodes.append({"dict" if cls is dict else "ordered dict": [_key_of(key, what) for key in node.aux]})
        else:
            raise ExportError(
                f"there is a {cls.__qualname__} in {what}, and a file can say nothing of a class",
                instead="dicts, lists, tuples and None in the arguments and the result of what is saved (for a named "
                "tuple: tuple(x) or x._asdict())",
            )
    return nodes


def _key_of(key: Any, what: str) -> Any:
    if _is_key(key):
        return key
    raise ExportError(f"there is a dict with the key {key!r} in {what}", instead="strings or integers as keys")


def _is_key(key: Any) -> bool:
    return key is None or type(key) in (str, bool) or (type(key) is int and abs(key) < LARGEST_INT)


def structure_from(value: Any, place: str) -> PyTreeDef:
    """The structure of a list of nodes."""
    nodes: list[Node | None] = []
    missing = 1
    for number, item in enumerate(listed(value, place)):
        node = _node_of(item, f"{place}[{number}]")
        missing += -1 if node is None else node.arity - 1
        nodes.append(node)
        if missing < 0 or (not missing and number + 1 < len(value)):
            malformed(place, "the nodes of one structure", value)
    if missing or not nodes:
        malformed(place, "the nodes of one structure", value)
    return structure_of(tuple(nodes))


def _node_of(item: Any, place: str) -> Node | None:
    if item == "*":
        return None
    if item is None:
        return make_node(kinds[type(None)], 0, None)  # type: ignore[arg-type]
    if not isinstance(item, dict) or len(item) != 1:
        malformed(place, "a node of a structure", item)
    [(name, content)] = item.items()
    if name in _SEQUENCES:
        return make_node(kinds[_SEQUENCES[name]], integer(content, place, 0, LARGEST_EXTENT), None)  # type: ignore[arg-type]
    if name not in _MAPPINGS:
        malformed(place, "a node of a structure", item)
    keys = tuple(listed(content, place))
    if not all(map(_is_key, keys)):
        malformed(place, "the keys of a dict", item)
    try:
        in_order = name != "dict" or tuple(sorted(keys)) == keys
    except TypeError:
        in_order = False
    if len(set(keys)) != len(keys) or not in_order:
        malformed(place, "keys in order, each once", item)
    return make_node(kinds[_MAPPINGS[name]], len(keys), keys)  # type: ignore[arg-type]
