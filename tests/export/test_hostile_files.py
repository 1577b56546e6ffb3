"""Files that are damaged, or made to do harm: they are refused with an error of this library, and run nothing."""

from __future__ import annotations

import ast
import copy
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import functrace
import functrace.numpy as fnp
from functrace import grad, jit, lax
from functrace.errors import ExportError, FunctraceError
from functrace.export import load, save
from functrace.export.files import checksum
from tests.export.bits import assert_same
from tests.export.test_to_source import EXAMPLES

X = np.linspace(0.1, 1.0, 4)


@functrace.custom_jvp
def with_rule(x):
    return fnp.sin(x)


with_rule.defjvp(lambda p, t: (with_rule(p[0]), 2 * fnp.cos(p[0]) * t[0]))

PROGRAMS = {
    "indices": (lambda a, n: {"y": a["x"][1:, None] * n + np.arange(3.0), "z": a["x"].at[0].set(2.0)}, ({"x": X}, 2.0)),
    "loops": (
        grad(
            lambda x: (
                lax.scan(lambda c, y: (fnp.sin(c * y), c), 0.5, x)[0]
                + lax.while_loop(lambda s: s < 9, lambda s: s * 2 + 1, x[0])
            )
        ),
        (X,),
    ),
    "branches and rules": (
        lambda x: lax.cond(x[0] > 0, with_rule, lambda x: x * float("nan"), x) + (1j * x).real,
        (X,),
    ),
    "reductions": (lambda x: fnp.sort(fnp.concatenate([x, x.astype("f4")])).sum(0) / fnp.argmax(x), (X,)),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("files")
    for name, (function, args) in PROGRAMS.items():
        save(path / name, function, *args)
    return path


def read(path):
    return json.loads(path.read_text())


def write(path, document, *, signed=True):
    if signed and isinstance(document, dict) and {"name", "arguments", "result", "programs"} <= set(document):
        document["checksum"] = checksum(document)
    path.write_text(json.dumps(document))
    return path


def load_or_refuse(path):
    """The function, or None where the file is refused as it should be."""
    try:
        return load(path)
    except ExportError:
        return None


# ---------------------------------------------------------------------------------------------------------------------
# damage
# ---------------------------------------------------------------------------------------------------------------------


@settings(max_examples=150)
@given(name=st.sampled_from(sorted(PROGRAMS)), data=st.data())
def test_a_damaged_file_is_refused_or_says_the_same(folder, name, data):
    content = bytearray((folder / name).read_bytes())
    position = data.draw(st.integers(0, len(content) - 1))
    kind = data.draw(st.sampled_from(["change", "cut", "insert"]))
    if kind == "change":
        content[position] = data.draw(st.integers(0, 255))
    elif kind == "cut":
        del content[position : position + data.draw(st.integers(1, 50))]
    else:
        content[position:position] = data.draw(st.binary(min_size=1, max_size=4))
    damaged = folder / "damaged"
    damaged.write_bytes(bytes(content))
    loaded = load_or_refuse(damaged)
    if loaded is not None:  # white space, or the same again
        assert_same(loaded(*PROGRAMS[name][1]), load(folder / name)(*PROGRAMS[name][1]))


# ---------------------------------------------------------------------------------------------------------------------
# fields that are changed, and the checksum with them
# ---------------------------------------------------------------------------------------------------------------------

INTEGERS = st.sampled_from([-1, 0, 1, 2, 3, 7, 2**31, 2**63, 2**64, -(2**70), 10**400])
TYPES = ["f64[4]", "f64[]", "~f64[]", "f64[?]", "f64[999999999999999999]", "f32[4]", "c128[4]", "bool[]", "V8[]"]
NAMES = ["sin", "scan", "jit", "getitem", "__import__", "os", "0) or __import__('os').system('true') or (", "a b", "é"]
TEXTS = ["", "nan:7ff8000000000000", "nan:0000000000000000", "1e999", "inf", "AAAA", "=", "*", "...", "array", "\ud800"]
STRINGS = st.sampled_from([*TYPES, *NAMES, *TEXTS])
VALUES = st.deferred(
    lambda: (
        st.none()
        | st.booleans()
        | INTEGERS
        | STRINGS
        | st.lists(VALUES, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["tuple", "list", "float", "dtype", "slice", "program", "array", "scalar", "type", "literal"]
            )
            | st.sampled_from(["index", "unique", "jvp", "policy", "complex", "data", "axes", "dict", "effect"]),
            VALUES,
            max_size=2,
        )
    )
)


