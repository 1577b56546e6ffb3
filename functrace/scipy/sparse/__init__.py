"""What of SciPy's `sparse` can be differentiated: the iterative solvers of `functrace.scipy.sparse.linalg`."""

from ...lazy import submodules

__getattr__, __dir__ = submodules(__name__, "linalg")
