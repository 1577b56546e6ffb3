"""The NumPy source of a compiled function: it runs on its own, reads well, and takes no text from outside as code."""

from __future__ import annotations

import ast
import builtins
import enum
import gc
import keyword
import linecache
import math
import traceback

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import functrace
import functrace.numpy as fnp
from functrace.compiler.compilation import compile_jaxpr
from functrace.compiler.names import comment, identifier
from functrace.core.aval import Aval
from functrace.core.primitive import Primitive

X = np.array([[0.5, -1.0, 2.0], [1.5, 0.25, -0.75]])


def text_of(function, *args, **kwargs):
    return functrace.jit(function).lower(*args, **kwargs).as_text()


def run_alone(text, *leaves):
    """The source run where there is nothing but NumPy to import."""
    namespace = {}
    exec(compile(text, "<alone>", "exec"), namespace)
    functions = [value for name, value in namespace.items() if callable(value) and getattr(value, "__code__", None)]
    functions = [value for value in functions if value.__code__.co_filename == "<alone>"]
    return functions[-1](*leaves)


# ---------------------------------------------------------------------------------------------------------------------
# it runs alone
# ---------------------------------------------------------------------------------------------------------------------

STANDALONE = {
    "arithmetic": lambda x: x * 2.0 + 1.0 / (1.0 + x * x) - x**3,
    "ufuncs": lambda x: np.sin(x) * np.exp(-np.abs(x)) + np.tanh(x),
    "reductions": lambda x: (x.sum(), x.mean(axis=0), x.max(axis=1), x.sum(axis=1, keepdims=True)),
    "shapes": lambda x: (x.T, x.reshape(-1), x[None], x[::-1], np.concatenate([x, x]), np.broadcast_to(x, (2, 2, 3))),
    "products": lambda x: x @ x.T,
    "choice": lambda x: np.where(x > 0, x, 0.1 * x),
    "comparison": lambda x: (x > 0) & ~(x < 1),
    "dtypes": lambda x: (x.astype(np.float32), x.astype(np.int8), x * np.float32(2), x * 1j),
    "scalars of NumPy": lambda x: (
        x * np.float32(np.inf),
        x + np.complex64(1 - 2j),
        x * np.float16(-0.0),
        x * np.int8(3),
    ),
    "scalars of Python": lambda x: (x * math.inf, x * -0.0, x + complex(math.nan, -math.inf), x * True, x - 10**12),
    "creation": lambda x: x + fnp.zeros(3) + fnp.arange(3.0) * fnp.ones((2, 1)),
    "indexing": lambda x: (x[0], x[:, 1:], x[1, 2], x[..., ::2]),
    "a gradient": functrace.grad(lambda x: np.sum(np.tanh(x @ x.T))),
    "an inner jit": lambda x: functrace.jit(lambda y: np.sin(y) * x)(x),
    "nothing": lambda x: (),
    "a constant": lambda x: (x, 3.0, np.float32(2)),
}


@pytest.mark.parametrize("name", STANDALONE)
@pytest.mark.filterwarnings("ignore:invalid value")
def test_the_text_runs_alone_with_numpy_and_gives_what_the_function_gives(name):
    function = STANDALONE[name]
    got = run_alone(text_of(function, X), X)
    expected = functrace.tree.leaves(function(X))
    assert len(got) == len(expected)
    for a, b in zip(got, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12)
        assert np.asarray(a).dtype == np.asarray(b).dtype


def test_a_short_function_reads_as_it_was_written():
    def affine(x, w):
        y = np.dot(x, w)
        return np.sin(y)

    lines = text_of(affine, np.ones((2, 3)), np.ones((3, 4))).splitlines()
    assert lines[0] == "import numpy as np"
    start = lines.index("def affine(x, w):")
    assert lines[start + 1 : start + 3] == ["    # x: f64[2,3]", "    # w: f64[3,4]"]
    body = lines[start + 3 :]
    assert "    # y = np.dot(x, w)" in body
    assert "    a = x.dot(w)  # f64[2,4]" in body
    assert "    # return np.sin(y)" in body
    assert body[-1].startswith("    return (")


