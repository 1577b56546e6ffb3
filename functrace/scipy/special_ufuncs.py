"""The ufuncs of scipy.special: a row each, from SciPy's name to the operation that serves traced values.

On arrays each is SciPy's own. Where SciPy is not installed, those that NumPy alone can serve compute by themselves, and
the others raise an error that names the extra. A ufunc without a rule for its derivative is followed by `jit` and
`vmap`, and refuses a derivative.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import cache, update_wrapper
from typing import Any

import numpy as np

from ..config import config
from ..core.aval import aval_of, canonical_dtype, example, ufunc_dtype
from ..core.finite import checked_call
from ..core.trace import Tracer
from ..errors import ArgumentError, MissingExtraError, TracerArrayConversionError
from ..lax import bessel_functions, elementwise, entropy, error_functions, gamma_functions, incomplete, integrals
from ..lax.bessel import bessel_i
from ..lax.shape import convert_element_type
from ..lax.special import special, unknown
from ..lazy import import_extra
from ..numpy.dispatch import OPERATIONS, TRACED, as_operand, call_traced, has_tracer, implements

#: The module; None where SciPy is not installed.
try:
    scipy_special: Any = import_extra("scipy.special", "scipy", "functrace.scipy.special")
except MissingExtraError:
    scipy_special = None

# ---------------------------------------------------------------------------------------------------------------------
# how an operation becomes a public function
# ---------------------------------------------------------------------------------------------------------------------


def _ufunc(name: str, operands: int, operation: Callable) -> Callable:
    """The function of this name: SciPy's own on arrays; `operation` on traced values, and where SciPy is missing."""
    ufunc = getattr(scipy_special, name, None)

    def traced(*args: Any, where: Any = True, dtype: Any = None, casting: Any = None, order: Any = None) -> Any:
        if len(args) != operands:
            raise ArgumentError(f"scipy.special.{name} expected {operands} arguments, got {len(args)}")
        if where is not True:
            raise ArgumentError(
                f"scipy.special.{name}: where= leaves elements of out= as they are, and a traced value has no out=",
                instead=f"functrace.numpy.where(mask, functrace.scipy.special.{name}(...), other)",
            )
        args = tuple([as_operand(arg) for arg in args])
        if dtype is not None:
            args = tuple([convert_element_type(arg, canonical_dtype(dtype)) for arg in args])
        return operation(*args)

    traced.__signature__ = _signature(traced, operands)  # type: ignore[attr-defined]
    traced.__doc__ = f"`scipy.special.{name}`, which can be traced.{_LIMITS if name in _WITH_LIMITS else ''}"
    if ufunc is None:
        return public(traced, name, traced)
    OPERATIONS[ufunc] = operation
    TRACED[ufunc] = traced

    def function(*args: Any, **kwargs: Any) -> Any:
        for arg in args:
            if isinstance(arg, Tracer):
                return call_traced(ufunc, traced, args, kwargs)
        if config.debugging and not has_tracer(args):
            return checked_call(ufunc, args, kwargs)
        try:
            return ufunc(*args, **kwargs)
        except TracerArrayConversionError:
            if not has_tracer(args):
                raise
        return call_traced(ufunc, traced, args, kwargs)

    return _named(function, name, traced)


def _signature(traced: Callable, operands: int) -> inspect.Signature:
    """That of `traced`, with the operands as a ufunc names them: ``(x1, x2, /, *, where=True)``."""
    names = ["x"] if operands == 1 else [f"x{i}" for i in range(1, operands + 1)]
    positional = [inspect.Parameter(name, inspect.Parameter.POSITIONAL_ONLY) for name in names]
    given = inspect.signature(traced).parameters.values()
    keywords = [p.replace(annotation=p.empty) for p in given if p.kind is p.KEYWORD_ONLY]
    return inspect.Signature([*positional, *keywords])


