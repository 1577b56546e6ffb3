"""The namespace as a whole: which names there are, what they look like, and what is said of those that are not."""

from __future__ import annotations

import inspect

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import functrace
import functrace.numpy as fnp
from functrace.errors import ArgumentError, ConcretizationTypeError, OptionError, ShapeError
from functrace.numpy.refused import reason
from tests.numpy.agreement import check_agreement, check_same_error

few = settings(max_examples=15, deadline=None)


def test_each_of_numpys_names_is_there_or_refused_with_what_to_use():
    for name in set(np.__all__) - {"__version__", "fft", "linalg"}:
        if hasattr(fnp, name):
            continue
        assert reason(name), f"numpy.{name} is neither there nor refused"
        with pytest.raises(AttributeError, match=name) as raised:
            getattr(fnp, name)
        assert "{" not in str(raised.value)


def test_no_name_is_refused_that_is_there():
    assert not [name for name in fnp.__all__ if reason(name)]


def test_a_star_import_gives_what_numpys_gives_apart_from_what_is_refused():
    ours, theirs = {}, {}
    exec("from functrace.numpy import *", ours)
    exec("from numpy import *", theirs)
    assert {name for name in theirs if name not in ours and hasattr(fnp, name)} <= {*NOT_STARRED, "__version__"}
    assert ours["linalg"] is fnp.linalg and ours["fft"] is fnp.fft


#: Numpy's names that are looked up as they are asked for: not on every machine, slow to import, or deprecated.
NOT_STARRED = ("complex256", "float128", "row_stack", "typing")


def test_modules_that_are_imported_when_they_are_asked_for_are_listed_before():
    assert {"fft", "linalg", "sum"} <= set(dir(fnp))
    assert {"nn", "optim", "random", "scipy", "training", "viz", "grad"} <= set(dir(functrace))
    assert {"linalg", "erf", "sin"} <= set(dir(functrace.lax))
    assert {"special", "stats"} <= set(dir(functrace.scipy))
    for package in (functrace, fnp, functrace.lax, functrace.scipy):
        assert all(hasattr(package, name) for name in dir(package))


@pytest.mark.parametrize("name", ["sum", "sin", "add", "linalg.inv", "fft.fft"])
def test_help_says_what_a_function_does(name):
    module, _, function = f".{name}".rpartition(".")
    path = f"numpy{module}.{function}"
    ours = eval(f"functrace.{path}")
    original = eval(path, {"numpy": np})
    assert inspect.getdoc(ours).startswith(f"`{path}`, which can be traced.\n\n")
    assert " ".join(inspect.getdoc(ours).split("\n\n")[1].split()) in " ".join(original.__doc__.split())


def test_an_error_names_the_library_of_its_function():
    square = np.eye(2)
    for name, call in {
        "numpy.linalg.multi_dot": lambda x: np.linalg.multi_dot([x, x], out=square),
        "numpy.add.reduce": lambda x: np.add.reduce(x, out=square[0]),
        "numpy.fft.fft": lambda x: np.fft.fft(x, out=square + 0j),
    }.items():
        with pytest.raises(ArgumentError, match=rf"^{name}: out="):
            functrace.jit(call)(square)


def _parameters(function):
    return list(inspect.signature(function).parameters.values())


def test_each_function_has_numpys_signature_apart_from_keywords_that_are_added():
    for name in fnp.__all__:
        original, ours = getattr(np, name, None), getattr(fnp, name)
        if original is ours or not callable(original) or inspect.isclass(original):
            continue
        expected = [(p.name, p.kind, repr(p.default)) for p in _parameters(original)]
        got = [(p.name, p.kind, repr(p.default)) for p in _parameters(ours)]
        added = [p for p in got if p not in expected]
        assert [p for p in got if p in expected] == expected, name
        assert all(kind is inspect.Parameter.KEYWORD_ONLY for _, kind, _ in added), f"{name}: {added}"


def test_like_is_taken_where_a_function_is_traced():
    def filled(x):
        return fnp.ones(3, like=np.zeros(1)) * x + fnp.asarray([1.0, 2.0, 3.0], like=x)

    np.testing.assert_array_equal(functrace.jit(filled)(2.0), [3.0, 4.0, 5.0])


# bits


@few
@given(
    x=hnp.arrays(np.int64, hnp.array_shapes(max_dims=3, min_side=0, max_side=17), elements=st.integers(0, 2)),
    bitorder=st.sampled_from(["big", "little"]),
    data=st.data(),
)
def test_bits_are_packed_as_by_numpy(x, bitorder, data):
    axis = data.draw(st.none() | st.integers(-x.ndim, x.ndim - 1))
    check_agreement("packbits", x, axis=axis, bitorder=bitorder)
    packed = np.packbits(x, axis=axis)
    count = data.draw(st.none() | st.integers(0, 30)) if packed.size else None  # NumPy fills up nothing with garbage
    check_agreement("unpackbits", packed, axis=axis, count=count, bitorder=bitorder)


def test_bits_of_what_is_no_byte_are_refused_as_by_numpy():
    check_same_error("packbits", np.ones(3))
    check_same_error("packbits", np.ones(3, int), bitorder="other")
    check_same_error("unpackbits", np.ones(3, int))
    check_same_error("unpackbits", np.ones(3, np.uint8), axis=1)
    check_same_error("unpackbits", np.ones(1, np.uint8), count=-9)


# checks of arrays


def test_require_takes_a_traced_value_as_it_is():
    check_agreement("require", np.arange(3.0), dtype=np.float32, requirements=["C", "W"], numpy_too=False)
    check_same_error("require", np.arange(3.0), requirements=["X"])


