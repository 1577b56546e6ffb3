"""A `scan` with only that inside which goes from step to step."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from ..core.aval import DYNAMIC, Aval
from ..core.jaxpr import Atom, ClosedJaxpr, Equation, Jaxpr, Literal, Var
from ..lax.creation import iota
from ..lax.dot import dot_general_p
from ..lax.elementwise import add, sub
from ..lax.shape import broadcast_in_dim, broadcast_in_dim_p
from .effects import has_effect
from .loop_moves import can_run_once, new_bytes, runs_together, speaks_of_axes
from .loop_products import with_products_apart
from .loop_program import Program, Writer, renamed
from .loop_signs import with_signs_moved
from .loop_steps import AllSteps, Carry, Term, incoming
from .simplify import simplify

#: A loop's stacks may take this much memory beside what it stacks anyway (or as much again as twice that).
STACK_BYTES = 64 << 20
#: Of larger arrays an operation on elements stays in the loop, where they are in cache.
STEP_BYTES = 256 << 10
#: A value of at most this size is stacked for the sake of any one operation that it takes out of the loop.
SMALL_BYTES = 16 << 10


def lean_scan(equation: Equation, program: Program) -> list[Equation]:
    return _Scan(equation, program).equations()


class _Scan:
    def __init__(self, equation: Equation, program: Program) -> None:
        self.equation, self.program = equation, program
        self.before, self.after = Writer(program, equation.location), Writer(program, equation.location)
        params = equation.params
        self.length: int | None = params["length"]
        self.reverse: bool = params["reverse"]
        num_consts, count = params["num_consts"], params["num_carry"]
        self.steps = list(equation.inputs[:1]) if self.length is None else []
        closed, operands = self._with_equal_rows(
            program.lean(params["jaxpr"]), equation.inputs[len(self.steps) :], num_consts + count
        )
        jaxpr = closed.jaxpr
        self.outer: dict[Atom, Atom] = {}  # what constants and a step's inputs are outside
        self.names: dict[Atom, Atom] = {}  # inside: what is the same as something else
        for var, const in zip(jaxpr.constvars, closed.consts, strict=True):
            self.outer[var] = program.constant(const)
        self.xs: list[Var] = []
        known: dict[Any, Var] = {}
        for var, atom in zip(jaxpr.invars[:num_consts], operands, strict=False):
            self._constant(var, atom, known)
        self.carries: list[Carry] = []
        for position, var in enumerate(jaxpr.invars[num_consts : num_consts + count]):
            init, following = operands[num_consts + position], jaxpr.outvars[position]
            if following is var:
                self._constant(var, init, known)
                out = equation.outputs[position]
                if out in program.live:
                    program.names[out] = self.before.as_type(init, out.aval)
            else:
                self.carries.append(Carry(var, init, following, equation.outputs[position]))
        for var, atom in zip(jaxpr.invars[num_consts + count :], operands[num_consts + count :], strict=True):
            self._row(var, atom, known)
        self.ys: list[tuple[Atom, Var]] = [
            (self._read(atom), out)
            for atom, out in zip(jaxpr.outvars[count:], equation.outputs[count:], strict=True)
            if out in program.live
        ]
        self.body = [renamed(e, self._read) for e in closed.equations]
        for carry in self.carries:
            carry.following = self._read(carry.following)
        dynamic = any(DYNAMIC in var.aval.shape for e in self.body for var in e.outputs) or any(
            DYNAMIC in var.aval.shape for var in jaxpr.invars
        )
        named = any(speaks_of_axes(e) for e in self.body)
        weak = any(carry.var.aval.weak_type for carry in self.carries)
        steps = self.length is not None and self.length > 1 and not params["progress"]
        self.splits = steps and not (dynamic or named or weak)

    def _with_equal_rows(
        self, closed: ClosedJaxpr, operands: Sequence[Atom], first: int
    ) -> tuple[ClosedJaxpr, Sequence[Atom]]:
        """With rows that are one number, such as the cotangents of a mean, written into the program."""
        jaxpr = closed.jaxpr
        numbers: dict[Var, Literal] = {}
        for var, atom in zip(jaxpr.invars[first:], operands[first:], strict=True):
            maker = self.program.made_by.get(atom)
            if self.length and maker is not None and maker.primitive is broadcast_in_dim_p:
                source = maker.inputs[0]
                if isinstance(source, Literal) and source.aval == Aval((), var.aval.dtype):
                    numbers[var] = source
        if not numbers:
            return closed, operands
        made = [
            Equation(broadcast_in_dim_p, (x,), {"shape": var.aval.shape, "broadcast_dimensions": ()}, (var,))
            for var, x in numbers.items()
        ]
        kept = [(v, a) for v, a in zip(jaxpr.invars, operands, strict=True) if v not in numbers]
        invars = [var for var, _ in kept]
        inner = Jaxpr(jaxpr.constvars, invars, [*made, *jaxpr.equations], jaxpr.outvars)
        return simplify(ClosedJaxpr(inner, closed.consts)), [atom for _, atom in kept]

    def _read(self, atom: Atom) -> Atom:
        return atom if isinstance(atom, Literal) else self.names.get(atom, atom)

    def _constant(self, var: Var, atom: Atom, known: dict[Any, Var]) -> None:
        if isinstance(atom, Literal) and atom.aval == var.aval:
            self.names[var] = atom
        elif isinstance(atom, Var) and (var.aval, atom) in known:
            self.names[var] = known[var.aval, atom]
        else:
            known[var.aval, atom] = var
            self.outer[var] = self.before.as_type(atom, var.aval)

    def _row(self, var: Var, atom: Atom, known: dict[Any, Var]) -> None:
        """A step's input: a constant where all rows are the same."""
        if ("row", atom) in known:
            self.names[var] = known["row", atom]
            return
        maker = self.program.made_by.get(atom)
        if self.length and maker is not None and maker.primitive.name == "broadcast_in_dim":
            axes, source = maker.params["broadcast_dimensions"], maker.inputs[0]
            if 0 not in axes:
                shape, axes = var.aval.shape, tuple([axis - 1 for axis in axes])
                (row,) = self.before.run(lambda x: [broadcast_in_dim(x, shape, axes)], [source])
                self._constant(var, self.before.as_type(row, var.aval), known)
                return
        known["row", atom] = var
        self.outer[var] = atom
        self.xs.append(var)

    # -- what is computed where ---------------------------------------------------------------------------------------

    def equations(self) -> list[Equation]:
        self._drop_dead()
        if self.splits:
            self._count_before()
            self._drop_dead()
        self._levels()
        apart = with_products_apart(self.body, self.level) if self.splits else None
        if apart is not None:
            self.body = apart
            self._levels()
        if self.splits and self._reassociate():
            self._levels()
        if self.splits:
            known: set[Atom] = {var for var, level in self.level.items() if level < 2}
            moved = with_signs_moved(self.body, known, self._uses())
            if moved is not None:
                self.body = moved
                self._levels()
        inside = self._choose_after() if self.splits else list(self.inside)
        return self._write(inside)

    def _drop_dead(self) -> None:
        """Leave out what neither a result nor a carry that is needed needs."""
        maker: dict[Atom, Equation] = {var: e for e in self.body for var in e.outputs}
        carried: dict[Atom, Carry] = {carry.var: carry for carry in self.carries}
        alive: set[Any] = set()
        effects = [atom for e in self.body if has_effect(e) for atom in e.inputs]
        pending: list[Atom] = [atom for atom, _ in self.ys]
        pending += [carry.following for carry in self.carries if carry.result in self.program.live]
        alive.update([carry for carry in self.carries if carry.result in self.program.live])
        pending += effects
        while pending:
            atom = pending.pop()
            if isinstance(atom, Literal) or atom in alive:
                continue
            alive.add(atom)
            if atom in maker:
                pending.extend(maker[atom].inputs)
            elif atom in carried:
                alive.add(carried[atom])
                pending.append(carried[atom].following)
        self.carries = [carry for carry in self.carries if carry in alive]
        self.body = [e for e in self.body if has_effect(e) or any(var in alive for var in e.outputs)]
        self.xs = [var for var in self.xs if var in alive]

    def _count_before(self) -> None:
        """A carry that counts the steps is a step's input."""
        maker: dict[Atom, Equation] = {var: e for e in self.body for var in e.outputs}
        steps, reverse, kept = self.length or 0, self.reverse, []
        for carry in self.carries:
            made, aval = maker.get(carry.following), carry.var.aval
            by = None
            if made is not None and made.primitive is add and aval.dtype == _INT64 and not aval.shape:
                by = next(
                    (
                        int(b.value)
                        for a, b in (made.inputs, made.inputs[::-1])
                        if a is carry.var and isinstance(b, Literal) and abs(int(b.value)) < 1 << 31
                    ),
                    None,
                )
            if by is None or carry.following.aval != aval:
                kept.append(carry)
                continue

            def numbers(init: Any, by: int = by) -> list[Any]:
                i = iota(_INT64, steps)
                i = (steps - 1) - i if reverse else i
                return [init + (i if by == 1 else by * i), init + _INT64.type(by * steps)]

            rows, last = self.before.run(numbers, [self.before.as_type(carry.init, aval)])
            self.xs.append(carry.var)
            self.outer[carry.var] = rows
            if carry.result in self.program.live:
                self.program.names[carry.result] = last
        self.carries = kept

    def _levels(self) -> None:
        """For each variable: 0, the same in each step; 1, from a step's inputs alone; 2, from the carries too."""
        level: dict[Atom, int] = dict.fromkeys(self.outer, 0)
        level.update(dict.fromkeys(self.xs, 1))
        level.update([(carry.var, 2) for carry in self.carries])
        self.level = level
        self.once: list[Equation] = []
        self.together: list[Equation] = []
        self.inside: list[Equation] = []
        self.budget = self._budget()
        self.later: list[Equation] = []
        self.sums: dict[Atom, list[Term]] = {}
        runs = bool(self.length)
        for equation in self.body:
            top = max([level[atom] for atom in equation.inputs if isinstance(atom, Var)], default=0)
            if top == 0 and can_run_once(equation, runs):
                self.once.append(equation)
            elif top < 2 and self.splits and self._pays_before(equation):
                top = 1
                self.together.append(equation)
            else:
                top = 2
                self.inside.append(equation)
            level.update([(var, top) for var in equation.outputs])

    def _budget(self) -> int:
        stacked = [var.aval.nbytes for var in self.xs] + [atom.aval.nbytes for atom, _ in self.ys]
        return max(STACK_BYTES, 2 * sum(stacked) * (self.length or 0))

    def _pays_before(self, equation: Equation) -> bool:
        if not runs_together(equation):
            return False
        size = new_bytes(equation)
        matrix = equation.primitive is dot_general_p and any(self._level(atom) == 0 for atom in equation.inputs)
        return (matrix or size <= STEP_BYTES) and self._afford(size)

    def _afford(self, size: int) -> bool:
        """Whether stacks of rows of `size` fit in; they are then counted."""
        total = size * (self.length or 0)
        if total > self.budget:
            return False
        self.budget -= total
        return True

    def _level(self, atom: Atom) -> int:
        return 0 if isinstance(atom, Literal) else self.level[atom]

    def _uses(self) -> dict[Atom, int]:
        counts: dict[Atom, int] = {}
        used = [atom for e in self.body for atom in e.inputs]
        used += [atom for atom, _ in self.ys] + [carry.following for carry in self.carries]
        for atom in used:
            if isinstance(atom, Var):
                counts[atom] = counts.get(atom, 0) + 1
        return counts

    def _reassociate(self) -> bool:
        """Sums with products in them, such as x @ w + h @ u + b: first what does not depend on the carry."""
        uses = self._uses()
        maker: dict[Atom, Equation] = {var: e for e in self.body for var in e.outputs}
        inner: set[Atom] = set()
        changed: dict[int, list[Equation]] = {}
        for equation in reversed(self.inside):
            if equation.primitive is not add or (out := equation.outputs[0]) in inner:
                continue
            if out.aval.dtype.kind not in "fc":
                continue
            leaves: list[Atom] = []
            adds: list[Equation] = []
            pending: list[Atom] = list(equation.inputs[::-1])
            while pending:
                atom = pending.pop()
                made = maker.get(atom)
                if made is not None and made.primitive is add and uses[atom] == 1 and atom.aval.dtype == out.aval.dtype:
                    adds.append(made)
                    inner.add(atom)
                    pending.extend(made.inputs[::-1])
                else:
                    leaves.append(atom)
            known = [atom for atom in leaves if self._level(atom) < 2]
            fresh = [atom for atom in leaves if self._level(atom) == 2]
            rounds = any(atom in maker and maker[atom].primitive.name in _ROUNDS for atom in leaves)
            if len(known) < 2 or not fresh or not rounds or any(a.aval != _like(a, out) for a in leaves):
                continue
            written: list[Equation] = []
            known.sort(key=self._level)
            first, second = _sum_of(fresh, written), _sum_of(known, written)
            written.append(Equation(add, (first, second), {}, (out,), equation.location))
            changed[id(equation)] = written
            changed.update([(id(made), []) for made in adds])
        if changed:
            self.body = [part for e in self.body for part in changed.get(id(e), [e])]
        return bool(changed)

    # -- what is computed after the loop ------------------------------------------------------------------------------

    def _choose_after(self) -> list[Equation]:
        """Divide what depends on the carries in what stays inside (this) and what comes after it (`later`, `sums`)."""
        maker: dict[Atom, Equation] = {var: e for e in self.inside for var in e.outputs}
        self.maker = maker
        self.uses = self._uses()
        self.following: dict[Atom, Atom] = {carry.var: carry.following for carry in self.carries}
        self.adds: dict[Atom, list[Equation]] = {}  # the additions of a sum
        found = {carry.var: self._terms(carry) for carry in self.carries}
        sums: dict[Atom, list[Term]] = {var: terms for var, terms in found.items() if terms is not None}
        pinned: list[Atom] = [a for e in self.inside if has_effect(e) or not runs_together(e) for a in e.outputs]
        stuck = {id(e) for e in self.inside if has_effect(e)}
        pinned += [atom for e in self.inside if has_effect(e) for atom in e.inputs]
        pinned += [carry.following for carry in self.carries if carry.var not in sums]
        staying: set[int] = stuck
        start = self.budget
        while True:
            self._reach(pinned, staying)
            self.budget = start
            summing = {id(e) for terms in sums.values() for term in terms for e in term.path}
            summing |= {id(e) for var in sums for e in self.adds[var]}
            inside = {var for e in self.inside if id(e) in staying for var in e.outputs}
            self.stacked = {self._stack_of(atom) for atom, _ in self.ys if self._stack_of(atom) in inside}
            self.ready: set[Atom] = set()
            self.later = []
            rejected: list[Atom] = []
            for term in [term for terms in sums.values() for term in terms]:
                if all(self._level(a) < 2 or a in inside or a in self.following for a in term.atoms):
                    self._reachable(term.atoms, term.limit)
            for equation in self.inside:
                if id(equation) in staying or id(equation) in summing:
                    continue
                size = new_bytes(equation)
                if (
                    size <= STEP_BYTES
                    and self._reachable(equation.inputs, max(SMALL_BYTES, size))
                    and self._afford(size)
                ):
                    self.later.append(equation)
                    self.ready.update(equation.outputs)
                else:
                    rejected.extend(equation.outputs)
            for var, terms in list(sums.items()):
                if not all(self._reachable(term.atoms, term.limit) for term in terms):
                    del sums[var]
                    rejected.append(self.following[var])
            if not rejected:
                break
            pinned = rejected
        self.sums = sums
        return [e for e in self.inside if id(e) in staying]

    def _reach(self, atoms: Iterable[Atom], staying: set[int]) -> None:
        """Let stay inside what these atoms are computed from."""
        pending = list(atoms)
        while pending:
            made = self.maker.get(pending.pop())
            if made is not None and id(made) not in staying:
                staying.add(id(made))
                pending.extend(made.inputs)

    def _stack_of(self, atom: Atom) -> Atom:
        """The value whose stack is at hand, or gives it: for a carry as it comes in, the one that went out."""
        following = self.following.get(atom, atom)
        return atom if following in self.following else following

    def _reachable(self, atoms: Sequence[Atom], limit: int) -> bool:
        """Whether these values are at hand after the loop, if need be from new stacks of rows of `limit` bytes."""
        needed = {
            stack
            for atom in atoms
            if self._level(atom) == 2
            and (stack := self._stack_of(atom)) not in self.stacked
            and stack not in self.ready
            and self._level(stack) == 2
        }
        size = sum([atom.aval.nbytes for atom in needed])
        if size > limit or not self._afford(size):
            return False
        self.stacked |= needed
        return True

    def _terms(self, carry: Carry) -> list[Term] | None:
        """What each step adds to a carry that is nothing but a sum; None for another."""
        aval = carry.var.aval
        if aval.dtype.kind not in "fc" or self.uses.get(carry.var) != 1 or self.uses.get(carry.following) != 1:
            return None
        found, adds, terms = False, [], []
        pending: list[tuple[Atom, bool]] = [(carry.following, False)]
        while pending:
            atom, minus = pending.pop()
            if atom is carry.var:
                if minus:
                    return None
                found = True
                continue
            made = self.maker.get(atom)
            if made is not None and made.primitive in (add, sub) and self.uses[atom] == 1 and atom.aval == aval:
                adds.append(made)
                x, y = made.inputs
                pending.append((y, minus != (made.primitive is sub)))
                pending.append((x, minus))
            elif atom.aval.dtype == aval.dtype:
                terms.append(self._term(atom, minus))
            else:
                return None
        if not found or not adds:
            return None
        self.adds[carry.var] = adds
        return terms

    def _term(self, atom: Atom, minus: bool) -> Term:
        """A term with the linear operations that may as well be done on its sum."""
        path: list[Equation] = []
        while True:
            made = self.maker.get(atom)
            if made is None or self.uses[atom] != 1:
                break
            if made.primitive is dot_general_p:
                path.append(made)
                return Term(atom, minus, path, made.inputs, STACK_BYTES)
            if made.primitive.name not in _LINEAR:
                break
            path.append(made)
            atom = made.inputs[0]
        return Term(atom, minus, path, (atom,), SMALL_BYTES)

    # -- what is written ----------------------------------------------------------------------------------------------

    def _write(self, inside: list[Equation]) -> list[Equation]:
        program = self.program
        later, sums = self.later, self.sums
        carries = [carry for carry in self.carries if carry.var not in sums]
        ends = [carry for carry in self.carries if carry.var in sums]
        for equation in self.once:
            self.before.copy(equation, self.outer)
        stays = {var for e in inside for var in e.outputs} | {carry.var for carry in carries}
        passed = {carry.var for carry in carries if self.splits and self._stack_of(carry.var) is not carry.var}
        # after the loop: the results that are not stacked in it, and what they need
        of_loop = [(atom, out) for atom, out in self.ys if not self.splits or (atom in stays and atom not in passed)]
        stacked_inside = {out for _, out in of_loop}
        made_after = [(atom, out) for atom, out in self.ys if out not in stacked_inside]
        asked = [atom for e in later for atom in e.inputs] + [atom for atom, _ in made_after]
        asked += [atom for terms in sums.values() for term in terms for atom in term.atoms]
        needed = [atom for atom in dict.fromkeys(asked) if isinstance(atom, Var)]
        shifted = [carry for carry in carries if carry.var in passed and carry.var in needed]
        needed += [carry.following for carry in shifted if isinstance(carry.following, Var)]
        in_loop = [atom for e in inside for atom in e.inputs] + [carry.following for carry in carries]
        used = dict.fromkeys([*in_loop, *[atom for atom, _ in of_loop]])
        self._write_before([atom for atom in [*used, *needed] if isinstance(atom, Var) and self.level[atom] == 1])
        stacked: dict[Atom, Var] = {}
        for atom, out in of_loop:
            if atom in stacked:
                program.names[out] = stacked[atom]
            else:
                stacked[atom] = out
        for var in needed:
            if var in stays and var not in passed and var not in stacked:
                stacked[var] = Var(Aval((self.length or 0, *var.aval.shape), var.aval.dtype))
        loop = []
        if carries or stacked or any(has_effect(e) for e in inside):
            loop = [self._loop(inside, carries, stacked, used)]
        if made_after or ends:
            self._write_after(later, made_after, ends, sums, shifted, needed, stacked)
        return [*self.before.equations, *loop, *self.after.equations]

    def _write_before(self, atoms: Sequence[Var]) -> None:
        """The stacks of what follows from the steps' inputs alone."""
        wanted = [atom for atom in dict.fromkeys(atoms) if atom not in self.outer]
        if not wanted:
            return
        needed: set[Atom] = set(wanted)
        equations = []
        for equation in reversed(self.together):
            if any(var in needed for var in equation.outputs):
                equations.append(equation)
                needed.update(equation.inputs)
        equations.reverse()
        made = {var for e in equations for var in e.outputs}
        sources = [atom for e in equations for atom in e.inputs if isinstance(atom, Var) and atom not in made]
        sources = list(dict.fromkeys(sources))
        dims = [0 if self.level[atom] else None for atom in sources]

        def run(*values: Any) -> list[Any]:
            batch = AllSteps(self.length or 0, sources, values, dims)
            batch.run(equations)
            return [batch.stack(atom) for atom in wanted]

        self.outer.update(zip(wanted, self.before.run(run, [self.outer[atom] for atom in sources]), strict=True))

    def _loop(
        self, inside: list[Equation], carries: list[Carry], stacked: dict[Atom, Var], used: dict[Atom, None]
    ) -> Equation:
        consts = [atom for atom, level in self.level.items() if level == 0 and atom in used and isinstance(atom, Var)]
        rows = [atom for atom, level in self.level.items() if level == 1 and atom in used and isinstance(atom, Var)]
        jaxpr = Jaxpr(
            (),
            [*consts, *[carry.var for carry in carries], *rows],
            inside,
            [*[carry.following for carry in carries], *stacked],
        )
        params = {
            **self.equation.params,
            "jaxpr": ClosedJaxpr(jaxpr, ()),
            "num_consts": len(consts),
            "num_carry": len(carries),
        }
        outer = [self.outer[atom] for atom in consts], [carry.init for carry in carries], [self.outer[a] for a in rows]
        operands = (*self.steps, *outer[0], *outer[1], *outer[2])
        outputs = (*[carry.result for carry in carries], *stacked.values())
        return Equation(self.equation.primitive, operands, params, outputs, self.equation.location)

    def _write_after(
        self,
        later: list[Equation],
        made_after: list[tuple[Atom, Var]],
        ends: list[Carry],
        sums: dict[Atom, list[Term]],
        shifted: list[Carry],
        asked: Sequence[Atom],
        stacked: dict[Atom, Var],
    ) -> None:
        length, reverse, program = self.length or 0, self.reverse, self.program
        given: dict[Atom, tuple[Atom, int | None]] = {}  # atom inside → atom outside, its axis of steps
        for atom in asked:
            if atom in stacked:
                given[atom] = stacked[atom], 0
            elif atom in self.outer:
                given[atom] = self.outer[atom], 0 if self.level[atom] else None
        inits = [self.after.as_type(carry.init, carry.var.aval) for carry in (*shifted, *ends)]
        sources = list(given)

        def run(*args: Any) -> list[Any]:
            values, first = args[: len(sources)], args[len(sources) :]
            batch = AllSteps(length, sources, values, [dim for _, dim in given.values()])
            for carry, init in zip(shifted, first, strict=False):
                batch.env[carry.var] = incoming(init, batch.stack(carry.following), reverse), 0
            batch.run(later)
            results = [batch.stack(atom) for atom, _ in made_after]
            for carry, init in zip(ends, first[len(shifted) :], strict=True):
                results.append(batch.total(carry, init, sums[carry.var], self._is_zero(carry.init)))
            return results

        atoms = self.after.run(run, [*[atom for atom, _ in given.values()], *inits])
        outs = [*[out for _, out in made_after], *[carry.result for carry in ends]]
        for out, atom in zip(outs, atoms, strict=True):
            program.names[out] = self.after.as_type(atom, out.aval)

    def _is_zero(self, atom: Atom) -> bool:
        maker = self.program.made_by.get(atom)
        if maker is not None and maker.primitive.name == "broadcast_in_dim":
            atom = maker.inputs[0]
        return isinstance(atom, Literal) and atom.value == 0


def _like(atom: Atom, out: Var) -> Aval:
    """The aval that a term of a sum should have; a number may be weak."""
    weak = isinstance(atom, Literal) and atom.aval.weak_type and atom.aval.dtype.kind in "fi"
    return atom.aval if weak else Aval(atom.aval.shape, out.aval.dtype)


def _sum_of(atoms: Sequence[Atom], written: list[Equation]) -> Atom:
    total = atoms[0]
    for atom in atoms[1:]:
        out = Var(add.abstract(total.aval, atom.aval))
        written.append(Equation(add, (total, atom), {}, (out,)))
        total = out
    return total


_INT64 = np.dtype(np.int64)
#: Results that are sums of products: a sum with one of them in it may be added up in another order.
_ROUNDS = frozenset({"dot_general", "reduce_sum", "conv_general_dilated"})
#: Operations on one operand that give the same for a sum as the sum of what they give.
_LINEAR = frozenset({"transpose", "reshape", "broadcast_in_dim", "neg", "reduce_sum"})