#: Where derivatives differ from those of jax.scipy.special.
_WITH_LIMITS = (
    *("boxcox", "boxcox1p", "dawsn", "erfcx", "gamma", "gammaln", "i0", "i1"),
    *("kl_div", "log_ndtr", "ndtri", "psi", "rel_entr", "spence", "xlog1py", "xlogy"),
)
_LIMITS = """

At 0, at the ends of its domain and where its formula is 0 / 0 or inf - inf, a derivative is the limit, finite or not:
``jax.scipy.special`` has 0 or NaN at some of these points."""


def public(original: Callable, name: str, traced: Callable) -> Callable:
    """The public function: `original` on arrays, `traced` on traced values."""
    return _named(implements(original)(traced), name, traced)


def _named(function: Callable, name: str, traced: Callable) -> Callable:
    update_wrapper(function, traced)
    function.__name__ = function.__qualname__ = name
    function.__module__ = "functrace.scipy.special"
    return function


def _of_floats(name: str, operation: Callable) -> Callable:
    """An operation of NumPy's own, on operands of the dtype for which SciPy's ufunc has a loop."""
    ufunc = getattr(scipy_special, name, None)

    def run(*operands: Any) -> Any:
        avals = [aval_of(operand) for operand in operands]
        if ufunc is not None:
            dtype = ufunc_dtype(ufunc, tuple([(aval.dtype, aval.weak_type) for aval in avals]))[0]
        else:
            dtype = np.result_type(*[example(aval.dtype, aval.weak_type) for aval in avals])
            if dtype.kind not in "fc" or dtype.itemsize < 4:
                dtype = np.dtype(np.float64)
        return operation(*[convert_element_type(operand, dtype) for operand in operands])

    return run


def _parts(*operations: Callable) -> Callable:
    """The operation that gives all results of a ufunc with several."""
    return lambda *operands: tuple([operation(*operands) for operation in operations])


# ---------------------------------------------------------------------------------------------------------------------
# the ufuncs: by the number of operands, from SciPy's names to the operations
# ---------------------------------------------------------------------------------------------------------------------

_UFUNCS: dict[int, dict[str, Callable]] = {
    1: {
        "erf": error_functions.erf,
        "erfc": error_functions.erfc,
        "erfcx": error_functions.erfcx,
        "erfi": error_functions.erfi,
        "erfinv": error_functions.erf_inv,
        "erfcinv": error_functions.erfc_inv,
        "dawsn": error_functions.dawsn,
        "wofz": error_functions.wofz,
        "fresnel": _parts(error_functions.fresnel_sine, error_functions.fresnel_cosine),
        "ndtr": error_functions.ndtr,
        "ndtri": error_functions.ndtri,
        "log_ndtr": error_functions.log_ndtr,
        "ndtri_exp": error_functions.ndtri_exp,
        "gamma": gamma_functions.gamma,
        "gammaln": gamma_functions.lgamma,
        "loggamma": gamma_functions.loggamma,
        "gammasgn": gamma_functions.gammasgn,
        "rgamma": gamma_functions.rgamma,
        "psi": gamma_functions.digamma,
        "i0": bessel_functions.bessel_i0,
        "i1": bessel_functions.bessel_i1,
        "i0e": bessel_functions.bessel_i0e,
        "i1e": bessel_functions.bessel_i1e,
        "j0": bessel_functions.j0,
        "j1": bessel_functions.j1,
        "y0": bessel_functions.y0,
        "y1": bessel_functions.y1,
        "k0": bessel_functions.k0,
        "k1": bessel_functions.k1,
        "k0e": bessel_functions.k0e,
        "k1e": bessel_functions.k1e,
        "expi": integrals.expi,
        "exp1": integrals.exp1,
        "sici": _parts(integrals.sine_integral, integrals.cosine_integral),
        "shichi": _parts(integrals.sinh_integral, integrals.cosh_integral),
        "spence": integrals.spence,
        "ellipk": integrals.ellipk,
        "ellipkm1": integrals.ellipkm1,
        "ellipe": integrals.ellipe,
    },
    2: {
        "owens_t": error_functions.owens_t,
        "poch": gamma_functions.poch,
        "beta": gamma_functions.beta,
        "betaln": gamma_functions.betaln,
        "binom": gamma_functions.binom,
        "gammainc": incomplete.igamma,
        "gammaincc": incomplete.igammac,
        "gammaincinv": incomplete.gammaincinv,
        "gammainccinv": incomplete.gammainccinv,
        "jv": bessel_functions.jv,
        "jve": bessel_functions.jve,
        "yn": bessel_functions.yn,
        "yv": bessel_functions.yv,
        "yve": bessel_functions.yve,
        "iv": bessel_functions.iv,
        "ive": bessel_functions.ive,
        "kn": bessel_functions.kn,
        "kv": bessel_functions.kv,
        "kve": bessel_functions.kve,
        "expn": integrals.expn,
        "boxcox": integrals.boxcox,
        "boxcox1p": integrals.boxcox1p,
        "inv_boxcox": integrals.inv_boxcox,
        "inv_boxcox1p": integrals.inv_boxcox1p,
        "hyp0f1": integrals.hyp0f1,
        "ellipkinc": integrals.ellipkinc,
        "ellipeinc": integrals.ellipeinc,
    },
    3: {
        "betainc": incomplete.betainc,
        "betaincc": incomplete.betaincc,
        "betaincinv": incomplete.betaincinv,
        "betainccinv": incomplete.betainccinv,
        "hyp1f1": integrals.hyp1f1,
        "hyperu": integrals.hyperu,
    },
    4: {"hyp2f1": integrals.hyp2f1},
}

