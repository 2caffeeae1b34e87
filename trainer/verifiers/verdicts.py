"""How one answer is checked, by its kind; runs in a confined process that is thrown away.

Each function returns (reward, reason); a reward of None means that nothing could be decided. What
they raise becomes such a verdict too.
"""

import json
import re
import runpy
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from schema.answers import chosen_option, last_boxed, last_number, options_of
from schema.task import Check, VerifierKind

#: A scorer of reasoning-gym gives parts of 1 to answers that are near, or hold the right one.
RIGHT: Final = 1.0
#: Longest answer that a parser of mathematics or a scorer is given, characters.
LONGEST: Final = 20_000

Verdict = tuple[float | None, str]
_LEAD: Final = re.compile(
    r"^\**(?:(?:so|thus|therefore|hence),?\s+)?(?:the\s+)?(?:final\s+)?(?:answer|result)"
    r"\s*(?:is|:|=)\s*:?\**\s*",
    re.IGNORECASE,
)

#: A time, with days where they are said.
_CLOCK: Final = re.compile(r"(?:\d+ days?, )?\b\d{1,3}:\d{2}(?::\d{2}(?:\.\d+)?)?(?![\d:])")
_TIME: Final = re.compile(r"\d:\d\d|\d days?\b")
_BOX: Final = re.compile(r"\\boxed\{([^{}]*)\}")
#: An answer that weighs several things says none of them.
_UNSURE: Final = re.compile(r"\b(?:or|not|neither|nor|either)\b", re.IGNORECASE)


def preload(kind: VerifierKind) -> None:
    """Import what the verdicts of a kind need, so that it need not be done for each."""
    if kind is VerifierKind.GYM:
        from trainer.tasks import gym  # noqa: F401
    elif kind is VerifierKind.MATH:
        from trainer.verifiers import mathematics

        mathematics.same_result("$\\frac{1}{2}$", "0.5")
    elif kind is VerifierKind.CODE:
        with suppress(ImportError):
            import pytest  # noqa: F401


def verdict(query: str, answer: str, check: Check) -> Verdict:
    """Check one answer."""
    if len(answer) > LONGEST:
        return 0.0, f"an answer of {len(answer)} characters"
    if check.kind is VerifierKind.MATH:
        return _math(answer, check)
    if check.kind is VerifierKind.OPTIONS:
        return _options(query, answer, check)
    return _gym(answer, check)


def plain_answer(answer: str) -> str:
    """An answer without what often surrounds it: a box, a lead-in, dollars, bold, a full stop."""
    boxed, _ = last_boxed(answer)
    text = answer if boxed is None else boxed
    text = _LEAD.sub("", text.strip())
    return text.strip().strip("$*` ").removesuffix(".").strip()


def _math(answer: str, check: Check) -> Verdict:
    from trainer.verifiers.mathematics import same_result

    equal = same_result(check.gold, answer)
    return (1.0, "the same result") if equal else (0.0, "another result")


def _options(query: str, answer: str, check: Check) -> Verdict:
    options = options_of(query)
    gold = check.gold.strip().strip("().").upper()
    if gold not in {letter for letter, _ in options}:
        return None, f"the expected option {check.gold[:80]!r} is not among the query's"
    chosen = chosen_option(options, answer)
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

    texts = _candidates(answer, check.gold)
    if check.index < 0 and check.family in gym.BY_THE_LETTER:
        same = _without_zeros(check.gold) in map(_without_zeros, texts)
        return (1.0, "the expected text") if same else (0.0, "another text than expected")
    value = max(map(score, texts))
    return (1.0 if value >= RIGHT else 0.0), f"reasoning-gym: {value:g}"


def _candidates(answer: str, gold: str) -> list[str]:
    """What an answer may mean: itself, and the last time or number in it where one is expected."""
    text = plain_answer(answer)
    if _TIME.search(gold):
        return [text, plain_answer(_BOX.sub(r"\1", answer)), *_CLOCK.findall(text)[-1:]]
    number = last_number(text) if last_number(gold) == gold.strip() else None
    return [text] if number is None or _UNSURE.search(text) else [text, number]


def _without_zeros(text: str) -> str:
    """A time, or any other text, in lower case and without zeros before numbers."""
    return re.sub(r"(?<![\d.:])0+(?=\d)", "", " ".join(text.lower().split()))


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
