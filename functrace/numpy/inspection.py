"""What the array API standard asks of a namespace about itself."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.trace import current_recording
from ..errors import OptionError

#: The version of the standard, https://data-apis.org/array-api/2024.12.
API_VERSION = "2024.12"

_KINDS: dict[str, tuple[str, ...]] = {
    "bool": ("bool",),
    "signed integer": ("int8", "int16", "int32", "int64"),
    "unsigned integer": ("uint8", "uint16", "uint32", "uint64"),
    "real floating": ("float32", "float64"),
    "complex floating": ("complex64", "complex128"),
}
_KINDS["integral"] = _KINDS["signed integer"] + _KINDS["unsigned integer"]
_KINDS["numeric"] = _KINDS["integral"] + _KINDS["real floating"] + _KINDS["complex floating"]


class ArrayNamespaceInfo:
    """What the namespace can do, and with which devices and dtypes.

    Examples
    --------
    >>> import functrace.numpy as fnp
    >>> info = fnp.__array_namespace_info__()
    >>> info.default_dtypes()["real floating"]
    dtype('float64')
    >>> info.devices()
    ['cpu']
    """

    def capabilities(self) -> dict[str, Any]:
        """Whether shapes may depend on values: they may, but not while `jit` traces."""
        known = current_recording() is None
        return {"boolean indexing": known, "data-dependent shapes": known, "max dimensions": 64}

    def default_device(self) -> str:
        """The one device."""
        return "cpu"

    def default_dtypes(self, *, device: str | None = None) -> dict[str, np.dtype]:
        """The dtypes that creation functions choose."""
        check_device(device)
        return {
            "real floating": np.dtype(np.float64),
            "complex floating": np.dtype(np.complex128),
            "integral": np.dtype(np.int_),
            "indexing": np.dtype(np.intp),
        }

    def dtypes(self, *, device: str | None = None, kind: str | tuple[str, ...] | None = None) -> dict[str, np.dtype]:
        """The dtypes of the standard, all or those of a kind (or of several).

        Raises
        ------
        OptionError
            There is no such kind.
        """
        check_device(device)
        kinds = ("bool", "numeric") if kind is None else kind if isinstance(kind, tuple) else (kind,)
        for one in kinds:
            if one not in _KINDS:
                raise OptionError(f"unsupported kind: expected one of {', '.join(_KINDS)}, got {one!r}")
        return {name: np.dtype(name) for one in kinds for name in _KINDS[one]}

    def devices(self) -> list[str]:
        """All devices: the one."""
        return ["cpu"]


def check_device(device: Any) -> None:
    """Raise if an array cannot be on this device."""
    if device not in (None, "cpu"):
        raise OptionError(f"expected the device 'cpu' or None, got {device!r}")
