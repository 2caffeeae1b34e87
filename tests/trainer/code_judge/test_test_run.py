"""Tests of every kind, run apart from the program: real processes, real verdicts."""

import json
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from support.hostile_programs import PROGRAMS, TESTS

from schema.rollout import Rollout
from schema.task import Check, VerifierKind
from trainer.verifiers import Verifiers
from trainer.verifiers.pool import Verdict

ADD = "def add(a, b):\n    return a + b"
STACK = (
    "class Stack:\n    def __init__(self): self.kept = []\n"
    "    def push(self, x): self.kept.append(x)\n    def pop(self): return self.kept.pop()\n"
    "    def __len__(self): return len(self.kept)\n"
)
HUMANEVAL = "def check(candidate):\n    assert candidate(1, 2) == 3\n"
UNITTEST = (
    "import unittest\nclass Sums(unittest.TestCase):\n"
    "    def test_one(self):\n        self.assertEqual(add(1, 2), {})\n"
    "if __name__ == '__main__':\n    unittest.main()\n"
)
PYTEST = (
    "import pytest\nfrom solution import add\n"
    "@pytest.mark.parametrize('a, b', [(1, 2), (2, 1)])\n"
    "def test_sum(a, b):\n    assert add(a, b) == {}\n"
    "def test_text(tmp_path):\n    with pytest.raises(TypeError):\n        add(1, 'x')\n"
)


@pytest.fixture(scope="module")
def verifiers() -> Iterator[Verifiers]:
    with Verifiers(run_code=True, deadline_s=20, workers=1) as made:
        yield made


def check(tests: str, entry_point: str = "") -> Check:
    return Check(kind=VerifierKind.CODE, tests=tests, entry_point=entry_point)


def found(verifiers: Verifiers, program: str, tests: Check, query: str = "Add them.") -> Verdict:
    rollout = Rollout(query=query, answer=program, source_query_id="q", place=0)
    return verifiers.verify([(rollout, tests)])[0]


@pytest.mark.parametrize(
    ("program", "tests", "reward"),
    [
        (ADD, "assert add(1, 2) == 3", 1.0),
        (ADD, "assert add(1, 2) == 4", 0.0),
        ("def sum_of(a, b):\n    return a + b", "assert add(1, 2) == 3", 0.0),
        (ADD, UNITTEST.format(3), 1.0),
        (ADD, UNITTEST.format(4), 0.0),
        (ADD, PYTEST.format(3), 1.0),
        (ADD, PYTEST.format(4), 0.0),
        (ADD, ">>> add(1, 2)\n3\n>>> add('a', 'b')\n'ab'\n", 1.0),
        (ADD, ">>> add(1, 2)\n4\n", 0.0),
        ("print(sum(map(int, input().split())))", '{"inputs": ["1 2"], "outputs": ["3\\n"]}', 1.0),
        ("print(sum(map(int, input().split())))", '{"inputs": ["1 2"], "outputs": ["4\\n"]}', 0.0),
        ("print(3)\nraise ValueError", '{"inputs": ["1 2"], "outputs": ["3"]}', 0.0),
        (
            "class Solution:\n    def add(self, a, b): return (a, b)",
            json.dumps({"inputs": [[1, 2]], "outputs": [[1, 2]], "fn_name": "add"}),
            1.0,
        ),
        (
            ADD,
            json.dumps(
                [{"input": "1\n2", "output": "3", "testtype": "functional", "fn_name": "add"}]
            ),
            1.0,
        ),
        ("def turn(x):\n    x.reverse()", "x = [1, 2]\nturn(x)\nassert x == [2, 1]", 1.0),
        (STACK, "s = Stack()\ns.push(4)\nassert len(s) == 1 and s.pop() == 4", 1.0),
        (STACK, "s = Stack()\nassert isinstance(s, Stack) and not s.kept", 1.0),
        ("def twice(f, x):\n    return f(f(x))", "assert twice(lambda x: x + 1, 3) == 5", 1.0),
        ("def count(n):\n    yield from range(n)", "assert list(count(3)) == [0, 1, 2]", 1.0),
        ("import math\ndef root(x): return math.sqrt(x)", "assert math.isclose(root(4), 2)", 1.0),
        ("LIMIT = 7", "assert LIMIT == 7", 1.0),
        (
            "async def add(a, b): return a + b",
            "import asyncio\nasync def one(): assert await add(1, 2) == 3\nasyncio.run(one())",
            1.0,
        ),
        (
            "def greet():\n    print('hi')",
            "import contextlib, io\nsaid = io.StringIO()\n"
            "with contextlib.redirect_stdout(said): greet()\nassert said.getvalue() == 'hi\\n'",
            1.0,
        ),
        (
            "def root(x):\n    if x < 0: raise ValueError('negative')\n    return x",
            "try:\n    root(-1)\n    assert False\nexcept ValueError as e:\n"
            "    assert 'negative' in str(e)",
            1.0,
        ),
        (
            "import numpy as np\ndef f(n): return np.arange(n)",
            "import numpy as np\nassert np.array_equal(f(3), np.array([0, 1, 2]))",
            1.0,
        ),
    ],
)
def test_tests_of_each_kind(verifiers: Verifiers, program: str, tests: str, reward: float) -> None:
    verdict = found(verifiers, program, check(tests))
    assert verdict.reward == reward, verdict.reason


