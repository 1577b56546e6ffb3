"""Named arrays in the safetensors format, by its library."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any, BinaryIO

import numpy as np

from ..core.aval import ShapeDtypeStruct
from ..errors import FileContentError
from ..lazy import import_extra

DTYPES = "b8 i8 i16 i32 i64 u8 u16 u32 u64 f16 f32 f64 c64"

_STRUCTURE = "functrace.structure"
_DTYPES = {
    "BOOL": "?", "I8": "i1", "I16": "i2", "I32": "i4", "I64": "i8", "U8": "u1", "U16": "u2", "U32": "u4", "U64": "u8",
    "F16": "f2", "F32": "f4", "F64": "f8", "C64": "c8",
}  # fmt: skip


def write(file: BinaryIO, arrays: dict[str, np.ndarray], structure: str | None) -> None:
    """Write arrays, and the structure among the metadata."""
    library = import_extra("safetensors.numpy", "training", "functrace.training.save to .safetensors")
    # The library takes the bytes as they lie: row by row, in the machine's order.
    plain = {name: np.asarray(array, array.dtype.newbyteorder("="), order="C") for name, array in arrays.items()}
    file.write(library.save(plain, None if structure is None else {_STRUCTURE: structure}))


@contextlib.contextmanager
def reader(file: BinaryIO, path: str) -> Iterator[Reader]:
    """A file, to be read from."""
    library = import_extra("safetensors", "training", "functrace.training.load from .safetensors")
    with library.safe_open(path, framework="numpy") as opened:
        yield Reader(opened)


class Reader:
    """The header, which is read as it is made, and the arrays, which are read when asked for."""

    def __init__(self, opened: Any) -> None:
        self.avals = {}
        for name in opened.keys():  # noqa: SIM118  (no dict: it has no iteration)
            tensor = opened.get_slice(name)
            if tensor.get_dtype() not in _DTYPES:
                raise FileContentError(f"the leaf {name} is of {tensor.get_dtype()}, a dtype that NumPy has not")
            self.avals[name] = ShapeDtypeStruct(tuple(tensor.get_shape()), np.dtype(_DTYPES[tensor.get_dtype()]))
        self.structure = (opened.metadata() or {}).get(_STRUCTURE)
        self._opened = opened

    def read(self, name: str) -> np.ndarray:
        """One array, without a share in the file's memory."""
        return np.array(self._opened.get_tensor(name))
