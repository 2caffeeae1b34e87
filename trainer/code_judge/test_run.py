"""Tests run against stand-ins of a program: the verdict is this process's own.

1: the tests ran to their end, checked something, and the program took part in it. 0: a check
failed, or the program did. None: the tests are to blame, or ask for what only the program's own
process could answer.
"""

import ast
import doctest
import importlib.util
import io
import os
import re
import socket
import sys
import tempfile
import types
import unittest
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any, Final

from trainer.code_judge.checks import (
    COUNTER,
    TestKind,
    counted,
    defines_uncalled_check,
    kind_of,
    replaces_parts,
    used_names,
)
from trainer.code_judge.input_output import Cases, plain
from trainer.code_judge.stand_ins import Program, ProgramError, StandIn, Undecidable

_FUNCTION = re.compile(r"(?m)^\s*(?:async )?def (\w+)")
_MODULE: Final = "memreward_tests"
#: Names that tests use for the module that holds the answer.
_ANSWERS: Final = frozenset(
    {"answer", "candidate", "code", "main", "program", "solution", "submission", "your_module"}
)

_TESTS_FILE: Final = "test_answer.py"
_PYTEST_OPTIONS: Final = (
    "-q",
    "--assert=plain",
    "--rootdir=.",
    "--confcutdir=.",
    "--basetemp=made",
    *("-p", "no:cacheprovider"),
    *("-c", "/dev/null"),
)

Verdict = tuple[float | None, str]


class _TestsFault(Exception):
    """The tests themselves cannot be run."""


class _Checked:
    """Counts checks, and gives their values back."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, value: Any) -> Any:
        self.count += 1
        return value


def judge(
    tests: str | Cases,
    query: str,
    entry_point: str,
    channel: socket.socket,
    waiting: memoryview,
) -> Verdict:
    """Run tests against the program at the other end of a channel.

    Args:
        tests: Python, doctest, or pairs of arguments and results.
        query: names the function where `entry_point` does not.
        entry_point: function that HumanEval's `check(candidate)` is given; "": not told.
        channel: to the program.
        waiting: one byte, 1 while the program is waited for.
    """
    try:
        program = Program(channel, waiting)
        if isinstance(tests, Cases):
            return _pairs(program, tests)
        return _python(program, tests, query, entry_point)
    except ProgramError as error:
        return 0.0, str(error)[:300]
    except _TestsFault as error:
        return None, str(error)[:300]
    except Undecidable as error:
        return None, (
            f"{error}, which could be talked into a yes: such tests need the program's own "
            "process, and that is off"
        )


def _pairs(program: Program, cases: Cases) -> Verdict:
    """Call a function, or the method of a class Solution, with each input."""
    assert cases.function is not None
    target = program.names.get(cases.function)
    if not isinstance(target, StandIn):
        if not isinstance(solution := program.names.get("Solution"), StandIn):
            return 0.0, f"the program defines no {cases.function}"
        target = getattr(solution(), cases.function)
    for args, expected in cases.pairs:
        try:
            value = target(*args)
        except ProgramError:
            raise
        except Exception as error:
            return 0.0, _said(error)
        if plain(value) != plain(expected):
            return 0.0, f"{cases.function} gives another result"
    return (1.0, "the tests pass") if cases.pairs else (None, "there are no tests")


def _python(program: Program, tests: str, query: str, entry_point: str) -> Verdict:
    checked = _Checked()
    try:
        tree = ast.parse(tests)
    except (SyntaxError, ValueError, RecursionError) as error:
        if ">>>" in tests:
            return _doctest(program, tests)
        raise _TestsFault(f"the tests are no Python: {error}") from error
    if ">>>" in tests and all(isinstance(s, ast.Expr) for s in tree.body):
        return _doctest(program, tests)
    if replaces_parts(tree):
        raise Undecidable("the tests replace parts of the program")
    _provide(tree, program)
    names = {**program.names, COUNTER: checked, "__name__": _MODULE}
    used = used_names(tree) & program.names.keys()
    data = {name for name in used if not isinstance(program.names[name], StandIn)}
    with redirect_stdout(io.StringIO()):
        kind = kind_of(tree)
        check = defines_uncalled_check(tree)
        if kind is TestKind.PYTEST:
            found = _pytest(counted(tree), names)
        elif kind is TestKind.UNITTEST:
            found = _unittest(counted(tree), names)
        else:
            found = _statements(counted(tree), names)
            if found[0] == 1.0 and check:
                found = _humaneval(program, names, query, entry_point)
    if found[0] == 1.0 and not (checked.count and (program.calls or data)):
        return None, "the tests check nothing of the program"
    return found


def _provide(tree: ast.Module, program: Program) -> None:
    """Let the tests import the program under whatever name they know it by.

    Raises:
        _TestsFault: if they import something else that is not installed.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            wanted = {alias.name for alias in node.names} - {"*"}
            modules = [node.module]
        elif isinstance(node, ast.Import):
            wanted, modules = set[str](), [alias.name for alias in node.names]
        else:
            continue
        for name in modules:
            if name in sys.modules or _installed(name):
                continue
            known = name in _ANSWERS or (wanted and wanted <= program.names.keys())
            if not known or "." in name:
                raise _TestsFault(f"the tests import {name}, which is not installed")
            module = types.ModuleType(name)
            module.__dict__.update(program.names)
            sys.modules[name] = module


