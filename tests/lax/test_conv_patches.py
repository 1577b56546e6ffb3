from __future__ import annotations

import numpy as np
import pytest

from functrace import lax
from functrace.errors import ShapeError
from tests.lax.rules import check_rules

NUMBERS = [None, ("NHWC", "HWIO", "NHWC"), ("NHWC", "OIWH", "WNCH")]
PARAMS = [((1, 1), "SAME", None, None), ((2, 1), [(1, 2), (0, -1)], (1, 2), (2, 1)), ((1, 2), "VALID", None, (1, 2))]


@pytest.mark.parametrize("numbers", NUMBERS)
@pytest.mark.parametrize("params", PARAMS)
def test_a_convolution_is_a_product_with_its_patches(numbers, params):
    rng = np.random.default_rng(0)
    specs = lax.conv_dimension_numbers((1,) * 4, (1,) * 4, numbers)
    images, kernel = rng.normal(size=(2, 3, 6, 5)), rng.normal(size=(4, 3, 2, 3))
    lhs, rhs = images.transpose(np.argsort(specs.lhs_spec)), kernel.transpose(np.argsort(specs.rhs_spec))
    strides, padding, lhs_dilation, rhs_dilation = params
    expected = lax.conv_general_dilated(lhs, rhs, strides, padding, lhs_dilation, rhs_dilation, numbers)
    patches = lax.conv_general_dilated_patches(lhs, (2, 3), strides, padding, lhs_dilation, rhs_dilation, numbers)
    as_features = np.moveaxis(patches, specs.out_spec[1], -1) @ kernel.reshape(4, 18).T
    np.testing.assert_allclose(np.moveaxis(as_features, -1, specs.out_spec[1]), expected, rtol=1e-12, atol=1e-12)
    # the same kernel at each position
    canonical = expected.transpose(specs.out_spec)
    everywhere = np.broadcast_to(kernel.reshape(4, 18, 1, 1), (4, 18, *canonical.shape[2:]))
    local = everywhere.transpose(np.argsort(specs.rhs_spec))
    out = lax.conv_general_dilated_local(lhs, local, strides, padding, (2, 3), lhs_dilation, rhs_dilation, numbers)
    np.testing.assert_allclose(out, expected, rtol=1e-12, atol=1e-12)


def test_derivatives_agree_with_differences():
    rng = np.random.default_rng(1)
    x, w = rng.normal(size=(2, 2, 5)), rng.normal(size=(3, 4, 2))
    check_rules(lambda x: lax.conv_general_dilated_patches(x, (2,), (2,), [(1, 0)]), x, order=1)
    check_rules(lambda x, w: lax.conv_general_dilated_local(x, w, (2,), "VALID", (2,)), x, w, order=1)


def test_the_dtype_that_is_preferred_is_that_of_the_patches():
    out = lax.conv_general_dilated_patches(
        np.ones((1, 1, 4), np.int8), (2,), (1,), "VALID", preferred_element_type=float
    )
    assert out.dtype == np.float64


def test_shapes_are_those_of_the_convolutions():
    x, w = np.ones((4, 6, 7, 3)), np.ones((2, 3, 3, 8))
    numbers = ("NHWC", "HWIO", "CNHW")
    out = lax.conv_general_dilated(x, w, (2, 1), "SAME", dimension_numbers=numbers)
    assert lax.conv_general_shape_tuple(x.shape, w.shape, (2, 1), "SAME", numbers) == out.shape
    assert lax.conv_general_permutations(numbers) == ((0, 3, 1, 2), (3, 2, 0, 1), (1, 0, 2, 3))
    assert lax.conv_shape_tuple((4, 3, 6, 7), (8, 3, 2, 3), (2, 1), [(1, 1), (0, 0)], 2) == (2, 8, 4, 5)
    for padding in ("SAME", "VALID", [(1, 1), (2, 0)]):
        out = lax.conv_transpose(x, w, (2, 3), padding)
        shape = lax.conv_transpose_shape_tuple(x.shape, (2, 3, 8, 3), (2, 3), padding, ("NHWC", "HWOI", "NHWC"))
        assert shape == out.shape


def test_kernels_that_do_not_fit_are_an_error():
    with pytest.raises(ShapeError, match="4 elements"):
        lax.conv_general_dilated_local(np.ones((1, 2, 5)), np.ones((3, 5, 4)), (1,), "VALID", (2,))
