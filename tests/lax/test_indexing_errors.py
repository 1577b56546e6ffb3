"""Errors of indices that are known while a function is traced."""

import numpy as np
import pytest

import functrace
from functrace.errors import IndexOutOfBoundsError


@pytest.mark.parametrize("transform", [functrace.grad, functrace.jit, functrace.make_jaxpr])
def test_an_index_out_of_bounds_names_the_users_line(transform):
    with pytest.raises(IndexOutOfBoundsError, match=r"out of bounds for axis 0 with size 3[\s\S]*lambda x: x\[5\]"):
        transform(lambda x: x[5])(np.ones(3))


@pytest.mark.parametrize("transform", [functrace.grad, functrace.jit])
def test_an_index_of_a_wrong_kind_is_numpys_error(transform):
    with pytest.raises(IndexError, match="only integers, slices"):
        transform(lambda x: x[1.5])(np.ones(3))
