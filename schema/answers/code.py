"""Code answers: the same program up to names, layout, comments and docstrings has one key.

The code is parsed, never run.
"""

import ast
import hashlib
import re
import warnings
from typing import Final

#: A longer program gets no key: parsing is for answers, not for uploads.
LONGEST_CODE: Final = 20_000

_FENCE = re.compile(r"```[ \t]*(?:python|py|Python)?[ \t]*\n(.*?)(?:```|\Z)", re.DOTALL)
_START = re.compile(r"(?m)^(?:def |class |import |from \w+ import |async def |@)")


def has_code(text: str) -> bool:
    """Whether `text` seems to hold Python code."""
    return "```" in text or _START.search(text) is not None


def code_of(text: str) -> str | None:
    """The Python code in `text`: its last fenced block that defines something, else from `def`."""
    blocks = [block for block in _FENCE.findall(text) if block.strip()]
    defining = [block for block in blocks if "def " in block or "lambda" in block]
    if defining or blocks:
        return (defining or blocks)[-1].strip("\n")
    start = _START.search(text)
    return text[start.start() :].split("```")[0] if start else None


def parse_code(text: str) -> ast.Module | None:
    """Syntax tree of the code in `text`; None when there is none, or it does not parse."""
    code = code_of(text)
    if code is None or len(code) > LONGEST_CODE or "\0" in code:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def code_key(text: str) -> str | None:
    """`code:<hash>` of the normalised syntax tree of the code in `text`, or None."""
    tree = parse_code(text)
    if tree is None or not tree.body:
        return None
    try:
        _without_docstrings(tree)
        parts: list[str] = []
        _Writer(parts).write(tree)
    except RecursionError:
        return None
    return "code:" + hashlib.blake2b("\x1f".join(parts).encode(), digest_size=12).hexdigest()


def _without_docstrings(tree: ast.Module) -> None:
    """Drop docstrings and other bare constants, in place."""
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            kept = [s for s in body if not _is_bare_constant(s)]
            node.body = kept or [ast.Pass()]  # pyright: ignore[reportAttributeAccessIssue]


def _is_bare_constant(statement: ast.AST) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


class _Writer:
    """Writes a syntax tree as parts, own names replaced by the order in which they appear."""

    def __init__(self, parts: list[str]) -> None:
        self.parts = parts
        self.own: dict[str, str] = {}

    def write(self, tree: ast.Module) -> None:
        for node in ast.walk(tree):
            if isinstance(node, ast.arg):
                self._claim(node.arg)
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                self._claim(node.id)
            elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                self._claim(node.name)
        self._node(tree)

    def _claim(self, name: str) -> None:
        self.own.setdefault(name, f"v{len(self.own)}")

    def _node(self, node: ast.AST) -> None:
        self.parts.append(type(node).__name__)
        for field in node._fields:
            if field in ("ctx", "type_comment", "annotation", "returns", "type_ignores", "kind"):
                continue
            self._value(getattr(node, field, None))
        self.parts.append(")")

    def _value(self, value: object) -> None:
        if isinstance(value, ast.AST):
            self._node(value)
        elif isinstance(value, list):
            self.parts.append(f"[{len(value)}")
            for item in value:
                self._value(item)
        elif isinstance(value, str):
            self.parts.append(self.own.get(value, value.encode("utf-8", "replace").decode()))
        else:
            self.parts.append(repr(value))
