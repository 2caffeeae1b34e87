"""Answers to generated tasks: exactly right by the task's own scorer, or by the expected text.

A scorer gives parts of 1 to answers that are near the right one, or hold it among others; those are
wrong. Where only the expected answer is known, not the task, many scorers cannot tell.
"""

import json
import re
from typing import Final

from schema.answers import last_number
from schema.task import Check
from schema.values import last_boxed

RIGHT: Final = 1.0
#: Families with one right text, for which any other is wrong.
ONE_TEXT: Final = frozenset(
    {
        *("time_intervals", "calendar_arithmetic", "number_format", "fraction_simplification"),
        *("word_sorting", "number_sorting"),
        *("arc_agi", "rearc", "sudoku", "mini_sudoku", "futoshiki"),
    }
)

_LEAD: Final = re.compile(
    r"^\**(?:(?:so|thus|therefore|hence),?\s+)?(?:the\s+)?(?:final\s+)?(?:answer|result)"
    r"\s*(?:is|:|=)\s*:?\**\s*",
    re.IGNORECASE,
)
_CLOCK: Final = re.compile(r"(?:\d+ days?, )?\b\d{1,3}:\d{2}(?::\d{2}(?:\.\d+)?)?(?![\d:])")
_TIME: Final = re.compile(r"\d:\d\d|\d days?\b")
_BOX: Final = re.compile(r"\\boxed\{([^{}]*)\}")
_NUMBER: Final = re.compile(r"\d[\d,]*(?:\.\d+)?(?:/\d+)?|\\[dt]?frac\{\d+\}\{\d+\}")
_STATED: Final = re.compile(
    r"(?:\b(?:is|are|was|be|equals|gives|has|have|get|gets|appears|occurs|total of)\b|[=\u2248]"
    r"|:(?=[\s*$\\({]*-?[\d,./]+[\s*$.\\)}]*$))(?: (?:about|equal to|only|exactly|a total of))?"
    r"[\s*$£€\\({]*(-?(?:\d[\d,]*(?:\.\d+)?(?:/\d+)?|[dt]?frac\{\d+\}\{\d+\}))"
    r"(?![\d.]*\s*[*+/^=\u00d7\u00f7])"
)
#: A number after such a word is part of the question.
_ASIDE: Final = re.compile(
    r"\b(?:of|in|by|than|from|with|for|between|to)\s+[^\w\s]*\d", re.IGNORECASE
)
#: An answer that weighs several things says none of them.
_UNSURE: Final = re.compile(
    r"\b(?:or|neither|nor|either)\b|\b(?:not|isn't)\s+[^\w\s]*\d", re.IGNORECASE
)


def generated_verdict(answer: str, check: Check) -> tuple[float | None, str]:
    """(reward, reason) of an answer to a task of reasoning-gym; whatever its scorer raises."""
    from trainer.tasks import gym

    texts = candidates(answer, check.gold)
    if check.index >= 0:
        settings = json.loads(check.settings or "{}")
        if gym.entry(check.family, settings, check.seed, check.index).answer != check.gold:
            return None, "this version of reasoning-gym makes another task of the same seed"
        scores = [
            gym.score(check.family, settings, check.seed, check.index, text) for text in texts
        ]
        return _exactly(max(scores))
    gym.require_family(check.family)
    if _plain(check.gold) in map(_plain, texts):
        return 1.0, "the expected text"
    if check.family in ONE_TEXT:
        return 0.0, "another text than expected"
    if gym.score_against(check.family, check.gold, check.gold) < RIGHT:
        return None, f"reasoning-gym's {check.family} cannot tell by the expected answer alone"
    return _exactly(max(gym.score_against(check.family, check.gold, text) for text in texts))


def _exactly(score: float) -> tuple[float, str]:
    return (1.0 if score >= RIGHT else 0.0), f"reasoning-gym: {score:g}"


def candidates(answer: str, gold: str) -> list[str]:
    """What an answer may mean: itself, and the last time or number in it where one is expected."""
    text = plain_answer(answer)
    if _TIME.search(gold):
        return [text, plain_answer(_BOX.sub(r"\1", answer)), *_CLOCK.findall(text)[-1:]]
    number = _said_number(text) if last_number(gold) == gold.strip() else None
    return [text] if number is None else [text, number]


def _said_number(text: str) -> str | None:
    """The number that a text states: `it is 54, of course`, `54 apples`; not `the half of 54`."""
    sentence = text.strip().rpartition("\n")[2]
    if _UNSURE.search(sentence):
        return None
    if stated := _STATED.findall(sentence):
        return last_number(stated[-1])
    numbers = _NUMBER.findall(sentence)
    only = len(numbers) == 1 and not _ASIDE.search(sentence)
    return last_number(sentence) if only or not re.search(r"[^\W\d]{2}", sentence) else None


def plain_answer(answer: str) -> str:
    """An answer without what often surrounds it: a box, a lead-in, dollars, bold, a full stop."""
    boxed, _ = last_boxed(answer)
    text = answer if boxed is None else boxed
    text = _LEAD.sub("", text.strip())
    return text.strip().strip("$*` ").removesuffix(".").strip()


def _plain(text: str) -> str:
    """A text without dollars, spaces after commas, and zeros before numbers."""
    text = re.sub(r",\s*", ",", " ".join(text.replace("$", "").split())).replace("dfrac", "frac")
    return re.sub(r"(?<![\d.:])0+(?=\d)", "", text)
