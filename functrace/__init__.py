"""Composable function transforms for NumPy: `grad`, `vjp`, `jvp`, `vmap`, `jit` of ordinary functions of arrays."""

from . import ad_checkpoint, custom_batching, debug, flatten_util, lax, tree, tree_util
from . import numpy as numpy
from .config import config
from .core.aval import ShapeDtypeStruct, float0
from .core.jaxpr import check_jaxpr
from .lazy import submodules
from .transforms.callbacks import io_callback, pure_callback
from .transforms.checkpoint import checkpoint, checkpoint_policies, remat
from .transforms.custom_derivatives import closure_convert, custom_gradient, custom_jvp, custom_vjp
from .transforms.debugging import (
    checking_leaks,
    debug_infs,
    debug_nans,
    disable_jit,
    ensure_compile_time_eval,
    named_call,
    named_scope,
)
from .transforms.derivatives import grad, jvp, linearize, value_and_grad, vjp
from .transforms.jacobians import hessian, hvp, jacfwd, jacobian, jacrev
from .transforms.jet import jet
from .transforms.jit import clear_caches, eval_shape, jit, make_jaxpr
from .transforms.linear_transpose import linear_transpose
from .transforms.vmap import vmap

__version__ = "0.1.0"

__getattr__, __dir__ = submodules(__name__, "nn", "optim", "random", "scipy", "training", "viz")

__all__ = [
    "ShapeDtypeStruct",
    "ad_checkpoint",
    "check_jaxpr",
    "checking_leaks",
    "checkpoint",
    "checkpoint_policies",
    "clear_caches",
    "closure_convert",
    "config",
    "custom_batching",
    "custom_gradient",
    "custom_jvp",
    "custom_vjp",
    "debug",
    "debug_infs",
    "debug_nans",
    "disable_jit",
    "ensure_compile_time_eval",
    "eval_shape",
    "flatten_util",
    "float0",
    "grad",
    "hessian",
    "hvp",
    "io_callback",
    "jacfwd",
    "jacobian",
    "jacrev",
    "jet",
    "jit",
    "jvp",
    "lax",
    "linear_transpose",
    "linearize",
    "make_jaxpr",
    "named_call",
    "named_scope",
    "numpy",
    "pure_callback",
    "remat",
    "tree",
    "tree_util",
    "value_and_grad",
    "vjp",
    "vmap",
]
