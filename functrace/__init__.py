"""Composable function transforms for NumPy: `grad`, `vjp`, `jvp`, `vmap`, `jit` of ordinary functions of arrays."""

from . import lax, tree, tree_util
from . import numpy as numpy
from .config import config
from .core.aval import ShapeDtypeStruct, float0
from .core.jaxpr import check_jaxpr
from .transforms.custom_derivatives import closure_convert, custom_gradient, custom_jvp, custom_vjp
from .transforms.derivatives import grad, jvp, linearize, value_and_grad, vjp
from .transforms.jit import clear_caches, eval_shape, jit, make_jaxpr
from .transforms.vmap import vmap

__version__ = "0.1.0"

__all__ = [
    "ShapeDtypeStruct",
    "check_jaxpr",
    "clear_caches",
    "closure_convert",
    "config",
    "custom_gradient",
    "custom_jvp",
    "custom_vjp",
    "eval_shape",
    "float0",
    "grad",
    "jit",
    "jvp",
    "lax",
    "linearize",
    "make_jaxpr",
    "numpy",
    "tree",
    "tree_util",
    "value_and_grad",
    "vjp",
    "vmap",
]