def test_arguments_are_named_after_the_signature_and_the_path():
    def loss(params, x, *rest, scale):
        return sum(functrace.tree.leaves(params)) * x * rest[0] * rest[1] * scale

    text = text_of(loss, {"w": [1.0, 2.0], "b-1": 3.0}, 4.0, 5.0, 6.0, scale=7.0)
    header = next(line for line in text.splitlines() if line.startswith("def "))
    assert header == "def loss(params_b_1, params_w_0, params_w_1, x, rest_0, rest_1, scale):"


def test_large_constants_are_named_and_not_written_out():
    captured = np.arange(1000.0)
    text = text_of(lambda x: x * captured, 2.0)
    assert "k0: a constant f64[1000], captured when the function was traced" in text
    assert len(text) < 600


def test_the_text_is_that_of_the_program_that_runs():
    compiled = functrace.jit(lambda x: np.sin(x) * 2)
    compiled(X)
    lowered = compiled.lower(X)
    assert lowered.as_text() == compiled.trace(X).lower().as_text()
    assert lowered.compile().as_text() == lowered.as_text()
    assert lowered.as_text() in [
        "".join(entry[2]) for name, entry in linecache.cache.items() if name.startswith("<functrace")
    ]


def test_lowering_takes_shapes_in_place_of_arrays():
    text = text_of(lambda x: x + 1, functrace.ShapeDtypeStruct((2, 3), float))
    np.testing.assert_array_equal(run_alone(text, X)[0], X + 1)


# ---------------------------------------------------------------------------------------------------------------------
# tracebacks and linecache
# ---------------------------------------------------------------------------------------------------------------------


def fails_at_run_time():
    def implementation(x):
        raise RuntimeError("at run time")

    primitive = Primitive("failing", implementation, lambda x: x)
    return functrace.jit(lambda x: primitive(x * 2.0))


def test_a_traceback_shows_the_line_of_the_compiled_source():
    with pytest.raises(RuntimeError, match="at run time") as caught:
        fails_at_run_time()(1.0)
    shown = "".join(traceback.format_exception(caught.value))
    assert "failing_(a)" in shown
    linecache.checkcache()
    assert "failing_(a)" in "".join(traceback.format_exception(caught.value))


def test_the_source_is_dropped_with_the_program():
    compiled = functrace.jit(lambda x: x * 123.25)
    compiled(1.0)
    mine = [
        name for name, entry in linecache.cache.items() if len(entry) > 2 and any("123.25" in line for line in entry[2])
    ]
    mine = [name for name in mine if name.startswith("<functrace")]
    assert len(mine) == 1
    del compiled
    gc.collect()
    assert mine[0] not in linecache.cache


# ---------------------------------------------------------------------------------------------------------------------
# literals
# ---------------------------------------------------------------------------------------------------------------------

floats = st.floats(allow_nan=True, allow_infinity=True)
literals = (
    st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | floats
    | st.builds(complex, floats, floats)
    | st.builds(np.float32, st.floats(width=32))
    | st.builds(np.float16, st.floats(width=16))
    | st.builds(np.float64, floats)
    | st.builds(np.int8, st.integers(-128, 127))
    | st.builds(np.uint64, st.integers(0, 2**64 - 1))
    | st.builds(np.complex64, st.builds(complex, st.floats(width=32), st.floats(width=32)))
    | st.builds(np.bool_, st.booleans())
)


def identical(a, b):
    a, b = np.asarray(a), np.asarray(b)
    if a.dtype != b.dtype or a.shape != b.shape:
        return False
    if a.dtype.kind == "c":
        return identical(a.real, b.real) and identical(a.imag, b.imag)
    if a.dtype.kind == "f":
        return bool(np.isnan(a) and np.isnan(b)) or (a == b and np.signbit(a) == np.signbit(b))
    return bool(a == b)


@settings(max_examples=200, deadline=None)
@given(literals)
@example(-0.0)
@example(complex(-0.0, -0.0))
@example(complex(math.nan, -math.inf))
@example(np.float32(-0.0))
@example(-(2**63))
def test_a_literal_comes_through_the_text_as_it_is(value):
    text = text_of(lambda: value)
    assert identical(run_alone(text)[0], value)
    assert identical(functrace.jit(lambda: value)(), value)


