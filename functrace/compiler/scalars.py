"""Chains of scalar equations as arithmetic of Python floats, which costs a fraction of NumPy's on scalars.

The chain stands in a `try`. Where Python raises (a division by zero, an overflow, a function outside its domain) a
second version of the chain, of NumPy's own operations, gives NumPy's infinities and NaNs. So every expression here
either raises or gives what NumPy gives, but for the last digit of a function that the C library rounds otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core.aval import Aval
from ..core.jaxpr import Atom, Equation, Jaxpr, Literal, Var
from .names import dtype_text

if TYPE_CHECKING:
    from .writer import Writer

#: Nanoseconds: what an operation costs more in NumPy, what the ways into and out of Python's floats cost.
_GAIN, _FUNCTION_GAIN, _IN, _OUT = 28, 70, 16, 44

_FLOAT = np.dtype(np.float64)
_BOOL = np.dtype(np.bool_)

#: Expressions of floats, by the ufunc that they stand for; `{0}` and `{1}` are names or numbers.
_OPERATIONS: dict[Any, str] = {
    np.negative: "-{0}",
    np.positive: "{0}",
    np.add: "{0} + {1}",
    np.subtract: "{0} - {1}",
    np.multiply: "{0} * {1}",
    np.divide: "{0} / {1}",
    np.absolute: "abs({0})",
    np.fabs: "abs({0})",
    np.square: "{0} * {0}",
    np.reciprocal: "1.0 / {0}",
    np.sign: "(1.0 if {0} > 0.0 else -1.0 if {0} < 0.0 else {0} + 0.0)",
    np.maximum: "({0} if {0} >= {1} or {0} != {0} else {1})",
    np.minimum: "({0} if {0} <= {1} or {0} != {0} else {1})",
    np.equal: "{0} == {1}",
    np.not_equal: "{0} != {1}",
    np.less: "{0} < {1}",
    np.less_equal: "{0} <= {1}",
    np.greater: "{0} > {1}",
    np.greater_equal: "{0} >= {1}",
}

#: Those that NumPy's own scalars have as operators, faster than as ufuncs.
_OPERATORS: frozenset[Any] = frozenset(
    (
        *(np.negative, np.add, np.subtract, np.multiply, np.divide, np.absolute),
        *(np.equal, np.not_equal, np.less, np.less_equal, np.greater, np.greater_equal),
    )
)

#: The same of booleans.
_LOGIC: dict[Any, str] = {
    np.logical_not: "not {0}",
    np.invert: "not {0}",
    np.logical_and: "({0} and {1})",
    np.bitwise_and: "({0} and {1})",
    np.logical_or: "({0} or {1})",
    np.bitwise_or: "({0} or {1})",
    np.logical_xor: "{0} != {1}",
    np.bitwise_xor: "{0} != {1}",
    np.equal: "{0} == {1}",
    np.not_equal: "{0} != {1}",
}

#: Functions of `math`; those outside their domain raise.
_FUNCTIONS: dict[Any, str] = {
    np.sin: "sin",
    np.cos: "cos",
    np.tan: "tan",
    np.arcsin: "asin",
    np.arccos: "acos",
    np.arctan: "atan",
    np.sinh: "sinh",
    np.cosh: "cosh",
    np.tanh: "tanh",
    np.arcsinh: "asinh",
    np.arccosh: "acosh",
    np.arctanh: "atanh",
    np.exp: "exp",
    np.exp2: "exp2",
    np.expm1: "expm1",
    np.log: "log",
    np.log2: "log2",
    np.log10: "log10",
    np.log1p: "log1p",
    np.sqrt: "sqrt",
    np.cbrt: "cbrt",
    np.arctan2: "atan2",
    np.hypot: "hypot",
    np.copysign: "copysign",
    np.power: "pow",
    np.isfinite: "isfinite",
    np.isnan: "isnan",
    np.isinf: "isinf",
}

#: Primitives that are no ufunc's.
_OTHERS: dict[str, str] = {
    "select": "({1} if {0} else {2})",
    "stop_gradient": "{0}",
    "convert_element_type": "float({0})",
}


def in_python(aval: Aval) -> bool:
    """Whether a value of this kind can be held as a Python float or bool."""
    return aval.shape == () and (aval.dtype == _FLOAT or (aval.dtype == _BOOL and not aval.weak_type))


def computes(equation: Equation) -> bool:
    """Whether an equation can be written as an expression of Python floats and bools."""
    outputs, inputs = equation.outputs, equation.inputs
    if len(outputs) != 1 or outputs[0].aval.shape or not in_python(outputs[0].aval):
        return False
    primitive = equation.primitive
    if primitive.ufunc is None:
        if primitive.name == "select":
            return _is_bool(inputs[0]) and (
                all(_is_float(atom) for atom in inputs[1:]) or all(_is_bool(atom) for atom in inputs[1:])
            )
        if primitive.name == "convert_element_type":
            return outputs[0].aval.dtype == _FLOAT and (_is_float(inputs[0]) or _is_bool(inputs[0]))
        return primitive.name == "stop_gradient" and in_python(inputs[0].aval)
    if equation.params:
        return False
    if all(_is_bool(atom) for atom in inputs):
        return primitive.ufunc in _LOGIC
    if primitive.ufunc not in _OPERATIONS and primitive.ufunc not in _FUNCTIONS:
        return False
    return all(_is_float(atom) for atom in inputs)


def _is_bool(atom: Atom) -> bool:
    return atom.aval.dtype == _BOOL and in_python(atom.aval)


def _is_float(atom: Atom) -> bool:
    """Whether it is a float, or an integer literal that Python converts as NumPy does."""
    if atom.aval.shape:
        return False
    if atom.__class__ is Literal and type(atom.value) is int:
        return abs(atom.value) <= 2**53
    return atom.aval.dtype == _FLOAT


def expression(equation: Equation, args: Sequence[str], math: Callable[[str], str]) -> str:
    """The expression; `math` gives the name of a function of that module."""
    ufunc = equation.primitive.ufunc
    if ufunc is None:
        return _OTHERS[equation.primitive.name].format(*args)
    if all(_is_bool(atom) for atom in equation.inputs):
        return _LOGIC[ufunc].format(*args)
    if ufunc in _FUNCTIONS:
        return f"{math(_FUNCTIONS[ufunc])}({', '.join(args)})"
    return _OPERATIONS[ufunc].format(*args)


def gain(equations: Sequence[Equation], entering: int, leaving: int) -> int:
    """Nanoseconds saved by Python's floats, for so many values that come from NumPy and that go back to it."""
    saved = sum(_GAIN if e.primitive.ufunc in _OPERATORS else _FUNCTION_GAIN for e in equations)
    return saved - entering * _IN - leaving * _OUT


