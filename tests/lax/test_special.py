"""The rules of the special functions' primitives, against central differences, each other and closed forms."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from functrace import grad, hessian, jit, jvp, lax
from functrace.errors import DifferentiationError
from functrace.lax import bessel_functions, entropy, error_functions, gamma_functions, incomplete, integrals
from functrace.lax.special import near_zero, special
from tests.lax.rules import check_rules

scipy_special = pytest.importorskip("scipy.special", reason="SciPy is not installed (it is in the extra 'scipy')")

_ANY = np.array([-1.7, -0.4, 0.3, 1.2, 2.6])
_POSITIVE = np.array([0.2, 0.7, 1.3, 2.4, 5.1])
_UNIT = np.array([0.05, 0.3, 0.5, 0.8, 0.95])
_SMALL = np.array([-0.8, -0.3, 0.1, 0.4, 0.7])

ONE_OPERAND = [
    (error_functions.erf, "erf", _ANY),
    (error_functions.erfc, "erfc", _ANY),
    (error_functions.erfcx, "erfcx", _ANY),
    (error_functions.erfi, "erfi", _ANY),
    (error_functions.erf_inv, "erfinv", _SMALL),
    (error_functions.erfc_inv, "erfcinv", _UNIT),
    (error_functions.dawsn, "dawsn", _ANY),
    (error_functions.ndtr, "ndtr", _ANY),
    (error_functions.ndtri, "ndtri", _UNIT),
    (error_functions.log_ndtr, "log_ndtr", _ANY * 3),
    (error_functions.ndtri_exp, "ndtri_exp", -_POSITIVE),
    (gamma_functions.gamma, "gamma", _ANY),
    (gamma_functions.lgamma, "gammaln", _ANY),
    (gamma_functions.loggamma, "loggamma", _POSITIVE),
    (gamma_functions.gammasgn, "gammasgn", _ANY),
    (gamma_functions.rgamma, "rgamma", _ANY),
    (gamma_functions.digamma, "psi", _ANY),
    (bessel_functions.bessel_i0, "i0", _ANY),
    (bessel_functions.bessel_i1, "i1", _ANY),
    (bessel_functions.bessel_i0e, "i0e", _ANY),
    (bessel_functions.bessel_i1e, "i1e", _ANY),
    (bessel_functions.j0, "j0", _ANY),
    (bessel_functions.j1, "j1", _ANY),
    (bessel_functions.y0, "y0", _POSITIVE),
    (bessel_functions.y1, "y1", _POSITIVE),
    (bessel_functions.k0, "k0", _POSITIVE),
    (bessel_functions.k1, "k1", _POSITIVE),
    (bessel_functions.k0e, "k0e", _POSITIVE),
    (bessel_functions.k1e, "k1e", _POSITIVE),
    (integrals.expi, "expi", _ANY),
    (integrals.exp1, "exp1", _POSITIVE),
    (integrals.spence, "spence", _POSITIVE),
    (integrals.ellipk, "ellipk", _SMALL),
    (integrals.ellipkm1, "ellipkm1", _UNIT),
    (integrals.ellipe, "ellipe", _SMALL),
    (entropy.logit, "logit", _UNIT),
    (entropy.log_expit, "log_expit", _ANY),
    (entropy.entr, "entr", _POSITIVE),
    (entropy.exprel, "exprel", _ANY),
    (entropy.cosm1, "cosm1", _ANY),
]
SEVERAL_OPERANDS = [
    (error_functions.owens_t, "owens_t", (_ANY, _ANY[::-1].copy())),
    (gamma_functions.poch, "poch", (_POSITIVE, _POSITIVE[::-1].copy())),
    (gamma_functions.beta, "beta", (_POSITIVE, _POSITIVE[::-1].copy())),
    (gamma_functions.betaln, "betaln", (_POSITIVE, _POSITIVE[::-1].copy())),
    (gamma_functions.binom, "binom", (_POSITIVE + 6, _POSITIVE[::-1].copy())),
    (incomplete.igamma, "gammainc", (_POSITIVE, _POSITIVE[::-1].copy())),
    (incomplete.igammac, "gammaincc", (_POSITIVE, _POSITIVE[::-1].copy())),
    (incomplete.gammaincinv, "gammaincinv", (_POSITIVE, _UNIT)),
    (incomplete.gammainccinv, "gammainccinv", (_POSITIVE, _UNIT)),
    (incomplete.betainc, "betainc", (_POSITIVE, _POSITIVE[::-1].copy(), _UNIT)),
    (incomplete.betaincc, "betaincc", (_POSITIVE, _POSITIVE[::-1].copy(), _UNIT)),
    (incomplete.betaincinv, "betaincinv", (_POSITIVE, _POSITIVE[::-1].copy(), _UNIT)),
    (incomplete.betainccinv, "betainccinv", (_POSITIVE, _POSITIVE[::-1].copy(), _UNIT)),
    (integrals.boxcox, "boxcox", (_POSITIVE, _SMALL)),
    (integrals.boxcox1p, "boxcox1p", (_POSITIVE, _SMALL)),
    (integrals.inv_boxcox, "inv_boxcox", (_SMALL, _SMALL)),
    (integrals.inv_boxcox1p, "inv_boxcox1p", (_SMALL, _SMALL)),
    (integrals.ellipkinc, "ellipkinc", (_ANY, np.array([-0.8, -0.03, 0.01, 0.2, 0.7]))),
    (integrals.ellipeinc, "ellipeinc", (_ANY, np.array([-0.8, -0.03, 0.01, 0.2, 0.7]))),
    (entropy.xlogy, "xlogy", (_ANY, _POSITIVE)),
    (entropy.xlog1py, "xlog1py", (_ANY, _POSITIVE)),
    (entropy.rel_entr, "rel_entr", (_POSITIVE, _UNIT)),
    (entropy.kl_div, "kl_div", (_POSITIVE, _UNIT)),
    (entropy.huber, "huber", (_POSITIVE, _ANY)),
    (entropy.pseudo_huber, "pseudo_huber", (_POSITIVE, _ANY)),
]
WITH_A_SETTING = [
    (bessel_functions.jv, "jv", 1.5, _POSITIVE),
    (bessel_functions.jve, "jve", 2, _POSITIVE),
    (bessel_functions.yv, "yv", 1.5, _POSITIVE),
    (bessel_functions.yve, "yve", 1.5, _POSITIVE),
    (bessel_functions.yn, "yn", 2, _POSITIVE),
    (bessel_functions.iv, "iv", 1.5, _POSITIVE),
    (bessel_functions.ive, "ive", 2, _ANY),
    (bessel_functions.kv, "kv", 1.5, _POSITIVE),
    (bessel_functions.kve, "kve", 1.5, _POSITIVE),
    (bessel_functions.kn, "kn", 3, _POSITIVE),
    (integrals.expn, "expn", 2, _POSITIVE),
    (integrals.hyp0f1, "hyp0f1", 1.5, _ANY),
    (gamma_functions.polygamma, "polygamma", 2, _POSITIVE),
    (gamma_functions.zeta, "zeta", 2.5, _POSITIVE),
]


@pytest.mark.parametrize(("primitive", "name", "x"), ONE_OPERAND, ids=[row[1] for row in ONE_OPERAND])
def test_functions_of_one_number(primitive, name, x):
    check_rules(primitive, x, expected=getattr(scipy_special, name)(x), rtol=2e-4)


@pytest.mark.parametrize(("primitive", "name", "args"), SEVERAL_OPERANDS, ids=[row[1] for row in SEVERAL_OPERANDS])
def test_functions_of_several_numbers(primitive, name, args):
    expected = getattr(scipy_special, name)(*args)
    check_rules(primitive, *args, expected=expected, batch=False, rtol=2e-4)
    value, slope = jvp(jit(primitive), tuple(np.float32(arg) for arg in args), tuple(np.float32(arg) for arg in args))
    assert (value.dtype, slope.dtype) == (np.float32, np.float32)
    np.testing.assert_allclose(value, expected, rtol=2e-3)


@pytest.mark.parametrize(("function", "name", "order", "x"), WITH_A_SETTING, ids=[row[1] for row in WITH_A_SETTING])
def test_functions_with_an_order(function, name, order, x):
    check_rules(lambda x: function(order, x), x, expected=getattr(scipy_special, name)(order, x), rtol=2e-4)
    if name not in ("polygamma", "jve", "ive", "yn", "kn"):
        with pytest.raises(DifferentiationError, match="no rule for its derivative"):
            grad(lambda order: function(order, 1.0))(2.0)


def test_hypergeometric_functions():
    for function, args, x in (
        (integrals.hyp1f1, (0.7, 1.9), _ANY),
        (integrals.hyp2f1, (0.7, 1.3, 2.1), _SMALL),
        (integrals.hyperu, (0.7, 1.9), _POSITIVE),
    ):
        expected = getattr(scipy_special, function.name)(*args, x)
        check_rules(lambda x, f=function, args=args: f(*args, x), x, expected=expected, rtol=2e-4)
    with pytest.raises(DifferentiationError, match="derivative by b"):
        grad(integrals.hyp1f1, 1)(0.7, 1.9, 0.5)


def test_functions_with_two_results():
    pairs = (
        ("fresnel", error_functions.fresnel_sine, error_functions.fresnel_cosine),
        ("sici", integrals.sine_integral, integrals.cosine_integral),
        ("shichi", integrals.sinh_integral, integrals.cosh_integral),
    )
    for name, *parts in pairs:
        for primitive, expected in zip(parts, getattr(scipy_special, name)(_POSITIVE), strict=True):
            check_rules(primitive, _POSITIVE, expected=expected)


def test_complex_operands_have_holomorphic_derivatives():
    z = np.array([0.3 + 0.4j, 1.2 - 0.7j, -0.6 + 0.2j])
    for primitive in (
        error_functions.erf,
        error_functions.erfcx,
        error_functions.dawsn,
        error_functions.wofz,
        error_functions.ndtr,
        error_functions.log_ndtr,
        gamma_functions.gamma,
        gamma_functions.loggamma,
        gamma_functions.rgamma,
        integrals.expi,
        integrals.exp1,
        integrals.spence,
        entropy.xlogy,
    ):
        args = (z, z[::-1].copy()) if primitive is entropy.xlogy else (z,)
        check_rules(primitive, *args, order=1, batch=False)


# ---------------------------------------------------------------------------------------------------------------------
# the incomplete functions, by their parameters
# ---------------------------------------------------------------------------------------------------------------------


def _slope(function, x, step):
    """The central difference of five points."""
    near, far = function(x + step) - function(x - step), function(x + 2 * step) - function(x - 2 * step)
    return (8 * near - far) / (12 * step)


def test_incomplete_gamma_by_a_where_it_has_a_closed_form():
    # P(1, x) = 1 - exp(-x) and P(a, x) = 1 - a E1(x) + … for small a
    x = np.array([1e-8, 0.01, 0.5, 1.0, 3.0, 20.0])
    np.testing.assert_allclose(lax.igamma_grad_a(np.full(6, 1e-12), x), -scipy_special.exp1(x), rtol=1e-10)
    # E[log t] of the density of P(1, x) up to x: the integral of exp(-t) (log t + 0.577…)
    by_parts = -np.exp(-x) * (np.log(x) + np.euler_gamma) - scipy_special.exp1(x)
    np.testing.assert_allclose(lax.igamma_grad_a(np.ones(6), x), by_parts, rtol=1e-9, atol=1e-13)
    # P(a + 1, x) = P(a, x) - x ** a exp(-x) / Γ(a + 1), differentiated
    a = np.array([0.3, 1.5, 20.0, 300.0, 5000.0])
    x = a * np.array([0.5, 1.2, 1.1, 0.97, 1.01])
    term = np.exp(a * np.log(x) - x - scipy_special.gammaln(a + 1)) * (np.log(x) - scipy_special.psi(a + 1))
    np.testing.assert_allclose(lax.igamma_grad_a(a, x) - lax.igamma_grad_a(a + 1, x), term, rtol=1e-8, atol=1e-13)


def test_incomplete_gamma_by_a_over_many_scales():
    rng = np.random.default_rng(0)
    a = 10 ** rng.uniform(-2, 4, 200)
    x = np.abs(a + rng.normal(size=200) * 2 * np.sqrt(a))
    step = 1e-3 * a * np.minimum(1, 3 / np.sqrt(a))
    expected = _slope(lambda a: scipy_special.gammainc(a, x), a, step)
    np.testing.assert_allclose(lax.igamma_grad_a(a, x), expected, rtol=1e-7, atol=1e-12)

    def _nth(order):
        derivative = lax.igamma_grad_a
        for _ in range(order - 1):
            derivative = lambda a, x, f=derivative: jvp(lambda a: f(a, x), (a,), (np.ones_like(a),))[1]  # noqa: E731
        return lambda a: derivative(a, x)

    for order in (1, 2):
        expected = _slope(_nth(order), a, step)
        got = _nth(order + 1)(a)
        np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-9 * np.abs(expected).max())


def test_incomplete_beta_by_its_parameters_over_many_scales():
    rng = np.random.default_rng(0)
    a, b = 10 ** rng.uniform(-2, 3, (2, 200))
    x = np.clip(rng.beta(np.maximum(a, 0.3), np.maximum(b, 0.3)), 1e-6, 1 - 1e-6)
    by_a = _slope(lambda a: scipy_special.betainc(a, b, x), a, 1e-3 * a * np.minimum(1, 3 / np.sqrt(a)))
    by_b = _slope(lambda b: scipy_special.betainc(a, b, x), b, 1e-3 * b * np.minimum(1, 3 / np.sqrt(b)))
    np.testing.assert_allclose(incomplete.ibeta_derivative_p(a, b, x, orders=(1, 0)), by_a, rtol=1e-6, atol=1e-11)
    np.testing.assert_allclose(incomplete.ibeta_derivative_p(a, b, x, orders=(0, 1)), by_b, rtol=1e-6, atol=1e-11)


def test_incomplete_beta_is_symmetric():
    a, b, x = np.array([0.2, 3.0, 40.0]), np.array([7.0, 0.5, 33.0]), np.array([0.1, 0.9, 0.5])
    by_a = incomplete.ibeta_derivative_p(a, b, x, orders=(1, 0))
    np.testing.assert_allclose(by_a, -incomplete.ibeta_derivative_p(b, a, 1 - x, orders=(0, 1)), rtol=1e-12)


def test_incomplete_functions_at_their_ends():
    ends = np.array([0.0, np.inf, -1.0, np.nan])
    np.testing.assert_array_equal(lax.igamma_grad_a(2.0, ends), [0, 0, np.nan, np.nan])
    ends = np.array([0.0, 1.0, -0.5, 1.5, np.nan])
    got = incomplete.ibeta_derivative_p(2.0, 3.0, ends, orders=(1, 0))
    np.testing.assert_array_equal(got, [0, 0, np.nan, np.nan, np.nan])
    assert lax.igamma_grad_a(np.zeros((0, 2)), np.zeros(2)).shape == (0, 2)
    np.testing.assert_array_equal(grad(lambda x: lax.igamma(1.0, x))(0.0), 1.0)
    np.testing.assert_array_equal(grad(lambda x: lax.igamma(0.5, x))(0.0), np.inf)
    np.testing.assert_array_equal(grad(lambda x: lax.igamma(2.0, x))(np.inf), 0.0)


def test_samples_of_a_gamma_distribution_move_with_its_parameter():
    a, x = np.array([0.3, 1.0, 8.0]), np.array([0.2, 1.5, 6.0])
    quantile = scipy_special.gammainc(a, x)
    expected = _slope(lambda a: scipy_special.gammaincinv(a, quantile), a, 1e-3 * a)
    np.testing.assert_allclose(lax.random_gamma_grad(a, x), expected, rtol=1e-8)


# ---------------------------------------------------------------------------------------------------------------------
# edges
# ---------------------------------------------------------------------------------------------------------------------


def test_slopes_at_the_ends_of_domains_are_infinite():
    assert grad(error_functions.erf_inv)(1.0) == np.inf
    assert grad(error_functions.erf_inv)(-1.0) == np.inf
    assert grad(error_functions.erfc_inv)(0.0) == -np.inf
    assert grad(error_functions.ndtri)(0.0) == np.inf
    assert grad(entropy.logit)(np.float64(1.0)) == np.inf
    assert grad(entropy.entr)(np.float64(0.0)) == np.inf
    assert grad(integrals.ellipk)(1.0) == np.inf
    assert grad(gamma_functions.digamma)(np.float64(0.0)) == np.inf
    for at in (np.inf, -np.inf):
        assert grad(error_functions.erf)(at) == 0
        assert grad(error_functions.dawsn)(at) == 0


def test_slopes_at_removable_singularities():
    assert grad(integrals.spence)(1.0) == -1
    assert grad(grad(integrals.spence))(1.0) == 0.5
    assert grad(entropy.exprel)(0.0) == 0.5
    assert grad(bessel_functions.j1)(0.0) == 0.5
    assert grad(bessel_functions.bessel_i1)(0.0) == 0.5
    np.testing.assert_allclose(grad(integrals.ellipk)(0.0), np.pi / 8)
    np.testing.assert_allclose(grad(integrals.ellipe)(0.0), -np.pi / 8)
    np.testing.assert_allclose(grad(lambda m: integrals.ellipkinc(1.0, m))(0.0), (1 - np.sin(1) * np.cos(1)) / 4)
    np.testing.assert_allclose(grad(lambda power: integrals.boxcox(3.0, power))(0.0), np.log(3) ** 2 / 2)
    for n in range(5):  # 1 / Γ has zeros with these slopes
        np.testing.assert_allclose(grad(gamma_functions.rgamma)(-float(n)), (-1.0) ** n * scipy_special.gamma(n + 1))


def test_slopes_where_terms_of_formulas_would_cancel():
    x = np.array([10.0, 100.0, 1e4, 1e8, 1e100])
    for near_x in (x, np.float32(x[:-1])):
        one = jvp(error_functions.erfcx, (near_x,), (np.ones_like(near_x),))[1]
        two = jvp(error_functions.dawsn, (near_x,), (np.ones_like(near_x),))[1]
        wide = np.float64(near_x)
        tail = [0.5 / wide**2 * (1 - sign * 1.5 / wide**2 + 3.75 / wide**4) for sign in (1, -1)]
        np.testing.assert_allclose(one, -2 / np.sqrt(np.pi) * tail[0], rtol=2e-5, atol=1e-38)
        np.testing.assert_allclose(two, -tail[1], rtol=2e-5, atol=1e-38)
    # the hazard of the normal distribution, far in its tail
    far = np.array([-1e3, -1e6])
    np.testing.assert_allclose(jvp(error_functions.log_ndtr, (far,), (np.ones(2),))[1], -far, rtol=2e-6)


def test_products_with_logarithms_at_zero():
    zero, nan = np.float64(0.0), np.float64(np.nan)
    assert entropy.xlogy(zero, zero) == 0
    assert np.isnan(entropy.xlogy(zero, nan))
    assert grad(entropy.xlogy, 1)(0.0, zero) == 0
    assert grad(entropy.xlogy)(zero, zero) == -np.inf
    assert grad(entropy.rel_entr)(zero, np.float64(1.0)) == -np.inf
    assert grad(entropy.kl_div, 1)(zero, np.float64(0.0)) == 1


def test_a_series_near_zero_has_all_derivatives():
    sinc = lambda x: near_zero(x, 0.5, [1, 0, -1 / 6, 0, 1 / 120, 0, -1 / 5040, 0, 1 / 362880], lambda x: np.sin(x) / x)  # noqa: E731
    assert grad(sinc)(0.0) == 0
    np.testing.assert_allclose(grad(grad(sinc))(0.0), -1 / 3)


def test_compiled_code_calls_scipys_ufuncs():
    text = jit(lambda x: lax.erf(x) + lax.lgamma(x)).lower(np.ones(3)).as_text()
    assert "from scipy.special import erf" in text
    assert "gammaln(x" in text
    large = np.linspace(0.1, 4, 100_000)  # in blocks
    np.testing.assert_allclose(
        jit(lambda x: lax.erf(x) * lax.digamma(x) + 1)(large),
        scipy_special.erf(large) * scipy_special.psi(large) + 1,
        rtol=1e-13,
        atol=1e-13,
    )


def test_a_row_may_be_one_of_several_results():
    value = special("airy_b", lambda x, y: y, scipy_name="airy", result=2)(0.5)
    assert value == scipy_special.airy(0.5)[2]


def test_products_with_logarithms_have_second_derivatives_and_no_warnings_where_both_factors_vanish():
    zero = np.array([0.0, 0.0, 2.0])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for primitive, y in ((entropy.xlogy, zero), (entropy.xlog1py, zero - 1), (entropy.rel_entr, zero)):
            total = lambda y, primitive=primitive: primitive(zero, y).sum()  # noqa: E731
            sign = -1 if primitive is entropy.rel_entr else 1
            np.testing.assert_array_equal(grad(total)(y), [0.0, 0.0, sign])
            np.testing.assert_array_equal(jit(grad(total))(y), [0.0, 0.0, sign])
            np.testing.assert_array_equal(hessian(total)(y), np.diag([0.0, 0.0, -sign / 2]))
    with np.errstate(divide="ignore"):
        assert grad(grad(entropy.xlogy, 1), 0)(0.0, 0.0) == np.inf == grad(grad(entropy.xlogy, 0), 1)(0.0, 0.0)
