"""Activation functions and their kin, with JAX's names and arguments (`jax.nn`).

All are made of operations that have derivatives. Where a function bends, its slope is that on the side named below.
"""

from __future__ import annotations

import math
from typing import Any

from .. import numpy as fnp
from ..core.aval import canonical_dtype
from ..core.trace import Tracer
from ..errors import DtypeError, ShapeError
from ..lax.elementwise import logistic, stop_gradient
from ..lax.shape import canonical_axis, dtype_of
from ..scipy.special_functions import log_softmax as _log_softmax
from ..scipy.special_functions import logsumexp as _logsumexp
from ..scipy.special_functions import softmax as _softmax

_SELU_ALPHA, _SELU_SCALE = 1.6732632423543772848, 1.0507009873554804934


def identity(x: Any) -> Any:
    """x itself.

    Examples
    --------
    >>> import numpy as np
    >>> identity(np.array([-1.0, 2.0]))
    array([-1.,  2.])
    """
    return x if isinstance(x, Tracer) else fnp.array(x)


def relu(x: Any) -> Any:
    """max(x, 0); the slope at 0 is 0.

    Parameters
    ----------
    x
        An array of any shape.

    References
    ----------
    V. Nair and G. Hinton, Rectified linear units improve restricted Boltzmann machines, 2010.

    Examples
    --------
    >>> import numpy as np
    >>> relu(np.array([-1.0, 0.0, 2.0]))
    array([0., 0., 2.])
    """
    return fnp.where(x <= 0, 0, x)


def relu6(x: Any) -> Any:
    """min(max(x, 0), 6); the slopes at 0 and 6 are 0.

    Examples
    --------
    >>> import numpy as np
    >>> relu6(np.array([-1.0, 3.0, 7.0]))
    array([0., 3., 6.])
    """
    return fnp.where(x <= 0, 0, fnp.where(x >= 6, 6, x))


def leaky_relu(x: Any, negative_slope: Any = 0.01) -> Any:
    """x, and below 0 x times a slope; at 0 the slope is 1.

    Examples
    --------
    >>> import numpy as np
    >>> leaky_relu(np.array([-1.0, 2.0]))
    array([-0.01,  2.  ])
    """
    return fnp.where(x >= 0, x, negative_slope * x)


def elu(x: Any, alpha: Any = 1.0) -> Any:
    """x, and below 0 alpha (exp(x) - 1).

    References
    ----------
    D.-A. Clevert, T. Unterthiner and S. Hochreiter, Fast and accurate deep network learning by exponential linear
    units, 2016, arXiv:1511.07289.

    Examples
    --------
    >>> import numpy as np
    >>> elu(np.array([-np.inf, 2.0]))
    array([-1.,  2.])
    """
    return fnp.where(x > 0, x, alpha * fnp.expm1(fnp.where(x > 0, 0, x)))


def celu(x: Any, alpha: Any = 1.0) -> Any:
    """max(x, 0) + alpha (exp(min(x, 0) / alpha) - 1): `elu`, and smooth for every alpha.

    References
    ----------
    J. Barron, Continuously differentiable exponential linear units, 2017, arXiv:1704.07483.

    Examples
    --------
    >>> import numpy as np
    >>> celu(np.array([-np.inf, 2.0]), 3.0)
    array([-3.,  2.])
    """
    return fnp.where(x > 0, x, alpha * fnp.expm1(fnp.where(x > 0, 0, x) / alpha))


def selu(x: Any) -> Any:
    """`elu` with the alpha and the scale for which mean 0 and variance 1 go through layers unchanged.

    References
    ----------
    G. Klambauer, T. Unterthiner, A. Mayr and S. Hochreiter, Self-normalizing neural networks, 2017, arXiv:1706.02515.

    Examples
    --------
    >>> import numpy as np
    >>> selu(np.array([1.0])).round(4)
    array([1.0507])
    """
    return _SELU_SCALE * elu(x, _SELU_ALPHA)


