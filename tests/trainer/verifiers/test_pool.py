"""Verifiers: right from wrong, undecided said so, and nothing of an answer outlives its verdict."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from support.hostile_answers import CHECKS, QUERY, hostile

from memstore.child_process import python_path
from schema.errors import InputError, SettingsError
from schema.rollout import Rollout
from schema.task import Check, VerifierKind
from trainer import sandbox
from trainer.verifiers.generated_tasks import plain_answer
from trainer.verifiers.pool import Verdict, Verifiers


@pytest.fixture(scope="module")
def verifiers() -> Iterator[Verifiers]:
    with Verifiers(run_code=True, deadline_s=60.0) as started:
        yield started


@pytest.fixture(scope="module")
def hasty() -> Iterator[Verifiers]:
    with Verifiers(run_code=True, deadline_s=1.0, workers=1) as started:
        yield started


def rollout(answer: str, thinking: str = "") -> Rollout:
    return Rollout(query=QUERY, answer=answer, thinking=thinking, source_query_id="q", place=0)


def math(gold: str) -> Check:
    return Check(kind=VerifierKind.MATH, gold=gold)


def code(tests: str) -> Check:
    return Check(kind=VerifierKind.CODE, tests=tests)


def gym(family: str, gold: str) -> Check:
    return Check(kind=VerifierKind.GYM, family=family, gold=gold)


#: Takes longer than any deadline to compare.
ENDLESS = "$9^{9^{9^{9}}}$"
OPTION_B = CHECKS[VerifierKind.OPTIONS]
ADD = "```python\ndef add(a, b):\n    return a + b\n```"


@pytest.mark.parametrize(
    ("answer", "check", "reward"),
    [
        (r"\boxed{\frac{1}{2}}", math("0.5"), 1.0),
        ("The answer is $1,234.", math("1234"), 1.0),
        (r"$x = (1 + \sqrt{2})^2$", math(r"$3 + 2\sqrt{2}$"), 1.0),
        ("5", math("4"), 0.0),
        ("no idea", math("4"), 0.0),
        ("(B)", OPTION_B, 1.0),
        ("A", OPTION_B, 0.0),
        (ADD, code("assert add(1, 2) == 3"), 1.0),
        (ADD, code("assert add(1, 2) == 4"), 0.0),
        ("def f(): pass", code("assert missing() == 4"), 0.0),
        ("The answer is 54.", gym("products", "54"), 1.0),
        ("So 6 * 9 is 54, of course.", gym("products", "54"), 1.0),
        ("154", gym("products", "54"), 0.0),
        ("54 or 55", gym("products", "54"), 0.0),
        ("So, the meeting lasted 3:33:04.", gym("time_intervals", "3:33:04"), 1.0),
        ("03:33:04", gym("time_intervals", "3:33:04"), 1.0),
        ("3:33:54", gym("time_intervals", "3:33:04"), 0.0),
        ("\\boxed{21} days", gym("time_intervals", "21 days"), 1.0),
        ("b, a", gym("word_sorting", "a, b"), 0.0),
        ("**a,b**", gym("word_sorting", "a, b"), 1.0),
        ("It has not paid, so it is \u00a354.", gym("products", "54"), 1.0),
        ("Now we write the product of 54 as", gym("products", "54"), 0.0),
        ("We have 6 apples and 54 pears.", gym("products", "54"), 0.0),
        ("54 apples", gym("products", "54"), 1.0),
        ("It is not 54", gym("products", "54"), 0.0),
        ("20 days", gym("time_intervals", "21 days"), 0.0),
        ("a prime, I think", gym("prime_factorization", "2 \u00d7 3"), 0.0),
    ],
)
def test_right_and_wrong(verifiers: Verifiers, answer: str, check: Check, reward: float) -> None:
    assert verifiers.verify([(rollout(answer), check)])[0].reward == reward


@pytest.mark.parametrize(
    ("answer", "check", "reason"),
    [
        ("B", Check(kind=VerifierKind.OPTIONS, gold="E"), "not among the query's"),
        ("def f(): pass", code("assert ("), "no Python"),
        ("3", gym("sorcery", "3"), "no task family"),
        ("9", gym("countdown", "3 * 3"), "cannot tell"),
        ("3", gym("zebra_puzzles", "3"), "needs pycosat"),
        (
            "3",
            Check(kind=VerifierKind.GYM, family="gcd", gold="no", settings="{}", index=0),
            "seed",
        ),
    ],
)
def test_what_cannot_be_decided_is_said(
    verifiers: Verifiers, answer: str, check: Check, reason: str
) -> None:
    verdict = verifiers.verify([(rollout(answer), check)])[0]
    assert verdict.reward is None
    assert reason in verdict.reason


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("import os\nos._exit(0)", "ended"),
        ("import sys\nsys.exit(0)", "SystemExit"),
        ('x = """', "SyntaxError"),
        ("import socket\nsocket.create_connection(('127.0.0.1', 1), 1)", "unreachable"),
        ("open('/etc/passwd')", "PermissionError"),
        ("import os\nassert os.environ.get('HOME') or os.environ.get('USER'), 'bare'", "bare"),
        ("import os\nassert os.listdir('.') != ['answer.py', 'tests.py'][::-1], 1", ""),
    ],
)
def test_a_program_that_does_not_reach_its_tests_has_failed(
    verifiers: Verifiers, answer: str, reason: str
) -> None:
    verdict = verifiers.verify([(rollout(answer), code("assert never_defined"))])[0]
    assert verdict.reward == 0.0
    assert reason in verdict.reason


