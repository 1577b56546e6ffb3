from __future__ import annotations

import importlib
import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal

import functrace as ft
import functrace.numpy as fnp
from functrace import lax
from functrace.errors import ArgumentError, FunctraceError, OptionError, ShapeError
from functrace.test_util import check_grads, check_vmap
from tests.lax.rules import check_rules, distinct_values

conv_value = importlib.import_module("functrace.lax.conv_value")

DTYPES = (np.float64, np.float32, np.complex128, np.int64, np.int8, np.uint16, np.bool_, np.float16)


def by_definition(x, w, strides, padding, lhs_dilation, rhs_dilation, numbers, feature_groups=1, batch_groups=1):
    """A sum for each element of the result, an element of the kernel after the other."""
    lhs_spec, rhs_spec, out_spec = numbers
    x, w = np.transpose(x, lhs_spec), np.transpose(w, rhs_spec)
    groups = feature_groups * batch_groups
    batch, inputs, outputs = x.shape[0] // batch_groups, w.shape[1], w.shape[0]
    spatial = range(len(strides))
    extents = [max((x.shape[a + 2] - 1) * lhs_dilation[a] + 1, 0) for a in spatial]
    windows = [(w.shape[a + 2] - 1) * rhs_dilation[a] + 1 for a in spatial]
    counts = [max((extents[a] + sum(padding[a]) - windows[a]) // strides[a] + 1, 0) for a in spatial]
    out = np.zeros((batch, outputs, *counts), np.result_type(x, w))
    for o, position in itertools.product(range(outputs), np.ndindex(*counts)):
        group = o // (outputs // groups)
        images = slice(group * batch, (group + 1) * batch) if batch_groups > 1 else slice(None)
        features = slice(group * inputs, (group + 1) * inputs) if feature_groups > 1 else slice(None)
        for element in np.ndindex(*w.shape[2:]):
            at = [position[a] * strides[a] + element[a] * rhs_dilation[a] - padding[a][0] for a in spatial]
            if all(0 <= at[a] < extents[a] and at[a] % lhs_dilation[a] == 0 for a in spatial):
                pixels = x[(images, features, *[at[a] // lhs_dilation[a] for a in spatial])]
                out[(slice(None), o, *position)] += (pixels * w[(o, slice(None), *element)]).sum(-1, dtype=out.dtype)
    return np.transpose(out, np.argsort(out_spec))


@st.composite
def convolutions(draw, most_axes=2, dtypes=DTYPES):
    """Operands and all parameters by which a convolution is determined, of few elements."""
    rank = draw(st.integers(0, most_axes))

    def ints(low, high):
        return tuple([draw(st.integers(low, high)) for _ in range(rank)])

    feature_groups, batch_groups = draw(st.sampled_from([(1, 1), (1, 1), (2, 1), (3, 1), (1, 2)]))
    inputs, outputs = draw(st.integers(1, 5)), draw(st.integers(1, 2)) * feature_groups * batch_groups
    images = draw(st.integers(1, 3)) * batch_groups
    extents, kernel, strides = ints(1, 4), ints(1, 3), ints(1, 3)
    lhs_dilation, rhs_dilation = ints(1, 3), ints(1, 2)
    padding = []
    for extent, dilation in zip(extents, lhs_dilation, strict=True):
        low = draw(st.integers(-1, 3))
        padding.append((low, draw(st.integers(max(-1, -low - (extent - 1) * dilation - 1), 3))))
    specs = [tuple(draw(st.permutations(range(rank + 2)))) for _ in range(3)]
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    operands = []
    for spec, shape in zip(
        specs, [(images, inputs * feature_groups, *extents), (outputs, inputs, *kernel)], strict=False
    ):
        placed = [shape[spec.index(axis)] for axis in range(rank + 2)]
        operands.append(distinct_values(rng, placed, draw(st.sampled_from(dtypes))))
    return (*operands, strides, tuple(padding), lhs_dilation, rhs_dilation, tuple(specs), feature_groups, batch_groups)


def bind(x, w, strides, padding, lhs_dilation, rhs_dilation, numbers, feature_groups=1, batch_groups=1):
    numbers = lax.ConvDimensionNumbers(*numbers)
    return lax.conv_general_dilated(
        x, w, strides, padding, lhs_dilation, rhs_dilation, numbers, feature_groups, batch_groups
    )


@settings(max_examples=150, deadline=None)
@given(convolutions())
def test_a_convolution_is_the_sum_of_its_definition_in_every_dtype(case):
    expected = by_definition(*case)
    out = bind(*case)
    assert out.shape == expected.shape and out.dtype == expected.dtype
    tolerance = {"float16": 2e-2, "float32": 1e-5}.get(expected.dtype.name, 1e-12)
    scale = float(np.max(np.abs(expected), initial=0)) if expected.dtype.kind in "fc" else 0.0
    np.testing.assert_allclose(
        out * (1 if out.dtype.kind != "b" else np.int8(1)), expected, rtol=tolerance, atol=tolerance * scale
    )


@settings(max_examples=60, deadline=None)
@given(convolutions(dtypes=(np.float64, np.complex128)))
def test_derivatives_and_batches_of_a_convolution_agree_with_differences_and_a_loop(case):
    x, w, *params = case
    check_rules(lambda x, w: bind(x, w, *params), x, w, order=1)


@settings(max_examples=20, deadline=None)
@given(convolutions(most_axes=1, dtypes=(np.float64,)))
def test_second_derivatives_of_a_convolution_agree_with_differences(case):
    x, w, *params = case
    check_grads(lambda x, w: bind(x, w, *params) ** 2, (x, w), order=2, rtol=1e-4)


@settings(max_examples=40, deadline=None)
@given(convolutions(most_axes=3, dtypes=(np.float64,)), st.data())
def test_the_value_does_not_depend_on_how_the_work_is_cut_or_the_operands_lie_in_memory(case, data):
    x, w, *params = case
    names = ("_BLOCK_BYTES", "_IMAGE_BYTES", "_COLUMNS", "_SHORT_RUN", "_THREADED_BYTES", "_FEWER", "_PRODUCT_BYTES")
    with pytest.MonkeyPatch.context() as patch:
        for name in names:
            patch.setattr(conv_value, name, data.draw(st.sampled_from([1, 200, 1 << 30]), label=name))
        turned = [np.asfortranarray(operand) for operand in (x, w)]
        np.testing.assert_allclose(bind(*turned, *params), by_definition(*case), rtol=1e-12, atol=1e-12)


def test_a_plain_convolution_is_scipys_correlation():
    rng = np.random.default_rng(0)
    image, kernel = rng.normal(size=(9, 8)), rng.normal(size=(3, 4))
    out = lax.conv(image[None, None], kernel[None, None], (1, 1), "VALID")
    np.testing.assert_allclose(out[0, 0], signal.correlate2d(image, kernel, "valid"), rtol=1e-12)
    full = lax.conv_with_general_padding(image[None, None], kernel[None, None], (1, 1), [(2, 2), (3, 3)], None, None)
    np.testing.assert_allclose(full[0, 0], signal.correlate2d(image, kernel, "full"), rtol=1e-12)


@pytest.mark.parametrize("shapes", [((64, 2, 12, 12), (3, 2, 5, 5)), ((2, 9, 20, 20), (2, 9, 3, 3))])
@pytest.mark.parametrize("stride", [1, 2])
def test_layers_of_a_network_and_their_gradients_are_those_of_the_definition(shapes, stride):
    rng = np.random.default_rng(0)
    x, w = [rng.normal(size=shape) for shape in shapes]
    pads, ones, axes = ((1, 2), (1, 1)), (1, 1), ((0, 1, 2, 3),) * 3
    strides = (stride, stride)
    out, pull = ft.vjp(lambda x, w: lax.conv_general_dilated(x, w, strides, pads), x, w)
    np.testing.assert_allclose(out, by_definition(x, w, strides, pads, ones, ones, axes), rtol=1e-9, atol=1e-9)
    ct = rng.normal(size=out.shape)
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(x, ((0, 0), (0, 0), *pads)), w.shape[2:], (2, 3))
    windows = windows[:, :, ::stride, ::stride]
    images, kernel = pull(ct)
    np.testing.assert_allclose(kernel, np.einsum("ncijkl,noij->ockl", windows, ct), rtol=1e-9, atol=1e-9)
    step = rng.normal(size=x.shape)
    moved = by_definition(step, w, strides, pads, ones, ones, axes)
    np.testing.assert_allclose((images * step).sum(), (ct * moved).sum(), rtol=1e-9)


@settings(max_examples=15, deadline=None)
@given(convolutions(dtypes=(np.float32,)))
def test_a_convolution_and_its_gradients_are_jaxs(case):
    jax = pytest.importorskip("jax")
    x, w, *params = case
    strides, padding, lhs_dilation, rhs_dilation, numbers, feature_groups, batch_groups = params

    def theirs(x, w):
        return jax.lax.conv_general_dilated(
            x,
            w,
            strides,
            padding,
            lhs_dilation,
            rhs_dilation,
            jax.lax.ConvDimensionNumbers(*numbers),
            feature_groups,
            batch_groups,
        )

    out, pull = ft.vjp(lambda x, w: bind(x, w, *params), x, w)
    expected, their_pull = jax.vjp(theirs, x, w)
    np.testing.assert_allclose(out, expected, rtol=1e-4, atol=1e-3)
    ct = np.cos(np.arange(out.size, dtype=np.float32)).reshape(out.shape)
    for mine, yours in zip(pull(ct), their_pull(ct), strict=True):
        np.testing.assert_allclose(mine, yours, rtol=1e-4, atol=1e-3)


@settings(max_examples=15, deadline=None)
@given(
    st.integers(3, 6),
    st.integers(1, 4),
    st.integers(1, 4),
    st.integers(1, 2),
    st.sampled_from(["SAME", "VALID", [(1, 2)], [(0, 0)]]),
    st.booleans(),
    st.booleans(),
)
def test_a_transposed_convolution_is_jaxs(extent, window, stride, dilation, padding, transposed, consistent):
    jax = pytest.importorskip("jax")
    x = np.sin(np.arange(2 * extent * 3, dtype=np.float32)).reshape(2, extent, 3)
    w = np.cos(np.arange(window * 3 * 3, dtype=np.float32)).reshape(window, 3, 3)
    arguments = (x, w, (stride,), padding, (dilation,), None, transposed)
    expected = jax.lax.conv_transpose(*arguments, use_consistent_padding=consistent)
    out = lax.conv_transpose(*arguments, use_consistent_padding=consistent)
    np.testing.assert_allclose(out, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("padding", ["SAME", "VALID"])
@pytest.mark.parametrize("stride", [1, 2, 3])
def test_a_transposed_convolution_is_the_transpose(padding, stride):
    rng = np.random.default_rng(1)
    x, w = rng.normal(size=(2, 6, 12, 3)), rng.normal(size=(2, 3, 3, 5))
    numbers = ("NHWC", "HWIO", "NHWC")
    y, pull = ft.vjp(lambda x: lax.conv_general_dilated(x, w, (stride, stride), padding, dimension_numbers=numbers), x)
    ct = rng.normal(size=y.shape)
    out = lax.conv_transpose(ct, w, (stride, stride), padding, transpose_kernel=True)
    (expected,) = pull(ct)
    seen = tuple([slice(0, min(a, b)) for a, b in zip(out.shape, expected.shape, strict=True)])
    np.testing.assert_allclose(out[seen], expected[seen], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(
    ("extent", "window", "stride", "word", "pads"),
    [
        (10, 3, 1, "SAME", (1, 1)),
        (10, 2, 1, "SAME", (0, 1)),
        (10, 2, 1, "SAME_LOWER", (1, 0)),
        (10, 3, 2, "same", (0, 1)),
        (3, 1, 2, "SAME", (0, 0)),
        (10, 3, 2, "VALID", (0, 0)),
    ],
)
def test_words_for_padding(extent, window, stride, word, pads):
    assert lax.padtype_to_pads((extent,), (window,), (stride,), word) == [pads]
    x, w = np.ones((1, 1, extent)), np.ones((1, 1, window))
    assert lax.conv(x, w, (stride,), word).shape == lax.conv_general_dilated(x, w, (stride,), [pads]).shape
    if word != "VALID":
        assert lax.conv(x, w, (stride,), word).shape[2] == -(-extent // stride)


def test_channels_may_be_last():
    rng = np.random.default_rng(0)
    x, w = rng.normal(size=(2, 7, 6, 3)), rng.normal(size=(3, 2, 3, 4))
    last = lax.conv_general_dilated(x, w, (2, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))
    first = lax.conv(x.transpose(0, 3, 1, 2), w.transpose(3, 2, 0, 1), (2, 1), "SAME")
    np.testing.assert_allclose(last, first.transpose(0, 2, 3, 1), rtol=1e-12)


def test_dimension_numbers_from_letters():
    numbers = lax.conv_dimension_numbers((1, 8, 9, 3), (3, 4, 3, 6), ("NHWC", "WHIO", "CWNH"))
    assert numbers == lax.ConvDimensionNumbers((0, 3, 2, 1), (3, 2, 0, 1), (2, 0, 1, 3))
    assert lax.conv_dimension_numbers((1, 8, 9, 3), (3, 4, 3, 6), numbers) == numbers


def test_what_a_window_does_not_meet_does_not_reach_it():
    x, w = np.ones((3, 4, 8, 8)), np.ones((2, 4, 3, 3))
    x[1, 2, 3, 3] = np.nan
    for layout, stride in itertools.product(("C", "F"), (1, 2)):
        y, pull = ft.vjp(lambda x, stride=stride: lax.conv(x, w, (stride, stride), "SAME"), np.asarray(x, order=layout))
        met = np.isnan(y)
        assert not met[0].any() and met[1].any() and met[1].sum() <= 2 * 9
        (images,) = pull(np.where(met, np.inf, 1.0))
        assert np.isfinite(images[[0, 2]]).all() and np.isfinite(images[1, :, 6:]).all()


def test_per_example_gradients_agree_with_a_loop():
    rng = np.random.default_rng(0)
    x, w = rng.normal(size=(5, 2, 6, 6)), rng.normal(size=(3, 2, 3, 3))

    def loss(w, image):
        return fnp.sum(fnp.sin(lax.conv(image[None], w, (2, 2), "SAME")))

    check_vmap(ft.grad(loss), (w, x), in_axes=(None, 0))
    check_vmap(ft.grad(loss, argnums=1), (np.stack([w, -w, 2 * w, w, w]), x))


def test_jit_gives_the_same_value_and_gradients():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(4, 3, 9, 9)).astype(np.float32)
    w = rng.normal(size=(6, 1, 3, 3)).astype(np.float32)

    def loss(x, w):
        return fnp.sum(fnp.tanh(lax.conv_general_dilated(x, w, (2, 2), "SAME", feature_group_count=3)))

    eager, compiled = ft.value_and_grad(loss, argnums=(0, 1)), ft.jit(ft.value_and_grad(loss, argnums=(0, 1)))
    for expected, got in zip(ft.tree.leaves(eager(x, w)), ft.tree.leaves(compiled(x, w)), strict=True):
        assert got.dtype == np.float32
        np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-5)


def test_the_preferred_dtype_is_that_of_the_product():
    x = np.full((1, 1, 4), 100, np.int8)
    out = lax.conv(x, x[..., :2], (1,), "VALID", preferred_element_type=np.int32)
    assert out.dtype == np.int32
    np.testing.assert_array_equal(out, 20000)


@pytest.mark.parametrize("shapes", [((0, 2, 3), (4, 2, 2)), ((1, 0, 3), (4, 0, 2)), ((1, 2, 0), (4, 2, 1))])
def test_empty_axes_give_zeros_or_nothing(shapes):
    x, w = [np.ones(shape) for shape in shapes]
    out, pull = ft.vjp(lambda x, w: lax.conv_general_dilated(x, w, (1,), [(1, 1)]), x, w)
    np.testing.assert_array_equal(out, np.zeros(out.shape))
    assert [part.shape for part in pull(np.ones(out.shape))] == list(shapes)


def test_a_result_is_fresh_memory():
    x, w = np.ones((1, 1, 4, 4)), np.ones((1, 1, 1, 1))
    out = lax.conv(x, w, (1, 1), "VALID")
    assert out.flags.writeable and not np.shares_memory(out, x)


IMAGES, KERNEL = np.ones((2, 4, 5, 5)), np.ones((6, 4, 3, 3))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: lax.conv(IMAGES, KERNEL[:, :2], (1, 1), "SAME"), ShapeError, "2 features"),
        (lambda: lax.conv(IMAGES[0], KERNEL, (1, 1), "SAME"), ShapeError, "as many axes"),
        (lambda: lax.conv(IMAGES, KERNEL, (1,), "SAME"), OptionError, "window_strides .* 2 axes"),
        (lambda: lax.conv(IMAGES, KERNEL, (1, 0), "SAME"), OptionError, "positive"),
        (lambda: lax.conv(IMAGES, KERNEL, 1, "SAME"), ArgumentError, "tuple of ints"),
        (lambda: lax.conv(IMAGES, KERNEL, (1, 1), "FULL"), OptionError, "'VALID', 'SAME'"),
        (lambda: lax.conv_general_dilated(IMAGES, KERNEL, (1, 1), [(1, 1)]), OptionError, "each of 2 axes"),
        (lambda: lax.conv_general_dilated(IMAGES, KERNEL, (1, 1), [1, 1]), OptionError, "pair"),
        (lambda: lax.conv_general_dilated(IMAGES, KERNEL, (1, 1), [(-3, -3)] * 2), ShapeError, "cuts off"),
        (lambda: lax.conv_general_dilated(IMAGES, KERNEL, (1, 1), "SAME", (2, 2)), OptionError, "conv_transpose"),
        (
            lambda: lax.conv_general_dilated(IMAGES, KERNEL[:, :1], (1, 1), "SAME", feature_group_count=4),
            ShapeError,
            "4 groups divide",
        ),
        (
            lambda: lax.conv_general_dilated(IMAGES, KERNEL, (1, 1), "SAME", batch_group_count=3),
            ShapeError,
            "3 groups divide",
        ),
        (
            lambda: lax.conv_general_dilated(
                IMAGES, KERNEL[:, :2], (1, 1), "SAME", feature_group_count=2, batch_group_count=2
            ),
            OptionError,
            "not of both",
        ),
        (
            lambda: lax.conv_general_dilated(IMAGES, KERNEL, (1, 1), "SAME", feature_group_count=0),
            OptionError,
            "feature_group_count to be a positive int",
        ),
        (
            lambda: lax.conv_general_dilated(IMAGES, KERNEL, (1, 1), "SAME", batch_group_count=1.5),
            ArgumentError,
            "batch_group_count to be an int",
        ),
        (lambda: lax.conv_dimension_numbers((1, 1, 1), (1, 1, 1), ("NCH", "OIH")), ArgumentError, "three strings"),
        (lambda: lax.conv_dimension_numbers((1, 1, 1), (1, 1, 1), ("NCH", "OIH", "NHH")), OptionError, "different"),
        (lambda: lax.conv_dimension_numbers((1, 1, 1), (1, 1, 1), ("NCH", "OIW", "NCH")), OptionError, "same spatial"),
        (lambda: lax.conv_transpose(np.ones((1,) * 7), np.ones((1,) * 7), (1,) * 5, "SAME"), OptionError, "default"),
        (lambda: lax.conv_transpose(IMAGES, KERNEL, (1, 1), "FULL"), FunctraceError, "'VALID' or 'SAME'"),
    ],
)
def test_an_error_says_what_was_expected(call, error, message):
    with pytest.raises(error, match=message):
        call()
