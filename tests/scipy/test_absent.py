"""What is said of SciPy's names that functrace.scipy has not."""

from __future__ import annotations

import importlib

import pytest

import functrace.scipy

pytest.importorskip("scipy")


@pytest.mark.parametrize(
    "module", ["fft", "integrate", "interpolate", "linalg", "ndimage", "optimize", "signal", "special"]
)
def test_each_of_scipys_names_is_there_or_refused_with_what_to_write(module):
    ours = importlib.import_module(f"functrace.scipy.{module}")
    theirs = importlib.import_module(f"scipy.{module}")
    for name in theirs.__all__:
        if name not in ours.__all__ and name not in vars(ours):  # a file of ours may have the name of one of theirs
            with pytest.raises(
                AttributeError, match=rf"has no '{name}': .*\bwrite (functrace\.numpy|scipy)\.{module}\.{name}"
            ):
                getattr(ours, name)
    with pytest.raises(AttributeError, match=f"module 'functrace.scipy.{module}' has no attribute 'no_such_name'"):
        ours.no_such_name  # noqa: B018


def test_a_name_that_functrace_numpy_has_is_pointed_to():
    with pytest.raises(AttributeError, match=r"write functrace\.numpy\.linalg\.pinv"):
        functrace.scipy.linalg.pinv  # noqa: B018
    with pytest.raises(AttributeError, match=r"write functrace\.numpy\.fft\.rfft"):
        functrace.scipy.fft.rfft  # noqa: B018
