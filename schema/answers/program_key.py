"""The key of a program: the same up to the names of its variables, layout, comments, docstrings.

Strings, numbers, what is called and the names of its functions belong to the program. Asserts and
printed examples after its last definition do not.
"""

import ast
import hashlib
import re
from functools import lru_cache
from typing import Any

from schema.answers.code import parse_code

_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_SKIPPED = frozenset(("ctx", "type_comment", "annotation", "returns", "type_ignores", "kind"))
_BODIES = frozenset(("body", "orelse", "finalbody"))
_READS = re.compile(r"\binput\s*\(|\bstdin\b|\bargv\b")


def code_key(text: str) -> str | None:
    """`code:<hash>` of the normalised syntax tree of the code in `text`, or None."""
    tree = parse_code(text)
    if tree is None or not tree.body:
        return None
    try:
        writer = _Writer(tree)
        writer.body(_without_examples(tree, reads=_READS.search(text) is not None))
    except RecursionError:
        return None
    written = "\x1f".join(writer.parts).encode("utf-8", "backslashreplace")
    return "code:" + hashlib.blake2b(written, digest_size=12).hexdigest()


def _without_examples(tree: ast.Module, *, reads: bool) -> list[ast.stmt]:
    """The statements of a module without the asserts and the examples that follow its solution.

    A program that `reads` what it is given is its top statements: it keeps them all.
    """
    body = [statement for statement in tree.body if not _is_bare_constant(statement)]
    definitions = [place for place, one in enumerate(body) if isinstance(one, _DEFINITIONS)]
    if not definitions:
        return body
    if reads:
        return body
    last = definitions[-1] + 1
    return body[:last] + [one for one in body[last:] if not _is_example(one)]


def _is_example(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.Assert):
        return True
    if isinstance(statement, ast.If):
        test = statement.test
        return (
            isinstance(test, ast.Compare)
            and isinstance(test.left, ast.Name)
            and (test.left.id == "__name__")
        )
    if not isinstance(statement, ast.Expr) or not isinstance(statement.value, ast.Call):
        return False
    called = statement.value.func
    return isinstance(called, ast.Name) and called.id == "print"


def _is_bare_constant(statement: ast.AST) -> bool:
    """Whether a statement is a docstring or another constant that does nothing."""
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


@lru_cache(maxsize=1_024)
def _fields_of(kind: type[ast.AST]) -> tuple[str, ...]:
    return tuple(field for field in kind._fields if field not in _SKIPPED)


def _stored_names(tree: ast.Module) -> set[str]:
    """Names of the arguments and of the variables that are assigned."""
    names: set[str] = set()
    rest: list[object] = [tree]
    while rest:
        node = rest.pop()
        if isinstance(node, list):
            rest.extend(node)
        elif isinstance(node, ast.Name):
            if type(node.ctx) is ast.Store:
                names.add(node.id)
        elif isinstance(node, ast.arg):
            names.add(node.arg)
        elif isinstance(node, ast.AST):
            rest.extend(
                value for value in node.__dict__.values() if isinstance(value, ast.AST | list)
            )
    return names


class _Writer:
    """Writes a syntax tree as parts, own names replaced by the order in which they appear."""

    def __init__(self, tree: ast.Module) -> None:
        self.parts: list[str] = []
        self.names: dict[str, str] = {}
        kept = {one.name for one in tree.body if isinstance(one, _DEFINITIONS)}
        self.own = _stored_names(tree) - kept

    def body(self, statements: list[ast.stmt]) -> None:
        """Write statements, those that do nothing left out."""
        self.parts.append("[")
        for statement in statements:
            if not _is_bare_constant(statement):
                self._node(statement)
        self.parts.append("]")

    def _node(self, node: ast.AST) -> None:
        parts = self.parts
        if isinstance(node, ast.Constant):
            parts.append(f"constant {type(node.value).__name__} {node.value!r}")
            return
        if isinstance(node, ast.Name):
            parts.append(self._name(node.id))
            return
        kind = type(node)
        parts.append(kind.__name__)
        for field in _fields_of(kind):
            value = getattr(node, field, None)
            if isinstance(value, ast.AST):
                self._node(value)
            elif isinstance(value, list):
                self._list(field, value)
            elif isinstance(value, str):
                parts.append(value if field == "attr" else self._name(value))
            else:
                parts.append(repr(value))
        parts.append(")")

    def _list(self, field: str, values: list[Any]) -> None:
        if field in _BODIES:
            self.body(values)
            return
        self.parts.append(f"[{len(values)}")
        for item in values:
            if isinstance(item, ast.AST):
                self._node(item)
            else:
                self.parts.append(self._name(item) if isinstance(item, str) else repr(item))

    def _name(self, name: str) -> str:
        if name not in self.own:
            return name
        return self.names.setdefault(name, f"v{len(self.names)}")