@settings(max_examples=100, deadline=None)
@given(literals)
def test_a_literal_as_an_operand_keeps_its_value_and_its_sign(value):
    with np.errstate(all="ignore"):
        got = functrace.jit(lambda x: np.copysign(x, value.real) if isinstance(value, float) else x * value)(
            np.float32(1)
        )
        expected = np.copysign(np.float32(1), value.real) if isinstance(value, float) else np.float32(1) * value
    assert got.dtype == expected.dtype
    np.testing.assert_array_equal(got, expected)


# ---------------------------------------------------------------------------------------------------------------------
# no text from outside becomes code
# ---------------------------------------------------------------------------------------------------------------------

HOSTILE = [
    "x): builtins.stolen = True #",
    "a\n    __import__('builtins').stolen = True\n    b",
    "a\r__import__('builtins').stolen = True",
    "']; __import__('builtins').stolen = True; ['",
    "__import__",
    "import",
    "None",
    "match",
    "np",
    "abs",
    "complex",
    "k0",
    "a",
    "",
    " ",
    "0",
    "1x",
    "\uff58",  # a wide x, which Python takes for an x in a name
    "\ufb01",
    "é",
    "变量",
    "a\x00b",
    "\ud800",
    "'''",
    '"""',
    "\\",
    "{0}",
    "%s",
    "\u2028x",
    "\x0cx",
    "x" * 10_000,
    "λ = 1",
]


@pytest.fixture(autouse=True)
def _nothing_is_stolen():
    yield
    assert not hasattr(builtins, "stolen")


def assert_harmless(text: str) -> None:
    """Functions of assignments and calls of NumPy and of the primitives' own implementations."""
    parsed = ast.parse(text)
    assert all(isinstance(node, (ast.Import, ast.ImportFrom, ast.Assign, ast.FunctionDef)) for node in parsed.body)
    assert [node.names[0].name for node in parsed.body if isinstance(node, ast.Import)] == ["numpy"]
    assert {node.module for node in parsed.body if isinstance(node, ast.ImportFrom)} <= {"numpy", "math"}
    functions = [node.name for node in parsed.body if isinstance(node, ast.FunctionDef)]
    assert all(name.startswith("as_numpy") for name in functions[:-1])
    for node in ast.walk(parsed):
        if isinstance(node, ast.Call):
            root = node.func
            while isinstance(root, ast.Attribute):
                root = root.value
            assert not isinstance(root, ast.Name) or root.id in ("np", "abs", "complex") or root.id.isidentifier()
        if isinstance(node, ast.Name):
            assert not node.id.startswith("__")


def named(name):
    """A function whose own name and whose argument's name are this."""

    def function(*args):
        return args[0] * 2.0

    function.__name__ = name
    return function


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_of_functions_keys_and_arguments_stay_names(name):
    for function, args in (
        (named(name), (3.0,)),
        (lambda p: functrace.tree.leaves(p)[0] * 2.0, ({name: 3.0},)),
        (lambda p: functrace.tree.leaves(p)[0] * 2.0, ({name: {name: [3.0]}},)),
    ):
        compiled = functrace.jit(function)
        assert compiled(*args) == 6.0
        text = compiled.lower(*args).as_text()
        assert_harmless(text)
        assert run_alone(text, 3.0)[0] == 6.0
    compiled = functrace.jit(lambda **kwargs: sum(kwargs.values()) * 2.0)
    assert compiled(**{name: 3.0}) == 6.0
    assert_harmless(compiled.lower(**{name: 3.0}).as_text())


@settings(max_examples=150, deadline=None)
@given(st.lists(st.text(max_size=12), min_size=2, max_size=4), st.text(max_size=12))
def test_any_names_compile_to_distinct_identifiers(names, function_name):
    closed = functrace.make_jaxpr(lambda *xs: sum(xs))(*[1.0] * len(names))
    program = compile_jaxpr(closed, function_name, names)
    assert_harmless(program.text)
    assert program.call(*[float(2**i) for i in range(len(names))])[0] == 2.0 ** len(names) - 1


@settings(max_examples=300, deadline=None)
@given(st.text())
def test_an_identifier_is_one_whatever_the_text(text):
    name = identifier(text)
    assert name.isidentifier()
    assert name.isascii()
    assert not keyword.iskeyword(name)
    assert not name.startswith("__")


@settings(max_examples=300, deadline=None)
@given(st.text())
def test_a_comment_is_one_line_whatever_the_text(text):
    line = comment(text)
    assert line.startswith("# ")
    assert len(line.splitlines()) == 1
    assert ast.parse(f"x = 1  {line}\ny = 2").body[1].lineno == 2


