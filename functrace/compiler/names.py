"""The names of a compiled program: of its variables, and of the constants and functions that stand in its header."""

from __future__ import annotations

import itertools
import keyword
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from ..core.aval import Aval
from ..core.pretty import letters
from ..lazy import LateUfunc


def identifier(text: str) -> str:
    """`text` as a Python name: what cannot stand in one becomes an underscore."""
    name = "".join(c if c.isascii() and (c.isalnum() or c == "_") else "_" for c in text[:_LONGEST_NAME])
    name = name.strip("_") or "f"
    return f"_{name}" if name[0].isdigit() or _is_reserved(name) else name


_LONGEST_NAME = 60
_LONGEST_NUMBER = 16


def _is_reserved(name: str) -> bool:
    return keyword.iskeyword(name) or keyword.issoftkeyword(name)


def comment(text: str) -> str:
    """`text` as a comment: on one line, whatever is in it."""
    return "# " + "".join(c if c.isprintable() else " " for c in text)


def number_text(value: float) -> str:
    """A Python float as an expression, infinities and NaN too."""
    if math.isfinite(value):
        return repr(value)
    text = "np.nan" if math.isnan(value) else "np.inf"
    return f"-{text}" if math.copysign(1, value) < 0 else text


def dtype_text(dtype: np.dtype) -> str:
    """A dtype as an expression: np.float64."""
    return f"np.{dtype.type.__name__}"


def scalar_text(value: Any) -> str | None:
    """A Python number as an expression that may stand between operators; None for another value."""
    if type(value) in (bool, int):
        return repr(value) if value >= 0 else f"({value!r})"
    if type(value) is float:
        text = number_text(value)
        return f"({text})" if text.startswith("-") else text
    if type(value) is complex:
        return f"complex({number_text(value.real)}, {number_text(value.imag)})"
    return None


