"""What a rollout's own text shows about its correctness, without labels or other rollouts.

The strongest of these: whether the arithmetic it states holds (`gnn.features.arithmetic`).
"""

import math
import re
import zlib

from gnn.features.arithmetic import numbers_in, query_value, statements
from schema.answers import plain_expression

_WORD = re.compile(r"\w+")
_HEDGE = re.compile(
    r"\b(?:cannot|can't|not enough|impossible|unable|unclear|sorry|however|wait|incorrect|mistake"
    r"|assum\w+|approximately)\b",
    re.I,
)
#: Longest text that is looked at, from its end.
LONGEST = 8000


def text_features(query: str, thinking: str, answer: str, key: str | None) -> dict[str, float]:
    """Features of one rollout's texts; `key` is its conclusion's key.

    Returns:
        Finite values by name; always the same names in the same order.
    """
    thinking, answer, query = thinking[-LONGEST:], answer[-LONGEST:], query[-LONGEST:]
    whole = f"{thinking}\n{answer}"
    kind, _, value = (key or ":").partition(":")
    return {
        **_form(query, thinking, answer, whole),
        **{
            f"kind_{name}": float(kind == name)
            for name in ("value", "option", "code", "list", "text")
        },
        "kind_none": float(key is None),
        **_value_features(query, thinking, whole, kind, value),
    }


def _form(query: str, thinking: str, answer: str, whole: str) -> dict[str, float]:
    """Length, layout and wording."""
    words = _WORD.findall(whole.lower())
    raw = whole.encode("utf-8", "replace")
    return {
        "log_answer": math.log1p(len(answer)),
        "log_thinking": math.log1p(len(thinking)),
        "log_query": math.log1p(len(query)),
        "no_thinking": float(not thinking.strip()),
        "distinct_words": len(set(words)) / (len(words) + 5),
        "compressed": len(zlib.compress(raw, 1)) / (len(raw) + 20),
        "log_lines": math.log1p(whole.count("\n")),
        "digits": sum(map(str.isdigit, whole)) / (len(whole) + 20),
        "latex": math.log1p(whole.count("\\")),
        "boxed": float("\\boxed{" in answer),
        "states_answer": float("answer is" in whole.lower()),
        "fence_in_thinking": float("```" in thinking),
        "output_block": float("```output" in whole),
        "steps": math.log1p(len(re.findall(r"(?m)^\s*(?:\d+\.|Step \d|\*\*|###|- )", whole))),
        "hedges": math.log1p(len(_HEDGE.findall(whole))),
        "ends_clean": float(answer.rstrip()[-1:] in tuple(".`)]}$!\"'")),
        "one_line_answer": float("\n" not in answer.strip()),
    }


def _value_features(
    query: str, thinking: str, whole: str, kind: str, value: str
) -> dict[str, float]:
    """Numbers: whether stated arithmetic holds, and how the conclusion fits the numbers given."""
    plain_whole = plain_expression(whole)
    right, wrong, last = statements(whole)
    given = numbers_in(plain_expression(query))
    used = numbers_in(plain_whole)
    number = _as_number(value) if kind == "value" else None
    asked = query_value(query) if number is not None else None
    if number is not None and asked is not None:
        holds = math.isclose(number, asked, rel_tol=1e-6, abs_tol=1e-9)
        right, wrong = right + holds, wrong + (not holds)
    largest = max(map(abs, given), default=0.0)
    seen = numbers_in(plain_expression(thinking)) if number is not None else []
    near = [n for n in seen if number is not None and math.isclose(n, number, rel_tol=1e-6)]
    return {
        "right_statements": math.log1p(right),
        "wrong_statements": math.log1p(wrong),
        "share_right": (right + 0.5) / (right + wrong + 1),
        "last_right": float(last > 0),
        "last_wrong": float(last < 0),
        "log_given": math.log1p(len(given)),
        "share_given_used": (len(set(given) & set(used)) + 0.5) / (len(set(given)) + 1),
        "log_numbers": math.log1p(len(used)),
        "is_number": float(number is not None),
        "is_integer": float(number is not None and number == round(number)),
        "is_negative": float(number is not None and number < 0),
        "log_value": 0.0 if number is None else math.log1p(min(abs(number), 1e12)),
        "against_largest": 0.0
        if number is None or largest == 0
        else max(-8.0, min(8.0, math.log((abs(number) + 1e-3) / (largest + 1e-3)))),
        "value_is_given": float(number is not None and number in given),
        "value_in_thinking": math.log1p(len(near)),
        "value_is_last": float(bool(near) and bool(seen) and seen[-1] == near[-1]),
        "letters_in_value": float(kind == "value" and number is None),
        "round_value": float(number is not None and abs(number) >= 10 and number % 10 == 0),
    }


def _as_number(text: str) -> float | None:
    """`text` as a finite number, or None."""
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
