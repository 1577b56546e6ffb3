"""Random programs: functions of arrays written as Python source, with programs nested in them.

A program is made line by line, each line run at once on the arguments that go with it, so that shapes, dtypes and
values are known as it grows. Values stay bounded and, where an operation has kinks, away from them.
"""

from __future__ import annotations

import inspect
import types
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
from hypothesis import strategies as st

PRELUDE = """\
import numpy as np

import functrace
from functrace import grad, jit, jvp, lax, vjp, vmap
from functrace.transforms.checkpoint import checkpoint


def fit(x, shape, dtype):
    '''Any array as one of this shape and dtype, smoothly, and bounded.'''
    x = lax.real(x) + lax.imag(x) if x.dtype.kind == "c" else x
    x = lax.reshape(lax.convert_element_type(x, np.float64), (-1,))
    size = int(np.prod(shape))
    x = lax.reshape(x[np.arange(size) % x.shape[0]], shape)
    return lax.convert_element_type(lax.tanh(x), dtype)


def at(x):
    '''`x.at`, for arrays too.'''
    return functrace.lax.index_update.at(x)
"""

SHAPES: list[tuple[int, ...]] = [(), (3,), (2, 3), (1, 4), (4,), (2, 1, 3), (1,), (3, 3), (5,), (2, 2, 2)]
LARGEST = 20.0
MOST_ELEMENTS = 60


class Chooser(Protocol):
    """Where choices come from: Hypothesis, or a generator of random numbers."""

    def below(self, count: int) -> int:
        """An integer from 0 to `count` - 1."""
        ...


class Program:
    """A program's text, its arguments, and what can be asked of it."""

    def __init__(self, source: str, args: Sequence[Any], *, exact: bool, single: bool, smooth: bool) -> None:
        self.source = source
        self.args = list(args)
        self.exact = exact  # made of operations without a sum: `jit` changes no bit
        self.single = single  # single precision takes part
        self.smooth = smooth  # the derivative is that of the value: no stop_gradient
        self.function = run(source)["f"]

    def __repr__(self) -> str:
        return f"{self.source}\nargs = {written(self.args)}"


def standalone(program: Program, call: str, checks: types.ModuleType) -> str:
    """The text of the checks, the program, its arguments and a call."""
    text = inspect.getsource(checks)
    text = text[text.index("from __future__") :]
    return f"{text}\n\n{program.source}\n\nargs = {written(program.args)}\n{call}\nprint('passed')\n"


def run(source: str) -> dict[str, Any]:
    """The names that a program's text defines."""
    namespace: dict[str, Any] = {}
    exec(compile(source, "<program>", "exec"), namespace)
    return namespace


def written(values: Sequence[Any]) -> str:
    """Arguments as Python source that gives the same bits."""
    words = []
    for value in values:
        if type(value) in (float, int):
            words.append(repr(value))
        else:
            words.append(f"np.array({value.tolist()!r}, np.{value.dtype.name})")
    return f"[{', '.join(words)}]"