def test_finite_values_are_checked_where_they_are_known():
    assert functrace.grad(lambda x: fnp.asarray_chkfinite(x) ** 2)(3.0) == 6.0
    with pytest.raises(ValueError, match="infs or NaNs"):
        functrace.grad(lambda x: fnp.asarray_chkfinite(x) ** 2)(np.inf)
    with pytest.raises(ConcretizationTypeError, match="debug_nans"):
        functrace.jit(fnp.asarray_chkfinite)(np.ones(2))


# vectorize


def test_vectorize_agrees_with_numpy_on_broadcast_arrays():
    x, y = np.array([[1.0], [2.0]]), np.array([3.0, 1.5, 0.5])
    for function in (lambda x, y: x * y + 1, lambda x, y: (x + y, x < y)):
        for args in ((x, y), (x, 2.0), (1.0, 2.0), (x[:, :, None], y)):
            expected = np.vectorize(function)(*args)
            got, jitted = fnp.vectorize(function)(*args), functrace.jit(fnp.vectorize(function))(*args)
            for value in (got, jitted):
                np.testing.assert_array_equal(value, expected)
    assert fnp.vectorize(lambda x: x + 1, otypes="f")(y).dtype == np.float32
    assert fnp.vectorize(lambda x: x + 1)(np.zeros((0, 2))).shape == (0, 2)


def test_vectorize_maps_over_the_axes_that_its_signature_leaves():
    matrices, vectors = np.arange(24.0).reshape(4, 2, 3), np.array([1.0, 2.0, 3.0])

    @fnp.vectorize(signature="(m,n),(n)->(m)", excluded={2, "shift"})
    def scaled(a, x, scale, shift=0.0):
        """Scale the product."""
        assert scale == 5  # a setting stays what it is
        return a @ x * scale + shift

    assert scaled.__doc__ == "Scale the product."
    np.testing.assert_allclose(scaled(matrices, vectors, 5, shift=1.0), matrices @ vectors * 5 + 1)
    gradient = functrace.grad(lambda x: scaled(matrices, x, 5).sum())(vectors)
    np.testing.assert_allclose(gradient, 5 * matrices.sum((0, 1)))


def test_vectorize_says_what_does_not_fit():
    with pytest.raises(OptionError, match="gufunc signature"):
        fnp.vectorize(lambda x: x, signature="n->n")
    with pytest.raises(ArgumentError, match="positional"):
        fnp.vectorize(lambda x, y: x, signature="(n),(n)->()")(np.ones(3))
    with pytest.raises(ShapeError, match="core dimension"):
        fnp.vectorize(lambda x, y: x @ y, signature="(n),(n)->()")(np.ones(3), np.ones(4))
    with pytest.raises(ShapeError, match="at least 1 axes"):
        fnp.vectorize(lambda x: x, signature="(n)->(n)")(1.0)
    with pytest.raises(ShapeError, match="signature="):
        fnp.vectorize(lambda x: fnp.stack([x, x]))(np.ones(2))
    with pytest.raises(OptionError, match="outputs"):
        fnp.vectorize(lambda x: (x, x), signature="()->()")(np.ones(2))
    with pytest.raises(OptionError, match="otypes"):
        fnp.vectorize(lambda x: x, otypes="dd")(np.ones(2))
    with pytest.raises(TypeError):
        fnp.vectorize(3)


# results whose shape depends on values


@few
@given(
    x=hnp.arrays(np.float64, hnp.array_shapes(max_dims=2, min_side=0, max_side=4), elements=st.integers(-2, 2)),
    size=st.integers(0, 6),
    data=st.data(),
)
def test_what_is_taken_out_by_a_condition_has_the_size_that_is_asked_for(x, size, data):
    taken = np.extract(x > 0, x)[:size]
    expected = np.concatenate([taken, np.full(size - len(taken), -7.0)])
    for run in (fnp.extract, functrace.jit(fnp.extract, static_argnames=("size", "fill_value"))):
        np.testing.assert_array_equal(run(x > 0, x, size=size, fill_value=-7), expected)
    axis = data.draw(st.integers(0, x.ndim - 1))
    condition = np.asarray(data.draw(st.lists(st.booleans(), min_size=x.shape[axis], max_size=x.shape[axis])), bool)
    taken = np.take(np.compress(condition, x, axis), np.arange(min(size, condition.sum())), axis)
    missing = [(0, size - taken.shape[axis] if i == axis else 0) for i in range(x.ndim)]
    got = functrace.jit(lambda c, x: fnp.compress(c, x, axis, size=size))(condition, x)
    np.testing.assert_array_equal(got, np.pad(taken, missing))


def test_the_gradient_goes_to_the_elements_that_a_condition_takes_out():
    def total(x):
        return fnp.sum(fnp.extract(x > 0, x, size=4) * np.array([1.0, 2.0, 3.0, 4.0]))

    np.testing.assert_array_equal(functrace.jit(functrace.grad(total))(np.array([3.0, -1.0, 5.0])), [1, 0, 2])


@few
@given(counts=st.lists(st.integers(0, 3), min_size=1, max_size=5), total=st.integers(0, 9))
def test_elements_are_repeated_up_to_the_total_length(counts, total):
    x = np.arange(len(counts)) * 1.5
    expected = np.repeat(x, counts)[:total]
    expected = np.concatenate([expected, np.full(total - len(expected), x[-1])])
    for run in (fnp.repeat, functrace.jit(fnp.repeat, static_argnames="total_repeat_length")):
        np.testing.assert_array_equal(run(x, np.array(counts), total_repeat_length=total), expected)