def gelu(x: Any, approximate: bool = True) -> Any:
    """x times the normal distribution's probability below x.

    Parameters
    ----------
    x
        An array.
    approximate
        Whether the probability is approximated with tanh; if not, by the error function (SciPy's).

    References
    ----------
    D. Hendrycks and K. Gimpel, Gaussian error linear units, 2016, arXiv:1606.08415.

    Examples
    --------
    >>> import numpy as np
    >>> gelu(np.array([-1.0, 0.0, 1.0])).round(4)
    array([-0.1588,  0.    ,  0.8412])
    """
    x = _inexact(x)
    if approximate:
        return x * (0.5 * (1 + fnp.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * (x * x * x)))))
    from ..lax.error_functions import erfc  # here: SciPy's value is asked for by nobody else

    return 0.5 * x * erfc(-math.sqrt(0.5) * x)


def sigmoid(x: Any) -> Any:
    """1 / (1 + exp(-x)).

    Examples
    --------
    >>> import numpy as np
    >>> sigmoid(np.array([-1.0, 0.0, np.inf])).round(4)
    array([0.2689, 0.5   , 1.    ])
    """
    return logistic(_inexact(x))


def log_sigmoid(x: Any) -> Any:
    """log(sigmoid(x)), also where the sigmoid is too small for a float.

    Examples
    --------
    >>> import numpy as np
    >>> log_sigmoid(np.array([-1000.0, 1000.0]))
    array([-1000.,    -0.])
    """
    return -softplus(-_inexact(x))


def silu(x: Any) -> Any:
    """x sigmoid(x), called swish too.

    References
    ----------
    S. Elfwing, E. Uchibe and K. Doya, Sigmoid-weighted linear units for neural network function approximation in
    reinforcement learning, 2018, arXiv:1702.03118.

    Examples
    --------
    >>> import numpy as np
    >>> silu(np.array([-1.0, 1.0])).round(4)
    array([-0.2689,  0.7311])
    """
    return x * sigmoid(x)


swish = silu


def mish(x: Any) -> Any:
    """x tanh(softplus(x)).

    References
    ----------
    D. Misra, Mish: A self regularized non-monotonic activation function, 2019, arXiv:1908.08681.

    Examples
    --------
    >>> import numpy as np
    >>> mish(np.array([1.0])).round(4)
    array([0.8651])
    """
    return x * fnp.tanh(softplus(x))


def softplus(x: Any) -> Any:
    """log(1 + exp(x)), without overflow.

    Examples
    --------
    >>> import numpy as np
    >>> softplus(np.array([-1000.0, 0.0, 1000.0])).round(4)
    array([0.000e+00, 6.931e-01, 1.000e+03])
    """
    return fnp.logaddexp(_inexact(x), 0)


def squareplus(x: Any, b: Any = 4) -> Any:
    """(x + √(x² + b)) / 2: as `softplus`, without an exponential.

    References
    ----------
    J. Barron, Squareplus: A softplus-like algebraic rectifier, 2021, arXiv:2112.11687.

    Examples
    --------
    >>> import numpy as np
    >>> squareplus(np.array([0.0]))
    array([1.])
    """
    return (x + fnp.sqrt(x * x + b)) / 2


def sparse_plus(x: Any) -> Any:
    """0 up to -1, x from 1 on, between them (x + 1)² / 4.

    Examples
    --------
    >>> import numpy as np
    >>> sparse_plus(np.array([-2.0, 0.0, 2.0]))
    array([0.  , 0.25, 2.  ])
    """
    return fnp.where(x <= -1, 0, fnp.where(x >= 1, x, (x + 1) ** 2 / 4))


def sparse_sigmoid(x: Any) -> Any:
    """The slope of `sparse_plus`: 0 up to -1, 1 from 1 on, a line between them.

    Examples
    --------
    >>> import numpy as np
    >>> sparse_sigmoid(np.array([-2.0, 0.5, 2.0]))
    array([0.  , 0.75, 1.  ])
    """
    return 0.5 * fnp.clip(x + 1, 0, 2)