class Block:
    """The body of a function as it grows: its lines, and the values of its variables at the arguments in hand."""

    def __init__(self, chooser: Chooser, builder: Builder, namespace: dict[str, Any], depth: int) -> None:
        self.chooser = chooser
        self.builder = builder
        self.depth = depth
        self.namespace = namespace
        self.values: dict[str, Any] = {}
        self.lines: list[str] = []

    # -- choices --

    def below(self, count: int) -> int:
        return self.chooser.below(count)

    def choice(self, options: Sequence[Any]) -> Any:
        return options[self.below(len(options))]

    def chance(self, percent: int) -> bool:
        return self.below(100) >= 100 - percent

    def named(self, kinds: str = "f", ndim: int = 0, nonempty: bool = True) -> str | None:
        """A variable whose dtype is of one of these kinds; late ones are likelier."""
        names = [
            name
            for name, value in self.values.items()
            if np.asarray(value).dtype.kind in kinds and np.ndim(value) >= ndim and (np.size(value) or not nonempty)
        ]
        if not names:
            return None
        back = min(self.below(len(names)), self.below(len(names)))
        return names[len(names) - 1 - back]

    # -- lines --

    def bind(self, name: str, value: Any) -> None:
        self.values[name] = value
        self.namespace[name] = value

    def emit(self, expression: str, *, before: Sequence[str] = ()) -> bool:
        """Add ``v = expression`` behind the lines `before`, unless its value is too large, and say whether."""
        scope = dict(self.namespace)
        text = "\n".join(before)
        if text:
            exec(compile(text, "<program>", "exec"), scope)
        with np.errstate(all="ignore"):
            value = eval(expression, scope)
        results = value if isinstance(value, tuple) else (value,)
        for result in results:
            array = np.asarray(result)
            if array.size > MOST_ELEMENTS or array.ndim > 4 or array.dtype.kind not in "fcbiu":
                return False
            if array.dtype.kind in "fc" and not np.all(np.abs(array) < LARGEST):
                return False
        names = [self.builder.fresh("v") for _ in results]
        self.lines += [*before, f"{', '.join(names)} = {expression}"]
        self.namespace.update({name: scope[name] for name in scope if name not in self.namespace})
        for name, result in zip(names, results, strict=True):
            self.bind(name, result)
        return True

    def grow(self, count: int) -> None:
        """Add about this many equations."""
        for _ in range(count):
            maker = self.choice(NESTED if self.depth < 2 and self.chance(14) else MAKERS)
            maker(self)

    def function(
        self,
        name: str,
        parameters: dict[str, Any],
        results: Sequence[tuple[tuple, Any]],
        size: int,
        arrange: Callable[[list[str]], str] = ", ".join,
    ) -> list[str]:
        """The lines of a function of these parameters whose results have these shapes and dtypes (None: any)."""
        inner = Block(self.chooser, self.builder, dict(self.namespace), self.depth + 1)
        if self.chance(60):  # what stands outside is used too
            inner.values.update({k: v for k, v in self.values.items() if self.chance(50)})
        for key, value in parameters.items():
            inner.bind(key, value)
        inner.grow(1 + self.below(size))
        words = []
        for shape, dtype in results:
            source = inner.named("fc") or inner.named("fcbiu")
            words.append(f"fit(lax.add({source}, 0.0), {shape}, np.{np.dtype(dtype).name})")
        body = [*inner.lines, f"return {arrange(words)}"]
        return [f"def {name}({', '.join(parameters)}):", *["    " + line for line in body]]