@pytest.mark.parametrize(
    ("tests", "why"),
    [
        ("", "no tests"),
        ("pass", "check nothing"),
        ("add(1, 2)", "check nothing"),
        ("add(1, 2)\nassert True", "check nothing"),
        ("assert 1 + 1 == 2", "check nothing"),
        ("assert (add(1, 2) == 4, 'a tuple is always true')", "check nothing"),
        ("import sys\nsys.exit(0)\nassert add(1, 2) == 3", "before their end"),
        ("raise SystemExit", "before their end"),
        ("assert add(1, 2) ==", "no Python"),
        ("import no_such_library\nassert add(1, 2) == 3", "not installed"),
        ("from unittest.mock import patch\nassert add(1, 2) == 3", "own process"),
        ("def test_one(monkeypatch):\n    assert add(1, 2) == 3", "own process"),
        ("import pytest\n@pytest.mark.skip\ndef test_one():\n    assert add(1, 2) == 3", "skipped"),
        (">>> add(1, 2) and None\n", "check nothing"),
        ('{"inputs": [], "outputs": []}', "no tests"),
    ],
)
def test_tests_that_decide_nothing_are_undecided(
    verifiers: Verifiers, tests: str, why: str
) -> None:
    verdict = found(verifiers, ADD, check(tests))
    assert verdict.reward is None and why in verdict.reason, verdict


def test_objects_of_the_program_are_not_compared_by_it(verifiers: Verifiers) -> None:
    program = "class P:\n    def __eq__(self, other): return True\n    __hash__ = None"
    verdict = found(verifiers, program, check("assert P() == P()"))
    assert verdict.reward is None and "own process" in verdict.reason


@pytest.mark.parametrize(
    ("query", "entry_point", "reward"),
    [("Add.", "add", 1.0), ("def add(a, b):", "", 1.0), ("Add.", "", None), ("Add.", "sub", 0.0)],
)
def test_humaneval_is_told_or_finds_its_function(
    verifiers: Verifiers, query: str, entry_point: str, reward: float | None
) -> None:
    program = ADD + "\ndef other(a):\n    return a"
    assert found(verifiers, program, check(HUMANEVAL, entry_point), query).reward == reward


def test_tests_that_need_the_program_s_process_are_run_there_when_asked_for() -> None:
    tests = check("from unittest.mock import patch\nassert add(1, 2) == 3")
    with Verifiers(run_code=True, same_process=True, workers=1) as verifiers:
        verdict = found(verifiers, ADD, tests)
    assert verdict.reward == 1.0 and "own process" in verdict.reason


def test_who_does_not_end_is_to_blame() -> None:
    with Verifiers(run_code=True, deadline_s=1, workers=1) as verifiers:
        loop = "while True: pass"
        assert found(verifiers, loop, check(TESTS)).reward == 0.0
        assert found(verifiers, f"def add(a, b):\n    {loop}", check(TESTS)).reward == 0.0
        assert found(verifiers, ADD, check(loop)).reward is None
        pairs = check('{"inputs": [""], "outputs": ["1"]}')
        assert found(verifiers, loop, pairs).reward == 0.0


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_hostile_program_gains_nothing(verifiers: Verifiers, name: str) -> None:
    verdict = found(verifiers, PROGRAMS[name], check(TESTS))
    assert verdict.reward == 0.0, verdict


def test_hostile_programs_leave_nothing_behind(tmp_path: Path) -> None:
    before = {process.pid for process in psutil.Process().children(recursive=True)}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMPDIR", str(tmp_path))
        tmp_path.chmod(0o755)
        for parent in tmp_path.parents:
            if parent.stat().st_uid == 0 and parent.name.startswith("pytest"):
                parent.chmod(0o755)
        with Verifiers(run_code=True, deadline_s=3, workers=2) as verifiers:
            items = [
                (Rollout(query="q", answer=p, source_query_id="q", place=i), check(TESTS))
                for i, p in enumerate(PROGRAMS.values())
            ]
            assert {verdict.reward for verdict in verifiers.verify(items)} == {0.0}
    after = {process.pid for process in psutil.Process().children(recursive=True)}
    assert after <= before
    assert not list(tmp_path.iterdir())
