"""First values of weights: functions ``init(key, shape, dtype)``, with JAX's names (`jax.nn.initializers`)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from .. import numpy as fnp
from .. import random
from ..core.aval import canonical_dtype
from ..errors import OptionError, ShapeError

#: ``init(key, shape, dtype=float64)``.
Initializer = Callable[..., Any]
Axes = int | Sequence[int]

#: The standard deviation of a normal distribution cut at ±2.
_DEVIATION_OF_CUT = 0.87962566103423978


def zeros(key: Any, shape: Sequence[int], dtype: Any = None) -> Any:
    """All 0.

    Examples
    --------
    >>> zeros(None, (2,))
    array([0., 0.])
    """
    return fnp.zeros(shape, dtype or float)


def ones(key: Any, shape: Sequence[int], dtype: Any = None) -> Any:
    """All 1.

    Examples
    --------
    >>> ones(None, (2,))
    array([1., 1.])
    """
    return fnp.ones(shape, dtype or float)


def constant(value: Any, dtype: Any = None) -> Initializer:
    """All of one value.

    Examples
    --------
    >>> constant(0.5)(None, (2,))
    array([0.5, 0.5])
    """
    return _with_dtype(dtype, lambda key, shape, dtype: fnp.full(shape, value, dtype))


def uniform(scale: float = 0.01, dtype: Any = None) -> Initializer:
    """Uniform in [0, scale).

    Examples
    --------
    >>> import functrace
    >>> weights = uniform(2.0)(functrace.random.key(0), (1000,))
    >>> bool(weights.min() >= 0 and 1.9 < weights.max() < 2)
    True
    """
    return _with_dtype(dtype, lambda key, shape, dtype: random.uniform(key, shape, dtype) * scale)


def normal(stddev: float = 0.01, dtype: Any = None) -> Initializer:
    """Normal with mean 0.

    Examples
    --------
    >>> import functrace
    >>> weights = normal(2.0)(functrace.random.key(0), (10_000,))
    >>> bool(abs(weights.std() - 2) < 0.1)
    True
    """
    return _with_dtype(dtype, lambda key, shape, dtype: random.normal(key, shape, dtype) * stddev)


def truncated_normal(stddev: float = 0.01, dtype: Any = None, lower: float = -2.0, upper: float = 2.0) -> Initializer:
    """Normal with mean 0, cut at `lower` and `upper` standard deviations (the cut makes the deviation smaller).

    Examples
    --------
    >>> import functrace
    >>> weights = truncated_normal(2.0)(functrace.random.key(0), (1000,))
    >>> bool(3 < abs(weights).max() <= 4)
    True
    """
    return _with_dtype(
        dtype, lambda key, shape, dtype: random.truncated_normal(key, lower, upper, shape, dtype) * stddev
    )


def variance_scaling(
    scale: float,
    mode: str,
    distribution: str,
    in_axis: Axes = -2,
    out_axis: Axes = -1,
    batch_axis: Axes = (),
    dtype: Any = None,
) -> Initializer:
    """Mean 0 and the variance scale / n, where n counts the inputs or outputs of a unit.

    Parameters
    ----------
    scale
        The factor.
    mode
        What n is: "fan_in", "fan_out", "fan_avg" (the mean of both) or "fan_geo_avg" (their geometric mean). Axes that
        are named below as neither (of a convolution's window) count in both.
    distribution
        "truncated_normal" (cut at two standard deviations, and widened for the cut), "normal" or "uniform".
    in_axis, out_axis, batch_axis
        The axes of the inputs, of the outputs, and of weights that are independent of each other.
    dtype
        Of the result where the call names none; by default float64.

    Raises
    ------
    OptionError
        `mode` or `distribution` is none of these.
    ShapeError
        The shape has not the axes.

    Examples
    --------
    >>> import functrace
    >>> weights = variance_scaling(2.0, "fan_in", "normal")(functrace.random.key(0), (500, 400))
    >>> bool(abs(weights.var() * 500 - 2.0) < 0.03)
    True
    """
    fans = {
        "fan_in": lambda n, m: n,
        "fan_out": lambda n, m: m,
        "fan_avg": lambda n, m: (n + m) / 2,
        "fan_geo_avg": lambda n, m: math.sqrt(n * m),
    }
    if mode not in fans:
        raise OptionError(f"expected a mode among {', '.join(fans)}, got {mode!r}")
    if distribution not in ("truncated_normal", "normal", "uniform"):
        raise OptionError(f"expected a distribution 'truncated_normal', 'normal' or 'uniform', got {distribution!r}")

    def init(key: Any, shape: Sequence[int], dtype: Any) -> Any:
        variance = scale / max(fans[mode](*_fans(shape, in_axis, out_axis, batch_axis)), 1e-30)
        if distribution == "normal":
            return random.normal(key, shape, dtype) * math.sqrt(variance)
        if distribution == "uniform":
            return random.uniform(key, shape, dtype, -1.0, 1.0) * math.sqrt(3 * variance)
        return random.truncated_normal(key, -2.0, 2.0, shape, dtype) * (math.sqrt(variance) / _DEVIATION_OF_CUT)

    return _with_dtype(dtype, init)


def _fans(shape: Sequence[int], in_axis: Axes, out_axis: Axes, batch_axis: Axes) -> tuple[float, float]:
    """How many inputs a unit has, and how many outputs an input."""

    def extent(axes: Axes) -> int:
        try:
            return math.prod([shape[axis] for axis in ((axes,) if isinstance(axes, int) else axes)])
        except IndexError:
            raise ShapeError(
                f"an initializer by variance expected a shape with the axes {in_axis} and {out_axis}, got {shape}",
                instead="initializers.zeros or initializers.normal() for a vector of biases",
            ) from None

    inputs, outputs, batch = extent(in_axis), extent(out_axis), extent(batch_axis)
    window = math.prod(shape) / max(inputs * outputs * batch, 1)
    return inputs * window, outputs * window


def _named(name: str, scale: float, mode: str, distribution: str, source: str) -> Initializer:
    def make(in_axis: Axes = -2, out_axis: Axes = -1, batch_axis: Axes = (), dtype: Any = None) -> Initializer:
        return variance_scaling(scale, mode, distribution, in_axis, out_axis, batch_axis, dtype)

    make.__name__ = make.__qualname__ = name
    spread = "uniform" if distribution == "uniform" else "normal, cut at two standard deviations"
    make.__doc__ = f"""`variance_scaling` with scale {scale:g} and {mode!r}, {spread}.

    References
    ----------
    {source}

    Examples
    --------
    >>> import functrace
    >>> {name}()(functrace.random.key(0), (3, 2)).shape
    (3, 2)
    """
    return make


_GLOROT = "X. Glorot and Y. Bengio, Understanding the difficulty of training deep feedforward neural networks, 2010."
_LECUN = "Y. LeCun, L. Bottou, G. Orr and K.-R. Müller, Efficient BackProp, 1998."
_HE = "K. He, X. Zhang, S. Ren and J. Sun, Delving deep into rectifiers, 2015, arXiv:1502.01852."

glorot_uniform = xavier_uniform = _named("glorot_uniform", 1.0, "fan_avg", "uniform", _GLOROT)
glorot_normal = xavier_normal = _named("glorot_normal", 1.0, "fan_avg", "truncated_normal", _GLOROT)
lecun_uniform = _named("lecun_uniform", 1.0, "fan_in", "uniform", _LECUN)
lecun_normal = _named("lecun_normal", 1.0, "fan_in", "truncated_normal", _LECUN)
he_uniform = kaiming_uniform = _named("he_uniform", 2.0, "fan_in", "uniform", _HE)
he_normal = kaiming_normal = _named("he_normal", 2.0, "fan_in", "truncated_normal", _HE)


def orthogonal(scale: float = 1.0, column_axis: int = -1, dtype: Any = None) -> Initializer:
    """A matrix with orthonormal columns (rows, where it is wider than high), times a scale; all other axes are rows.

    References
    ----------
    A. Saxe, J. McClelland and S. Ganguli, Exact solutions to the nonlinear dynamics of learning in deep linear neural
    networks, 2014, arXiv:1312.6120.

    Examples
    --------
    >>> import functrace
    >>> w = orthogonal()(functrace.random.key(0), (4, 2))
    >>> (w.T @ w).round(6) + 0.0
    array([[1., 0.],
           [0., 1.]])
    """

    def init(key: Any, shape: Sequence[int], dtype: Any) -> Any:
        if len(shape) < 2:
            raise ShapeError(f"initializers.orthogonal expected a shape of at least two axes, got {tuple(shape)}")
        columns = shape[column_axis]
        rows = math.prod(shape) // max(columns, 1)
        others = list(shape)
        others.pop(column_axis)
        matrix = random.orthogonal(key, rows, (), dtype, columns).reshape(*others, columns)
        return fnp.moveaxis(matrix, -1, column_axis) * scale

    return _with_dtype(dtype, init)


def delta_orthogonal(scale: float = 1.0, column_axis: int = -1, dtype: Any = None) -> Initializer:
    """For a convolution's window: an orthogonal matrix in its middle, 0 around.

    References
    ----------
    L. Xiao et al., Dynamical isometry and a mean field theory of CNNs, 2018, arXiv:1806.05393.

    Examples
    --------
    >>> import functrace
    >>> delta_orthogonal()(functrace.random.key(0), (3, 1, 1))[:, 0, 0].round(6) ** 2
    array([0., 1., 0.])
    """

    def init(key: Any, shape: Sequence[int], dtype: Any) -> Any:
        if not 3 <= len(shape) <= 5 or shape[-1] < shape[-2]:
            raise ShapeError(
                "initializers.delta_orthogonal expected a window of one to three axes and at least as many outputs as "
                f"inputs, got shape {tuple(shape)}"
            )
        matrix = orthogonal(scale, column_axis)(key, shape[-2:], dtype)
        middle = fnp.ones((), dtype)
        for extent in shape[:-2]:
            middle = middle[..., None] * (fnp.arange(extent) == (extent - 1) // 2)
        return middle[..., None, None] * matrix

    return _with_dtype(dtype, init)


def _with_dtype(default: Any, init: Callable[[Any, Sequence[int], Any], Any]) -> Initializer:
    """An initializer whose call may name another dtype than the default."""

    def initializer(key: Any, shape: Sequence[int], dtype: Any = default) -> Any:
        return init(key, tuple(shape), canonical_dtype(dtype or float))

    return initializer