def soft_sign(x: Any) -> Any:
    """x / (1 + |x|).

    Examples
    --------
    >>> import numpy as np
    >>> soft_sign(np.array([-1.0, 3.0]))
    array([-0.5 ,  0.75])
    """
    return x / (1 + fnp.abs(x))


def tanh(x: Any) -> Any:
    """The hyperbolic tangent.

    Examples
    --------
    >>> import numpy as np
    >>> tanh(np.array([0.0, np.inf]))
    array([0., 1.])
    """
    return fnp.tanh(x)


def hard_tanh(x: Any) -> Any:
    """x, brought into [-1, 1]; the slopes at the ends are 1.

    Examples
    --------
    >>> import numpy as np
    >>> hard_tanh(np.array([-3.0, 0.5]))
    array([-1. ,  0.5])
    """
    return fnp.where(x > 1, 1, fnp.where(x < -1, -1, x))


def hard_sigmoid(x: Any) -> Any:
    """relu6(x + 3) / 6.

    Examples
    --------
    >>> import numpy as np
    >>> hard_sigmoid(np.array([-3.0, 0.0, 4.0]))
    array([0. , 0.5, 1. ])
    """
    return relu6(x + 3) / 6


def hard_silu(x: Any) -> Any:
    """x hard_sigmoid(x), called hard swish too.

    References
    ----------
    A. Howard et al., Searching for MobileNetV3, 2019, arXiv:1905.02244.

    Examples
    --------
    >>> import numpy as np
    >>> hard_silu(np.array([-4.0, 3.0]))
    array([-0.,  3.])
    """
    return x * hard_sigmoid(x)


hard_swish = hard_silu


def glu(x: Any, axis: int = -1) -> Any:
    """The first half along an axis, times the sigmoid of the second.

    Raises
    ------
    ShapeError
        The axis has an odd extent.

    References
    ----------
    Y. Dauphin, A. Fan, M. Auli and D. Grangier, Language modeling with gated convolutional networks, 2017,
    arXiv:1612.08083.

    Examples
    --------
    >>> import numpy as np
    >>> glu(np.array([4.0, 0.0]))
    array([2.])
    """
    extent = x.shape[axis]
    if extent % 2:
        raise ShapeError(f"glu expected an even extent along axis {axis}, got shape {x.shape}")
    values, gates = fnp.split(x, 2, axis)
    return values * sigmoid(gates)


def softmax(x: Any, axis: Any = -1, where: Any = None) -> Any:
    """exp(x) over its sum along an axis: positive numbers whose sum is 1.

    Parameters
    ----------
    x
        An array.
    axis
        Along which axis, or axes; None: all.
    where
        A mask of the elements that take part; for the others the result is 0.

    Examples
    --------
    >>> import numpy as np
    >>> softmax(np.log(np.array([1.0, 3.0])))
    array([0.25, 0.75])
    """
    if where is None:
        return _softmax(x, axis)
    x = _inexact(x)
    powers = fnp.where(where, fnp.exp(fnp.where(where, x - _greatest(x, axis, where), 0)), 0)
    return powers / fnp.sum(powers, axis, keepdims=True)


def log_softmax(x: Any, axis: Any = -1, where: Any = None) -> Any:
    """log(softmax(x)), also where the softmax is too small for a float.

    Parameters are those of `softmax`; for elements that take no part the result is -inf.

    Examples
    --------
    >>> import numpy as np
    >>> log_softmax(np.array([0.0, -1000.0]))
    array([    0., -1000.])
    """
    if where is None:
        return _log_softmax(x, axis)
    x = _inexact(x)
    shifted = fnp.where(where, x - _greatest(x, axis, where), 0)
    total = fnp.sum(fnp.where(where, fnp.exp(shifted), 0), axis, keepdims=True)
    return fnp.where(where, shifted - fnp.log(total), -math.inf)


def _greatest(x: Any, axis: Any, where: Any) -> Any:
    """What a sum of powers is divided by: a constant to derivatives."""
    return stop_gradient(fnp.max(x, axis, keepdims=True, initial=-math.inf, where=where))