def places(document, path=()):
    """The ways to everything in a document."""
    yield path
    if isinstance(document, dict):
        for key, value in document.items():
            yield from places(value, (*path, key))
    elif isinstance(document, list):
        for number, value in enumerate(document):
            yield from places(value, (*path, number))


@settings(max_examples=400)
@given(name=st.sampled_from(sorted(PROGRAMS)), data=st.data())
def test_a_file_with_changed_fields_is_loaded_or_refused(folder, name, data):
    document = read(folder / name)
    for _ in range(data.draw(st.integers(1, 2))):
        path = data.draw(st.sampled_from([p for p in places(document) if p]))
        parent = document
        for key in path[:-1]:
            parent = parent[key]
        kind = data.draw(st.sampled_from(["replace", "remove", "repeat", "swap"]))
        if kind == "replace":
            parent[path[-1]] = data.draw(VALUES)
        elif kind == "remove":
            del parent[path[-1]]
        elif kind == "repeat" and isinstance(parent, list):
            parent.insert(path[-1], copy.deepcopy(parent[path[-1]]))
        else:
            other = data.draw(st.sampled_from(list(places(document))))
            value = document
            for key in other:
                value = value[key]
            parent[path[-1]] = copy.deepcopy(value)
    try:
        file = write(folder / "changed", document)
    except (TypeError, ValueError, RecursionError):  # no checksum can be made of it
        file = write(folder / "changed", document, signed=False)
    loaded = load_or_refuse(file)
    if loaded is not None:
        functrace.check_jaxpr(loaded.jaxpr)
        save(folder / "again", loaded)
        assert str(load(folder / "again").jaxpr) == str(loaded.jaxpr)


# ---------------------------------------------------------------------------------------------------------------------
# what is made to do harm
# ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        "{}",
        "{" * 100_000,
        "[" * 100_000,
        '{"format":' * 5_000,
        "9" * 5_000,
        '{"a":1,"a":2}',
        "NaN",
        "1.5",
        '"\\ud800"',
        "\x00",
    ],
    ids=range(13),
)
def test_what_is_no_program_is_refused(tmp_path, text):
    (tmp_path / "x").write_text(text)
    with pytest.raises(ExportError):
        load(tmp_path / "x")


def test_bytes_that_are_no_text_are_refused(tmp_path):
    (tmp_path / "x").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ExportError, match="no file of a saved program"):
        load(tmp_path / "x")


def changed(folder, tmp_path, name, change):
    document = read(folder / name)
    change(document)
    return write(tmp_path / "x", document)


def test_another_version_is_refused(folder, tmp_path):
    with pytest.raises(ExportError, match=r"version 1.*version 2"):
        load(changed(folder, tmp_path, "indices", lambda d: d.update(version=2)))


def test_a_wrong_checksum_is_refused(folder, tmp_path):
    document = read(folder / "indices")
    document["name"] = "other"
    with pytest.raises(ExportError, match="checksum"):
        load(write(tmp_path / "x", document, signed=False))


def test_an_error_says_where_in_the_file(folder, tmp_path):
    def change(document):
        document["programs"][-1]["equations"][1]["outputs"][0] = 3

    with pytest.raises(ExportError, match=r"programs\[\d+\]\.equations\[1\]\.outputs\[0\]: expected a type"):
        load(changed(folder, tmp_path, "indices", change))


@pytest.mark.parametrize("word", ["0)+__import__('os').getpid()+(0", "a.b", "a b", "x\n", "é", "lambda:0", "a" * 300])
def test_a_string_that_is_no_word_is_refused_as_a_parameter(folder, tmp_path, word):
    def change(document):
        for program in document["programs"]:
            for equation in program["equations"]:
                for name in equation["params"]:
                    equation["params"][name] = word

    with pytest.raises(ExportError, match="identifier"):
        load(changed(folder, tmp_path, "reductions", change))


@pytest.mark.parametrize(
    "name", ["pure_callback", "io_callback", "debug_callback", "fused", "psum", "os.system", "custom_vmap_call"]
)
def test_a_primitive_that_calls_python_cannot_be_named(folder, tmp_path, name):
    def change(document):
        document["programs"][-1]["equations"][0]["primitive"] = name

    with pytest.raises(ExportError, match="the name of a primitive"):
        load(changed(folder, tmp_path, "indices", change))


def test_a_constant_with_fewer_bytes_than_its_type_is_refused_before_it_is_made(folder, tmp_path):
    def change(document):
        document["programs"][-1]["constants"][0]["type"] = "f64[1000000000000]"

    with pytest.raises(ExportError, match="base64 of 8000000000000 bytes"):
        load(changed(folder, tmp_path, "indices", change))


