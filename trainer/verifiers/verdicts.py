"""How one answer is checked, by its kind; runs in a confined process that is thrown away.

Each function returns (reward, reason); a reward of None means that nothing could be decided. What
they raise becomes such a verdict too.
"""

import runpy
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from schema.answers import chosen_option, concluded_option, options_of
from schema.task import Check, VerifierKind
from trainer.verifiers.generated_tasks import candidates, generated_verdict

#: Longest answer that a parser of mathematics or a scorer is given, characters.
LONGEST: Final = 20_000

Verdict = tuple[float | None, str]


def preload(kind: VerifierKind) -> None:
    """Import what the verdicts of a kind need, so that it need not be done for each.

    One answer is read as well, by which all patterns are compiled.
    """
    if kind is VerifierKind.GYM:
        from trainer.tasks import gym  # noqa: F401

        candidates("The answer is 54.", "54")
    elif kind is VerifierKind.OPTIONS:
        options = options_of("Which one?\nA. x = 1\nB. the second\nC. the third\nD. both")
        for answer in ("So it is \\(x = 2\\), or the answer.", "(D)", "the second of them"):
            chosen_option(options, answer)
    elif kind is VerifierKind.MATH:
        from trainer.verifiers import mathematics

        mathematics.same_result("$\\frac{1}{2}$", "0.5")
    elif kind is VerifierKind.CODE:
        with suppress(ImportError):
            import pytest  # noqa: F401


def verdict(query: str, thinking: str, answer: str, check: Check) -> Verdict:
    """Check one answer; `thinking`: the end of what comes before it, for options."""
    if len(answer) > LONGEST:
        return 0.0, f"an answer of {len(answer)} characters"
    if check.kind is VerifierKind.MATH:
        return _math(query, answer, check)
    if check.kind is VerifierKind.OPTIONS:
        return _options(query, thinking, answer, check)
    return generated_verdict(answer, check)


def _math(query: str, answer: str, check: Check) -> Verdict:
    from trainer.verifiers.mathematics import same_result

    equal = same_result(check.gold, answer, query)
    return (1.0, "the same result") if equal else (0.0, "another result")


def _options(query: str, thinking: str, answer: str, check: Check) -> Verdict:
    options = options_of(query)
    gold = check.gold.strip().strip("().").upper()
    if gold not in {letter for letter, _ in options}:
        return None, f"the expected option {check.gold[:80]!r} is not among the query's"
    chosen = concluded_option(options, thinking, answer)
    return (1.0 if chosen == gold else 0.0), f"option {chosen}"


def same_process_verdict(code: str, tests: str) -> Verdict:
    """Run a program and then its tests in this process, which has given up everything else.

    The program can change its tests: only for tests that need it, and only where asked for.
    """
    try:
        compile(tests, "tests", "exec")
    except (SyntaxError, ValueError) as error:
        return None, f"the tests are no Python: {error}"
    Path("answer.py").write_text(code, encoding="utf-8", errors="replace")
    Path("tests.py").write_text(tests, encoding="utf-8")
    sys.setrecursionlimit(5_000)
    try:
        names: dict[str, Any] = runpy.run_path("answer.py")
        runpy.run_path("tests.py", init_globals=names)
    except BaseException as error:  # SystemExit too: whatever an answer raises, it has failed.
        return 0.0, f"{type(error).__name__}: {error}"[:200]
    return 1.0, "the tests pass, in the program's own process"
