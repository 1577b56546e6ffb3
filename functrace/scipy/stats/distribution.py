"""Distributions of one number: from a few formulas of the standard one, all functions that SciPy has of it.

A distribution is a row: its shape parameters, where they are valid, its support, and its formulas. The formulas are
asked only inside the support; what is outside of it gets another number first, so that the derivatives there are zero
and not NaN. Invalid parameters give NaN.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ...core.aval import aval_of, describe
from ...errors import DtypeError
from ...lax.elementwise import stop_gradient
from ...lax.shape import convert_element_type
from ...numpy import exp, floor, isfinite, isnan, log, result_type, where
from ...transforms.arguments import as_leaf
from ..special import xlogy

inf, nan = np.inf, np.nan

# A formula takes the standardised variable (or a probability) and the shape parameters.
Formula = Callable[..., Any]


class Support(NamedTuple):
    """The ends of a distribution's support, and a place within, which the formulas get in place of what is outside."""

    low: Any
    high: Any
    interior: Any


REAL_LINE = Support(-inf, inf, 0.0)
POSITIVE = Support(0.0, inf, 1.0)
UNIT_INTERVAL = Support(0.0, 1.0, 0.5)


class Distribution:
    """What continuous and discrete distributions have in common.

    Parameters
    ----------
    module
        Where the public functions are found.
    title
        As in "the normal distribution".
    shapes
        The names of the shape parameters, with spaces between.
    support
        That of the standard distribution; where it depends on them, a function of the shape parameters.
    valid
        From the shape parameters whether they are allowed.
    **formulas
        Of the standard distribution: those of `logpdf` (or `logpmf`), `cdf`, `sf`, `logcdf`, `logsf`, `ppf`, `isf` that
        are there. The logarithms are derived from the others, `sf` and `cdf` from each other.
    """

    variable: str
    density: str
    shift: tuple[str, ...]

    def __init__(
        self,
        module: str,
        title: str,
        shapes: str = "",
        *,
        support: Support | Callable[..., Support] = REAL_LINE,
        valid: Callable[..., Any] = lambda *shapes: True,
        **formulas: Formula,
    ) -> None:
        self.module = module
        self.title = title
        self.shapes = shapes.split()
        self.support = support
        self.valid = valid
        self.formulas = formulas

    @property
    def densities(self) -> list[Callable]:
        """The public functions `logpdf` and `pdf`, or `logpmf` and `pmf`."""
        return [self._function(self.density), self._function(self.density.removeprefix("log"))]

    @property
    def tails(self) -> list[Callable]:
        """The public functions `cdf`, `logcdf`, `sf` and `logsf`."""
        return [self._function(name) for name in _BOUNDS]

    @property
    def quantiles(self) -> list[Callable]:
        """The public functions `ppf` and `isf`."""
        return [self._function(name) for name in _QUANTILES]

    def _function(self, name: str) -> Callable:
        variable = "q" if name in _QUANTILES else self.variable
        positional = inspect.Parameter.POSITIONAL_OR_KEYWORD
        signature = inspect.Signature(
            [
                inspect.Parameter(variable, positional, annotation="Any"),
                *[inspect.Parameter(shape, positional, annotation="Any") for shape in self.shapes],
                *[
                    inspect.Parameter(shift, positional, default=default, annotation="Any")
                    for shift, default in zip(self.shift, (0, 1), strict=False)
                ],
            ],
            return_annotation="Any",
        )

        def function(*args: Any, **kwargs: Any) -> Any:
            bound = signature.bind(*args, **kwargs)
            bound.apply_defaults()
            return self._evaluate(name, *self._checked(*promoted(*bound.arguments.values())))[()]

        function.__name__ = function.__qualname__ = name
        function.__module__ = self.module
        function.__signature__ = signature  # type: ignore[attr-defined]
        function.__doc__ = _documentation(name, self, variable)
        return function

    def _checked(self, x: Any, *parameters: Any) -> list[Any]:
        """The arguments, of which the first is NaN where the parameters are not valid."""
        raise NotImplementedError

    def _evaluate(self, name: str, x: Any, *parameters: Any) -> Any:
        """The function of this name, by its formula or by another function."""
        if name == self.density:
            return self._log_density(x, *parameters)
        if name in self.formulas:
            return (self._quantile if name in _QUANTILES else self._cumulative)(name, x, *parameters)
        source, derive = _DERIVED[name]
        return derive(self._evaluate(source, x, *parameters))

    def _support(self, shapes: list[Any]) -> Support:
        return self.support(*shapes) if callable(self.support) else self.support

    def _log_density(self, x: Any, *parameters: Any) -> Any:
        raise NotImplementedError

    def _cumulative(self, name: str, x: Any, *parameters: Any) -> Any:
        raise NotImplementedError

    def _quantile(self, name: str, q: Any, *parameters: Any) -> Any:
        raise NotImplementedError