def calls(count, each):
    """Programs of which each calls the one before `each` times."""
    type_ = "f64[]"

    def call(number, i):
        return {
            "primitive": "jit",
            "inputs": [i],
            "params": {"jaxpr": {"program": number}, "name": "f"},
            "outputs": [type_],
        }

    sine = {"primitive": "sin", "inputs": [0], "params": {}, "outputs": [type_]}
    found = [{"constants": [], "inputs": [type_], "equations": [sine], "outputs": [1]}]
    for number in range(count):
        equations = [call(number, i) for i in range(each)]
        found.append({"constants": [], "inputs": [type_], "equations": equations, "outputs": [each]})
    return {
        "format": "functrace program",
        "version": 1,
        "checksum": "",
        "name": "f",
        "arguments": [{"tuple": 2}, {"tuple": 1}, "*", {"dict": []}],
        "result": ["*"],
        "programs": found,
    }


def test_programs_that_call_each_other_are_bounded(tmp_path):
    assert load(write(tmp_path / "x", calls(30, 1)))(np.float64(1.0)) == np.sin(1.0)
    with pytest.raises(ExportError, match="deep"):
        load(write(tmp_path / "x", calls(200, 1)))
    with pytest.raises(ExportError, match="more than 1000000 equations"):
        load(write(tmp_path / "x", calls(30, 2)))


def test_a_program_that_uses_itself_or_a_later_one_is_refused(tmp_path):
    document = calls(2, 1)
    document["programs"][1]["equations"][0]["params"]["jaxpr"]["program"] = 1
    with pytest.raises(ExportError, match="expected an int from 0 to 0"):
        load(write(tmp_path / "x", document))


@pytest.mark.parametrize(
    "nodes",
    [
        [],
        ["*", "*"],
        [{"tuple": 2}, "*"],
        [{"tuple": 2**61}],
        [{"tuple": -1}],
        [{"tuple": 1}, {"tuple": 1}, "*"],
        [{"tuple": 2}, {"list": 1}, "*", {"dict": []}],
        [{"tuple": 2}, {"tuple": 1}, "*", {"dict": ["b", "a"]}],
        [{"tuple": 2}, {"tuple": 1}, "*", {"dict": [1]}, "*"],
        [{"tuple": 2}, {"tuple": 1}, "*", {"class": "os"}],
        [{"tuple": 2}, {"tuple": 0}, {"dict": []}],
    ],
    ids=range(11),
)
def test_a_structure_that_is_none_is_refused(tmp_path, nodes):
    document = calls(1, 1)
    document["arguments"] = nodes
    with pytest.raises(ExportError):
        load(write(tmp_path / "x", document))


def test_an_equation_whose_types_are_wrong_is_refused(tmp_path):
    document = calls(1, 1)
    document["programs"][0]["equations"][0]["outputs"] = ["f32[]"]
    with pytest.raises(ExportError, match="not well formed"):
        load(write(tmp_path / "x", document))


def test_a_loop_that_does_not_fit_its_program_is_refused(folder, tmp_path):
    for name, value in [("num_carry", 5), ("length", 3), ("num_consts", -1), ("reverse", "x"), ("jaxpr", None)]:

        def change(document, name=name, value=value):
            for program in document["programs"]:
                for equation in program["equations"]:
                    if equation["primitive"] == "scan":
                        equation["params"][name] = value

        with pytest.raises(ExportError):
            load(changed(folder, tmp_path, "loops", change))


def test_an_export_error_is_an_error_of_the_library_and_a_value_error():
    assert issubclass(ExportError, FunctraceError) and issubclass(ExportError, ValueError)


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_a_word_of_pythons_own_as_a_parameter_is_never_called(tmp_path, name):
    function, args = EXAMPLES[name]
    save(tmp_path / "x", function, *args)
    document = read(tmp_path / "x")
    parameters = [
        (equation["params"], word)
        for program in document["programs"]
        for equation in program["equations"]
        for word in equation["params"]
    ]
    for params, word in parameters[:25]:
        value = params[word]
        for hostile in ("exit", {"tuple": ["exit"]}, {"list": ["exit"]}, {"tuple": [{"tuple": ["exit", 0]}]}):
            params[word] = hostile
            loaded = load_or_refuse(write(tmp_path / "y", document))
            if loaded is None:
                continue
            try:
                text = jit(loaded).lower(*args).as_text()
            except Exception:  # nothing that can be compiled: nothing that can be run
                continue
            for node in ast.walk(ast.parse(text)):
                if isinstance(node, ast.Call):
                    assert "exit" not in ast.unparse(node.func), text
        params[word] = value