def logsumexp(
    a: Any, axis: Any = None, b: Any = None, keepdims: bool = False, return_sign: bool = False, where: Any = None
) -> Any:
    """log(Σ b exp(a)), without overflow: `functrace.scipy.special.logsumexp`, with a mask.

    Examples
    --------
    >>> import numpy as np
    >>> round(float(logsumexp(np.array([1000.0, 1000.0]))), 4)
    1000.6931
    """
    if where is not None:
        a = fnp.where(where, a, -math.inf)
    return _logsumexp(a, axis=axis, b=b, keepdims=keepdims, return_sign=return_sign)


def logmeanexp(x: Any, axis: Any = None, where: Any = None, keepdims: bool = False) -> Any:
    """log of the mean of exp(x), without overflow.

    Examples
    --------
    >>> import numpy as np
    >>> float(logmeanexp(np.array([1000.0, 1000.0])))
    1000.0
    """
    mask = fnp.ones(x.shape, bool) if where is None else fnp.broadcast_to(where, x.shape)
    count = fnp.sum(mask, axis, keepdims=keepdims, dtype=dtype_of(x))
    return logsumexp(x, axis, keepdims=keepdims, where=where) - fnp.log(count)


def standardize(
    x: Any, axis: Any = -1, mean: Any = None, variance: Any = None, epsilon: Any = 1e-5, where: Any = None
) -> Any:
    """(x - mean) / √(variance + epsilon) along an axis.

    Parameters
    ----------
    x
        An array of floats.
    axis
        Along which axis, or axes.
    mean, variance
        By default those of x.
    epsilon
        Keeps the root away from 0.
    where
        A mask of the elements that count in the mean and the variance.

    Examples
    --------
    >>> import numpy as np
    >>> standardize(np.array([1.0, 3.0]), epsilon=0.0)
    array([-1.,  1.])
    """
    chosen = True if where is None else where
    if mean is None:
        mean = fnp.mean(x, axis, keepdims=True, where=chosen)
    centred = x - mean
    if variance is None:
        variance = fnp.mean(centred * centred, axis, keepdims=True, where=chosen)
    return centred / fnp.sqrt(variance + epsilon)


def one_hot(x: Any, num_classes: int, *, dtype: Any = None, axis: int = -1) -> Any:
    """Numbers of classes as vectors of 0 and 1.

    Parameters
    ----------
    x
        Integers from 0 to `num_classes` - 1, in an array of any shape; the vector of any other is 0.
    num_classes
        How long the vectors are.
    dtype
        Of the result; by default float64.
    axis
        Which axis of the result holds the vectors.

    Examples
    --------
    >>> import numpy as np
    >>> one_hot(np.array([0, 2]), 3)
    array([[1., 0., 0.],
           [0., 0., 1.]])
    """
    x = fnp.asarray(x)
    if x.dtype.kind not in "iu":
        raise DtypeError(f"one_hot expected integers, got {x.dtype}", instead="one_hot(x.astype(int), …)")
    axis = canonical_axis(axis, x.ndim + 1)
    places = [1] * (x.ndim + 1)
    places[axis] = num_classes
    classes = fnp.arange(num_classes, dtype=x.dtype).reshape(places)
    return (fnp.expand_dims(x, axis) == classes).astype(canonical_dtype(dtype or float))


def log1mexp(x: Any) -> Any:
    """log(1 - exp(-x)) for positive x, exact for small and large ones.

    References
    ----------
    M. Mächler, Accurately computing log(1 - exp(-|a|)), 2012.

    Examples
    --------
    >>> import numpy as np
    >>> log1mexp(np.array([1e-20])).round(4)
    array([-46.0517])
    """
    x = _inexact(x)
    is_small = x < math.log(2)
    small, large = fnp.where(is_small, x, 0.5), fnp.where(is_small, 1.0, x)
    return fnp.where(is_small, fnp.log(-fnp.expm1(-small)), fnp.log1p(-fnp.exp(-large)))


def _inexact(x: Any) -> Any:
    """x as floats: functions whose values are no integers take integers too."""
    if isinstance(x, float | complex):
        return x
    return x if dtype_of(x).kind in "fc" else fnp.asarray(x, float)