class Continuous(Distribution):
    """A distribution with a density, of x = loc + scale * y for a standard y."""

    variable, density, shift = "x", "logpdf", ("loc", "scale")

    def _checked(self, x: Any, *parameters: Any) -> list[Any]:
        *shapes, loc, scale = parameters
        ok = self.valid(*shapes) & (scale > 0)
        return [where(ok, x, nan), *[where(ok, shape, nan) for shape in shapes], loc, where(ok, scale, 1.0)]

    def _log_density(self, x: Any, *parameters: Any) -> Any:
        *shapes, loc, scale = parameters
        y, support = _standard(x, loc, scale), self._support(shapes)
        inside = isfinite(y) & (support.low <= y) & (y <= support.high)
        found = self.formulas["logpdf"](where(inside, y, support.interior), *shapes) - log(scale)
        return where(inside, found, where(isnan(y), y, -inf))

    def _cumulative(self, name: str, x: Any, *parameters: Any) -> Any:
        *shapes, loc, scale = parameters
        y, support = _standard(x, loc, scale), self._support(shapes)
        inside = (support.low < y) & (y < support.high)
        found = self.formulas[name](where(inside, y, support.interior), *shapes)
        return _with_bounds(name, where(inside, found, nan), y <= support.low, y >= support.high)

    def _quantile(self, name: str, q: Any, *parameters: Any) -> Any:
        *shapes, loc, scale = parameters
        support = self._support(shapes)
        ends = (support.low, support.high) if name == "ppf" else (support.high, support.low)
        return loc + scale * _between_ends(self.formulas[name], q, shapes, *ends)


class Discrete(Distribution):
    """A distribution of integers, of k = loc + y for a standard y."""

    variable, density, shift = "k", "logpmf", ("loc",)

    def _checked(self, k: Any, *parameters: Any) -> list[Any]:
        *shapes, loc = parameters
        ok = self.valid(*shapes)
        return [where(ok, k, nan), *[where(ok, shape, nan) for shape in shapes], loc]

    def _log_density(self, k: Any, *parameters: Any) -> Any:
        *shapes, loc = parameters
        y, support = k - loc, self._support(shapes)
        inside = isfinite(y) & (support.low <= y) & (y <= support.high) & (floor(y) == y)
        found = self.formulas["logpmf"](where(inside, y, support.interior), *shapes)
        return where(inside, found, where(isnan(y), y, -inf))

    def _cumulative(self, name: str, k: Any, *parameters: Any) -> Any:
        *shapes, loc = parameters
        y, support = floor(k - loc), self._support(shapes)
        inside = (support.low <= y) & (y < support.high)
        found = self.formulas[name](where(inside, y, support.interior), *shapes)
        return _with_bounds(name, where(inside, found, nan), y < support.low, y >= support.high)

    def _quantile(self, name: str, q: Any, *parameters: Any) -> Any:
        *shapes, loc = parameters
        support = self._support(shapes)
        ends = (support.low - 1, support.high) if name == "ppf" else (support.high, support.low - 1)
        return loc + _between_ends(self.formulas[name], q, shapes, *ends)


