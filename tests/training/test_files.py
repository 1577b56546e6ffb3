import io
import json
import os
import struct
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from functrace import ShapeDtypeStruct, training, tree
from functrace.errors import ArgumentError, DtypeError, FileContentError, OptionError


class Point(NamedTuple):
    x: Any
    y: Any


def formats() -> list[str]:
    try:
        import safetensors  # noqa: F401
    except ModuleNotFoundError:
        return [".npz"]
    return [".npz", ".safetensors"]


@pytest.fixture(params=[".npz", ".safetensors"])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    if request.param == ".safetensors":
        pytest.importorskip("safetensors", reason="the extra training brings it")
    return tmp_path / f"tree{request.param}"


def same(one: Any, other: Any) -> bool:
    """Whether two trees have the same structure, kinds of leaves, dtypes and bits."""
    leaves, structure = tree.flatten(one)
    others, other_structure = tree.flatten(other)
    return structure == other_structure and all(
        type(a) is type(b) and np.asarray(a).dtype == np.asarray(b).dtype and np.shape(a) == np.shape(b)
        and np.asarray(a).tobytes() == np.asarray(b).tobytes()
        for a, b in zip(leaves, others, strict=True)
    )  # fmt: skip


TREE = {
    "layers": [(np.arange(6.0).reshape(2, 3), None), Point(np.float32(2.5), np.array(7))],
    "scalars": {1: 3, 2: 0.1, 3: True},
    "empty": np.zeros((0, 4), np.int8),
    "a/b~c": np.array([np.nan, -0.0, np.inf], np.float16),
    "columns": np.arange(6, dtype=np.uint16).reshape(2, 3).T,
    "every other": np.arange(10)[::2],
    "ordered": OrderedDict(b=np.array([True, False]), a=np.uint8(3)),
}


def test_what_is_loaded_is_what_was_saved(path: Path) -> None:
    training.save(path, TREE)
    like = tree.map(
        lambda leaf: leaf if isinstance(leaf, (bool, int, float, np.generic)) else np.zeros_like(leaf), TREE
    )
    loaded = training.load(path, like=like)
    assert same(loaded, TREE)
    assert all(
        leaf.flags.writeable and leaf.flags.owndata for leaf in tree.leaves(loaded) if isinstance(leaf, np.ndarray)
    )


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.recursive(
        st.none() | st.sampled_from([np.array(1.5), np.zeros((0, 2), np.float32), np.arange(3), np.array([True])]),
        lambda children: (
            st.lists(children, max_size=3)
            | st.tuples(children, children)
            | st.dictionaries(
                st.text(max_size=4).filter(lambda k: "\0" not in k and k.isprintable()), children, max_size=3
            )
            | st.dictionaries(st.integers(-5, 5), children, max_size=2)
        ),
        max_leaves=6,
    )
)
def test_plain_containers_come_back_without_like(path: Path, value: Any) -> None:
    training.save(path, value)
    assert same(training.load(path), value)
    assert same(training.load(path, like=value), value)


def test_a_leaf_alone_and_a_tree_without_leaves(path: Path) -> None:
    for value in (np.arange(3), (), None, {"a": None}):
        training.save(path, value)
        assert same(training.load(path), value) and same(training.load(path, like=value), value)


def test_complex_numbers_go_into_npz(tmp_path: Path) -> None:
    value = [np.array([1 + 2j, -0.0j]), np.complex64(3j), 1j]
    training.save(tmp_path / "x.npz", value)
    assert same(training.load(tmp_path / "x.npz", like=value), value)


def test_safetensors_has_no_complex128_and_says_so(tmp_path: Path) -> None:
    pytest.importorskip("safetensors", reason="the extra training brings it")
    with pytest.raises(DtypeError, match=r"the leaf a/0 is c128, which this format has not(.|\n)*npz"):
        training.save(tmp_path / "x.safetensors", {"a": [np.array(1j)]})


def test_numpy_reads_what_was_saved_and_load_reads_what_numpy_saved(tmp_path: Path) -> None:
    training.save(tmp_path / "x.npz", {"a": [np.arange(3), np.ones((2, 2), order="F")]})
    with np.load(tmp_path / "x.npz") as found:
        assert found["a/0"].tolist() == [0, 1, 2] and found["a/1"].flags.f_contiguous
    for write in (np.savez, np.savez_compressed):
        write(tmp_path / "y.npz", **{"w": np.zeros(1000), "b/0": np.ones(1)})  # type: ignore[operator]
        loaded = training.load(tmp_path / "y.npz", like={"w": np.ones(1000), "b": [np.zeros(1)]})
        assert loaded["w"].sum() == 0 and loaded["b"][0] == 1
        with pytest.raises(FileContentError, match=r"does not say what containers(.|\n)*like="):
            training.load(tmp_path / "y.npz")


def test_contents_and_like_are_shapes_and_dtypes(path: Path) -> None:
    training.save(path, {"w": np.ones((2, 3), np.float32)})
    aval = training.contents(path)["w"]
    assert (aval.shape, aval.dtype) == ((2, 3), np.float32)
    assert training.load(path, like={"w": ShapeDtypeStruct((2, 3), np.float32)})["w"].sum() == 6


def test_what_does_not_fit_is_named(path: Path) -> None:
    training.save(path, {"w": np.ones((2, 3)), "b": np.ones(3), "old": np.zeros(1)})
    before = path.read_bytes()
    with pytest.raises(FileContentError) as error:
        training.load(path, like={"w": np.ones((2, 4)), "b": np.ones(3, np.float32), "new": [np.zeros(1)]})
    for line in (
        "the leaf new/0 is missing",
        "the leaf old is not expected",
        "the leaf w is f64[2,3], expected f64[2,4]",
        "the leaf b is f64[3], expected f32[3]",
    ):
        assert line in str(error.value)
    with pytest.raises(ArgumentError, match="got another at w"):
        training.load(path, like={"w": object()})
    assert path.read_bytes() == before


