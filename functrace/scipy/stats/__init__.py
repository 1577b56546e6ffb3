"""Distributions and statistics that can be differentiated.

A distribution is a module, as ``functrace.scipy.stats.norm``, of functions with SciPy's arguments: `logpdf` and `pdf`
(of discrete ones `logpmf` and `pmf`), `cdf`, `logcdf`, `sf`, `logsf`, `ppf` and `isf` where there is a formula. Values
are SciPy's; single precision stays so. At infinity a density is 0, where some of SciPy's are NaN.

Examples
--------
>>> import functrace, numpy as np
>>> from functrace.scipy.stats import gamma, norm
>>> norm.logpdf(np.array([0.0, 1.0]), 1.0, 2.0).round(4)
array([-1.7371, -1.6121])
>>> round(float(functrace.grad(gamma.cdf, argnums=1)(2.0, 3.0)), 4)  # by the shape
-0.2318
"""

from ...lazy import submodules
from .kernel_density import gaussian_kde
from .samples import ModeResult, mode, rankdata, sem

__all__ = ["ModeResult", "gaussian_kde", "mode", "rankdata", "sem"]

__getattr__, __dir__ = submodules(
    __name__,
    "bernoulli",
    "beta",
    "betabinom",
    "binom",
    "cauchy",
    "chi2",
    "dirichlet",
    "expon",
    "gamma",
    "gennorm",
    "geom",
    "gumbel_l",
    "gumbel_r",
    "laplace",
    "logistic",
    "multinomial",
    "multivariate_normal",
    "nbinom",
    "norm",
    "pareto",
    "poisson",
    "t",
    "truncnorm",
    "uniform",
    "vonmises",
    "wrapcauchy",
)