def _installed(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        return False


def _statements(tree: ast.Module, names: dict[str, Any]) -> Verdict:
    try:
        exec(compile(tree, "tests.py", "exec"), names)
    except (ProgramError, KeyboardInterrupt):
        raise
    except SystemExit as error:
        raise _TestsFault("the tests end their process before their end") from error
    except Exception as error:
        return 0.0, _said(error)
    return 1.0, "the tests pass"


def _humaneval(program: Program, names: dict[str, Any], query: str, entry_point: str) -> Verdict:
    functions = [n for n, value in program.names.items() if isinstance(value, StandIn)]
    asked = [name for name in _FUNCTION.findall(query) if name in functions]
    name = entry_point or (asked[-1] if asked else functions[0] if len(functions) == 1 else "")
    if not name:
        raise _TestsFault("nothing says which function `check` is to be given: add `entry_point`")
    if name not in program.names:
        return 0.0, f"the program defines no {name}"
    try:
        names["check"](program.names[name])
    except (ProgramError, KeyboardInterrupt):
        raise
    except SystemExit as error:
        raise _TestsFault("the tests end their process before their end") from error
    except Exception as error:
        return 0.0, _said(error)
    return 1.0, "the tests pass"


def _unittest(tree: ast.Module, names: dict[str, Any]) -> Verdict:
    module = types.ModuleType(_MODULE)
    module.__dict__.update(names)
    sys.modules[_MODULE] = module
    found = _statements(_without_main(tree), module.__dict__)
    if found[0] != 1.0:
        return found
    suite = unittest.defaultTestLoader.loadTestsFromModule(module)
    result = unittest.TestResult(stream=None)
    suite.run(result)
    if result.errors or result.failures or result.unexpectedSuccesses:
        broken = [*result.failures, *result.errors]
        return 0.0, broken[0][1].strip().rpartition("\n")[2] if broken else "unexpected success"
    if result.testsRun <= len(result.skipped):
        raise _TestsFault("there are no tests, or all are skipped")
    return 1.0, "the tests pass"


def _without_main(tree: ast.Module) -> ast.Module:
    """Without `unittest.main()`, which ends the process."""
    tree.body = [s for s in tree.body if "unittest" not in ast.dump(s) or not _is_main(s)]
    return tree


def _is_main(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and "'main'" in ast.dump(statement)


def _pytest(tree: ast.Module, names: dict[str, Any]) -> Verdict:
    try:
        import pytest
    except ImportError as error:
        raise _TestsFault("these tests need pytest: install it") from error

    module = types.ModuleType("memreward_names")
    module.__dict__.update(names)
    module.__dict__["__all__"] = [name for name in names if name != "__name__"]
    sys.modules["memreward_names"] = module
    Path(_TESTS_FILE).write_text(
        "from memreward_names import *\n" + ast.unparse(tree), encoding="utf-8"
    )
    outcome = _Outcomes()
    tempfile.tempdir = str(Path.cwd())
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    code = pytest.main(
        [*_PYTEST_OPTIONS, _TESTS_FILE],
        plugins=[outcome],
    )
    for error in outcome.errors:
        if isinstance(error, Undecidable | ProgramError | SystemExit):
            raise error if not isinstance(error, SystemExit) else _TestsFault("the tests exit")
    if code == pytest.ExitCode.TESTS_FAILED or (outcome.errors and outcome.passed == 0):
        return 0.0, _said(outcome.errors[0]) if outcome.errors else "a test fails"
    if code != pytest.ExitCode.OK or not outcome.passed:
        raise _TestsFault("there are no tests, or all are skipped")
    return 1.0, "the tests pass"


class _Outcomes:
    """A plugin of pytest that keeps what happened."""

    def __init__(self) -> None:
        self.passed = 0
        self.errors: list[BaseException] = []

    def pytest_collection(self, session: Any) -> bool:
        """Collect the one file, without a look at the folders above it, which are closed."""
        import pytest

        module = pytest.Module.from_parent(session, path=Path.cwd() / _TESTS_FILE)
        session.items = list(session.genitems(module))
        session.testscollected = len(session.items)
        return True

    def pytest_exception_interact(self, call: Any) -> None:
        self.errors.append(call.excinfo.value)

    def pytest_runtest_logreport(self, report: Any) -> None:
        self.passed += report.when == "call" and report.passed


def _doctest(program: Program, tests: str) -> Verdict:
    try:
        test = doctest.DocTestParser().get_doctest(tests, dict(program.names), "tests", None, 0)
    except ValueError as error:
        raise _TestsFault(f"the doctest cannot be read: {error}") from error
    if not any(example.want for example in test.examples):
        raise _TestsFault("the tests check nothing of the program")
    told = io.StringIO()
    failed, _ = doctest.DocTestRunner(verbose=False).run(test, out=told.write)
    if failed:
        return 0.0, f"{failed} of {len(test.examples)} examples give another result"
    if not program.calls:
        return None, "the tests check nothing of the program"
    return 1.0, "the tests pass"


def _said(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"[:200]
