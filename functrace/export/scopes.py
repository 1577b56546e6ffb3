"""The names in a piece of Python that come from outside of it, found and replaced."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


class _Scope(NamedTuple):
    names: set[str]
    is_class: bool


class OuterNames(ast.NodeTransformer):
    """Replaces the names that come from outside; annotations, which are never evaluated, are taken out of functions.

    Parameters
    ----------
    replace
        Gives the expression in place of a name.
    """

    def __init__(self, replace: Callable[[str], ast.expr]) -> None:
        self.replace = replace
        self.scopes: list[_Scope] = []

    def visit_Name(self, node: ast.Name) -> ast.expr:
        if not isinstance(node.ctx, ast.Load) or self._is_bound(node.id):
            return node
        return ast.copy_location(self.replace(node.id), node)

    def _is_bound(self, name: str) -> bool:
        if self.scopes and name in self.scopes[-1].names:
            return True
        return any(name in scope.names and not scope.is_class for scope in self.scopes)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        node.decorator_list = [self.visit(item) for item in node.decorator_list]
        node.returns = None
        self._visit_arguments(node.args)
        self.visit_body(node, bound_names(node.body, node.args))
        return node

    def visit_Lambda(self, node: ast.Lambda) -> ast.Lambda:
        self._visit_arguments(node.args)
        self.scopes.append(_Scope(bound_names([], node.args), False))
        node.body = self.visit(node.body)
        self.scopes.pop()
        return node

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.ClassDef:
        node.decorator_list = [self.visit(item) for item in node.decorator_list]
        node.bases = [self.visit(item) for item in node.bases]
        node.keywords = [self.visit(item) for item in node.keywords]
        self.visit_body(node, bound_names(node.body), is_class=True)
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> Any:
        if node.value is not None:
            node.value = self.visit(node.value)
        if self.scopes and self.scopes[-1].is_class:  # the field of a named tuple or dataclass
            node.annotation = ast.Name("object", ast.Load())
            return node
        return None if node.value is None else ast.Assign([node.target], node.value, lineno=node.lineno)

    def _visit_arguments(self, arguments: ast.arguments) -> None:
        drop_annotations(arguments)
        arguments.defaults = [self.visit(item) for item in arguments.defaults]
        arguments.kw_defaults = [item and self.visit(item) for item in arguments.kw_defaults]

    def _visit_comprehension(self, node: Any) -> Any:
        node.generators[0].iter = self.visit(node.generators[0].iter)  # evaluated outside
        self.scopes.append(_Scope({name for item in node.generators for name in _stored(item.target)}, False))
        for position, item in enumerate(node.generators):
            if position:
                item.iter = self.visit(item.iter)
            item.ifs = [self.visit(condition) for condition in item.ifs]
        for field in ("elt", "key", "value"):
            if hasattr(node, field):
                setattr(node, field, self.visit(getattr(node, field)))
        self.scopes.pop()
        return node

    visit_ListComp = visit_SetComp = visit_DictComp = visit_GeneratorExp = _visit_comprehension

    def visit_body(self, node: Any, names: set[str], is_class: bool = False) -> None:
        """Visit the statements of a function or class, in which these names are its own."""
        self.scopes.append(_Scope(names, is_class))
        body: list[ast.stmt] = []
        for statement in node.body:
            result = self.visit(statement)
            body.extend(result if isinstance(result, list) else [result] if result is not None else [])
        node.body = body or [ast.Pass()]
        self.scopes.pop()


def drop_annotations(arguments: ast.arguments) -> None:
    """Take the annotations out of a function's parameters."""
    rest = [argument for argument in (arguments.vararg, arguments.kwarg) if argument is not None]
    for argument in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, *rest):
        argument.annotation = None


def bound_names(body: Sequence[ast.stmt], arguments: ast.arguments | None = None) -> set[str]:
    """The names that belong to a function or class with this body."""
    names = {node.arg for node in ast.walk(arguments) if isinstance(node, ast.arg)} if arguments is not None else set()
    outer: set[str] = set()
    for node in _in_scope(body):
        if isinstance(node, (ast.Global, ast.Nonlocal)):
            outer.update(node.names)
        names.update(_bound_by(node))
    return names - outer


def _bound_by(node: ast.AST) -> list[str]:
    """The names that a node binds where it stands."""
    match node:
        case ast.Name(ctx=ast.Store() | ast.Del()):
            return [node.id]
        case ast.arg():
            return [node.arg]
        case ast.FunctionDef() | ast.ClassDef():
            return [node.name]
        case ast.Import() | ast.ImportFrom():
            return [(alias.asname or alias.name).split(".")[0] for alias in node.names]
        case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
            return [name]
        case ast.MatchMapping(rest=str(name)):
            return [name]
    return []


def names_inside(node: ast.AST) -> set[str]:
    """The names that are bound anywhere in a definition; its own name is outside."""
    return {name for inner in ast.walk(node) if inner is not node for name in _bound_by(inner)}


def _in_scope(body: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """The nodes of statements, but for what is inside of functions, classes and comprehensions in them."""
    pending = list(body)
    while pending:
        node = pending.pop()
        yield node
        if isinstance(node, _COMPREHENSIONS):
            pending.extend([inner for inner in ast.walk(node) if isinstance(inner, ast.NamedExpr)])
        elif not isinstance(node, _SCOPES):
            pending.extend(ast.iter_child_nodes(node))


def _stored(target: ast.expr) -> set[str]:
    return {node.id for node in ast.walk(target) if isinstance(node, ast.Name)}
