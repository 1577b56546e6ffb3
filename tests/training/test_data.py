import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functrace import random, training
from functrace.errors import ArgumentError, NonFiniteError, OptionError, ShapeError

KEY = random.key(3)


@settings(max_examples=20)
@given(st.integers(1, 40), st.integers(1, 40), st.booleans(), st.integers(0, 5))
def test_minibatches_have_every_example_once(size: int, batch_size: int, drop_last: bool, seed: int) -> None:
    data = {"x": np.arange(size), "y": [np.arange(size)[:, None] * 10.0]}
    if batch_size > size:
        with pytest.raises(OptionError, match=f"batch of {batch_size} is larger than the data, which has {size}"):
            training.minibatches(random.key(seed), data, batch_size)
        return
    batches = training.minibatches(random.key(seed), data, batch_size, drop_last=drop_last)
    seen = [int(x) for batch in batches for x in batch["x"]]
    assert len(set(seen)) == len(seen) == (size - size % batch_size if drop_last else size)
    assert all(len(batch["x"]) == batch_size for batch in batches[: size // batch_size])
    assert all(np.array_equal(batch["y"][0][:, 0], 10 * batch["x"]) for batch in batches)


def test_minibatches_are_the_same_for_the_same_key_from_any_number_on() -> None:
    data = np.arange(10)
    one, other = [training.minibatches(KEY, data, 3) for _ in range(2)]
    assert [batch.tolist() for batch in one[2:]] == [batch.tolist() for batch in other][2:]
    assert one[3].tolist() == other[-1].tolist()
    assert [b.tolist() for b in training.minibatches(random.key(4), data, 3)] != [b.tolist() for b in one]


def test_a_batch_shares_no_memory_with_the_data() -> None:
    data = np.arange(4.0)
    batch = training.minibatches(KEY, data, 4)[0]
    batch[:] = 0
    assert data.tolist() == [0, 1, 2, 3]


def test_what_is_no_data_is_an_error_that_names_the_leaf() -> None:
    with pytest.raises(ShapeError, match=r"data\['y'\] has 3 examples, and data\['x'\] has 4"):
        training.minibatches(KEY, {"x": np.zeros((4, 2)), "y": np.zeros(3)}, 2)
    with pytest.raises(ShapeError, match=r"data\[0\] is one number"):
        training.k_fold(KEY, [1.0, 2.0], 2)
    with pytest.raises(TypeError, match=r"data\[0\] is no array of numbers"):
        training.minibatches(KEY, (np.array([None, 1]),), 1)
    with pytest.raises(ArgumentError, match="no arrays"):
        training.train_validation_split(KEY, (), 0.5)
    for wrong in (0, -1):
        with pytest.raises(OptionError, match=f"batch_size of at least 1, got {wrong}"):
            training.minibatches(KEY, np.zeros(3), wrong)
    with pytest.raises(ArgumentError, match=r"expected an int as batch_size, got 2\.5"):
        training.minibatches(KEY, np.zeros(3), 2.5)  # type: ignore[arg-type]


def test_a_split_holds_out_the_fraction_and_loses_nothing() -> None:
    data = (np.arange(10), np.arange(10) * 2.0)
    train, validation = training.train_validation_split(KEY, data, 0.3)
    assert sorted([*train[0], *validation[0]]) == list(range(10)) and len(validation[0]) == 3
    assert np.array_equal(train[1], 2 * train[0])
    again = training.train_validation_split(KEY, data, 0.3)
    assert np.array_equal(again[0][0], train[0])
    for fraction in (0.0, 1.0, 1.5, 0.01):
        with pytest.raises(OptionError):
            training.train_validation_split(KEY, data, fraction)


@pytest.mark.parametrize(("size", "k"), [(10, 2), (10, 3), (5, 5)])
def test_k_folds_hold_out_each_example_once(size: int, k: int) -> None:
    folds = list(training.k_fold(KEY, size, k))
    assert sorted(np.concatenate([held_out for _, held_out in folds])) == list(range(size))
    sizes = [len(held_out) for _, held_out in folds]
    assert len(folds) == k and max(sizes) - min(sizes) <= 1
    assert all(sorted([*train, *held_out]) == list(range(size)) for train, held_out in folds)
    data = {"x": np.arange(size) * 10}
    of_data = list(training.k_fold(KEY, data, k))
    assert all(np.array_equal(a["x"], 10 * b) for (a, _), (b, _) in zip(of_data, folds, strict=True))


def test_k_fold_says_at_once_where_there_are_too_few_examples_or_folds() -> None:
    with pytest.raises(OptionError, match="3 examples cannot be cut into 4 parts"):
        training.k_fold(KEY, 3, 4)
    with pytest.raises(OptionError, match="k of at least 2, got 1"):
        training.k_fold(KEY, 3, 1)


def test_standardised_columns_have_mean_0_and_deviation_1_and_go_back() -> None:
    x = np.random.default_rng(0).normal(5, [1, 100, 1e-6], (50, 3))
    standardizer = training.Standardizer.fit(x)
    z = standardizer.apply(x)
    np.testing.assert_allclose(z.mean(0), 0, atol=1e-8)
    np.testing.assert_allclose(z.std(0), 1)
    np.testing.assert_allclose(standardizer.invert(z), x, rtol=1e-14)
    np.testing.assert_allclose(standardizer.apply(x[0]), z[0])


def test_constant_columns_become_zeros_also_where_their_mean_is_rounded() -> None:
    x = np.full((1000, 2), 0.1)
    x[:, 1] = 7
    standardizer = training.Standardizer.fit(x)
    np.testing.assert_allclose(standardizer.apply(x), 0, atol=1e-15)
    assert standardizer.deviation.tolist() == [1, 1]


def test_nan_is_an_error_or_ignored_and_infinity_an_error() -> None:
    x = np.array([[1.0, np.nan], [3.0, 2.0], [5.0, 4.0]])
    with pytest.raises(NonFiniteError, match="column 1"):
        training.Standardizer.fit(x)
    standardizer = training.Standardizer.fit(x, nan="ignore")
    assert standardizer.mean.tolist() == [3, 3] and standardizer.deviation[1] == 1
    assert np.isnan(standardizer.apply(x)).tolist() == np.isnan(x).tolist()
    with pytest.raises(NonFiniteError, match="column 0"):
        training.Standardizer.fit([[np.nan], [np.nan]], nan="ignore")
    with pytest.raises(NonFiniteError, match="column 0"):
        training.Standardizer.fit([[np.inf], [1.0]], nan="ignore")
    with pytest.raises(OptionError, match="'drop'"):
        training.Standardizer.fit(x, nan="drop")


def test_a_standardizer_keeps_float32_and_makes_floats_of_integers() -> None:
    x = np.arange(6, dtype=np.float32).reshape(3, 2)
    assert training.Standardizer.fit(x).apply(x).dtype == np.float32
    assert training.Standardizer.fit(x.astype(int)).apply(x.astype(int)).dtype == np.float64
    with pytest.raises(ShapeError, match=r"columns of shape \(2,\)"):
        training.Standardizer.fit(x).apply(x[:, :1])
    with pytest.raises(ShapeError):
        training.Standardizer.fit(np.zeros((0, 2)))
    with pytest.raises(TypeError):
        training.Standardizer.fit(np.array(["a"]))
