"""The benchmarks that ``python -m functrace bench`` runs: one module a family of cases.

A module here whose name has no leading underscore, other than `harness`, holds a tuple ``CASES``. To add a case, add
a `harness.Case` to one, or a module with its own ``CASES``: it is found by itself. A contender is a function that
imports its library, prepares what it needs and returns the call to time, which returns what it computed::

    def with_numpy() -> Call:
        x = np.linspace(0, 1, 1000)
        return lambda: np.sin(x)

    CASES = (
        Case(
            name="sine-1000",
            text="the sine of 1000 numbers",
            contenders={"numpy": with_numpy, "functrace-jit": with_functrace_jit},
            targets=(Ratio("functrace-jit", "numpy", at_most=1.2, text="at most 1.2 times NumPy's time"),),
        ),
    )

The first contender is the one whose numbers the others are held to. Each has a process of its own, so its setup is a
function at a module's top level, or a `functools.partial` of one. Where a whole process is what is timed, from its
start to its end, `_processes.process` makes the setup, as in `startup`.

Where the memory of a call is what counts, the case has ``quantity=MEMORY``, as in `memory`. A target for several cases
together is one of the ``joint_targets`` of each, as in `perceptrons`. A case whose calls take seconds says how few
``rounds`` are enough.

A module imports at its top only what every contender needs: a peer that is not installed is skipped, and functrace
itself is only a contender.
"""
