"""Linear algebra with JAX's names: decompositions, linear systems, and what is made of them.

Matrices stand in the last two axes, all the others are a stack of them: LAPACK is called for the whole stack. Where JAX
gives NaN (a matrix that is not positive definite, a singular one), LAPACK's failure is `numpy.linalg.LinAlgError`.
"""

from .cholesky import cholesky, cholesky_update
from .determinant import det, slogdet
from .eig import eig, eigvals
from .eigh import eigh, eigvalsh
from .exponential import expm, expm_frechet
from .forms import hessenberg, rsf2csf, schur, tridiagonal
from .logarithm import logm
from .lu import lu, lu_pivots_to_permutation, lu_solve
from .pinv import pinv
from .polar import polar
from .products import symmetric_product
from .qr import geqrf, householder_product, ormqr, qr
from .solve import inv, inv_or_nan, solve, triangular_solve
from .svd import svd
from .sylvester import solve_sylvester, sqrtm
from .tridiagonal_systems import tridiagonal_solve

__all__ = [
    "cholesky",
    "cholesky_update",
    "det",
    "eig",
    "eigh",
    "eigvals",
    "eigvalsh",
    "expm",
    "expm_frechet",
    "geqrf",
    "hessenberg",
    "householder_product",
    "inv",
    "inv_or_nan",
    "logm",
    "lu",
    "lu_pivots_to_permutation",
    "lu_solve",
    "ormqr",
    "pinv",
    "polar",
    "qr",
    "rsf2csf",
    "schur",
    "slogdet",
    "solve",
    "solve_sylvester",
    "sqrtm",
    "svd",
    "symmetric_product",
    "triangular_solve",
    "tridiagonal",
    "tridiagonal_solve",
]
