"""All rules by which a program is rewritten."""

from __future__ import annotations

from ..core.primitive import Primitive
from ..lax import elementwise, indexing, log_domain, reduction, shape
from ..lax.dot import dot_general_p
from .algebra import RULES as ALGEBRA
from .contractions import RULES as CONTRACTIONS
from .layouts import RULES as LAYOUTS
from .log_domain import RULES as LOG_DOMAIN
from .reductions import RULES as REDUCTIONS
from .rewriting import Rule

_TABLES = (LOG_DOMAIN, ALGEBRA, LAYOUTS, REDUCTIONS, CONTRACTIONS)
_FAMILIES = (elementwise, indexing, log_domain, reduction, shape)


def _by_primitive() -> dict[Primitive, tuple[Rule, ...]]:
    """The rules of each primitive; one that a user has made is none of these, whatever its name."""
    named = [value for family in _FAMILIES for value in vars(family).values() if isinstance(value, Primitive)]
    return {
        primitive: tuple([rule for table in _TABLES for rule in table.get(primitive.name, [])])
        for primitive in (*named, dot_general_p)
    }


RULES = _by_primitive()
