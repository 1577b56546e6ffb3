from __future__ import annotations

import numpy as np
import pytest

import functrace
import functrace.numpy as fnp
from functrace.errors import ArgumentError
from functrace.numpy.ufuncs import FUNCTIONS
from tests.numpy.agreement import compare, flat
from tests.numpy.recorded import check

UFUNCS = sorted({getattr(np, name).__name__ for name in FUNCTIONS if hasattr(np, name)})
INTEGERS = {
    "bitwise_and",
    "bitwise_or",
    "bitwise_xor",
    "bitwise_count",
    "invert",
    "left_shift",
    "right_shift",
    "gcd",
    "lcm",
}
FROM_ONE = {"arccosh"}
UP_TO_ONE = {"arcsin", "arccos", "arctanh"}
POSITIVE = {"power", "float_power", "log", "log2", "log10", "log1p", "sqrt", "fmod", "remainder", "floor_divide"}


def operands(name, dtype):
    """An array for each operand, where the function is defined and smooth."""
    rng = np.random.default_rng(0)
    count = getattr(np, name).nin
    if name in INTEGERS or (name == "ldexp"):
        arrays = [rng.integers(1, 5, (2, 3)), rng.integers(1, 5, 3)][:count]
        return [arrays[0].astype(dtype), arrays[1]] if name == "ldexp" else arrays
    low, high = (1.1, 3) if name in FROM_ONE else (0.1, 0.9) if name in UP_TO_ONE or name in POSITIVE else (-2, 2)
    return [rng.uniform(low, high, shape).astype(dtype) for shape in ((2, 3), (3,))[:count]]


@pytest.mark.parametrize("name", UFUNCS)
def test_a_ufunc_is_numpys_by_value_dtype_and_derivative(name):
    check(name, *operands(name, np.float64))
    check(name, *operands(name, np.float32))


@pytest.mark.parametrize("name", UFUNCS)
def test_a_ufunc_of_python_numbers_gives_a_result_with_a_dtype_of_its_own(name):
    numbers = [x.ravel()[0].item() for x in operands(name, np.float64)]
    narrow = np.ones(1, np.float32)
    expected = flat(getattr(np, name)(*numbers))[0] * narrow
    for namespace in (np, fnp):
        function = getattr(namespace, name)
        got = functrace.jit(lambda *xs, function=function: flat(function(*xs))[0] * narrow)(*numbers)
        compare([got], [expected], rtol=None, what=name)


def test_a_ufunc_takes_lists_with_tracers_in_them():
    got = functrace.jit(lambda x: [fnp.sin([x, 1.0]), fnp.add([x, [2.0][0]], [[1.0], [x]]), np.add(x, [1.0, 2.0])])(0.5)
    expected = [np.sin([0.5, 1.0]), np.add([0.5, 2.0], [[1.0], [0.5]]), np.add(0.5, [1.0, 2.0])]
    compare(got, expected, rtol=None, what="ufuncs of lists")


def test_a_ufunc_takes_numpys_keywords_except_where_and_out():
    x = np.ones(3, np.float32)
    assert functrace.jit(lambda x: fnp.add(x, x, dtype=np.float64))(x).dtype == np.float64
    assert functrace.jit(lambda x: np.sin(x, dtype="f8", casting="same_kind"))(x).dtype == np.float64
    with pytest.raises(ArgumentError, match=r"functrace\.numpy\.where"):
        functrace.jit(lambda x: fnp.sin(x, where=[True, False, True]))(x)
    with pytest.raises(ArgumentError, match="unexpected keyword argument 'axis'"):
        functrace.jit(lambda x: fnp.sin(x, axis=0))(x)


def test_a_ufunc_of_arrays_is_numpys_own_with_out_and_where():
    out = np.zeros(2)
    assert fnp.add([1.0, 2.0], 1.0, out=out, where=[True, False]) is out
    np.testing.assert_array_equal(out, [2.0, 0.0])
