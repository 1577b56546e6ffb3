"""What a traced value says where a function of SciPy asks for its numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import functrace
from functrace.errors import ConcretizationTypeError, FunctraceError, TracerArrayConversionError

pytest.importorskip("scipy")
import scipy.fft
import scipy.integrate
import scipy.interpolate
import scipy.linalg
import scipy.ndimage
import scipy.optimize
import scipy.signal
import scipy.sparse.linalg
import scipy.special
import scipy.stats

x = np.array([1.0, 2.0, 3.0])
matrix = np.array([[2.0, 1.0], [1.0, 3.0]])

_COUNTERPARTS: dict[str, Callable[[Any], Any]] = {
    "stats.norm.logpdf": lambda x: scipy.stats.norm.logpdf(x, loc=0.5),
    "stats.gamma.cdf": lambda x: scipy.stats.gamma(x).cdf(1.0),  # a frozen one
    "stats.multivariate_normal.logpdf": lambda x: scipy.stats.multivariate_normal.logpdf(np.ones(3), x),
    "stats.rankdata": lambda x: scipy.stats.rankdata(x),
    "linalg.toeplitz": lambda x: scipy.linalg.toeplitz(x),
    "linalg.expm": lambda x: scipy.linalg.expm(x * np.eye(3)),
    "linalg.cho_solve": lambda x: scipy.linalg.cho_solve((np.eye(3), True), x),
    "optimize.minimize": lambda x: scipy.optimize.minimize(lambda z: (z**2).sum(), x),
    "interpolate.RegularGridInterpolator": lambda x: scipy.interpolate.RegularGridInterpolator((np.arange(3.0),), x),
    "integrate.trapezoid": lambda x: scipy.integrate.trapezoid(x),
    "signal.fftconvolve": lambda x: scipy.signal.fftconvolve(x, x),
    "ndimage.map_coordinates": lambda x: scipy.ndimage.map_coordinates(x, [[0.5]], order=1),
    "special.logsumexp": lambda x: scipy.special.logsumexp(x),
    "sparse.linalg.cg": lambda x: scipy.sparse.linalg.cg(np.eye(3), x),
    "fft.dct": lambda x: scipy.fft.dct(x),
}


@pytest.mark.parametrize("name", _COUNTERPARTS)
def test_a_function_of_scipy_called_on_a_tracer_names_its_counterpart_and_the_users_line(name: str) -> None:
    with pytest.raises(FunctraceError) as caught:
        functrace.jit(_COUNTERPARTS[name])(x)
    assert f"instead: functrace.scipy.{name} in place of scipy.{name}" in str(caught.value)
    assert caught.value.where is not None
    assert caught.value.where.filename == __file__


def test_a_counterpart_may_be_of_functrace_numpy() -> None:
    with pytest.raises(TracerArrayConversionError, match=r"functrace\.numpy\.fft\.rfft in place of scipy\.fft\.rfft"):
        functrace.grad(lambda x: abs(scipy.fft.rfft(x)).sum())(x)
    with pytest.raises(TracerArrayConversionError, match=r"functrace\.numpy\.linalg\.pinv in place of"):
        functrace.jit(scipy.linalg.pinv)(matrix)


def test_a_function_of_scipy_without_a_counterpart_is_said_to_have_none() -> None:
    with pytest.raises(TracerArrayConversionError, match=r"has no stats\.zscore; functrace\.pure_callback to call"):
        functrace.jit(lambda x: scipy.stats.zscore(x))(x)
    with pytest.raises(ConcretizationTypeError, match=r"has no integrate\.quad"):  # of what the integrand gives
        functrace.jit(lambda x: scipy.integrate.quad(lambda t: t * x, 0, 1))(2.0)


def test_the_value_of_an_objective_that_closes_over_a_tracer_names_the_counterpart() -> None:
    with pytest.raises(ValueError, match="scalar") as caught:
        functrace.jit(lambda a: scipy.optimize.minimize(lambda z: ((z - a) ** 2).sum(), x).x)(x)
    assert "functrace.scipy.optimize.minimize in place of" in str(caught.value.__cause__)


def test_users_code_that_asks_for_the_array_is_told_of_numpys_functions() -> None:
    with pytest.raises(TracerArrayConversionError, match=r"numpy\.stack") as caught:
        functrace.jit(lambda x: np.asarray(x))(x)
    assert "scipy" not in str(caught.value)
