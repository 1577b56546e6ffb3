from __future__ import annotations

import numpy as np
import pytest

import functrace
from functrace import random
from functrace.errors import OptionError, ShapeError
from functrace.nn import initializers as i

VARIANCES = {
    "glorot_uniform": 2 / (300 + 200),
    "glorot_normal": 2 / (300 + 200),
    "lecun_uniform": 1 / 300,
    "lecun_normal": 1 / 300,
    "he_uniform": 2 / 300,
    "he_normal": 2 / 300,
    "xavier_uniform": 2 / (300 + 200),
    "kaiming_normal": 2 / 300,
}


@pytest.mark.parametrize("name", VARIANCES)
def test_the_mean_is_zero_and_the_variance_that_of_the_paper(name):
    weights = getattr(i, name)()(random.key(0), (300, 200))
    assert weights.dtype == np.float64
    assert abs(weights.mean()) < 5 * np.sqrt(VARIANCES[name] / weights.size)
    np.testing.assert_allclose(weights.var(), VARIANCES[name], rtol=0.03)


def test_a_convolutions_window_counts_in_both_fans():
    weights = i.variance_scaling(1.0, "fan_out", "normal")(random.key(1), (3, 3, 64, 32), np.float32)
    assert weights.dtype == np.float32
    np.testing.assert_allclose(weights.var(), 1 / (9 * 32), rtol=0.05)
    weights = i.variance_scaling(1.0, "fan_geo_avg", "uniform", in_axis=0, out_axis=1)(random.key(1), (100, 400))
    np.testing.assert_allclose(weights.var(), 1 / 200, rtol=0.05)


@pytest.mark.parametrize(("shape", "axis"), [((6, 4), -1), ((4, 6), -1), ((2, 3, 4), 0), ((5, 5), -1)])
def test_orthogonal_matrices_have_orthonormal_columns_or_rows(shape, axis):
    w = i.orthogonal(2.0, axis)(random.key(0), shape)
    assert w.shape == shape
    matrix = np.moveaxis(w, axis, -1).reshape(-1, shape[axis]) / 2
    gram = matrix.T @ matrix if matrix.shape[0] >= matrix.shape[1] else matrix @ matrix.T
    np.testing.assert_allclose(gram, np.eye(len(gram)), atol=1e-12)


def test_a_delta_orthogonal_window_convolves_to_an_orthogonal_map():
    w = i.delta_orthogonal()(random.key(0), (3, 3, 2, 4))
    np.testing.assert_allclose(w[1, 1] @ w[1, 1].T, np.eye(2), atol=1e-12)
    w[1, 1] = 0
    assert not w.any()


def test_the_same_key_gives_the_same_weights_jitted_too():
    init = i.he_normal()
    np.testing.assert_array_equal(
        functrace.jit(lambda key: init(key, (3, 4)))(random.key(3)), init(random.key(3), (3, 4))
    )


def test_other_shapes_and_names_are_errors():
    with pytest.raises(ShapeError, match="biases"):
        i.lecun_normal()(random.key(0), (3,))
    with pytest.raises(OptionError, match="fan_in"):
        i.variance_scaling(1.0, "fan", "normal")
    with pytest.raises(OptionError, match="distribution"):
        i.variance_scaling(1.0, "fan_in", "gamma")
    with pytest.raises(ShapeError, match="orthogonal"):
        i.orthogonal()(random.key(0), (3,))