def test_what_cannot_be_saved_is_named_and_leaves_the_file_as_it_was(path: Path) -> None:
    training.save(path, [np.ones(1)])
    before = path.read_bytes()
    for value, match in (
        ({"a": "text"}, "the leaf a is no array of numbers, but str"),
        ({"a": [object()]}, "the leaf a/0 is no array of numbers, but object"),
        ([10**30], "the leaf 0 is no array of numbers"),
        (np.array(["2020"], "M8[Y]"), "the leaf value"),
    ):
        with pytest.raises(DtypeError, match=match):
            training.save(path, value)
    with pytest.raises(ArgumentError, match="cannot be written"):
        training.save(path, {"a\0b": np.ones(1)})
    with pytest.raises(ArgumentError, match="cannot be written"):
        training.save(path, {"\ud800": np.ones(1)})
    assert path.read_bytes() == before and os.listdir(path.parent) == [path.name]


def test_a_write_that_fails_leaves_the_file_as_it_was(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    training.save(path, [np.ones(1)])
    before = path.read_bytes()
    monkeypatch.setattr(os, "fsync", lambda descriptor: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(OSError, match="No space"):
        training.save(path, [np.zeros(1)])
    assert path.read_bytes() == before and os.listdir(path.parent) == [path.name]


def test_the_ending_says_the_format(tmp_path: Path) -> None:
    for name in ("x.pkl", "x", "x.npz.gz"):
        with pytest.raises(OptionError, match=r"ends in \.npz or \.safetensors"):
            training.save(tmp_path / name, np.ones(1))
        with pytest.raises(OptionError):
            training.load(tmp_path / name)
    with pytest.raises(FileNotFoundError):
        training.load(tmp_path / "nothing.npz")


def test_files_that_are_cut_short_or_damaged_are_an_error(path: Path) -> None:
    value = {"w": np.arange(100.0), "b": [np.arange(3)]}
    training.save(path, value)
    whole = path.read_bytes()
    for end in (0, 1, 9, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:end])
        for like in (value, None):
            with pytest.raises(FileContentError, match=r"tree\.(npz|safetensors)"):
                training.load(path, like)
    for noise in (b"x" * 500, os.urandom(500), whole[::-1], b"\0" * 4096):
        path.write_bytes(noise)
        with pytest.raises(FileContentError):
            training.load(path, value)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_byte_that_changed_is_an_error_or_changes_nothing_but_numbers(path: Path, data: st.DataObject) -> None:
    value = {"w": np.arange(10.0), "b": [np.arange(3)]}
    training.save(path, value)
    changed = bytearray(path.read_bytes())
    changed[data.draw(st.integers(0, len(changed) - 1))] ^= data.draw(st.integers(1, 255))
    path.write_bytes(changed)
    try:
        loaded = training.load(path, value)
    except FileContentError:
        return
    assert [leaf.shape for leaf in tree.leaves(loaded)] == [(3,), (10,)]
    if path.suffix == ".npz":  # its checksums
        assert same(loaded, value)


def archive(path: Path, **entries: bytes) -> None:
    with zipfile.ZipFile(path, "w") as file:
        for name, content in entries.items():
            file.writestr(name.replace("__", "."), content)


def npy(header: str, content: bytes = b"") -> bytes:
    text = header.encode() + b" " * (64 - (len(header) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + content


def test_hostile_archives_are_an_error_and_run_nothing(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    pickled = io.BytesIO()
    np.save(pickled, np.array([print], object), allow_pickle=True)
    for entry in (
        pickled.getvalue(),
        npy("{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000,), }"),
        npy("{'descr': '<f8', 'fortran_order': False, 'shape': (-1,), }"),
        npy("{'descr': '<f8', 'fortran_order': False, 'shape': (2,), }", b"12345678"),
        npy("{'descr': '<f8', 'fortran_order': False, 'shape': (1,), }", b"12345678 and more"),
        npy("{'descr': [('a', '<f8')], 'fortran_order': False, 'shape': (1,), }", b"12345678"),
        npy("{'descr': '<f8', 'fortran_order': __import__('os').abort(), 'shape': (1,), }", b"12345678"),
        b"\x93NUMPY\x09\x00",
        b"",
    ):
        archive(path, a__npy=entry)
        for like in ({"a": np.zeros(1)}, None):
            with pytest.raises(FileContentError):
                training.load(path, like)
    good = npy("{'descr': '<f8', 'fortran_order': False, 'shape': (1,), }", b"12345678")
    archive(path, a__npy=good, b__txt=b"")
    with pytest.raises(FileContentError, match=r"b\.txt"):
        training.load(path, {"a": np.zeros(1)})
    for content in (
        b"[",
        b'["*", "*"]',
        b'[{"tuple": 1000000000}]',
        b'[{"dict": ["b"]}, "*"]',
        b"[" * 100_000,
        b"\xff",
    ):
        archive(path, a__npy=good, structure__json=content)
        with pytest.raises(FileContentError):
            training.load(path)
    archive(path, a__npy=good, structure__json=json.dumps([{"dict": ["a"]}, "*"]).encode())
    assert training.load(path)["a"].shape == (1,)


def test_a_missing_library_is_named_with_its_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    from functrace.errors import MissingExtraError

    for name in ("safetensors", "safetensors.numpy"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingExtraError, match=r"safetensors(.|\n)*\[training\]"):
        training.save(tmp_path / "x.safetensors", np.ones(1))
