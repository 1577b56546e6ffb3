"""Which memory is whose, and when it is free: what can be written over, used again, and given back."""

from __future__ import annotations

from collections.abc import Sequence

from ..core.jaxpr import Atom, ClosedJaxpr, Equation, Jaxpr, Literal, Var, inner_jaxprs

LARGE = 1 << 16  # bytes from which a dead array is given back before the function ends


class Lifetimes:
    """For a program the variables that share memory, and the last equation that needs that memory.

    Variables share memory when one may be a view of another. Memory is the program's own when no argument, constant or
    result is in it.

    Parameters
    ----------
    jaxpr
        The program.
    own
        Inputs whose memory is the program's own all the same.
    """

    def __init__(self, jaxpr: Jaxpr, own: Sequence[Var] = ()) -> None:
        self._parent: dict[Atom, Atom] = {}
        self._whole: set[Atom] = set(own)  # variables that are an array of their own, not a view of another
        self._inputs: set[Atom] = {var for var in (*jaxpr.invars, *jaxpr.constvars) if var not in self._whole}
        for equation in jaxpr.equations:
            if not equation.primitive.aliases or _gives_element(equation):
                self._whole.update(equation.outputs)
                continue
            sharing = [atom for atom in (*equation.inputs, *equation.outputs) if atom.__class__ is not Literal]
            for atom in sharing[1:]:
                self._union(sharing[0], atom)
        kept = {self._root(atom) for atom in (*self._inputs, *jaxpr.outvars) if atom.__class__ is not Literal}
        last: dict[Atom, int] = {}
        members: dict[Atom, list[Var]] = {}
        for var in own:
            last[self._root(var)] = -1
            members.setdefault(self._root(var), []).append(var)
        for position, equation in enumerate(jaxpr.equations):
            for atom in equation.inputs:
                if atom.__class__ is not Literal:
                    last[self._root(atom)] = position
            for var in equation.outputs:
                root = self._root(var)
                last[root] = position
                members.setdefault(root, []).append(var)
        self._dying: dict[int, list[Atom]] = {}
        self._last = {root: position for root, position in last.items() if root not in kept}
        for root, position in self._last.items():
            self._dying.setdefault(position, []).append(root)
        self._members = members
        self._kept = kept
        self._leaving = self._leading_to(jaxpr, kept)
        self._row_major: set[str] = set()
        self._free: dict[tuple, list[str]] = {}

    def _leading_to(self, jaxpr: Jaxpr, kept: set[Atom]) -> set[Atom]:
        """The variables whose memory a result of the program, or what may hold on to it, takes over in place."""
        leaving: set[Atom] = set()
        for position in range(len(jaxpr.equations) - 1, -1, -1):
            equation = jaxpr.equations[position]
            if may_hold(equation):
                leaving.update([self._root(atom) for atom in equation.inputs if atom.__class__ is not Literal])
            candidates = could_take_place_of_result(equation)
            if not candidates:
                continue
            out = equation.outputs[0]
            root = self._root(out)
            if root not in kept and root not in leaving:
                continue
            for atom in candidates:
                if (
                    self.can_be_overwritten(atom, position)
                    and atom.aval.shape == out.aval.shape
                    and atom.aval.dtype == out.aval.dtype
                ):
                    leaving.add(self._root(atom))
                    break
        return leaving

    def leaves(self, var: Atom) -> bool:
        """Whether the memory of a variable may be seen from outside the program, now or once it is used again."""
        root = self._root(var)
        return root in self._kept or root in self._leaving

    def is_whole(self, atom: Atom) -> bool:
        """Whether a value is no view of memory that may be written over."""
        return atom in self._whole or atom in self._inputs

    def share(self, one: Atom, other: Atom) -> bool:
        """Whether two values may share memory."""
        return self._root(one) is self._root(other)

    def can_be_overwritten(self, atom: Atom, position: int) -> bool:
        """Whether the equation at `position` is the last to need the memory of `atom`, which is all of it."""
        return atom in self._whole and self._last.get(self._root(atom)) == position

    def frees(self, position: int) -> bool:
        """Whether some memory is free once the equation at `position` is done."""
        return position in self._dying

    def dead_after(self, position: int) -> list[Var]:
        """The variables whose memory is free once the equation at `position` is done."""
        return [var for root in self._dying.get(position, ()) for var in self._members.get(root, ())]

    def reuse(self, atom: Atom, result: Var) -> None:
        """The memory of `atom` is the memory of `result` from now on."""
        root, new = self._root(atom), self._root(result)
        if root is not new:
            less, more = sorted((self._members.pop(root, []), self._members.get(new, [])), key=len)
            more.extend(less)
            self._members[new] = more

    # -- arrays that are free to be used again -----------------------------------------------------------------------

    def is_row_major(self, name: str) -> None:
        """Note that the array of this name is contiguous in row-major order."""
        self._row_major.add(name)

    def in_row_major(self, name: str) -> bool:
        """Whether that is known of an array."""
        return name in self._row_major

    def give_free(self, var: Var, name: str) -> None:
        """Keep a dead array, known by a name, for a result of its kind."""
        if var in self._whole:
            names = self._free.setdefault((var.aval.shape, var.aval.dtype), [])
            if name not in names:
                names.append(name)

    def take_free(self, out: Var, *, row_major: bool = False) -> str | None:
        """The name of an array for a result, if one is free."""
        names = self._free.get((out.aval.shape, out.aval.dtype), [])
        for position, name in enumerate(names):
            if not row_major or name in self._row_major:
                return names.pop(position)
        return None

    def _root(self, atom: Atom) -> Atom:
        parent = self._parent
        while atom in parent:
            above = parent[atom]
            if above in parent:
                parent[atom] = parent[above]
            atom = above
        return atom

    def _union(self, one: Atom, other: Atom) -> None:
        a, b = self._root(one), self._root(other)
        if a is not b:
            self._parent[b] = a


def used_in(jaxpr: Jaxpr) -> set[Atom]:
    """What the equations and results of a jaxpr need."""
    return {atom for equation in jaxpr.equations for atom in equation.inputs} | set(jaxpr.outvars)


def whole_in(jaxpr: Jaxpr) -> set[Atom]:
    """The results of equations that are arrays of their own, no views."""
    return {var for equation in jaxpr.equations if not equation.primitive.aliases for var in equation.outputs}


def _gives_element(equation: Equation) -> bool:
    """Whether the result is an element of an array, which NumPy gives as a scalar of its own.

    With an ellipsis in the index it gives a view without axes.
    """
    return (
        equation.primitive.name == "getitem"
        and not equation.outputs[0].aval.shape
        and bool(equation.inputs[0].aval.shape)
        and not any(entry is Ellipsis for entry in equation.params["index"].entries)
    )


def could_take_place_of_result(equation: Equation) -> tuple[Atom, ...]:
    """The operands over which an equation can write its result, where it has their shape and dtype."""
    if equation.primitive.ufunc is not None and not equation.params:
        return equation.inputs
    return equation.inputs[:1] if equation.primitive.update is not None else ()


def may_hold(equation: Equation) -> bool:
    """Whether an equation calls a function of the user's, which may hold on to what it is given."""
    params = equation.params
    return bool(params) and (
        any(callable(value) and not isinstance(value, type) for value in params.values())
        or any(_program_may_hold(inner) for _, inner in inner_jaxprs(params))
    )


def _program_may_hold(closed: ClosedJaxpr) -> bool:
    return bool(closed.derived("may hold", lambda: any(may_hold(equation) for equation in closed.equations)))
