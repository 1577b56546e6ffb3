"""Gauss's quadrature of integrands that fall off like exponentials, to the precision of float64."""

from __future__ import annotations

from functools import cache

import numpy as np

CUT = 40.0  # an integral ends where the integrand's exponent has fallen by so much
_NODES = 40


@cache
def nodes() -> tuple[list[float], list[float]]:
    """The nodes of Gauss and Legendre on the interval from 0 to 1, and their weights."""
    places, weights = np.polynomial.legendre.leggauss(_NODES)
    return ((places + 1) / 2).tolist(), (weights / 2).tolist()
