"""The key of a program: the same up to the names of its variables, layout, comments, docstrings.

Strings, numbers, what is called and the names of its functions belong to the program. Asserts and
printed examples after its last definition do not.
"""

import ast
import hashlib
import re
from functools import cache, lru_cache
from typing import Any

from schema.answers.code import code_of, parsed_program

_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_SKIPPED = frozenset(("ctx", "type_comment", "annotation", "returns", "type_ignores", "kind"))
_BODIES = frozenset(("body", "orelse", "finalbody"))
_READS = re.compile(r"\b(?:input\s*\(|stdin\b|argv\b)")


def code_key(text: str) -> str | None:
    """`code:<hash>` of the normalised syntax tree of the code in `text`, or None."""
    code = code_of(text)
    return None if code is None else _key(code, _reads(text))


@lru_cache(maxsize=256)
def _key(code: str, reads: bool) -> str | None:
    """The key of a program; answers to one query often give the same."""
    tree = parsed_program(code)
    if tree is None or not tree.body:
        return None
    try:
        parts = _Writer().written(tree, _without_examples(tree, reads=reads))
    except RecursionError:
        return None
    written = "\x1f".join(parts).encode("utf-8", "backslashreplace")
    return "code:" + hashlib.blake2b(written, digest_size=12).hexdigest()


def _reads(text: str) -> bool:
    """Whether a program reads what it is given."""
    named = "input" in text or "stdin" in text or "argv" in text
    return named and _READS.search(text) is not None


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


@cache
def _fields_of(kind: type[ast.AST]) -> tuple[str, ...]:
    return tuple(field for field in kind._fields if field not in _SKIPPED)


class _Writer:
    """Writes a syntax tree as parts, own names replaced by the order in which they appear.

    What the program's own names are is known at the end only: until then every name is written as
    it is, and its place is kept.
    """

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._name_places: list[int] = []
        #: Arguments, and variables that are assigned.
        self._own: set[str] = set()

    def written(self, tree: ast.Module, kept: list[ast.stmt]) -> list[str]:
        """The parts of the statements `kept` of a module; any of its statements may name things."""
        self._body(kept)
        parts, places = self._parts, self._name_places
        if len(kept) < len(tree.body):
            # What is left out may still name what the rest uses.
            self._parts, self._name_places = [], []
            seen = set(kept)
            self._body([one for one in tree.body if one not in seen])
        own = self._own - {one.name for one in tree.body if isinstance(one, _DEFINITIONS)}
        names: dict[str, str] = {}
        for place in places:
            if parts[place] in own:
                parts[place] = names.setdefault(parts[place], f"v{len(names)}")
        return parts

    def _body(self, statements: list[ast.stmt]) -> None:
        """Write statements, those that do nothing left out."""
        self._parts.append("[")
        for statement in statements:
            if not _is_bare_constant(statement):
                self._node(statement)
        self._parts.append("]")

    def _node(self, node: Any) -> None:
        parts, kind = self._parts, type(node)
        if kind is ast.Name:
            if type(node.ctx) is ast.Store:
                self._own.add(node.id)
            self._name_places.append(len(parts))
            parts.append(node.id)
            return
        if kind is ast.Constant:
            parts.append(f"constant {type(node.value).__name__} {node.value!r}")
            return
        if kind is ast.arg:
            self._own.add(node.arg)
        parts.append(kind.__name__)
        for field in _fields_of(kind):
            value = getattr(node, field, None)
            if type(value) is list:
                if field in _BODIES:
                    self._body(value)
                else:
                    self._list(value)
            elif isinstance(value, ast.AST):
                self._node(value)
            elif type(value) is not str:
                parts.append(repr(value))
            else:
                if field != "attr":
                    self._name_places.append(len(parts))
                parts.append(value)
        parts.append(")")

    def _list(self, values: list[Any]) -> None:
        self._parts.append(f"[{len(values)}")
        for item in values:
            if isinstance(item, ast.AST):
                self._node(item)
            elif isinstance(item, str):
                self._name_places.append(len(self._parts))
                self._parts.append(item)
            else:
                self._parts.append(repr(item))