def _standard(x: Any, loc: Any, scale: Any) -> Any:
    """(x - loc) / scale; at infinity with derivatives of zero, and no 0 * inf."""
    finite = isfinite(x)
    return where(finite, (where(finite, x, loc) - loc) / scale, x)


def _with_bounds(name: str, found: Any, is_below: Any, is_above: Any) -> Any:
    below, above = _BOUNDS[name]
    return where(is_above, above, where(is_below, below, found))


def _between_ends(formula: Formula, q: Any, shapes: list[Any], at_zero: Any, at_one: Any) -> Any:
    inside = (q > 0) & (q < 1)
    found = where(inside, formula(where(inside, q, 0.5), *shapes), nan)
    return where(q == 1, at_one, where(q == 0, at_zero, found))


def _logarithm(probability: Any) -> Any:
    positive = probability > 0
    return where(positive, log(where(positive, probability, 1.0)), where(isnan(probability), probability, -inf))


def _complement(probability: Any) -> Any:
    return 1 - probability


def exponential(logarithm: Any) -> Any:
    """The exponential; at infinity with derivatives of zero, and no 0 * inf."""
    finite = isfinite(logarithm)
    return where(finite, exp(where(finite, logarithm, 0.0)), exp(stop_gradient(logarithm)))


def log_power(x: Any, exponent: Any) -> Any:
    """log(x^exponent) for x ≥ 0; at zero, where it is infinite, with derivatives of zero."""
    is_zero = x == 0
    found = xlogy(exponent, where(is_zero, 1.0, x))
    return where(is_zero & (exponent > 0), -inf, where(is_zero & (exponent < 0), inf, found))


def promoted(*values: Any) -> list[Any]:
    """The operands in the dtype of floats to which they promote: float64 where none of them is of floats."""
    leaves = [as_leaf(np.asarray(value) if isinstance(value, (list, tuple)) else value) for value in values]
    dtype = result_type(*leaves)
    if dtype.kind == "c":
        found = next(leaf for leaf in leaves if aval_of(leaf).dtype.kind == "c")
        raise DtypeError(f"a distribution of real numbers got {describe(found)}", instead="its real part")
    if dtype.kind != "f":
        dtype = np.dtype(np.float64)
    return [convert_element_type(leaf, dtype) for leaf in leaves]


_QUANTILES = ("ppf", "isf")

#: What a function of x is below the support, and above.
_BOUNDS = {"cdf": (0.0, 1.0), "logcdf": (-inf, 0.0), "sf": (1.0, 0.0), "logsf": (0.0, -inf)}

#: What a function without a formula is made from.
_DERIVED: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "pdf": ("logpdf", exponential),
    "pmf": ("logpmf", exponential),
    "cdf": ("sf", _complement),
    "sf": ("cdf", _complement),
    "logcdf": ("cdf", _logarithm),
    "logsf": ("sf", _logarithm),
}

_QUANTITIES = {
    "logpdf": "The logarithm of the density",
    "pdf": "The density",
    "logpmf": "The logarithm of the probability",
    "pmf": "The probability",
    "cdf": "The probability of at most {variable}",
    "sf": "The probability of more than {variable}",
    "logcdf": "The logarithm of the probability of at most {variable}",
    "logsf": "The logarithm of the probability of more than {variable}",
    "ppf": "The quantile, the inverse of `cdf`,",
    "isf": "The inverse of `sf`",
}


def _documentation(name: str, distribution: Distribution, variable: str) -> str:
    quantity = _QUANTITIES[name].format(variable=variable)
    parameters = ", ".join([*distribution.shapes, *distribution.shift])
    return f"""{quantity} of the {distribution.title} distribution.

    Parameters
    ----------
    {variable}
        {"Probabilities" if variable == "q" else "Where"}: an array of any shape.
    {parameters}
        Parameters, as SciPy's; they broadcast with {variable} and with each other.

    Returns
    -------
    array
        In the dtype of floats to which the arguments promote. {_OUTSIDE.get(name, "")}NaN for invalid parameters.
    """


_OUTSIDE = {"logpdf": "-inf outside of the support. ", "logpmf": "-inf for what is not in the support. "}
