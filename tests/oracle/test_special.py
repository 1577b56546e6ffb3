"""The functions of jax.scipy.special, and of lax their primitives, beside JAX's."""

from __future__ import annotations

import numpy as np
import pytest

import functrace.scipy.special as special
from functrace import lax
from tests.oracle.agreement import Difference, check_against_jax, draw, jax

theirs = jax.scipy.special

inf, nan = np.inf, np.nan


def _points(*values: float) -> np.ndarray:
    return np.array(values)


_ANY = _points(0.0, -0.0, 0.3, -0.7, 1.0, -1.5, 2.5, -6.0, 12.0, inf, -inf, nan)
_POSITIVE = _points(1e-3, 0.2, 0.9, 1.0, 2.5, 7.0, 30.0)
_UNIT = _points(0.0, 1e-6, 0.2, 0.5, 0.8, 0.999, 1.0)
_INSIDE = _points(1e-6, 0.05, 0.2, 0.5, 0.8, 0.95, 0.999)

_FIRST = ("gradient", "tangent")
_ALL = (*_FIRST, "second derivative")


def _differs(reason: str, where=None, kinds=_ALL) -> list[Difference]:
    return [Difference(kind, reason, where) for kind in kinds]


def _at(*points: float):
    return lambda x: np.isin(x, points) | (np.isnan(x) if nan in points else False)


_LIMIT = "the limit is right; JAX has no number there, or another"

#: Name → where, and the differences that are meant.
ONE_NUMBER = {
    "erf": (_ANY, []),
    "erfc": (_ANY, []),
    "erfcx": (_ANY, _differs(_LIMIT, _at(inf, -inf), _FIRST)),
    "erfinv": (_points(-1.0, -0.9, -0.1, 0.0, 0.4, 0.99, 1.0), []),
    "dawsn": (_ANY, _differs(_LIMIT, _at(inf, -inf), _FIRST)),
    "gamma": (_ANY, _differs(_LIMIT, _at(0.0))),
    "gammaln": (_ANY, [*_differs("SciPy's value", _at(-inf), ["value"]), *_differs(_LIMIT, _at(0.0, inf))]),
    "loggamma": (_POSITIVE, []),
    "gammasgn": (_ANY, []),
    "digamma": (
        _ANY,
        [*_differs("SciPy's values", _at(0.0), ["value"]), *_differs(_LIMIT, lambda x: (x <= 0) | (x == inf))],
    ),
    "entr": (_ANY, _differs("no slope outside", lambda x: x < 0, ["gradient"])),
    "expit": (_ANY, []),
    "logit": (_UNIT, []),
    "i0": (_ANY, _differs("the derivatives at 0 are 0 and 1/2", _at(0.0))),
    "i0e": (_ANY, []),
    "i1": (_ANY, _differs("the second derivative at 0 is 0", _at(0.0), ["second derivative"])),
    "i1e": (_ANY, _differs("NaN has no slope", _at(nan))),
    "ndtr": (_ANY, []),
    "ndtri": (_UNIT, _differs(_LIMIT, _at(0.0, 1.0))),
    "log_ndtr": (_ANY, _differs(_LIMIT, _at(-inf), _FIRST)),
    "expi": (_POSITIVE, []),
    "exp1": (_POSITIVE, _differs("JAX has none", None, ["second derivative"])),
    "spence": (_POSITIVE, _differs("-1 and 1/2 at 1", _at(1.0))),
    "fresnel": (_points(0.0, 0.3, -0.7, 2.5, -6.0), []),
    "sici": (_POSITIVE, []),
    "factorial": (_POSITIVE, []),
    "logsumexp": (_points(0.0, 0.3, -0.7, 1e3), []),
    "softmax": (_points(0.0, 0.3, -0.7, 1e3), []),
    "log_softmax": (_points(0.0, 0.3, -0.7, 1e3), []),
}


@pytest.mark.parametrize("name", ONE_NUMBER)
def test_functions_of_one_number_agree(name):
    where, differs = ONE_NUMBER[name]
    check_against_jax(getattr(special, name), getattr(theirs, name), where, differs=differs)


_A, _B = _points(0.05, 0.4, 1.0, 2.5, 9.0, 60.0, 3.0), _points(0.3, 2.0, 1.0, 0.7, 12.0, 55.0, 1e-3)

_LOW_A, _LOW_B = _points(0.05, 0.4, 2.5, 3.0), _points(0.3, 2.0, 0.7, 1e-3)  # above 8 JAX's beta has 8 digits
_POWERS = _points(0.0, 0.5, -0.5, 0.0, 2.0, 1e-9, 1.0)
_NO_SECOND = _differs("JAX has none", None, ["second derivative"])

