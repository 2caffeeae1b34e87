"""How one answer is checked, by its kind; runs in a confined process that is thrown away.

Each function returns (reward, reason); a reward of None means that nothing could be decided. What
they raise becomes such a verdict too.
"""

import json
import re
import runpy
import sys
import warnings
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from schema.answers import chosen_option, last_boxed, last_number, options_of, value_key
from schema.task import Check, VerifierKind

#: A scorer of reasoning-gym gives parts of 1 to answers that hold the right one among others.
RIGHT_FROM: Final = 0.99
#: Longest answer that a parser of mathematics or a scorer is given, characters.
LONGEST: Final = 20_000

Verdict = tuple[float | None, str]
_LEAD: Final = re.compile(
    r"^\**(?:(?:so|thus|therefore|hence),?\s+)?(?:the\s+)?(?:final\s+)?(?:answer|result)"
    r"\s*(?:is|:|=)\s*:?\**\s*",
    re.IGNORECASE,
)


def preload(kind: VerifierKind) -> None:
    """Import what the verdicts of a kind need, so that it need not be done for each."""
    if kind is VerifierKind.GYM:
        from trainer.tasks import gym  # noqa: F401
    elif kind is VerifierKind.MATH:
        import math_verify  # noqa: F401
    elif kind is VerifierKind.CODE:
        with suppress(ImportError):
            import pytest  # noqa: F401


def verdict(query: str, thinking: str, answer: str, check: Check) -> Verdict:
    """Check one answer."""
    if len(answer) > LONGEST:
        return 0.0, f"an answer of {len(answer)} characters"
    if check.kind is VerifierKind.MATH:
        return _math(thinking, answer, check)
    if check.kind is VerifierKind.OPTIONS:
        return _options(query, thinking, answer, check)
    return _gym(answer, check)


def plain_answer(answer: str) -> str:
    """An answer without what often surrounds it: a box, a lead-in, dollars, bold, a full stop."""
    boxed, _ = last_boxed(answer)
    text = answer if boxed is None else boxed
    text = _LEAD.sub("", text.strip())
    return text.strip().strip("$*` ").removesuffix(".").strip()


def _math(thinking: str, answer: str, check: Check) -> Verdict:
    from math_verify import parse, verify

    expected = value_key(check.gold, "")
    if expected is not None and value_key(answer[-4000:], thinking[-4000:]) == expected:
        return 1.0, "the same value"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Of odd escapes in what the policy wrote.
        gold = check.gold if "$" in check.gold or "\\boxed" in check.gold else f"${check.gold}$"
        # No deadline of its own, which would need signals: the process has one.
        golds = parse(gold, parsing_timeout=0, raise_on_error=True)
        if not golds:
            return None, f"the expected answer {check.gold[:80]!r} cannot be read"
        given = parse(answer, parsing_timeout=0, raise_on_error=True)
        equal = verify(golds, given, timeout_seconds=None, raise_on_error=True)
    return (1.0, "math-verify: equal") if equal else (0.0, "math-verify: not equal")


def _options(query: str, thinking: str, answer: str, check: Check) -> Verdict:
    options = options_of(query)
    gold = check.gold.strip().strip("().").upper()
    if gold not in {letter for letter, _ in options}:
        return None, f"the expected option {check.gold[:80]!r} is not among the query's"
    chosen = chosen_option(options, answer) or chosen_option(options, thinking[-300:])
    return (1.0 if chosen == gold else 0.0), f"option {chosen}"


def _gym(answer: str, check: Check) -> Verdict:
    from trainer.tasks import gym

    settings = json.loads(check.settings or "{}")
    if check.index >= 0:
        made = gym.entry(check.family, settings, check.seed, check.index)
        if made.answer != check.gold:
            return None, "this version of reasoning-gym makes another task of the same seed"

    def score(text: str) -> float:
        if check.index < 0:
            return gym.score_against(check.family, check.gold, text)
        return gym.score(check.family, settings, check.seed, check.index, text)

    try:
        value = max(score(text) for text in _candidates(answer, check.gold))
    except (ValueError, SyntaxError, TypeError, IndexError, AttributeError) as error:
        if score(check.gold) < RIGHT_FROM:
            raise
        # The scorer knows the right answer, and cannot read this one.
        return 0.0, f"{type(error).__name__}: {error}"
    return (1.0 if value >= RIGHT_FROM else 0.0), f"reasoning-gym: {value:g}"


def _candidates(answer: str, gold: str) -> list[str]:
    """What an answer may mean: itself, and the last number in it where a number is expected."""
    text = plain_answer(answer)
    number = last_number(text) if last_number(gold) == gold.strip() else None
    return [text] if number is None else [text, number]


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
