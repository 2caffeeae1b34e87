"""Tests as syntax: what kind they are, and the same tests with their checks counted."""

import ast
from enum import StrEnum
from typing import Final

#: Stands in the tests for the function that counts a check and gives its value back.
COUNTER: Final = "__memreward_checked__"
#: Modules that replace parts of a program.
_REPLACING: Final = ("unittest.mock", "mock", "pytest_mock")
#: Calls that check something, besides those whose names begin with `assert`.
_CHECKING: Final = frozenset({"raises", "warns", "fail", "deprecated_call"})


class TestKind(StrEnum):
    """How tests are run."""

    STATEMENTS = "statements"
    UNITTEST = "unittest"
    PYTEST = "pytest"


def replaces_parts(tree: ast.Module) -> bool:
    """Whether the tests replace parts of the program, which only its own process allows."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import) and any(a.name in _REPLACING for a in node.names):
            return True
        if isinstance(node, ast.ImportFrom):
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            if node.module in _REPLACING or names & set(_REPLACING):
                return True
        if isinstance(node, ast.arg) and node.arg in ("monkeypatch", "mocker"):
            return True
    return False


def kind_of(tree: ast.Module) -> TestKind:
    """Unittest where a class derives from a TestCase, pytest where functions are named test_."""
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and any("TestCase" in ast.dump(b) for b in node.bases):
            return TestKind.UNITTEST
    called = {
        node.func.id
        for statement in tree.body
        for node in ast.walk(statement)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and not isinstance(statement, ast.FunctionDef)
    }
    for node in tree.body:
        named = getattr(node, "name", "")
        function = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        if function and named.startswith("test") and named not in called:
            return TestKind.PYTEST
        if isinstance(node, ast.ClassDef) and named.startswith("Test"):
            return TestKind.PYTEST
    return TestKind.STATEMENTS


def counted(tree: ast.Module) -> ast.Module:
    """The tests with every check passed through `COUNTER`."""
    return ast.fix_missing_locations(_Counting().visit(tree))


class _Counting(ast.NodeTransformer):
    def visit_Assert(self, node: ast.Assert) -> ast.AST:
        self.generic_visit(node)
        if not isinstance(node.test, ast.Constant | ast.Tuple | ast.JoinedStr):
            node.test = _through_counter(node.test)
        return node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        name = getattr(node.func, "attr", getattr(node.func, "id", ""))
        if name in _CHECKING or name.startswith("assert"):
            return _through_counter(node)
        return node


def _through_counter(value: ast.expr) -> ast.Call:
    return ast.Call(func=ast.Name(id=COUNTER, ctx=ast.Load()), args=[value], keywords=[])


def used_names(tree: ast.Module) -> set[str]:
    """Names that the tests read."""
    return {n.id for n in ast.walk(tree) if isinstance(n, ast.Name)} | {
        alias.name for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) for alias in n.names
    }


def defines_uncalled_check(tree: ast.Module) -> bool:
    """Whether they define HumanEval's `check(candidate)` and do not call it themselves."""
    defined = any(isinstance(n, ast.FunctionDef) and n.name == "check" for n in tree.body)
    calls = (n for s in tree.body if not isinstance(s, ast.FunctionDef) for n in ast.walk(s))
    return defined and not any(
        isinstance(n, ast.Call) and isinstance(n.func, ast.Name) and n.func.id == "check"
        for n in calls
    )
