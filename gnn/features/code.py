"""Code answers: what the syntax tree shows. The code is parsed, never run."""

import ast
import builtins
import math
import re
from functools import lru_cache

from schema.answers import code_of, has_code, parse_code

_ASSERT = re.compile(r"assert\s+(.+)")
_BUILTINS = frozenset(dir(builtins))

NAMES: tuple[str, ...] = (
    "code",
    "parses",
    "defines_asked",
    "arguments_fit",
    "returns",
    "returns_every_path",
    "prints",
    "loops",
    "branches",
    "comprehensions",
    "nested_loops",
    "recursion",
    "imports",
    "undefined_names",
    "missing_imports",
    "log_nodes",
    "definitions",
    "constants_of_example",
    "expected_constant",
    "unused_arguments",
    "type_fits",
    "text_after",
    "single_return",
    "calls_sorted",
    "uses_re",
)


@lru_cache(maxsize=8192)
def asked_call(query: str) -> tuple[str, int, frozenset[object], str] | None:
    """(function, number of arguments, constants, type of the result) of the query's assert."""
    for line in _ASSERT.findall(query):
        try:
            tree = ast.parse(f"assert {line.strip()}")
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue
        calls = [
            n for n in ast.walk(tree) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)
        ]
        calls = [c for c in calls if isinstance(c.func, ast.Name) and c.func.id not in _BUILTINS]
        if calls and isinstance(calls[0].func, ast.Name):
            constants = {n.value for n in ast.walk(tree) if isinstance(n, ast.Constant)}
            statement = tree.body[0]
            test = statement.test if isinstance(statement, ast.Assert) else None
            result = test.comparators[0] if isinstance(test, ast.Compare) else None
            return calls[0].func.id, len(calls[0].args), frozenset(constants), _type(result)
    return None


def code_features(query: str, answer: str) -> list[float]:
    """Values of `NAMES`; all 0 where the answer holds no code."""
    if not has_code(answer):
        return [0.0] * len(NAMES)
    tree = parse_code(answer)
    asked = asked_call(query)
    if tree is None:
        return [1.0, *[0.0] * (len(NAMES) - 1)]
    nodes = list(ast.walk(tree))
    functions = [n for n in nodes if isinstance(n, ast.FunctionDef)]
    main = _main(functions, asked[0] if asked else None)
    named = {
        n.attr if isinstance(n, ast.Attribute) else n.id
        for n in nodes
        if isinstance(n, ast.Attribute | ast.Name)
    }
    constants = {n.value for n in nodes if isinstance(n, ast.Constant)}
    returns = [n for n in nodes if isinstance(n, ast.Return) and n.value is not None]
    loops = [n for n in nodes if isinstance(n, ast.For | ast.While)]
    undefined, missing = _undefined(nodes)
    code = code_of(answer) or ""
    values = {
        "code": 1.0,
        "parses": 1.0,
        "defines_asked": float(bool(asked and main and main.name == asked[0])),
        "arguments_fit": float(bool(asked and main and _fits(main, asked[1]))),
        "returns": float(bool(returns)),
        "returns_every_path": float(bool(main and _always_returns(main.body))),
        "prints": float("print" in named),
        "loops": math.log1p(len(loops)),
        "branches": math.log1p(sum(isinstance(n, ast.If) for n in nodes)),
        "comprehensions": math.log1p(
            sum(
                isinstance(n, ast.ListComp | ast.GeneratorExp | ast.SetComp | ast.DictComp)
                for n in nodes
            )
        ),
        "nested_loops": float(
            any(
                isinstance(inner, ast.For | ast.While) and inner is not loop
                for loop in loops
                for inner in ast.walk(loop)
            )
        ),
        "recursion": float(
            bool(
                main
                and any(
                    isinstance(n, ast.Call)
                    and isinstance(n.func, ast.Name)
                    and n.func.id == main.name
                    for n in ast.walk(main)
                )
            )
        ),
        "imports": math.log1p(sum(isinstance(n, ast.Import | ast.ImportFrom) for n in nodes)),
        "undefined_names": float(undefined),
        "missing_imports": float(missing),
        "log_nodes": math.log1p(len(nodes)),
        "definitions": math.log1p(len(functions)),
        "constants_of_example": len(
            {c for c in constants & (asked[2] if asked else frozenset()) if c not in (0, 1, 2)}
        )
        / 3,
        "expected_constant": float(
            bool(
                asked
                and asked[3] == "str"
                and main
                and any(isinstance(c, str) and c in asked[2] and len(c) > 3 for c in constants)
            )
        ),
        "unused_arguments": _unused(main),
        "type_fits": _type_fits(returns, asked[3] if asked else ""),
        "text_after": math.log1p(max(0, len(answer) - len(code) - 20)),
        "single_return": float(
            bool(main and len(main.body) == 1 and isinstance(main.body[0], ast.Return))
        ),
        "calls_sorted": float("sorted" in named or "sort" in named),
        "uses_re": float("re" in named),
    }
    return [values[name] for name in NAMES]


