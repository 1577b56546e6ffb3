"""Named arrays in NumPy's .npz: an archive (ZIP) of .npy files, read without pickle."""

from __future__ import annotations

import contextlib
import os
import zipfile
from collections.abc import Iterator
from typing import IO, Any, BinaryIO

import numpy as np
from numpy.lib import format as npy

from ..core.aval import ShapeDtypeStruct
from ..errors import FileContentError

DTYPES = "b8 i8 i16 i32 i64 u8 u16 u32 u64 f16 f32 f64 f96 f128 c64 c128 c192 c256"

_STRUCTURE = "structure.json"  # the names of arrays end in .npy
#: Deflate makes at most 1032 bytes of one (zlib's technical details): more is no honest size.
_MOST_BYTES_OF_ONE = 1032


def write(file: BinaryIO, arrays: dict[str, np.ndarray], structure: str | None) -> None:
    """Write arrays, and the structure as a text beside them. The same arrays give the same bytes."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name, array in arrays.items():
            with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w", force_zip64=True) as entry:
                npy.write_array(entry, array, allow_pickle=False)
        if structure is not None:
            archive.writestr(zipfile.ZipInfo(_STRUCTURE), structure)


@contextlib.contextmanager
def reader(file: BinaryIO, path: str) -> Iterator[Reader]:
    """An archive, to be read from."""
    with zipfile.ZipFile(file) as archive:
        yield Reader(archive, os.fstat(file.fileno()).st_size)


class Reader:
    """The headers of all arrays, which are read as it is made, and the arrays, which are read when asked for."""

    def __init__(self, archive: zipfile.ZipFile, size: int) -> None:
        self.avals: dict[str, ShapeDtypeStruct] = {}
        self.structure: str | None = None
        self._archive = archive
        for info in archive.infolist():
            stored = info.compress_type == zipfile.ZIP_STORED
            if info.file_size > size * (1 if stored else _MOST_BYTES_OF_ONE):
                raise FileContentError(
                    f"{info.filename!r:.200} says that it has {info.file_size} bytes, more than there are"
                )
            if info.filename == _STRUCTURE:
                self.structure = archive.read(info).decode("utf-8")
                continue
            name = info.filename.removesuffix(".npy")
            if name == info.filename or name in self.avals:
                raise FileContentError(f"{info.filename!r:.200} in the archive is no array, or is there twice")
            with archive.open(info) as entry:
                shape, dtype, header = _header(entry)
            if header + dtype.itemsize * _size(shape) != info.file_size:
                raise FileContentError(
                    f"{info.filename!r:.200} has another size than its shape {shape} and {dtype} say"
                )
            self.avals[name] = ShapeDtypeStruct(shape, dtype)

    def read(self, name: str) -> np.ndarray:
        """One array; its checksum is compared when the last byte is read."""
        with self._archive.open(f"{name}.npy") as entry:
            array = np.array(npy.read_array(entry, allow_pickle=False))  # which is a view of another
            entry.read()
        return array


def _header(entry: IO[bytes]) -> tuple[tuple[int, ...], np.dtype, int]:
    """The shape and dtype of a .npy file, and the length of what stands before the numbers."""
    version = npy.read_magic(entry)
    readers: dict[Any, Any] = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
    if version not in readers:
        raise FileContentError(f"an array is of version {version} of NumPy's format, expected 1.0 or 2.0")
    shape, _, dtype = readers[version](entry)
    if dtype.kind not in "biufc" or min(shape, default=0) < 0:
        raise FileContentError(f"an array is of {dtype} with the shape {shape}, which is none of numbers")
    return shape, dtype, entry.tell()


def _size(shape: tuple[int, ...]) -> int:
    size = 1
    for extent in shape:
        size *= extent
    return size