class Builder:
    """What a whole program knows: its names, and what holds of all of it."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}
        self.exact = True
        self.smooth = True

    def fresh(self, letter: str) -> str:
        self.counts[letter] = self.counts.get(letter, 0) + 1
        return f"{letter}{self.counts[letter]}"


# ---------------------------------------------------------------------------------------------------------------------
# elementwise
# ---------------------------------------------------------------------------------------------------------------------

SMOOTH = [
    "lax.sin({x})",
    "lax.cos({x})",
    "lax.tanh({x})",
    "lax.logistic({x})",
    "lax.exp(lax.tanh({x}))",
    "lax.neg({x})",
    "lax.expm1(0.3 * {x})",
    "lax.log1p({x} * {x})",
    "lax.log(2 + lax.square({x}))",
    "lax.square({x})",
    "lax.sqrt(1 + {x} * {x})",
    "lax.atan({x})",
    "lax.asinh({x})",
    "lax.sinh(lax.tanh({x}))",
    "lax.cosh(lax.sin({x}))",
    "lax.cbrt(1.5 + lax.sin({x}))",
    "lax.rsqrt(1 + lax.square({x}))",
    "lax.reciprocal(2 + lax.cos({x}))",
    "lax.integer_pow({x}, 3)",
    "lax.integer_pow(2 + lax.sin({x}), -2)",
    "lax.exp2(lax.sin({x}))",
    "lax.tan(lax.tanh({x}))",
    "lax.asin(0.7 * lax.tanh({x}))",
    "lax.acos(0.7 * lax.sin({x}))",
    "lax.atanh(0.7 * lax.tanh({x}))",
    "lax.acosh(2 + {x} * {x})",
    "{x} * 2",
    "1 - {x}",
    "{x} / 3.0",
    "2 / (3 + {x} * {x})",
    "{x} ** 2",
    "{x} ** 3",
    "(2 + lax.sin({x})) ** 1.5",
    "-{x}",
    "{x} * 1",
    "{x} - 0.0",
    "lax.add({x}, 0)",
    "{x} * np.float32(0.5)",
    "{x} + np.ones(1)",
    "lax.stop_gradient(lax.cos({x})) * {x}",
]
KINKED = [
    "lax.abs({x})",
    "lax.sign({x})",
    "lax.floor({x})",
    "lax.ceil({x})",
    "lax.round({x})",
    "lax.max({x}, 0.0)",
    "lax.min({x}, 0.5)",
    "lax.clamp(-0.7, {x}, 0.8)",
    "lax.rem({x}, 0.9)",
    "lax.select({x} > 0, {x}, 0.1 * {x})",
]
BINARY = [
    "lax.add({x}, {y})",
    "lax.sub({x}, {y})",
    "lax.mul({x}, {y})",
    "lax.div({x}, 2 + lax.square({y}))",
    "{x} * {y}",
    "lax.atan2({x}, 2 + {y} * {y})",
    "lax.pow(2 + lax.sin({x}), lax.tanh({y}))",
    "{x} - {y}",
    "{x} / (1.5 + lax.cos({y}))",
    "lax.max({x}, {y})",
    "lax.min({x}, {y})",
    "lax.select({x} < {y}, {x}, {y})",
    "lax.select({x} + {y} > 0.3, {y}, {x} * {y})",
]
COMPARISONS = ["lax.lt", "lax.le", "lax.gt", "lax.ge", "lax.eq", "lax.ne"]


def smooth(block: Block) -> None:
    text = block.choice(SMOOTH)
    name = block.named()
    if name is not None and block.emit(text.format(x=name)) and "stop_gradient" in text:
        block.builder.smooth = False


def kinked(block: Block) -> None:
    name = block.named()
    if name is None:
        return
    x = np.asarray(block.values[name], np.float64)
    near = [
        np.abs(x - np.round(x)),
        np.abs(x - 0.5 - np.floor(x)),
        np.abs(x + 0.7),
        np.abs(x - 0.8),
        np.abs(np.fmod(x, 0.9)),
        np.abs(np.abs(np.fmod(x, 0.9)) - 0.9),
    ]
    if min(float(np.min(gap)) for gap in near) > 0.01:
        block.emit(block.choice(KINKED).format(x=name))


def binary(block: Block) -> None:
    x, y = block.named(), block.named()
    if x is None or y is None or not broadcast(block.values[x], block.values[y]):
        return
    a, b = np.asarray(block.values[x], np.float64), np.asarray(block.values[y], np.float64)
    text = block.choice(BINARY)
    if ("max" in text or "min" in text or "<" in text) and np.min(np.abs(a - b)) < 0.01:
        text = "lax.add({x}, {y})"
    if ">" in text and np.min(np.abs(a + b - 0.3)) < 0.01:
        text = "lax.mul({x}, {y})"
    block.emit(text.format(x=x, y=y))


def broadcast(*values: Any) -> bool:
    try:
        np.broadcast_shapes(*[np.shape(value) for value in values])
    except ValueError:
        return False
    return True


def compare(block: Block) -> None:
    """A comparison, or a connection of comparisons."""
    x = block.named()
    masks = [name for name in block.values if np.asarray(block.values[name]).dtype.kind == "b"]
    if masks and block.chance(30):
        one, other = block.choice(masks), block.choice(masks)
        if broadcast(block.values[one], block.values[other]):
            operator = block.choice(["lax.bitwise_and", "lax.bitwise_or", "lax.bitwise_xor", "lax.ne"])
            block.emit(f"{operator}({one}, {other})")
        else:
            block.emit(f"lax.bitwise_not({one})")
    elif x is not None:
        limit = block.choice([0.0, 0.25, -0.4])
        if np.min(np.abs(np.asarray(block.values[x]) - limit)) > 0.01:
            block.emit(f"{block.choice(COMPARISONS)}({x}, {limit})")


def choose(block: Block) -> None:
    """Elements of one or the other."""
    mask, x, y = block.named("b"), block.named(), block.named()
    if mask is None or x is None or y is None:
        compare(block)
    elif broadcast(*[block.values[name] for name in (mask, x, y)]):
        block.emit(f"functrace.numpy.where({mask}, {x}, {y})")
    elif not np.ndim(block.values[mask]):
        block.emit(f"lax.select({mask}, {x}, lax.cos({x}))")


def integers(block: Block) -> None:
    """Integers and booleans, out of floats and of each other."""
    name = block.named("fbiu")
    if name is None:
        return
    value = np.asarray(block.values[name])
    if value.dtype.kind == "f":
        if np.min(np.abs(value * 2 - np.round(value * 2))) > 0.02:
            block.emit(
                f"lax.convert_element_type(lax.floor({name} * 2), np.{block.choice(['int64', 'int32', 'int8'])})"
            )
    elif value.dtype.kind == "b":
        block.emit(f"lax.convert_element_type({name}, np.{block.choice(['int64', 'int16', 'float64'])})")
    else:
        text = block.choice(
            [
                "{x} + 1",
                "{x} * 2",
                "lax.bitwise_and({x}, 3)",
                "lax.max({x}, 1)",
                "lax.neg({x})",
                "lax.clamp(0, {x}, 3)",
                "lax.convert_element_type({x}, np.float64)",
                "{x} > 1",
            ]
        )
        if value.size and np.max(np.abs(value.astype(float))) < 50:
            block.emit(text.format(x=name))


def converted(block: Block) -> None:
    """Another precision, or complex numbers."""
    name = block.named("fc")
    if name is None:
        return
    if np.asarray(block.values[name]).dtype.kind == "c":
        text = block.choice(
            [
                "lax.real({x})",
                "lax.imag({x})",
                "lax.conj({x})",
                "{x} * {x}",
                "lax.exp(0.3 * {x})",
                "{x} * (0.5 - 1j)",
                "lax.real({x} * lax.conj({x}))",
                "lax.sin(0.2 * {x})",
                "{x} - 1.0",
                "lax.abs({x} + (30 + 1j))",
            ]
        )
        block.emit(text.format(x=name))
    elif block.chance(40):
        dtype = block.choice(["float64", "float64", "float32"])
        block.emit(f"lax.convert_element_type({name}, np.{dtype})")
    else:
        block.emit(f"lax.complex(lax.tanh({name}), lax.cos({name}))")


# ---------------------------------------------------------------------------------------------------------------------
# reductions, shapes, indices
# ---------------------------------------------------------------------------------------------------------------------


def some_axes(block: Block, name: str) -> tuple[int, ...]:
    ndim = np.ndim(block.values[name])
    return tuple([axis for axis in range(ndim) if block.chance(60)]) or ((block.below(ndim),) if ndim else ())


def spread_out(value: Any) -> bool:
    """Whether no two elements are close."""
    flat = np.sort(np.asarray(value, np.float64).ravel())
    return bool(flat.size) and (flat.size == 1 or float(np.min(np.diff(flat))) > 0.01)


def reduced(block: Block) -> None:
    name = block.named(ndim=1)
    if name is None:
        return
    block.builder.exact = False
    axes = some_axes(block, name)
    text = block.choice(
        [
            "lax.reduce_sum({x}, {axes})",
            "lax.reduce_prod({x}, {axes})",
            "lax.logsumexp({x}, {axes})",
            "lax.reduce_sum({x}, {axes}, keepdims=True)",
            "lax.reduce_max({x}, {axes})",
            "lax.reduce_min({x}, {axes})",
            "lax.argmax({x}, {axis})",
            "lax.argmin({x}, {axis})",
        ]
    )
    if ("max" in text or "min" in text) and not spread_out(block.values[name]):
        return
    block.emit(text.format(x=name, axes=axes, axis=axes[0]))


def reduced_masks(block: Block) -> None:
    name = block.named("b", ndim=1)
    if name is not None:
        axes = some_axes(block, name)
        block.emit(f"{block.choice(['lax.reduce_and', 'lax.reduce_or', 'lax.reduce_xor'])}({name}, {axes})")


def ordered(block: Block) -> None:
    """Sorted, the greatest, running sums and products and extrema."""
    name = block.named(ndim=1)
    if name is None:
        return
    block.builder.exact = False
    axis = block.below(np.ndim(block.values[name]))
    reverse = bool(block.below(2))
    text = block.choice(
        [
            "lax.cumsum({x}, {axis}, {reverse})",
            "lax.cumprod({x}, {axis}, {reverse})",
            "lax.cumlogsumexp({x}, {axis}, {reverse})",
            "lax.cummax({x}, {axis}, {reverse})",
            "lax.cummin({x}, {axis}, {reverse})",
            "lax.sort({x}, {axis})",
            "lax.top_k({x}, 1)[0]",
            "lax.sort({x})",
        ]
    )
    if ("max" in text or "min" in text or "sort" in text or "top" in text) and not spread_out(block.values[name]):
        return
    block.emit(text.format(x=name, axis=axis, reverse=reverse))


def factorizations(size: int) -> list[tuple[int, ...]]:
    pairs = [(a, size // a) for a in range(1, size + 1) if size % a == 0]
    return [(size,), *pairs, *[(1, *pair) for pair in pairs], *[(*pair, 1) for pair in pairs]]


def reshaped(block: Block) -> None:
    name = block.named("fcbi")
    if name is None:
        return
    value = np.asarray(block.values[name])
    ndim = value.ndim
    kind = block.below(8)
    axis = block.below(max(ndim, 1))
    if kind == 0:
        block.emit(f"lax.reshape({name}, {block.choice(factorizations(value.size))})")
    elif kind == 1 and ndim > 1:
        order = list(range(ndim))
        first, second = block.below(ndim), block.below(ndim)
        order[first], order[second] = order[second], order[first]
        block.emit(f"lax.transpose({name}, {tuple(order)})")
    elif kind == 2:
        shape = (*[1 + block.below(3) for _ in range(1 + block.below(2))], *value.shape)
        block.emit(f"lax.broadcast_in_dim({name}, {shape}, {tuple(range(len(shape) - ndim, len(shape)))})")
    elif kind == 3 and ndim:
        other = block.named("fcbi", ndim=1)
        same = [
            key
            for key, v in block.values.items()
            if np.ndim(v) == ndim
            and np.asarray(v).dtype == value.dtype
            and all(a == b for i, (a, b) in enumerate(zip(np.shape(v), value.shape, strict=True)) if i != axis)
        ]
        other = block.choice(same)
        block.emit(f"lax.concatenate([{name}, {other}], {axis})")
    elif kind == 4 and value.dtype.kind in "fc" and ndim:
        config = [(0, 0, 0)] * ndim
        config[axis] = block.choice([(1, 0, 0), (0, 2, 0), (1, 1, 1), (0, 0, 2), (-1, 2, 0), (2, -1, 1)])
        if value.shape[axis] > 1:
            block.emit(f"lax.pad({name}, np.{value.dtype.name}(0.25), {config})")
    elif kind == 5 and ndim:
        block.emit(f"lax.rev({name}, {some_axes(block, name)})")
    elif kind == 6:
        block.emit(f"lax.expand_dims({name}, ({block.below(ndim + 1)},))")
    elif kind == 7 and 1 in value.shape:
        block.emit(f"lax.squeeze({name}, ({value.shape.index(1)},))")


def indexed(block: Block) -> None:
    name = block.named("fci", ndim=1)
    if name is None:
        return
    value = np.asarray(block.values[name])
    extent = value.shape[0]
    index = block.named("i")
    spot = block.below(extent)
    options = [
        f"{name}[{spot}]",
        f"{name}[{spot - extent}:]",
        f"{name}[::-1]",
        f"{name}[None, ..., {value.shape[-1] - 1}]",
        f"{name}[np.array([{spot}, 0, {spot}])]",
        f"{name}[..., ::2]",
        f"{name}[{spot}:{spot + 1}]",
        f"{name}[np.arange({extent}) != 0]",
    ]
    if index is not None and not np.ndim(block.values[index]):
        options += [
            f"lax.indexing.getitem({name}, lax.bitwise_and({index}, 3) % {extent})",
            f"lax.dynamic_index_in_dim({name}, {index}, 0)",
            f"lax.dynamic_slice_in_dim({name}, {index}, 1, {value.ndim - 1})",
        ]
    block.emit(block.choice(options))


def updated(block: Block) -> None:
    """An update of some elements."""
    name = block.named(ndim=1)
    other = block.named()
    if name is None or other is None:
        return
    value, dtype = np.asarray(block.values[name]), np.asarray(block.values[name]).dtype.name
    spot = block.below(value.shape[0])
    update = f"fit({other}, {value.shape[1:]}, np.{dtype})"
    method = block.choice(["set", "add", "multiply"])
    options = [f"at({name})[{spot}].{method}({update})", f"at({name})[np.array([{spot}, 0])].add({update})"]
    index = block.named("i")
    if index is not None and not np.ndim(block.values[index]):
        options.append(f"lax.dynamic_update_index_in_dim({name}, {update}, {index}, 0)")
        options.append(f"at({name})[lax.bitwise_and({index}, 3) % {value.shape[0]}].{method}({update})")
    block.emit(block.choice(options))


def contracted(block: Block) -> None:
    x, y = block.named(ndim=1), block.named(ndim=1)
    if x is None or y is None:
        return
    a, b = np.shape(block.values[x]), np.shape(block.values[y])
    block.builder.exact = False
    if len(a) == len(b) == 3 and a[0] == b[0] and a[2] == b[1]:
        block.emit(f"lax.dot_general({x}, {y}, (((2,), (1,)), ((0,), (0,))))")
        return
    pairs = [(i, j) for i in range(len(a)) for j in range(len(b)) if a[i] == b[j]]
    if pairs:
        i, j = block.choice(pairs)
        block.emit(f"lax.dot_general({x}, {y}, ((({i},), ({j},)), ((), ())))")
    if a[-1] == b[max(len(b) - 2, 0)] and len(a) <= 2 and len(b) <= 2 and block.chance(50):
        block.emit(f"{x} @ {y}")


def made(block: Block) -> None:
    """An array out of nothing."""
    options = [
        "lax.iota(np.float64, 3) * 0.3",
        "lax.full((2, 3), 0.4)",
        "lax.iota(np.int64, 4)",
        "lax.broadcasted_iota(np.float64, (3, 3), 1)",
        "functrace.numpy.zeros((3,))",
        "lax.full((), 0.7)",
    ]
    block.emit(block.choice(options))


MAKERS: list[Callable[[Block], None]] = [
    smooth,
    smooth,
    smooth,
    smooth,
    binary,
    binary,
    binary,
    kinked,
    compare,
    choose,
    choose,
    integers,
    converted,
    reduced,
    reduced,
    reduced_masks,
    ordered,
    ordered,
    reshaped,
    reshaped,
    reshaped,
    indexed,
    indexed,
    updated,
    contracted,
    contracted,
    made,
]

# ---------------------------------------------------------------------------------------------------------------------
# programs inside programs
# ---------------------------------------------------------------------------------------------------------------------


def kind_of(value: Any) -> tuple[tuple[int, ...], Any]:
    return np.shape(value), np.asarray(value).dtype


def some_result(block: Block) -> tuple[tuple[int, ...], Any]:
    return block.choice(SHAPES[:7]), block.choice([np.float64, np.float64, np.float64, np.float32])


def conditional(block: Block) -> None:
    pred, index = block.named("b"), block.named("i")
    x, y = block.named(), block.named()
    if x is None or y is None:
        return
    kinds = [some_result(block) for _ in range(1 + block.below(2))]
    parameters = {block.builder.fresh("p"): block.values[x], block.builder.fresh("p"): block.values[y]}
    use_switch = index is not None and not np.ndim(block.values[index]) and block.chance(50)
    names = [block.builder.fresh("branch") for _ in range(3 if use_switch else 2)]
    lines = [line for name in names for line in block.function(name, parameters, kinds, 4)]
    if use_switch:
        block.emit(f"lax.switch({index}, [{', '.join(names)}], {x}, {y})", before=lines)
        return
    if pred is None:
        flat = np.asarray(block.values[x], np.float64).ravel()
        if abs(flat[0]) < 0.01:
            return
        test = f"lax.reshape({x}, (-1,))[0] > 0"
    else:
        test = f"lax.reduce_or(lax.reshape({pred}, (-1,)), (0,))" if np.ndim(block.values[pred]) else pred
    block.emit(f"lax.cond({test}, {', '.join(names)}, {x}, {y})", before=lines)


def scanned(block: Block) -> None:
    """A scan over arrays, with one or two carries and one or two results."""
    carry, xs = block.named(), block.named("fi", ndim=1)
    if carry is None or xs is None:
        return
    block.builder.exact = False
    body, c, x = [block.builder.fresh(letter) for letter in ("body", "c", "x")]
    y_kinds = [some_result(block) for _ in range(1 + block.below(2))]
    parameters = {c: block.values[carry], x: np.asarray(block.values[xs])[0]}
    kinds = [kind_of(block.values[carry]), *y_kinds]
    lines = block.function(body, parameters, kinds, 5, lambda words: f"{words[0]}, ({', '.join(words[1:])},)")
    reverse = bool(block.below(2))
    out = block.builder.fresh("out")
    parts = [f"{out}[0]", *[f"{out}[1][{i}]" for i in range(len(y_kinds))]]
    call = f"lax.scan({body}, {carry}, {xs}, reverse={reverse})"
    block.emit(f"({', '.join(parts)})", before=[*lines, f"{out} = {call}"])


def mapped(block: Block) -> None:
    """`lax.map` or a nested `vmap`, with a sum over its named axis in it at times."""
    xs = block.named(ndim=1)
    if xs is None:
        return
    block.builder.exact = False
    body, x = block.builder.fresh("body"), block.builder.fresh("x")
    lines = block.function(body, {x: np.asarray(block.values[xs])[0]}, [some_result(block)], 4)
    kind = block.below(4)
    if kind == 0:
        block.emit(f"lax.map({body}, {xs})", before=lines)
    elif kind == 1:
        block.emit(f"lax.map({body}, {xs}, batch_size=2)", before=lines)
    elif kind == 2:
        block.emit(f"vmap({body})({xs})", before=lines)
    else:
        name = block.choice(["lax.psum", "lax.pmean", "lax.pmax"])
        if name == "lax.pmax":
            block.builder.smooth = False  # ties between examples that are alike
        text = f"vmap(lambda x: {name}({body}(x), 'i') * 0.3 + lax.cos({body}(x)), axis_name='i')({xs})"
        block.emit(text, before=lines)


def counted(block: Block) -> None:
    """A `fori_loop` whose number of steps is fixed, or comes from data."""
    start = block.named()
    if start is None:
        return
    block.builder.exact = False
    body, i, c = [block.builder.fresh(letter) for letter in ("body", "i", "c")]
    index = block.named("i")
    lines = block.function(body, {i: np.int64(1), c: block.values[start]}, [kind_of(block.values[start])], 4)
    lower, upper = str(block.below(3)), str(block.below(6))
    if index is not None and not np.ndim(block.values[index]) and block.chance(60):
        upper = f"lax.clamp(0, {index}, 4)"
    block.emit(f"lax.fori_loop({lower}, {upper}, {body}, {start})", before=lines)


def repeated(block: Block) -> None:
    """A `while_loop` that ends at a count, or when a value that grows gets there."""
    start = block.named()
    if start is None:
        return
    block.builder.exact = False
    body, go, step, c, v = [block.builder.fresh(letter) for letter in ("body", "go", "step", "c", "v_")]
    lines = block.function(body, {c: block.values[start]}, [kind_of(block.values[start])], 4)
    index = block.named("i")
    if block.chance(50):
        limit = str(block.below(4))
        if index is not None and not np.ndim(block.values[index]):
            limit = f"lax.bitwise_and({index}, 3)"
        lines += [f"def {go}({v}):", f"    return {v}[0] < {limit}"]
        lines += [f"def {step}({v}):", f"    return {v}[0] + 1, {body}({v}[1])"]
        first = "0"
    else:
        lines += [f"def {go}({v}):", f"    return {v}[0] < 2.0"]
        lines += [f"def {step}({v}):"]
        lines += [f"    c = {body}({v}[1])", f"    return {v}[0] + 0.6 + lax.square(lax.reshape(c, (-1,))[0]), c"]
        first = f"lax.convert_element_type(lax.reshape(lax.square({start}), (-1,))[0], np.float64)"
    block.emit(f"lax.while_loop({go}, {step}, ({first}, {start}))", before=lines)


def combined(block: Block) -> None:
    """`associative_scan`."""
    name = block.named(ndim=1)
    if name is None:
        return
    block.builder.exact = False
    axis, reverse = block.below(np.ndim(block.values[name])), bool(block.below(2))
    text = block.choice(["lax.add", "lambda a, b: a * b", "lambda a, b: a + b - 0.3 * a * b"])
    block.emit(f"lax.associative_scan({text}, {name}, reverse={reverse}, axis={axis})")


def called(block: Block) -> None:
    """A function under `jit`, `checkpoint`, `custom_jvp` or a derivative."""
    x = block.named()
    if x is None:
        return
    body, p = block.builder.fresh("body"), block.builder.fresh("p")
    kind = block.choice(["jit", "checkpoint", "custom_jvp", "grad", "jvp", "vjp", "linearize"])
    result = some_result(block)
    if kind == "grad":
        result = ((), np.float64)
    if kind in ("grad", "vjp", "jvp", "linearize"):
        block.builder.exact = False
    kept, block.values = block.values, {} if kind == "custom_jvp" else block.values
    lines = block.function(body, {p: kept[x]}, [result], 4)
    block.values = kept
    if kind == "custom_jvp":
        rule = block.builder.fresh("rule")
        lines = [
            *lines,
            f"{rule} = functrace.custom_jvp({body})",
            f"{rule}.defjvp(lambda primals, tangents: jvp({body}, primals, tangents))",
        ]
        text = f"{rule}({x})"
    elif kind == "grad":
        text = f"grad({body})({x})"
    elif kind == "jvp":
        text = f"jvp({body}, ({x},), (lax.cos({x}),))[1]"
    elif kind == "linearize":
        text = f"functrace.linearize({body}, {x})[1](lax.sin({x}))"
    elif kind == "vjp":
        text = f"vjp({body}, {x})[1](lax.full({result[0]}, 0.5, np.{np.dtype(result[1]).name}))[0]"
    elif kind == "checkpoint":
        text = f"checkpoint({body})({x})"
    else:
        text = f"jit({body})({x})"
    block.emit(text, before=lines)


NESTED: list[Callable[[Block], None]] = [
    conditional,
    conditional,
    scanned,
    scanned,
    mapped,
    counted,
    repeated,
    combined,
    called,
    called,
]

# ---------------------------------------------------------------------------------------------------------------------
# whole programs
# ---------------------------------------------------------------------------------------------------------------------


def make_program(chooser: Chooser, largest: int = 30) -> Program:
    """A random program: one to three arguments, one to `largest` equations, one to three results."""
    builder = Builder()
    block = Block(chooser, builder, run(PRELUDE), 0)
    rng = np.random.default_rng(block.below(1000))
    args: list[Any] = []
    for _ in range(1 + block.below(3)):
        shape = block.choice(SHAPES)
        dtype = block.choice(["float64"] * 6 + ["float32", "complex128", "int64"])
        if dtype == "int64":
            args.append(rng.integers(0, 4, shape))
        elif dtype == "complex128":
            args.append(np.asarray(rng.normal(size=shape) + 1j * rng.normal(size=shape)))
        else:
            args.append(np.asarray(rng.normal(size=shape), dtype))
    if all(arg.dtype.kind != "f" for arg in args):
        args.append(np.asarray(rng.normal(size=(3,))))
    if block.chance(20):
        args.append(np.asarray(block.below(4)))
    names = ["a", "b", "c", "d", "e"][: len(args)]
    for name, arg in zip(names, args, strict=True):
        block.bind(name, arg)
    block.grow(1 + block.below(largest))
    results = [name for name in block.values if name not in names] or [f"lax.sin({block.named()})"]
    chosen = [results[-1], *[block.choice(results) for _ in range(block.below(3))]]
    floats = [name for name in results if name in block.values and np.asarray(block.values[name]).dtype.kind in "fc"]
    if floats:
        chosen[-1] = floats[-1]
    elif results[0] in block.values:
        chosen.append(f"lax.sin({block.named()})")
    single = any(np.asarray(value).dtype in (np.float32, np.complex64) for value in block.values.values())
    source = "\n".join(
        [
            PRELUDE,
            "",
            f"def f({', '.join(names)}):",
            *["    " + line for line in block.lines],
            f"    return ({', '.join(chosen)},)",
            "",
        ]
    )
    return Program(source, args, exact=builder.exact, single=single or "float32" in source, smooth=builder.smooth)


class _Drawn:
    """Choices that Hypothesis makes, and can make smaller."""

    def __init__(self, draw: Callable) -> None:
        self.draw = draw

    def below(self, count: int) -> int:
        return self.draw(st.integers(0, count - 1)) if count > 1 else 0


@st.composite
def programs(draw: Callable, largest: int = 30) -> Program:
    """Hypothesis's strategy of programs."""
    return make_program(_Drawn(draw), largest)
