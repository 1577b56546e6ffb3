"""`scipy.linalg`, which can be traced.

NumPy serves all but LU decompositions, Schur forms, pivoted QR decompositions, square roots, logarithms and Sylvester's
equation, for which SciPy is needed. Leading axes are a stack of matrices. Arguments such as `overwrite_a` and
`lapack_driver` are taken and have no effect.
"""

from numpy.linalg import LinAlgError

from ..absent import absent
from .decompositions import (
    cholesky,
    hessenberg,
    lu,
    polar,
    qr,
    qr_multiply,
    rsf2csf,
    schur,
    svd,
    svdvals,
)
from .eigenvalues import eig, eigh, eigh_tridiagonal, eigvals, eigvalsh
from .functions import expm, expm_frechet, funm, logm, sqrtm
from .special_matrices import (
    block_diag,
    circulant,
    companion,
    convolution_matrix,
    dft,
    fiedler,
    fiedler_companion,
    hadamard,
    hankel,
    helmert,
    hilbert,
    invhilbert,
    invpascal,
    leslie,
    pascal,
    toeplitz,
)
from .systems import (
    cho_factor,
    cho_solve,
    det,
    inv,
    lu_factor,
    lu_solve,
    solve,
    solve_sylvester,
    solve_triangular,
)

__all__ = [
    "LinAlgError",
    "block_diag",
    "cho_factor",
    "cho_solve",
    "cholesky",
    "circulant",
    "companion",
    "convolution_matrix",
    "det",
    "dft",
    "eig",
    "eigh",
    "eigh_tridiagonal",
    "eigvals",
    "eigvalsh",
    "expm",
    "expm_frechet",
    "fiedler",
    "fiedler_companion",
    "funm",
    "hadamard",
    "hankel",
    "helmert",
    "hessenberg",
    "hilbert",
    "inv",
    "invhilbert",
    "invpascal",
    "leslie",
    "logm",
    "lu",
    "lu_factor",
    "lu_solve",
    "pascal",
    "polar",
    "qr",
    "qr_multiply",
    "rsf2csf",
    "schur",
    "solve",
    "solve_sylvester",
    "solve_triangular",
    "sqrtm",
    "svd",
    "svdvals",
    "toeplitz",
]

__getattr__ = absent(__name__)
