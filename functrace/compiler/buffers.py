"""Which memory is whose, and when it is free: what can be written over, and what can be given back."""

from __future__ import annotations

from ..core.jaxpr import Atom, Jaxpr, Literal, Var

LARGE = 1 << 16  # bytes from which a dead array is given back before the function ends


class Lifetimes:
    """For a program the variables that share memory, and the last equation that needs that memory.

    Variables share memory when one may be a view of another. Memory is the program's own when no argument, constant or
    result is in it.
    """

    def __init__(self, jaxpr: Jaxpr) -> None:
        self._parent: dict[Atom, Atom] = {}
        outside: list[Atom] = [*jaxpr.invars, *jaxpr.constvars]
        self._whole: set[Atom] = set()  # variables that are an array of their own, not a view of another
        for equation in jaxpr.equations:
            if not equation.primitive.aliases:
                self._whole.update(equation.outputs)
                continue
            sharing = [atom for atom in (*equation.inputs, *equation.outputs) if atom.__class__ is not Literal]
            for atom in sharing[1:]:
                self._union(sharing[0], atom)
        kept = {self._root(atom) for atom in (*outside, *jaxpr.outvars) if isinstance(atom, Var)}
        last: dict[Atom, int] = {}
        members: dict[Atom, list[Var]] = {}
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

    def can_be_overwritten(self, atom: Atom, position: int) -> bool:
        """Whether the equation at `position` is the last to need the memory of `atom`, which is all of it."""
        return atom in self._whole and self._last.get(self._root(atom)) == position

    def dead_after(self, position: int) -> list[Var]:
        """The variables whose memory is free once the equation at `position` is done."""
        return [var for root in self._dying.get(position, ()) for var in self._members.get(root, ())]

    def reuse(self, atom: Atom, result: Var) -> None:
        """The memory of `atom` is the memory of `result` from now on."""
        root, new = self._root(atom), self._root(result)
        if root is not new:
            self._members.setdefault(new, []).extend(self._members.pop(root, ()))

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