def can_raise(equation: Equation) -> bool:
    """Whether Python may raise where NumPy has an answer."""
    return equation.primitive.ufunc in (np.divide, np.reciprocal) or equation.primitive.ufunc in _FUNCTIONS


def write_chain(writer: Writer, equations: Sequence[Equation], leaving: Sequence[Var]) -> None:
    """Write a chain, and behind it the version that answers where Python raises.

    What enters it is known to `writer` as Python numbers; `leaving` are the variables that are used elsewhere.
    """
    entering: dict[Atom, str] = {}
    inside: set[Atom] = set()
    raises = any(can_raise(equation) for equation in equations)
    if raises:
        writer.line("try:")
        writer.depth += 1
    for equation in equations:
        args = []
        for atom in equation.inputs:
            args.append(writer.python_text(atom))
            if isinstance(atom, Var) and atom not in inside:
                entering.setdefault(atom, args[-1])
        (out,) = equation.outputs
        inside.add(out)
        writer.say(equation)
        name = writer.names.fresh()
        text = expression(equation, args, lambda function: writer.names.imported("math", function))
        writer.line(f"{name} = {text}")
        writer.python[out] = name
    if not raises:
        return
    writer.depth -= 1
    results = [writer.python[var] for var in leaving]
    slow = writer.names.defined("as_numpy", lambda name: _as_numpy(writer, name, equations, entering, leaving))
    writer.line("except (ArithmeticError, ValueError):  # where NumPy has an answer, an infinity or a NaN")
    target = ", ".join(results) + ("," if len(results) == 1 else "")
    writer.line(f"    {target} = {slow}({', '.join(_variables(entering))})")


def _variables(entering: dict[Atom, str]) -> list[str]:
    """The names among the texts of what enters a chain; the others are numbers."""
    return list(dict.fromkeys([text for text in entering.values() if text.isidentifier()]))


def _as_numpy(
    writer: Writer, name: str, equations: Sequence[Equation], entering: dict[Atom, str], leaving: Sequence[Var]
) -> list[str]:
    """A function of the chain's floats that computes it by NumPy."""
    inner = type(writer)(writer.names)
    inner.line(f"def {name}({', '.join(_variables(entering))}):")
    inner.depth += 1
    for atom, text in entering.items():
        if atom.aval.weak_type:
            inner.text[atom] = text
        else:
            inner.text[atom] = inner.names.fresh()
            inner.line(f"{inner.text[atom]} = {dtype_text(atom.aval.dtype)}({text})")
    inner.write(Jaxpr((), [var for var in entering if isinstance(var, Var)], list(equations), leaving), chains=False)
    values = [f"{'bool' if var.aval.dtype == _BOOL else 'float'}({inner.operand(var)})" for var in leaving]
    inner.line(f"return ({', '.join(values)}{',' if len(values) == 1 else ''})")
    return inner.lines
