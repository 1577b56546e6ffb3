"""How a row becomes a primitive whose values are those of a ufunc of scipy.special.

SciPy is imported when a value or a dtype is first asked for. The functions themselves are in `error_functions`,
`gamma_functions`, `incomplete`, `bessel_functions` and `integrals`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from ..core.aval import Aval, broadcast_shapes, ufunc_dtype
from ..core.primitive import Primitive
from ..errors import DifferentiationError
from ..lazy import LateUfunc
from .elementwise import batch_elementwise, differentiate, where
from .shape import dtype_of


def special(
    name: str, *derivatives: Callable | None, scipy_name: str | None = None, result: int | None = None
) -> Primitive:
    """An elementwise primitive with the values of a ufunc of scipy.special.

    Parameters
    ----------
    name
        As it stands in a jaxpr.
    *derivatives
        One for each operand: a function of the operands and the result, the factor of that operand's tangent. None is
        zero; `unknown` is one that refuses.
    scipy_name
        The ufunc's name, where it has another one.
    result
        Which of the ufunc's results it is, where there are several.

    Examples
    --------
    >>> cosine_integral = special("cosine_integral", lambda x, y: np.cos(x) / x, scipy_name="sici", result=1)
    >>> print(f"{cosine_integral(1.0):.6f}")
    0.337404
    """
    ufunc = scipy_ufunc(scipy_name or name)

    def abstract(*avals: Aval) -> Aval:
        dtypes = ufunc_dtype(ufunc, tuple([(aval.dtype, aval.weak_type) for aval in avals]))
        return Aval(broadcast_shapes(*[aval.shape for aval in avals]), dtypes[result or 0])

    if result is None:
        primitive = Primitive(name, ufunc, abstract, ufunc=ufunc)
    else:
        primitive = Primitive(name, lambda *args: ufunc(*args)[result], abstract)
    differentiate(primitive, [None if factor is None else _times(factor) for factor in derivatives])
    primitive.batch = batch_elementwise(primitive)
    return primitive


def scipy_ufunc(name: str) -> LateUfunc:
    """A ufunc of scipy.special. Some of its functions are written around one that it does not show."""
    return LateUfunc("scipy.special._ufuncs" if name.startswith("_") else "scipy.special", name, "scipy")


def _times(factor: Callable) -> Callable:
    return lambda tangent, *operands: tangent * factor(*operands)


def unknown(function: str, operand: str) -> Callable[..., NoReturn]:
    """In the place of a derivative that there is no rule for."""

    def refuse(*operands: Any) -> NoReturn:
        raise DifferentiationError(
            f"scipy.special.{function}: there is no rule for its derivative by {operand}",
            instead=f"functrace.lax.stop_gradient({operand}) if it is a constant, or functrace.custom_jvp with a rule",
        )

    return refuse


def near_zero(x: Any, radius: float, coefficients: Sequence[float], elsewhere: Callable[[Any], Any]) -> Any:
    """A function with a removable singularity at 0, whose derivatives are right there too.

    Parameters
    ----------
    x
        Where.
    radius
        Within it the series is taken.
    coefficients
        Of the powers of `x` from 0 on.
    elsewhere
        The function of an `x` that is not near zero.
    """
    near = abs(x) < radius
    series: Any = coefficients[-1]
    for coefficient in reversed(coefficients[:-1]):
        series = series * x + coefficient
    return where(near, series, elsewhere(where(near, dtype_of(x).type(1), x)))


def is_real(x: Any) -> bool:
    """Whether it has no imaginary part."""
    return dtype_of(x).kind != "c"
