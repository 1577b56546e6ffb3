"""scipy.special's functions, which can be traced: values from SciPy, derivatives from functrace's rules.

On arrays each is SciPy's own function; SciPy's ufuncs called on a traced value find the same rules. Where SciPy is not
installed, those that NumPy alone can serve work all the same: cbrt, cosm1, entr, exp10, exp2, expit, expm1, exprel,
huber, i0, i1, kl_div, log1p, log_expit, log_softmax, logit, logsumexp, pseudo_huber, rel_entr, sinc, softmax, xlog1py
and xlogy. The others raise an error that names the extra.

Examples
--------
>>> import functrace
>>> print(f"{functrace.grad(erf)(0.0):.6f}")
1.128379
"""

from __future__ import annotations

from collections.abc import Callable

from ..numpy import sinc
from .absent import absent
from .special_functions import (
    bernoulli,
    bessel_jn,
    comb,
    factorial,
    lambertw,
    log_softmax,
    logsumexp,
    multigammaln,
    perm,
    polygamma,
    softmax,
    zeta,
)
from .special_ufuncs import FUNCTIONS

globals().update(FUNCTIONS)

__all__ = [
    "bernoulli",
    "bessel_jn",
    "comb",
    "factorial",
    "lambertw",
    "log_softmax",
    "logsumexp",
    "multigammaln",
    "perm",
    "polygamma",
    "sinc",
    "softmax",
    "zeta",
    *FUNCTIONS,
]


#: Of this type, so that type checkers know of the ufuncs, which are put in above.
__getattr__: Callable[[str], Callable] = absent(__name__)
