"""functrace.scipy.special beside SciPy: values, dtypes, shapes and errors of every name, eager and under jit."""

from __future__ import annotations

import inspect
import subprocess
import sys
import textwrap
import warnings

import numpy as np
import pytest

import functrace
import functrace.export
import functrace.scipy.special as ours
from functrace import grad, jit, jvp, vmap
from functrace.errors import ArgumentError, DifferentiationError

theirs = pytest.importorskip("scipy.special", reason="SciPy is not installed (it is in the extra 'scipy')")
from functrace.scipy.special_ufuncs import _BY_NUMPY, _UFUNCS  # noqa: E402  (it needs SciPy)

_EDGES = np.array([0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 2.0, 3.7, -2.3, 1e-30, 1e5, -1e5, np.inf, -np.inf, np.nan])
_RTOL = {"f8": 1e-12, "f4": 2e-6}


def _compare(got, expected, what):
    got, expected = [x if isinstance(x, tuple) else (x,) for x in (got, expected)]
    for a, b in zip(got, expected, strict=True):
        assert np.shape(a) == np.shape(b), what
        assert np.asarray(a).dtype == np.asarray(b).dtype, f"{what}: {np.asarray(a).dtype}, {np.asarray(b).dtype}"
        dtype = np.asarray(b).dtype
        if dtype.kind in "fc":
            single = dtype in (np.float32, np.complex64)
            np.testing.assert_allclose(a, b, rtol=1e-5 if single else 1e-12, atol=1e-37 if single else 1e-300)
        else:
            np.testing.assert_array_equal(a, b, err_msg=what)


def test_signatures_of_ufuncs_show_their_operands():
    assert str(inspect.signature(ours.erf)).startswith("(x, /, *, where=True, dtype=None")
    assert str(inspect.signature(ours.betainc)).startswith("(x1, x2, x3, /, *, where=True")


def test_an_error_about_an_argument_names_the_function_of_scipy():
    with pytest.raises(ArgumentError, match=r"^scipy\.special\.erf on a traced value"):
        jit(lambda x: ours.erf(x, axis=0))(1.0)
    with pytest.raises(ArgumentError, match=r"^scipy\.special\.logsumexp on a traced value"):
        jit(lambda x: ours.logsumexp(x, dtype=float))(np.ones(3))
    with pytest.raises(ArgumentError, match=r"^scipy\.special\.erf: out="):
        jit(lambda x: theirs.erf(x, out=np.ones(3)))(np.ones(3))


@pytest.mark.parametrize("operands", [1, 2, 3, 4])
def test_ufuncs_have_scipys_values_and_dtypes(operands):
    names = [name for table in (_UFUNCS, _BY_NUMPY) for name in table.get(operands, ())]
    rng = np.random.default_rng(0)
    for name in names:
        for dtype in ("f8", "f4", "i8", "i1"):
            edges = _EDGES if operands == 1 or dtype == "f8" else _EDGES[:9]
            if operands <= 2:
                args = [grid.ravel() for grid in np.meshgrid(*[edges] * operands)]
            else:
                args = list(rng.choice(_EDGES[:9], (operands, 40)))
            if dtype.startswith("i"):
                args = [np.nan_to_num(arg, posinf=9, neginf=-9).clip(-100, 100) for arg in args]
            args = [arg.astype(dtype) for arg in args]
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                try:
                    expected = getattr(theirs, name)(*args)
                except TypeError:
                    with pytest.raises(TypeError):
                        jit(getattr(ours, name))(*args)
                    continue
                _compare(getattr(ours, name)(*args), expected, name)
                _compare(jit(getattr(ours, name))(*args), expected, f"jit of {name}, {dtype}")