def test_an_answer_that_does_not_end_is_wrong(hasty: Verifiers) -> None:
    endless = [(rollout("while True: pass"), code("assert f()")), (rollout(ENDLESS), math("3"))]
    assert hasty.verify(endless) == [
        Verdict(reward=0.0, reason="the program: deadline"),
        Verdict(reward=0.0, reason="deadline"),
    ]


def test_an_answer_cannot_change_what_the_next_one_meets(verifiers: Verifiers) -> None:
    poison = "import builtins\nbuiltins.sorted = lambda x: 7\nopen('left', 'w').write('x')"
    poison += "\ndef f(): return 7"
    clean = "import os\ndef f(): return sorted([2])[0] + 7 * os.path.exists('left')"
    asked = [(rollout(poison), code("assert f() == 7")), (rollout(clean), code("assert f() == 2"))]
    assert {verdict.reward for verdict in verifiers.verify(asked * 3)} == {1.0}


def test_an_answer_that_does_not_end_costs_the_others_nothing(hasty: Verifiers) -> None:
    """They share a process until then."""
    answers = ["3", "4", ENDLESS, "3", ENDLESS, "3"]
    found = hasty.verify([(rollout(answer), math("3")) for answer in answers])
    assert [verdict.reward for verdict in found] == [1.0, 0.0, 0.0, 1.0, 0.0, 1.0]
    assert found[2].reason == found[4].reason == "deadline"


def test_a_process_that_cannot_be_confined_decides_nothing_and_says_so() -> None:
    """Not that the program ended, which would fail it."""
    script = (
        "import json\n"
        "from trainer import sandbox\n"
        "from trainer.verifiers import worker as verify_worker\n"
        "def refuse(*_): raise OSError('no Landlock')\n"
        "sandbox.confine = refuse\n"
        f"item = dict(query='', thinking='', answer='3', check={math('3').to_row()!r})\n"
        "print(json.dumps(verify_worker._decide_all([item, item], 60.0)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=os.environ | {"PYTHONPATH": python_path()},
        capture_output=True,
        check=True,
    )
    assert json.loads(done.stdout) == 2 * [{"reward": None, "reason": "OSError: no Landlock"}]


def test_files_where_it_starts_do_not_come_before_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "trainer.py").write_text("raise SystemExit('not ours')\n")
    monkeypatch.chdir(tmp_path)
    with Verifiers() as started_there:
        assert started_there.verify([(rollout("4"), math("4"))])[0].reward == 1.0


def test_verdicts_come_in_order(verifiers: Verifiers) -> None:
    items = [(rollout(str(place)), math(str(place - place % 2))) for place in range(12)]
    assert [verdict.reward for verdict in verifiers.verify(items)] == [1.0, 0.0] * 6


def test_a_worker_that_is_killed_is_replaced(verifiers: Verifiers) -> None:
    items = [(rollout("3"), math("3"))]
    verifiers.verify(items)
    for worker in verifiers._idle[VerifierKind.MATH]:
        os.kill(worker._process.pid, 9)
    lost = [verifiers.verify(items)[0] for _ in range(3)]
    assert lost[-1].reward == 1.0
    assert lost[0] == Verdict(reward=None, reason="the verifier was lost")


def test_code_is_not_run_unless_asked_for() -> None:
    with Verifiers() as verifiers, pytest.raises(InputError, match="--run-code"):
        verifiers.verify([(rollout("x = 1"), code("assert x"))])


def test_where_nothing_protects_files_nothing_is_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "_landlock_version", lambda: -1)
    monkeypatch.setattr(sandbox.os, "geteuid", lambda: 1000)
    with pytest.raises(SettingsError, match="cannot be confined"):
        Verifiers(run_code=True)


@pytest.mark.parametrize(
    ("answer", "plain"),
    [
        (r"So \(\boxed{12}\).", "12"),
        ("**The final answer is:** 54.", "54"),
        ("answer: 2 * 3", "2 * 3"),
        ("['1', '2']", "['1', '2']"),
    ],
)
def test_a_plain_answer(answer: str, plain: str) -> None:
    assert plain_answer(answer) == plain


def is_orphan_of(folder: Path, process: psutil.Process) -> bool:
    """Whether a process has lost its parent, and has the environment of our verifiers, or none."""
    try:
        environment = process.environ()
        of_ours = not environment or environment.get("TMPDIR", "").startswith(str(folder))
        return process.ppid() == 1 and of_ours
    except psutil.Error:
        return False


def traces(folder: Path) -> set[object]:
    """Files and processes that an answer may have left: our descendants, and orphans."""
    files = [*folder.iterdir(), *Path("/tmp").glob("memreward-hostile*")]
    orphans = [process for process in psutil.process_iter() if is_orphan_of(folder, process)]
    return {*files, *psutil.Process().children(recursive=True), *orphans}


def hold_against(
    count: int, deadline_s: float, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`count` hostile answers end, none is right, and nothing of them is left."""
    monkeypatch.setenv("TMPDIR", str(folder))
    before = traces(folder)
    with Verifiers(run_code=True, deadline_s=deadline_s) as verifiers:
        found = verifiers.verify(list(hostile(count)))
    assert len(found) == count
    assert not [place for place, verdict in enumerate(found) if verdict.reward]
    # A machine that is busy otherwise may lose some; they are undecided then.
    assert sum(verdict.reason == "the verifier was lost" for verdict in found) <= count // 10
    assert traces(folder) <= before


def test_hostile_answers_end_and_leave_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hold_against(36, 0.5, tmp_path, monkeypatch)


@pytest.mark.slow
@pytest.mark.timeout(3_600)
def test_a_thousand_hostile_answers_end_and_leave_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hold_against(1_000, 2.0, tmp_path, monkeypatch)