def _main(functions: list[ast.FunctionDef], asked: str | None) -> ast.FunctionDef | None:
    """The function that is asked for, else the last one."""
    named = [function for function in functions if function.name == asked]
    return (named or functions or [None])[-1]


def _fits(function: ast.FunctionDef, count: int) -> bool:
    """Whether `function` can be called with `count` positional arguments."""
    most = len(function.args.args) + len(function.args.posonlyargs)
    least = most - len(function.args.defaults)
    return least <= count and (count <= most or function.args.vararg is not None)


def _always_returns(body: list[ast.stmt]) -> bool:
    """Whether every way through `body` plainly ends in a return or a raise."""
    if not body:
        return False
    last = body[-1]
    if isinstance(last, ast.If):
        return _always_returns(last.body) and _always_returns(last.orelse)
    if isinstance(last, ast.Try):
        return _always_returns(last.body)
    return isinstance(last, ast.Return | ast.Raise)


def _undefined(nodes: list[ast.AST]) -> tuple[bool, bool]:
    """Whether a name is read that nothing defines, and whether it is used like a module."""
    known: set[str] = set()
    for node in nodes:
        match node:
            case ast.Name(id=name, ctx=ast.Store()) | ast.arg(arg=name):
                known.add(name)
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                known.add(name)
            case ast.alias(name=name, asname=asname):
                known.add((asname or name).split(".")[0])
            case ast.ExceptHandler(name=str(name)):
                known.add(name)
            case _:
                pass
    read = {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}
    lost = read - known - _BUILTINS
    modules = {
        n.value.id for n in nodes if isinstance(n, ast.Attribute) and isinstance(n.value, ast.Name)
    }
    return bool(lost), bool(lost & modules)


def _unused(function: ast.FunctionDef | None) -> float:
    """Share of the arguments that the function never reads."""
    if function is None or not function.args.args:
        return 0.0
    read = {n.id for n in ast.walk(function) if isinstance(n, ast.Name)}
    return sum(a.arg not in read for a in function.args.args) / len(function.args.args)


def _type(node: ast.expr | None) -> str:
    """Rough type of an expression, '' if it does not show."""
    match node:
        case ast.Constant(value=bool()):
            return "bool"
        case ast.Constant(value=int() | float()) | ast.UnaryOp(operand=ast.Constant()):
            return "number"
        case ast.Constant(value=str()) | ast.JoinedStr():
            return "str"
        case ast.List() | ast.ListComp():
            return "list"
        case ast.Tuple():
            return "tuple"
        case ast.Set() | ast.SetComp():
            return "set"
        case ast.Dict() | ast.DictComp():
            return "dict"
        case ast.Compare() | ast.UnaryOp(op=ast.Not()):
            return "bool"
        case ast.Call(func=ast.Name(id=name)):
            return {
                "len": "number",
                "sum": "number",
                "int": "number",
                "float": "number",
                "round": "number",
                "abs": "number",
                "sorted": "list",
            }.get(name, name if name in ("list", "tuple", "set", "dict", "str", "bool") else "")
        case ast.Call(func=ast.Attribute(attr="join")):
            return "str"
        case _:
            return ""


def _type_fits(returns: list[ast.Return], wanted: str) -> float:
    """1 where a return plainly has the wanted type, -1 where all plain ones have others."""
    shown = [kind for kind in (_type(node.value) for node in returns) if kind]
    if not wanted or not shown:
        return 0.0
    return 1.0 if wanted in shown else -1.0