def test_scipys_own_ufuncs_find_the_rules():
    x = np.array([0.2, 0.6, 0.9])
    for name in ("erf", "expit", "gammaln", "j0", "ndtri", "entr", "expm1"):
        np.testing.assert_array_equal(
            grad(lambda x, name=name: np.sum(getattr(theirs, name)(x)))(x),
            grad(lambda x, name=name: np.sum(getattr(ours, name)(x)))(x),
        )
    np.testing.assert_allclose(grad(lambda q: theirs.zeta(2.0, q))(1.5), -2 * theirs.zeta(3.0, 1.5))
    assert grad(lambda x: theirs.xlogy(2.0, x))(4.0) == 0.5
    assert theirs.jn is theirs.jv


def test_ufuncs_without_a_rule_are_followed_and_refuse_a_derivative():
    x = np.linspace(0.1, 2, 4)
    np.testing.assert_array_equal(jit(theirs.struve)(1.0, x), theirs.struve(1.0, x))
    np.testing.assert_array_equal(vmap(lambda x: ours.stdtr(3.0, x))(x), theirs.stdtr(3.0, x))
    _compare(jit(ours.airy)(x), theirs.airy(x), "airy")
    with pytest.raises(DifferentiationError, match="struve"):
        grad(lambda x: theirs.struve(1.0, x))(0.5)


def test_python_numbers_promote_as_scipys_ufuncs_say():
    x = np.ones(2, np.float32)
    for name, scalars in (("erf", ()), ("xlogy", (2,)), ("gammainc", (2.0,)), ("jv", (2,)), ("betainc", (2, 3.0))):
        f, g = getattr(ours, name), getattr(theirs, name)
        assert jit(lambda x, f=f, s=scalars: f(*s, x))(x).dtype == g(*scalars, x).dtype, name
        assert jit(lambda x, f=f, s=scalars: f(*s, x))(0.5).dtype == np.float64
        assert grad(lambda x, f=f, s=scalars: np.sum(f(*s, x)))(x).dtype == np.float32


# ---------------------------------------------------------------------------------------------------------------------
# what is no ufunc
# ---------------------------------------------------------------------------------------------------------------------

_MATRIX = np.array([[0.3, -1.2, 2.0], [1e3, 999.0, -np.inf]])


@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("axis", [None, 0, -1, (0, 1)])
def test_logsumexp(axis, keepdims):
    weights = np.array([[1.0, -2.0, 0.0], [0.5, 2.0, 3.0]])
    for a in (_MATRIX, _MATRIX.astype(np.float32), np.arange(6).reshape(2, 3)):
        for kwargs in ({}, {"b": weights}, {"b": weights, "return_sign": True}, {"return_sign": True}):
            expected = theirs.logsumexp(a, axis, keepdims=keepdims, **kwargs)
            got = jit(lambda a, kwargs=kwargs: ours.logsumexp(a, axis, keepdims=keepdims, **kwargs))(a)
            _compare(got, expected, str(kwargs))


def test_logsumexp_leaves_out_what_weighs_nothing():
    a, b = np.array([0.0, np.inf, 1.0]), np.array([1.0, 0.0, 2.0])
    _compare(jit(lambda a, b: ours.logsumexp(a, b=b))(a, b), theirs.logsumexp(a, b=b), "infinite and weightless")
    by_a, by_b = grad(lambda a, b: ours.logsumexp(a, b=b), (0, 1))(a, b)
    total = 1 + 2 * np.e
    np.testing.assert_allclose(by_a, [1 / total, 0, 2 * np.e / total])
    np.testing.assert_allclose(by_b[[0, 2]], [1 / total, np.e / total])
    by_b = grad(lambda b: ours.logsumexp(np.array([0.0, 3.0]), b=b))(np.array([1.0, 0.0]))
    np.testing.assert_allclose(by_b, [1, np.exp(3)])


