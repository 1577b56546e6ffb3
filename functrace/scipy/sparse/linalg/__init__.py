"""Iterative solvers of linear systems, differentiated by what they solve and not through their steps."""

from .bicgstab import bicgstab
from .cg import cg
from .gmres import gmres

__all__ = ["bicgstab", "cg", "gmres"]