@pytest.mark.parametrize("end", ["\r", "\x0c", "\u2028", "\x00", "\ud800", "\x85", "\x1c"])
def test_the_users_source_line_in_a_comment_stays_in_the_comment(end):
    code = compile("def function(x):\n    return x * 2.0\n", f"<hostile {end!r}>", "exec")
    namespace = {}
    exec(code, namespace)
    line = f"    return x * 2.0 {end}__import__('builtins').stolen = True\n"
    linecache.cache[f"<hostile {end!r}>"] = (1, None, ["def function(x):\n", line], f"<hostile {end!r}>")
    try:
        compiled = functrace.jit(namespace["function"])
        assert compiled(3.0) == 6.0
        assert_harmless(compiled.lower(3.0).as_text())
    finally:
        del linecache.cache[f"<hostile {end!r}>"]


class Evil(int):
    def __repr__(self):
        return "[setattr(__import__('builtins'), 'stolen', True), 2][1]"

    __str__ = __repr__

    def __format__(self, spec):
        return repr(self)

    def __index__(self):
        return self


class EvilEnum(enum.IntEnum):
    TWO = 2

    def __repr__(self):
        return "__import__('builtins').stolen"


class EvilFloat(float):
    def __repr__(self):
        return "setattr(__import__('builtins'), 'stolen', True)"


@pytest.mark.filterwarnings("ignore:.*__index__ returned non-int")
def test_numbers_with_a_text_of_their_own_are_numbers():
    two = Evil(2)
    for function in (
        lambda x: x * two,
        lambda x: x * EvilEnum.TWO,
        lambda x: x * EvilFloat(2.0),
        lambda x: fnp.broadcast_to(x, (two, two)).sum() / two,
        lambda x: fnp.zeros((two,)).sum() + x * two,
        lambda x: x.reshape(Evil(1), Evil(1)).sum(Evil(0)) * 2.0,
        lambda x: fnp.arange(Evil(3))[two] * x,
        lambda x: fnp.stack([x, x])[:two].sum(Evil(0)),
        lambda x: fnp.eye(two).sum() * x,
    ):
        compiled = functrace.jit(function)
        assert np.asarray(compiled(np.float64(3.0))).sum() == 6.0
        assert_harmless(compiled.lower(np.float64(3.0)).as_text())


def test_parameters_with_a_text_of_their_own_go_in_as_objects():
    evil_class = type("x\nimport builtins; builtins.stolen = True #", (), {"__repr__": lambda self: "stolen()"})
    for value in (
        evil_class(),
        "a'b",
        "__import__('builtins')",
        ("x", evil_class()),
        {"k": 1},
        [1],
        Evil(3),
        b"x",
        1.5,
    ):
        primitive = Primitive(
            "of\nits own", lambda x, *, setting: x * 2.0, lambda x, *, setting: Aval(x.shape, x.dtype), source=None
        )
        compiled = functrace.jit(lambda x, p=primitive, v=value: p(x, setting=v))
        assert compiled(3.0) == 6.0
        assert_harmless(compiled.lower(3.0).as_text())


def test_two_primitives_of_one_name_call_each_their_own_implementation():
    double = Primitive("same", lambda x: x * 2.0, lambda x: x.strong())
    triple = Primitive("same", lambda x: x * 3.0, lambda x: x.strong())
    compiled = functrace.jit(lambda x: (double(x), triple(x), double(triple(x))))
    assert compiled(np.float64(1.0)) == (2.0, 3.0, 6.0)


@pytest.mark.parametrize("name", ["np", "abs", "complex", "a", "b", "k0", "sin", "failing_", "list", "True_"])
def test_an_argument_named_as_something_in_the_source_hides_nothing(name):
    namespace = {"np": np}
    source = f"def function({name}, q):\n    return numpy.abs({name} * 2.0) + q * 1j + K[0]\n"
    exec(source, {"K": np.ones(2), "numpy": np}, namespace)
    compiled = functrace.jit(namespace["function"])
    assert compiled(np.float64(-3.0), np.float64(0.0)) == 7.0
    text = compiled.lower(np.float64(-3.0), np.float64(0.0)).as_text()
    assert_harmless(text)