#: Those that NumPy alone can serve.
_BY_NUMPY: dict[int, dict[str, Callable]] = {
    1: {
        "expit": elementwise.logistic,
        "logit": entropy.logit,
        "log_expit": entropy.log_expit,
        "entr": entropy.entr,
        "exprel": entropy.exprel,
        "cosm1": entropy.cosm1,
        "expm1": elementwise.expm1,
        "log1p": elementwise.log1p,
        "exp2": elementwise.exp2,
        "exp10": lambda x: elementwise.pow_(10.0, x),
        "cbrt": elementwise.cbrt,
    },
    2: {
        "xlogy": entropy.xlogy,
        "xlog1py": entropy.xlog1py,
        "rel_entr": entropy.rel_entr,
        "kl_div": entropy.kl_div,
        "huber": entropy.huber,
        "pseudo_huber": entropy.pseudo_huber,
    },
}
if scipy_special is None:
    _BY_NUMPY[1].update(i0=lambda x: bessel_i(0, x), i1=lambda x: bessel_i(1, x))

#: The public functions that are ufuncs, by SciPy's names.
FUNCTIONS: dict[str, Callable] = {
    name: _ufunc(name, operands, operation) for operands, rows in _UFUNCS.items() for name, operation in rows.items()
}
FUNCTIONS.update(
    {
        name: _ufunc(name, operands, _of_floats(name, operation))
        for operands, rows in _BY_NUMPY.items()
        for name, operation in rows.items()
    }
)
FUNCTIONS.update(digamma=FUNCTIONS["psi"], jn=FUNCTIONS["jv"])


@cache
def _without_derivative(name: str) -> Callable:
    """The operation of a ufunc that has no rule: `jit` and `vmap` follow it, a derivative is refused."""
    ufunc = getattr(scipy_special, name)
    refused = [unknown(name, "any argument")] * ufunc.nin
    if ufunc.nout == 1:
        return special(name, *refused)
    return _parts(
        *[special(f"{name}_{number}", *refused, scipy_name=name, result=number) for number in range(ufunc.nout)]
    )


if scipy_special is not None:
    for _name, _value in vars(scipy_special).items():
        if isinstance(_value, np.ufunc) and _value not in TRACED:
            FUNCTIONS[_name] = _ufunc(
                _name, _value.nin, lambda *operands, name=_name: _without_derivative(name)(*operands)
            )
    # what is written around one that is not shown: scipy.special.zeta calls it, and so finds the rule
    OPERATIONS[gamma_functions.zeta.ufunc.load()] = gamma_functions.zeta
    OPERATIONS[gamma_functions.riemann_zeta.ufunc.load()] = gamma_functions.riemann_zeta
