from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import functrace.numpy as fnp
from functrace.__main__ import main
from functrace.numpy import support
from functrace.numpy.examples import examples

PAGE = Path(support.__file__).with_name("SUPPORT.md")


@pytest.fixture(scope="module")
def rows():
    return {row.name: row for row in support.rows()}


def test_the_page_says_what_is_found(rows):
    page = PAGE.read_text()
    if f"NumPy {'.'.join(np.__version__.split('.')[:2])}.\n" not in page:
        pytest.skip("the page was written with another version of NumPy")
    assert page == support.markdown(rows.values()), (
        "python -m functrace support --markdown > functrace/numpy/SUPPORT.md"
    )


def test_every_function_that_is_not_numpys_own_has_an_example(rows):
    for name, row in rows.items():
        ours = support.named(fnp, name)
        if row.support == "NumPy's own":
            assert ours is support.named(np, name), name
        elif row.support == "traced":
            assert name in examples()


def test_each_refusal_says_why_and_what_to_use(rows):
    for name, row in rows.items():
        if row.support == "refused" or row.jit == "known values":
            assert len(row.note) > 20, name


def test_the_command_says_what_is_found_of_the_names_that_contain_a_text(capsys):
    assert main(["support", "nonzero"]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert [line[0] for line in lines] == ["name", "count_nonzero", "flatnonzero", "nonzero"]
    assert lines[1][1:] == ["traced", "yes"]
    assert lines[2][1:] == ["traced", "with", "size="]


def test_what_is_found_agrees_with_what_is_known_of_some_functions(rows):
    found = {name: (rows[name].jit, rows[name].gradient) for name in ("sin", "floor", "argmax", "unique", "trim_zeros")}
    assert found == {
        "sin": ("yes", "yes"),
        "floor": ("yes", "zero"),
        "argmax": ("yes", ""),
        "unique": ("with size=", ""),
        "trim_zeros": ("known values", "yes"),
    }
