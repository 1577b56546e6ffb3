"""The names and signatures of the array API standard, as array_api_strict has them."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

import functrace
import functrace.numpy as fnp

strict = pytest.importorskip("array_api_strict", reason="array_api_strict is not installed")

#: The names that array_api_strict has for itself.
_ITS_OWN = {
    "ArrayAPIStrictFlags",
    "Device",
    "__version__",
    "get_array_api_strict_flags",
    "reset_array_api_strict_flags",
    "set_array_api_strict_flags",
}


@pytest.fixture(params=["", "linalg", "fft"])
def namespaces(request):
    """A namespace of the standard, and ours."""
    with strict.ArrayAPIStrictFlags(api_version="2024.12"):
        if request.param:
            yield getattr(strict, request.param), getattr(fnp, request.param)
        else:
            yield strict, fnp


def test_every_name_of_the_standard_is_there(namespaces):
    theirs, ours = namespaces
    assert [name for name in theirs.__all__ if name not in _ITS_OWN and not hasattr(ours, name)] == []


def test_every_function_takes_the_arguments_of_the_standard(namespaces):
    theirs, ours = namespaces
    for name in set(theirs.__all__) - _ITS_OWN:
        function = getattr(theirs, name)
        if not inspect.isfunction(function):
            continue
        expected = inspect.signature(function).parameters.values()
        got = list(inspect.signature(getattr(ours, name)).parameters.values())
        names = {parameter.name for parameter in got if parameter.kind is not inspect.Parameter.POSITIONAL_ONLY}
        by_position = [p for p in got if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD, p.VAR_POSITIONAL)]
        required = [p for p in expected if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD, p.VAR_POSITIONAL)]
        assert len(by_position) >= len(required) or by_position[-1].kind is inspect.Parameter.VAR_POSITIONAL, name
        for parameter in expected:
            if parameter.kind in (parameter.KEYWORD_ONLY, parameter.POSITIONAL_OR_KEYWORD):
                assert parameter.name in names, f"{name} has no {parameter.name}"


def test_a_traced_array_has_every_attribute_of_the_standard():
    names = dir(type(strict.ones(1)))
    in_place = {name for name in names if name.startswith("__i") and name != "__index__"}
    in_place -= {"__init__", "__init_subclass__", "__int__", "__invert__"}  # x += y falls back on x + y
    expected = {name for name in names if not name.startswith("_") or name.startswith("__")}
    expected -= in_place | {"__buffer__", "__weakref__"}

    def look(x):
        assert [name for name in expected if not hasattr(type(x), name)] == []
        return x.sum()

    functrace.grad(look)(np.ones((2, 2)))


def test_array_api_compat_takes_tracers_for_arrays():
    compat = pytest.importorskip("array_api_compat", reason="array_api_compat is not installed")

    def total(x):
        xp = compat.array_namespace(x, 2.0, None)
        assert xp is fnp
        assert compat.is_array_api_obj(x)
        assert (compat.device(x), compat.size(x)) == ("cpu", 3)
        return xp.sum(xp.exp(compat.to_device(x, "cpu")))

    x = np.array([0.0, 1.0, 2.0])
    np.testing.assert_allclose(functrace.grad(total)(x), np.exp(x))
    np.testing.assert_allclose(functrace.jit(functrace.grad(total))(x), np.exp(x))
