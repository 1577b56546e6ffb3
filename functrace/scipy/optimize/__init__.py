"""SciPy's solvers on pytrees, with derivatives from functrace."""

from ..absent import absent
from .minimization import minimize
from .roots import root

__all__ = ["minimize", "root"]

__getattr__ = absent(__name__)
