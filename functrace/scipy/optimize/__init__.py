"""SciPy's solvers on pytrees, with derivatives from functrace."""

from .minimization import minimize
from .roots import root

__all__ = ["minimize", "root"]
