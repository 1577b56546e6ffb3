"""Convolutions, pools and what is made of windows are JAX's, with their derivatives."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from functrace import lax
from tests.oracle.agreement import Difference, check_against_jax, draw, jax

#: Shapes of images and kernel, then the parameters from the strides on.
CONVOLUTIONS = {
    "1 dimension": ((2, 3, 8), (4, 3, 3), (2,), [(1, 2)]),
    "1 dimension, dilated": ((2, 2, 5), (3, 2, 2), (2,), [(2, -1)], (3,), (2,)),
    "2 dimensions": ((2, 3, 6, 5), (4, 3, 3, 2), (1, 2), "SAME"),
    "2 dimensions, channels last": (
        (2, 6, 5, 3), (3, 2, 3, 4), (2, 1), "SAME_LOWER", None, (1, 2), ("NHWC", "HWIO", "NHWC")
    ),
    "2 dimensions, other orders": (
        (3, 6, 2, 5), (2, 4, 3, 3), (1, 1), [(0, 1), (2, 0)], (2, 1), None, ("CHNW", "WOIH", "WCNH")
    ),
    "3 dimensions": ((1, 2, 4, 3, 4), (2, 2, 2, 1, 3), (2, 1, 1), "VALID"),
    "groups of features": ((2, 4, 5, 5), (6, 2, 3, 3), (2, 2), "SAME", None, None, None, 2),
    "each feature by itself": ((2, 3, 5, 5), (3, 1, 3, 3), (1, 1), "SAME", (1, 2), (1, 1), None, 3),
    "groups of the batch": ((4, 2, 5, 4), (6, 2, 2, 3), (1, 1), "VALID", None, (2, 1), None, 1, 2),
    "one pixel": ((2, 3, 4, 4), (5, 3, 1, 1), (2, 2), "VALID"),
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(CONVOLUTIONS))
def test_a_convolution_is_jaxs(name):
    lhs, rhs, strides, padding, *rest = CONVOLUTIONS[name]
    if len(rest) > 1 and rest[0] is not None and isinstance(padding, str):
        padding = jax.lax.padtype_to_pads([2 * extent - 1 for extent in lhs[2:]], rhs[2:], strides, padding)

    def convolve(library, x, w):
        return library.conv_general_dilated(x, w, strides, padding, *rest)

    check_against_jax(partial(convolve, lax), partial(convolve, jax.lax), draw(lhs), draw(rhs, seed=1), rtol=1e-9)


@pytest.mark.parametrize("dtype", [np.float32, np.complex128])
def test_a_convolution_of_other_floats_is_jaxs(dtype):
    def convolve(library, x, w):
        return library.conv_general_dilated(x, w, (2, 1), [(1, 1), (0, 2)])

    x, w = draw((2, 3, 5, 4), dtype), draw((4, 3, 3, 2), dtype, seed=1)
    check_against_jax(
        partial(convolve, lax), partial(convolve, jax.lax), x, w, rtol=1e-4 if dtype == np.float32 else 1e-9
    )


@pytest.mark.parametrize("padding", ["SAME", "VALID", [(2, 1), (1, 1)]])
@pytest.mark.parametrize("transpose_kernel", [False, True])
def test_a_transposed_convolution_is_jaxs(padding, transpose_kernel):
    def convolve(library, x, w):
        return library.conv_transpose(x, w, (2, 3), padding, transpose_kernel=transpose_kernel)

    w = draw((3, 2, 2, 4) if transpose_kernel else (3, 2, 4, 2), seed=1)
    check_against_jax(partial(convolve, lax), partial(convolve, jax.lax), draw((2, 3, 4, 4)), w, rtol=1e-9)


PATCHES = [
    ((2, 2), (1, 1), "SAME", None, None, None),
    ((3, 2), (2, 1), [(1, 2), (0, 1)], (2, 1), (1, 2), ("NHWC", "OIWH", "NWCH")),
]


@pytest.mark.parametrize("case", PATCHES)
def test_patches_and_local_kernels_are_jaxs(case):
    window, strides, padding, *rest = case
    x = draw((2, 3, 5, 4))

    def patches(library, x):
        return library.conv_general_dilated_patches(x, window, strides, padding, *rest)

    def convolve(library, x, w):
        return library.conv_general_dilated_local(x, w, strides, padding, window, *rest)

    check_against_jax(partial(patches, lax), partial(patches, jax.lax), x, rtol=1e-9)
    numbers = jax.lax.conv_dimension_numbers(x.shape, (1, 1, *window), rest[-1])
    out = np.transpose(patches(jax.lax, x), numbers.out_spec).shape
    w = draw((4, *out[1:]), seed=1).transpose(np.argsort(numbers.rhs_spec))
    check_against_jax(partial(convolve, lax), partial(convolve, jax.lax), x, w, rtol=1e-9)


POOLS = {
    "apart": ((2, 2), (2, 2), "VALID", None, None),
    "overlapping": ((3, 2), (2, 1), "SAME", None, None),
    "with holes": ((2, 3), (1, 2), [(1, 2), (3, 0)], (2, 1), (1, 2)),
    "cut": ((2, 2), (1, 1), [(-1, 0), (2, 2)], None, (2, 1)),
}


@pytest.mark.parametrize("name", sorted(POOLS))
@pytest.mark.parametrize(("operation", "start"), [("add", 0.0), ("max", -np.inf), ("min", np.inf)])
def test_a_pool_is_jaxs(name, operation, start):
    def pool(library, x):
        return library.reduce_window(x, start, getattr(library, operation), *POOLS[name])

    differs = []
    if operation != "add" and POOLS[name][-1] is not None:
        reason = "JAX has no reverse derivative of extrema over windows with holes"
        differs = [Difference("gradient", reason), Difference("second derivative", reason)]
    check_against_jax(partial(pool, lax), partial(pool, jax.lax), draw((5, 6)), differs=differs)


@pytest.mark.parametrize("name", sorted(POOLS))
def test_a_pool_by_another_computation_is_jaxs(name):
    def pool(library, x):
        return library.reduce_window(x, 1.0, library.mul, *POOLS[name])

    # JAX has no reverse derivative of it
    check_against_jax(partial(pool, lax), partial(pool, jax.lax), draw((5, 6)), order=0)


def test_selections_are_those_of_jaxs_primitives():
    from jax._src.lax import windowed_reductions as theirs

    window, strides, padding = (2, 3), (1, 2), ((0, 1), (1, 1))
    source, x = draw((5, 3), seed=1), draw((5, 6))
    for name, primitive in (("ge", jax.lax.ge_p), ("le", jax.lax.le_p)):
        select = getattr(lax, name)
        check_against_jax(
            lambda source, x, select=select: lax.select_and_scatter_add(source, x, select, window, strides, padding),
            lambda source, x, primitive=primitive: theirs._select_and_scatter_add(
                source, x, primitive, window, strides, padding
            ),
            source,
            x,
            order=1,
        )
        check_against_jax(
            lambda t, x, select=select: lax.select_and_gather_add(t, x, select, window, strides, padding),
            lambda t, x, primitive=primitive: theirs._select_and_gather_add(
                t, x, primitive, window, strides, padding, (1, 1), (1, 1)
            ),
            draw((5, 6), seed=2),
            x,
            order=1,
        )
