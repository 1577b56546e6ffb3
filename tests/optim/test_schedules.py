from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import functrace
from functrace import optim
from functrace.errors import OptionError

few = settings(max_examples=20, deadline=None)
COUNTS = np.arange(0, 130)


def values(schedule):
    got = functrace.jit(functrace.vmap(schedule))(COUNTS)
    np.testing.assert_allclose(got, [float(schedule(count)) for count in COUNTS.tolist()], rtol=1e-12)
    return got


@few
@given(st.floats(0.1, 2), st.floats(0, 1), st.integers(1, 100), st.integers(0, 20), st.floats(0.5, 3))
def test_a_polynomial_goes_from_one_value_to_the_other(init, end, steps, begin, power):
    got = values(optim.polynomial_schedule(init, end, power, steps, begin))
    t = np.clip((COUNTS - begin) / steps, 0, 1)
    np.testing.assert_allclose(got, end + (init - end) * (1 - t) ** power, rtol=1e-10, atol=1e-15)


def test_exponential_decay_is_its_formula_with_a_floor():
    got = values(optim.exponential_decay(2.0, 10, 0.5, transition_begin=5, end_value=0.1))
    expected = np.where(COUNTS <= 5, 2.0, np.maximum(2.0 * 0.5 ** ((COUNTS - 5) / 10), 0.1))
    np.testing.assert_allclose(got, expected, rtol=1e-12)
    stairs = values(optim.exponential_decay(2.0, 10, 0.5, staircase=True))
    np.testing.assert_allclose(stairs, 2.0 * 0.5 ** (COUNTS // 10), rtol=1e-12)


def test_cosine_decay_is_half_a_period_and_then_stays():
    got = values(optim.cosine_decay_schedule(0.5, 100, alpha=0.1))
    expected = [0.5 * (0.9 * (1 + math.cos(math.pi * min(c, 100) / 100)) / 2 + 0.1) for c in COUNTS]
    np.testing.assert_allclose(got, expected, rtol=1e-12)


def test_a_cycle_rises_to_its_peak_and_falls_to_almost_nothing():
    for schedule, ends in [
        (optim.linear_onecycle_schedule(100, 1.0, div_factor=10), 0.1 / 1e4),
        (optim.cosine_onecycle_schedule(100, 1.0, div_factor=10), 0.1 / 1e4),
    ]:
        got = values(schedule)
        assert got[0] == pytest.approx(0.1) and got[30] == pytest.approx(1.0) and got.argmax() == 30
        assert got[100:] == pytest.approx(ends)
        assert (np.diff(got[:31]) > 0).all() and (np.diff(got[30:101]) < 0).all()


def test_warming_up_ends_where_the_decay_begins():
    got = values(optim.warmup_cosine_decay_schedule(0.0, 1.0, 10, 100, end_value=0.2))
    assert got[0] == 0 and got[5] == pytest.approx(0.5) and got[10] == pytest.approx(1.0)
    assert got[55] == pytest.approx(0.6) and got[100:] == pytest.approx(0.2)
    got = values(optim.warmup_exponential_decay_schedule(0.0, 1.0, 10, 10, 0.5))
    assert got[20] == pytest.approx(0.5)
    got = values(optim.warmup_constant_schedule(0.0, 2.0, 4))
    assert got[2] == 1 and (got[4:] == 2).all()


def test_warm_restarts_begin_again():
    cycle = {"init_value": 0.0, "peak_value": 1.0, "warmup_steps": 2, "decay_steps": 20}
    got = values(optim.sgdr_schedule([cycle, cycle, cycle]))
    np.testing.assert_allclose(got[:20], got[20:40], rtol=1e-12)


def test_what_makes_no_schedule_is_an_error():
    with pytest.raises(OptionError, match="transition_steps"):
        optim.polynomial_schedule(1.0, 0.0, 1, 0)
    with pytest.raises(OptionError, match="boundaries"):
        optim.join_schedules([optim.constant_schedule(1.0)], [3])
    with pytest.raises(OptionError, match="interpolate_type"):
        optim.piecewise_interpolate_schedule("cubic", 1.0, {})
    with pytest.raises(OptionError, match="at least 0"):
        optim.piecewise_constant_schedule(1.0, {3: -1.0})
