"""The beta-binomial distribution: binomial, with a probability that is itself beta distributed."""

from ...numpy import floor, log1p
from ..special import betaln
from .distribution import Discrete, Support

_distribution = Discrete(
    __name__,
    "beta-binomial",
    "n a b",
    support=lambda n, a, b: Support(0.0, n, 0.0),
    valid=lambda n, a, b: (n >= 0) & (floor(n) == n) & (a > 0) & (b > 0),
    logpmf=lambda k, n, a, b: (
        betaln(k + a, n - k + b) - betaln(a, b) - log1p(n) - betaln(n - k + 1, k + 1)  # the last two: log C(n, k)
    ),
)
logpmf, pmf = _distribution.densities