SEVERAL_NUMBERS = {
    "xlogy": (
        (_points(0.0, 0.0, 1.0, 2.0, -1.5, 0.0), _points(0.0, 2.0, 0.0, 3.0, 0.5, inf)),
        _differs("0 for every y", lambda x, y: (x == 0) & (y == 0)),
    ),
    "xlog1py": (
        (_points(0.0, 0.0, 1.0, 2.0, -1.5, 0.0), _points(-1.0, 2.0, -1.0, 3.0, 0.5, inf)),
        _differs("0 for every y", lambda x, y: (x == 0) & (y == -1)),
    ),
    "rel_entr": (
        (_points(0.0, 1.0, 2.0, 0.7, -1.0), _points(1.0, 2.0, 0.5, 0.7, 1.0)),
        _differs("log(x / y) + 1 goes to -inf", lambda x, y: x == 0),
    ),
    "kl_div": (
        (_points(0.0, 1.0, 2.0, 0.7, -1.0), _points(1.0, 2.0, 0.5, 0.7, 1.0)),
        _differs("log(x / y) goes to -inf; no slope outside", lambda x, y: x <= 0),
    ),
    "beta": ((_LOW_A, _LOW_B), []),
    "betaln": ((_LOW_A, _LOW_B), []),
    "poch": ((_A[:5], _B[:5]), []),
    "gammainc": ((_A, _B), _NO_SECOND),
    "gammaincc": ((_A, _B), _NO_SECOND),
    "owens_t": ((_B - 1, _A - 1), []),
    "boxcox": ((_B, _POWERS), _differs("log(x)² / 2 at 0", lambda x, power: abs(power) < 1e-6)),
    "boxcox1p": ((_B, _POWERS), _differs("log(1 + x)² / 2 at 0", lambda x, power: abs(power) < 1e-6)),
    "comb": ((_A[3:6], _B[3:6]), []),
}


@pytest.mark.parametrize("name", SEVERAL_NUMBERS)
def test_functions_of_several_numbers_agree(name):
    args, differs = SEVERAL_NUMBERS[name]
    check_against_jax(getattr(special, name), getattr(theirs, name), *args, differs=differs)


def test_functions_of_a_number_and_settings_agree():
    for name, settings, x in (
        ("zeta", (2.5,), _B),
        ("polygamma", (1,), _POSITIVE),
        ("polygamma", (3,), _POSITIVE),
        ("betainc", (2.5, 0.7), _INSIDE),
        ("betainc", (0.3, 5.0), _INSIDE),
        ("hyp1f1", (0.7, 1.9), _points(-2.0, -0.3, 0.0, 0.4, 3.0)),
        ("hyp2f1", (0.7, 1.3, 2.1), _points(-0.9, -0.3, 0.1, 0.4, 0.8)),
        ("expn", (3,), _POSITIVE),
    ):
        differs = _NO_SECOND if name in ("expn",) else []
        check_against_jax(
            lambda x, name=name, settings=settings: getattr(special, name)(*settings, x),
            lambda x, name=name, settings=settings: getattr(theirs, name)(*settings, x),
            x,
            differs=differs,
        )
    check_against_jax(lambda a: special.multigammaln(a, 3), lambda a: theirs.multigammaln(a, 3), _POSITIVE + 2)
    check_against_jax(lambda z: special.bessel_jn(z, v=3), lambda z: theirs.bessel_jn(z, v=3), _POSITIVE[:-1], order=0)
    np.testing.assert_allclose(special.bernoulli(8), theirs.bernoulli(8), rtol=1e-5)  # JAX has six digits


def test_the_faddeeva_function_agrees():
    check_against_jax(special.wofz, theirs.wofz, draw(dtype="c16"), order=1, rtol=1e-8)


def test_logsumexp_with_weights_agrees():
    a, b = draw((2, 3)), np.abs(draw((2, 3), seed=1)) + 0.1
    check_against_jax(special.logsumexp, theirs.logsumexp, a, axis=1, b=b)
    check_against_jax(special.logsumexp, theirs.logsumexp, a, axis=0, b=b - 1, keepdims=True, return_sign=True)
    check_against_jax(special.softmax, jax.nn.softmax, a, axis=1)
    check_against_jax(special.log_softmax, jax.nn.log_softmax, a, axis=0)


def test_single_precision_agrees():
    for name in ("erf", "erfcx", "gammaln", "digamma", "expit", "i0e", "ndtr", "log_ndtr"):
        x = np.float32(_points(0.3, -0.7, 1.5, -2.5, 4.0))
        if name in ("gammaln", "digamma"):
            x = np.abs(x)
        check_against_jax(getattr(special, name), getattr(theirs, name), x, rtol=1e-4)


def test_names_of_lax_agree():
    for name, args in {
        "erf": (_ANY,),
        "erfc": (_ANY,),
        "erf_inv": (_INSIDE,),
        "lgamma": (_POSITIVE,),
        "digamma": (_POSITIVE,),
        "bessel_i0e": (_INSIDE,),
        "bessel_i1e": (_INSIDE,),
        "igamma": (_A, _B),
        "igammac": (_A, _B),
    }.items():
        differs = _NO_SECOND if name.startswith("igamma") else []
        check_against_jax(getattr(lax, name), getattr(jax.lax, name), *args, differs=differs)
    for name in ("igamma_grad_a", "random_gamma_grad"):
        check_against_jax(getattr(lax, name), getattr(jax.lax, name), _A, _B, order=0, rtol=1e-9)
    check_against_jax(lambda x: lax.polygamma(2.0, x), lambda x: jax.lax.polygamma(2.0, x), _POSITIVE)
    check_against_jax(lambda q: lax.zeta(3.0, q), lambda q: jax.lax.zeta(3.0, q), _POSITIVE, order=0)
    check_against_jax(
        lambda x: lax.betainc(2.0, 0.5, x),
        lambda x: jax.lax.betainc(2.0, 0.5, x),
        _INSIDE,
    )