def test_softmax_and_log_softmax():
    for x in (_MATRIX[:1], _MATRIX[0].astype(np.float32), np.arange(3), np.float64(2.0)):
        for name in ("softmax", "log_softmax"):
            for axis in (None, -1) if np.ndim(x) else (None,):
                f = lambda x, name=name, axis=axis: getattr(ours, name)(x, axis)  # noqa: E731
                _compare(jit(f)(x), getattr(theirs, name)(x, axis), name)
    x = _MATRIX[0]
    p = theirs.softmax(x)
    jacobian = functrace.jacrev(ours.softmax)(x)
    np.testing.assert_allclose(jacobian, np.diag(p) - np.outer(p, p), rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(functrace.jacfwd(ours.log_softmax)(x), np.eye(3) - p, rtol=1e-12, atol=1e-15)


def test_functions_of_counts():
    n, k = np.array([5.0, 7.5, -1.0, 3.0]), np.array([2.0, 3.0, 1.0, 4.0])
    for name, args in (
        ("comb", (n, k)),
        ("perm", (n, k)),
        ("factorial", (n,)),
        ("zeta", (k, np.abs(n))),
        ("zeta", (n,)),
        ("polygamma", (np.array([0, 1, 2, 3]), np.abs(n))),
        ("lambertw", (n,)),
        ("lambertw", (n, 1)),
        ("multigammaln", (np.abs(n) + 3, 3)),
    ):
        traced = [arg for arg in args if isinstance(arg, np.ndarray)]
        rest = args[len(traced) :]
        expected = getattr(theirs, name)(*args)
        _compare(getattr(ours, name)(*args), expected, name)
        _compare(jit(lambda *xs, name=name, rest=rest: getattr(ours, name)(*xs, *rest))(*traced), expected, name)
    _compare(jit(lambda n: ours.comb(n, 2, repetition=True))(n), theirs.comb(n, 2, repetition=True), "repetition")
    for name in ("factorial", "comb", "perm"):
        with pytest.raises(ArgumentError, match="exact"):
            jit(lambda n, name=name: getattr(ours, name)(n, *[2][: name != "factorial"], exact=True))(5)
    np.testing.assert_allclose(ours.bernoulli(4), [1, -0.5, 1 / 6, 0, -1 / 30])
    _compare(jit(lambda z: ours.bessel_jn(z, v=2))(k), np.stack([theirs.jv(i, k) for i in range(3)]), "bessel_jn")


def test_derivatives_of_functions_of_counts():
    step = 1e-6
    for f, g, x in (
        (ours.factorial, theirs.factorial, 2.5),
        (lambda n: ours.comb(n, 2.0), lambda n: theirs.comb(n, 2.0), 5.5),
        (lambda n: ours.perm(n, 2.0), lambda n: theirs.perm(n, 2.0), 5.5),
        (lambda x: ours.polygamma(1, x), lambda x: theirs.polygamma(1, x), 1.3),
        (lambda a: ours.multigammaln(a, 3), lambda a: theirs.multigammaln(a, 3), 4.2),
        (lambda z: ours.lambertw(z).real, lambda z: theirs.lambertw(z).real, 1.7),
    ):
        np.testing.assert_allclose(grad(f)(x), (g(x + step) - g(x - step)) / (2 * step), rtol=1e-7)
        np.testing.assert_allclose(jvp(f, (x,), (1.0,))[1], grad(f)(x), rtol=1e-12)


def test_wrong_arguments_are_refused_as_by_scipy():
    x = np.ones(2)
    for call in (
        lambda x: ours.erf(x, x),
        lambda x: ours.gammainc(x),
        lambda x: ours.erf(x, out=np.zeros(2)),
        lambda x: ours.erf(x, where=x > 0),
        lambda x: ours.erf(),
        lambda x: ours.gammaln(x + 1j),
    ):
        with pytest.raises(TypeError):
            jit(call)(x)
    with pytest.raises(ValueError, match="broadcast"):
        jit(ours.beta)(np.ones(2), np.ones(3))
    with pytest.raises(ValueError, match="multigammaln expected a > "):
        grad(lambda a: ours.multigammaln(a, 3))(0.5)
    with pytest.raises(AttributeError, match="no_such_function"):
        ours.no_such_function  # noqa: B018


# ---------------------------------------------------------------------------------------------------------------------
# without SciPy
# ---------------------------------------------------------------------------------------------------------------------


def test_what_numpy_can_serve_works_without_scipy():
    run = """
        import sys
        sys.modules["scipy"] = None
        import numpy as np
        import functrace
        import functrace.scipy.special as special

        x = np.array([0.2, 0.7])
        for name in %r:
            f = getattr(special, name)
            print(name, *[repr(float(v)) for v in np.ravel([f(x), functrace.jit(f)(x)])])
            functrace.grad(lambda x: np.sum(f(x)))(x)
        for name in ("xlogy", "xlog1py", "rel_entr", "kl_div", "huber", "pseudo_huber"):
            print(name, *[repr(float(v)) for v in np.ravel([getattr(special, name)(x, x[::-1])] * 2)])
        try:
            special.zeta(2.0, 1.0)
        except functrace.errors.MissingExtraError as error:
            print("refused", "functrace.scipy.special.zeta" in str(error), "[scipy]" in str(error))
        try:
            functrace.jit(special.erf)(x)
        except ImportError as error:
            print("refused", "functrace.scipy.special.erf" in str(error), "[scipy]" in str(error))
    """
    names = ["expit", "logit", "log_expit", "entr", "exprel", "cosm1", "expm1", "log1p", "exp2", "exp10", "cbrt"]
    names += ["i0", "i1", "softmax", "log_softmax", "sinc"]
    script = textwrap.dedent(run) % names
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert not done.returncode, done.stderr
    lines = [line.split() for line in done.stdout.splitlines()]
    assert lines[-2:] == [["refused", "True", "True"]] * 2
    x = np.array([0.2, 0.7])
    for name, *values in lines[:-2]:
        expected = getattr(theirs, name)(*[x, x[::-1]][: 1 + (name not in names)])
        np.testing.assert_allclose(np.array(values, float).reshape(2, 2), np.stack([expected] * 2), rtol=1e-13)


# ---------------------------------------------------------------------------------------------------------------------
# outside of the process
# ---------------------------------------------------------------------------------------------------------------------


def test_exported_modules_take_scipys_ufuncs_from_scipy():
    def f(a, x):
        return ours.gammainc(a, x) * ours.fresnel(x)[1] + ours.zeta(2.0, a)

    slope = grad(f, (0, 1))
    text = functrace.export.to_source(slope, 1.5, 0.7, name="slope")
    assert text.startswith('"""slope: a function that computes with NumPy and SciPy.')
    module = {}
    exec(text, module)
    assert module["slope"](2.5, 1.1) == jit(slope)(2.5, 1.1)
    assert not any("functrace" in line for line in text.splitlines() if line.startswith(("import", "from")))
    text = functrace.export.to_source(lambda x: ours.xlogy(x, x) + ours.logit(x) + ours.expit(x), 0.5, name="g")
    assert "NumPy alone" in text
    assert "scipy" not in text.split('"""', 2)[2]


def test_saved_programs_have_the_rules(tmp_path):
    def f(a, x):
        return ours.gammainc(a, x) * ours.erf(x)

    functrace.export.save(tmp_path / "f.json", f, 1.5, 0.7)
    loaded = functrace.export.load(tmp_path / "f.json")
    np.testing.assert_allclose(grad(loaded)(2.5, 1.1), grad(f)(2.5, 1.1), rtol=1e-13)
    functrace.export.save(tmp_path / "slope.json", grad(f), 1.5, 0.7)
    np.testing.assert_allclose(functrace.export.load(tmp_path / "slope.json")(2.5, 1.1), grad(f)(2.5, 1.1), rtol=1e-13)


def test_logsumexp_of_a_negative_sum_is_nan_without_a_warning():
    a, b = np.array([1.0, 2.0]), np.array([1.0, -3.0])
    assert np.isnan(theirs.logsumexp(a, b=b))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.isnan(jit(lambda a: ours.logsumexp(a, b=b))(a))
        np.testing.assert_allclose(jit(lambda a: ours.logsumexp(a, b=-b))(a), theirs.logsumexp(a, b=-b))