class Names:
    """What the names of one program stand for.

    Attributes
    ----------
    namespace
        The objects behind the names that the header does not define by a statement, and of those that it does.
    """

    def __init__(self) -> None:
        self.namespace: dict[str, Any] = {"np": np}
        self._taken: set[str] = {"np", "math", *_WORDS}
        self._fresh: Iterator[str] = (letters(number) for number in itertools.count())
        self._imported: dict[str, set[str]] = {"numpy": set(), "math": set()}
        self._late: dict[LateUfunc, str] = {}
        self._constants: list[str] = []
        self._known: dict[Any, str] = {}
        self._functions: list[str] = []
        self._numbers: dict[Any, str] = {}
        self._kinds: dict[Aval, str] = {}
        self._numbered = itertools.count()

    def header(self) -> list[str]:
        """The lines before the function."""
        lines = (["import math", ""] if "math" in self.namespace else []) + ["import numpy as np"]
        for module, names in self._imported.items():
            if names:
                lines.append(f"from {module} import {', '.join(sorted(names))}")
        for ufunc, name in self._late.items():
            renamed = "" if name == ufunc.__name__ else f" as {name}"
            lines.append(f"from {ufunc.module} import {ufunc.__name__}{renamed}")
        return [*lines, *([""] if self._constants else []), *self._constants, *self._functions]

    def fresh(self) -> str:
        """A short name that is not taken."""
        for name in self._fresh:
            if name not in self._taken and not _is_reserved(name):
                self._taken.add(name)
                return name
        raise AssertionError("names do not end")

    def take(self, wanted: str) -> str:
        """A name as near as can be to the one that is wanted."""
        name, number = wanted, 1
        while name in self._taken:
            number += 1
            name = f"{wanted}_{number}"
        self._taken.add(name)
        return name

    def imported(self, module: str, name: str) -> str:
        """A function of NumPy or of `math`, by its own name where that is free."""
        if name in self._imported[module]:
            return name
        if name in self._taken:
            if module == "numpy":
                return f"np.{name}"
            self.namespace["math"] = math
            return f"math.{name}"
        self._taken.add(name)
        self._imported[module].add(name)
        self.namespace[name] = getattr(np if module == "numpy" else math, name)
        return name

    def kind(self, aval: Aval) -> str:
        """An aval as a comment says it."""
        text = self._kinds.get(aval)
        if text is None:
            text = self._kinds[aval] = str(aval)
        return text

    def imported_late(self, ufunc: LateUfunc) -> str:
        """A ufunc of another library."""
        name = self._late.get(ufunc)
        if name is None:
            name = self._late[ufunc] = self.take(ufunc.__name__)
            self.namespace[name] = ufunc.load()
        return name

    def ufunc(self, ufunc: Any, args: Sequence[str], out: str | None = None) -> str:
        """A ufunc's call, which writes into `out` where that is given; one of NumPy's may be given by its name."""
        if isinstance(ufunc, LateUfunc):
            name = called = self.imported_late(ufunc)
        else:
            name = ufunc if isinstance(ufunc, str) else ufunc.__name__
            called = self.imported("numpy", name)
        words = list(args)
        if out is not None:
            words.append(f"out={out}" if name in _OUT_BY_KEYWORD else out)
        return f"{called}({', '.join(words)})"

    def function(self, wanted: str, function: Any) -> str:
        """A function of this library, or an object with methods."""
        name = self._known.get(("function", function))
        if name is None:
            name = self._known["function", function] = self.take(wanted)
            self.namespace[name] = function
        return name

    def defined(self, wanted: str, lines: Callable[[str], list[str]]) -> str:
        """A function whose lines stand in the header."""
        name = self.take(wanted)
        self._functions += ["", "", *lines(name)]
        return name

    def constant(self, value: Any) -> str:
        """An object that goes into the namespace; the header says what it is."""
        key = (type(value), value.tobytes() if isinstance(value, np.generic) else id(value))
        name = self._known.get(key)
        if name is not None:
            return name
        name = self._known[key] = self.take(f"k{next(self._numbered)}")
        self.namespace[name] = value
        if isinstance(value, np.generic) and (text := scalar_text(value.item())) is not None:
            self._constants.append(f"{name} = {dtype_text(value.dtype)}({text})")
        elif isinstance(value, np.ndarray):
            aval = Aval(value.shape, value.dtype)
            self._constants.append(f"# {name}: a constant {aval}, captured when the function was traced")
        else:
            self._constants.append(comment(f"{name}: a {type(value).__name__}"))
        return name

    def made(self, value: Any, text: str) -> str:
        """A constant that the expression `text` makes."""
        name = self._known.get(text)
        if name is None:
            name = self._known[text] = self.take(f"k{next(self._numbered)}")
            self.namespace[name] = value
            self._constants.append(f"{name} = {text}")
        return name

    def number(self, value: Any, dtype: np.dtype) -> str | None:
        """A number as an array without axes, which ufuncs take in half the time of a scalar; None if it has no text."""
        quick = (value.__class__, value, dtype.char) if value else None  # 0.0 and -0.0 are one key
        if quick in self._numbers:
            return self._numbers[quick]
        with np.errstate(all="ignore"):
            array = np.array(value, dtype)
        plain = value.item() if isinstance(value, np.generic) else value
        text = scalar_text(int(plain) if type(plain) is bool else plain)
        if text is None:
            return None
        key = ("number", dtype.char, array.tobytes())
        name = self._known.get(key)
        if name is None:
            array.flags.writeable = False
            wanted = _name_of_number(text)
            if len(wanted) > _LONGEST_NUMBER:
                wanted = f"k{next(self._numbered)}"
            name = self._known[key] = self.take(wanted)
            self.namespace[name] = array
            self._constants.append(f"{name} = np.array({text}, {dtype_text(dtype)})")
        if quick is not None:
            self._numbers[quick] = name
        return name


_OUT_BY_KEYWORD = ("maximum", "minimum")  # by position it is deprecated for these

#: What the text uses by these names.
_WORDS = (
    *("lo", "hi", "start", "stop", "workspace"),
    *("abs", "bool", "complex", "float", "int", "max", "min", "range", "zip", "ArithmeticError", "ValueError"),
)


def _name_of_number(text: str) -> str:
    """0.5 as n0_5, -2.0 as minus2."""
    text = text.strip("()").removesuffix(".0")
    name = "".join(c if c.isalnum() else "_" for c in text.replace("np.", ""))
    if text.startswith("-"):
        name = f"minus{name[1:]}"
    return name if name[0].isalpha() else f"n{name}"
