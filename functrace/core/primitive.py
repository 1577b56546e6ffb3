"""A primitive: an operation that the transforms know by its rules, all of them in one object."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from .aval import Aval
from .trace import bind


class Primitive:
    """An operation and its rules. Calling it binds it: `sin(x)`.

    A rule is written with the library's own operations, so that the transform around it can follow it.

    Parameters
    ----------
    name
        As it stands in a jaxpr.
    impl
        ``impl(*args, **params)``: the value, on NumPy arrays. It gives a new array or a view of an operand, never an
        operand itself.
    abstract
        ``abstract(*avals, **params)``: the aval of the result (a tuple of them with `multiple_results`).
    jvp
        ``jvp(primals, tangents, out, **params)``: the tangent of the result; None among the tangents is zero, and None
        as a result too.
    vjp
        One function an operand, ``rule(cotangent, out, *args, **params)``: that operand's cotangent; None in
        place of a function where there is none. It may give the cotangent itself or a view of it, but not an operand.
    vjp_all
        In place of `vjp` where the operands are many or share work: ``vjp_all(cotangent, out, args, wanted, **params)``
        gives a list with the cotangent of each operand that `wanted` (a tuple of bools) names, None for the others.
    batch
        ``batch(size, args, dims, **params)``: the result for arguments whose axis `dims[i]` (None: none) is a batch of
        `size`, and the result's batch axis.
    source
        ``source(args, avals, **params)``: the result as a NumPy expression, from the operands as expressions; or a pair
        of a template and what stands in it for constants, each a value and the expression that makes it:
        ``("{ones}.dot(x)", {"ones": (np.ones(3), "np.ones(3)")})``; or None: the compiled program then calls `impl`.
    into
        ``into(args, avals, out, **params)``: a statement that computes the result into the array named `out`, which is
        contiguous in row-major order as the result of `source` is; None where there is no such statement.
    update
        For an operation that writes into a copy of its first operand: ``update(names, args, avals, **params)``, a
        statement that changes that operand itself; functions and constants get their names from `names`.
    write
        ``write(writer, equation, lifetimes)``: writes an equation's statements itself, where an expression does not
        do; it gives False, and has written nothing, for an equation that `source` or `impl` should compute.
    linear
        The sets of operands in which it is linear together while the others are held fixed, where that does not follow
        from `transpose`.
    ufunc
        The NumPy ufunc of an elementwise primitive.
    aliases
        Whether the result may share memory with an operand.
    creates
        Whether it makes an array out of nothing, or of a scalar, so that inside `jit` it is recorded.
    calls
        Whether an equation means the program that it has as its parameter `jaxpr`, which may stand in its place.
    stage
        ``stage(trace, args, params)``: how it is recorded, where its parameters hold Python functions that have to
        become programs first.
    multiple_results
        Whether the result is a list.
    value_and_jvp, vjp_fwd, vjp_bwd
        For an equation with a program inside, in place of `jvp` and `vjp`, since the value and what the derivative
        needs come from one run: ``value_and_jvp(primals, tangents, **params)`` gives (results, tangents);
        ``vjp_fwd(args, wanted, **params)`` gives (results, residuals); ``vjp_bwd(cotangents, residuals, args, wanted,
        **params)`` gives a list like that of `vjp_all`.
    """

    __slots__ = (
        "abstract",
        "aliases",
        "batch",
        "calls",
        "creates",
        "impl",
        "into",
        "jvp",
        "linear",
        "multiple_results",
        "name",
        "source",
        "stage",
        "ufunc",
        "update",
        "value_and_jvp",
        "vjp",
        "vjp_all",
        "vjp_bwd",
        "vjp_fwd",
        "write",
    )

    def __init__(
        self,
        name: str,
        impl: Callable,
        abstract: Callable,
        *,
        jvp: Callable | None = None,
        vjp: Sequence[Callable | None] | None = None,
        vjp_all: Callable | None = None,
        transpose: Callable | None = None,
        batch: Callable | None = None,
        source: Callable | None = None,
        into: Callable | None = None,
        update: Callable | None = None,
        write: Callable | None = None,
        linear: tuple[frozenset[int], ...] = (),
        ufunc: Any = None,
        aliases: bool = False,
        creates: bool = False,
        calls: bool = False,
        stage: Callable | None = None,
        multiple_results: bool = False,
        value_and_jvp: Callable | None = None,
        vjp_fwd: Callable | None = None,
        vjp_bwd: Callable | None = None,
    ) -> None:
        self.name = name
        self.impl = impl
        self.abstract = abstract
        self.jvp = jvp
        self.vjp = None if vjp is None else tuple(vjp)
        self.vjp_all = vjp_all
        self.batch = batch
        self.source = source
        self.into = into
        self.update = update
        self.write = write
        self.linear = linear
        self.ufunc = ufunc
        self.aliases = aliases
        self.creates = creates
        self.calls = calls
        self.stage = stage
        self.multiple_results = multiple_results
        self.value_and_jvp = value_and_jvp
        self.vjp_fwd = vjp_fwd
        self.vjp_bwd = vjp_bwd
        if transpose is not None:  # linear in the first operand: its transpose is all there is to say
            self.jvp = self._jvp_of_linear
            self.vjp = (lambda cotangent, out, *args, **params: transpose(cotangent, *args, **params),)

    __call__ = bind

    @property
    def differentiable(self) -> bool:
        """Whether a derivative can flow through it."""
        return self.jvp is not None or self.value_and_jvp is not None

    def _jvp_of_linear(self, primals: Sequence, tangents: Sequence, out: Any, **params: Any) -> Any:
        if tangents[0] is None:
            return None
        return self(tangents[0], *primals[1:], **params)

    def __repr__(self) -> str:
        return self.name


def avals_of_result(primitive: Primitive, avals: Sequence[Aval], params: dict[str, Any]) -> tuple[Aval, ...]:
    """The avals of a primitive's results, as a tuple also where there is one."""
    out = primitive.abstract(*avals, **params)
    return tuple(out) if primitive.multiple_results else (out,)
