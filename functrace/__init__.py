"""Composable function transforms for NumPy."""

from . import lax as lax, numpy as numpy, tree as tree, tree_util as tree_util
from .core.aval import ShapeDtypeStruct, float0
from .transforms.derivatives import grad, jvp, linearize, value_and_grad, vjp
from .transforms.jit import clear_caches, eval_shape, jit, make_jaxpr
from .transforms.vmap import vmap
from .transforms.custom_derivatives import closure_convert, custom_gradient, custom_jvp, custom_vjp
