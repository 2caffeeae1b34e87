"""Multiple choice: the chosen option compared with the other options of its query."""

import math
import re
from functools import lru_cache

from schema.answers import options_of

_WORD = re.compile(r"[^\W\d_]{3,}")
_CATCH_ALL = re.compile(r"\b(?:all|none|both|neither) of\b|\bboth\b|\bI and II", re.I)
_COMMON = frozenset(
    [
        "the",
        "and",
        "are",
        "was",
        "for",
        "that",
        "this",
        "which",
        "with",
        "from",
        "what",
        "how",
        "most",
        "has",
        "have",
        "will",
        "would",
        "when",
        "who",
        "can",
        "does",
        "did",
        "its",
        "their",
        "they",
        "been",
        "not",
        "one",
        "into",
        "about",
        "than",
        "following",
        "these",
        "those",
    ]
)
#: Names of the features, all 0 without options.
NAMES: tuple[str, ...] = (
    "options",
    *(f"letter_{letter}" for letter in "ABCDE"),
    "length_rank",
    "longest",
    "log_length_ratio",
    "stem_overlap",
    "stem_overlap_rank",
    "other_overlap",
    "catch_all",
    "numeric_options",
    "numeric_rank",
    "numeric_extreme",
    "negated_stem",
    "letter_only",
    "leads_with_letter",
    "says_option",
    "others_named",
    "explains",
)


@lru_cache(maxsize=8192)
def _table(query: str) -> dict[str, tuple[float, ...]]:
    """Per letter: values of the features that depend on query and choice only."""
    options = options_of(query)
    if not options:
        return {}
    first = options[0][1]
    stem = query.split(first)[0] if first else query
    stem_words = _content(stem)
    lengths = [len(text) for _, text in options]
    words = [_content(text) for _, text in options]
    overlap = [len(stem_words & w) / (len(w) + 1) for w in words]
    numbers = [_number(text) for _, text in options]
    numeric = [n for n in numbers if n is not None]
    mean_length = sum(lengths) / len(lengths)
    table: dict[str, tuple[float, ...]] = {}
    for place, (letter, text) in enumerate(options):
        others = set().union(*(w for i, w in enumerate(words) if i != place))
        value = numbers[place]
        rank = 0.0 if value is None else sum(n < value for n in numeric) / max(len(numeric) - 1, 1)
        table[letter] = (
            1.0,
            *(float(letter == name) for name in "ABCDE"),
            sum(length < lengths[place] for length in lengths) / max(len(options) - 1, 1),
            float(lengths[place] == max(lengths) and lengths.count(max(lengths)) == 1),
            math.log((lengths[place] + 3) / (mean_length + 3)),
            overlap[place],
            sum(o < overlap[place] for o in overlap) / max(len(options) - 1, 1),
            len(words[place] & others) / (len(words[place]) + 1),
            float(_CATCH_ALL.search(text) is not None),
            float(len(numeric) == len(options)),
            rank,
            float(value is not None and rank in (0.0, 1.0)),
            float(re.search(r"\b(?:not|except|least|false)\b", stem, re.I) is not None),
        )
    return table


def option_features(query: str, answer: str, key: str | None) -> list[float]:
    """Values of `NAMES` for an answer whose conclusion has the key `key`."""
    table = _table(query)
    letter = key.removeprefix("option:") if key and key.startswith("option:") else ""
    if letter not in table:
        return [float(bool(table)), *[0.0] * (len(NAMES) - 1)]
    text = dict(options_of(query))[letter].lower()
    lowered = answer.lower()
    rest = lowered.replace(text, "", 1)
    return [
        *table[letter],
        float(len(answer.strip(" .()*\n")) <= 2),
        float(answer.lstrip("( *")[:1] == letter and answer.lstrip("( *")[1:2] in tuple(".):")),
        float(text in lowered),
        math.log1p(sum(t.lower() in rest for o, t in options_of(query) if o != letter)),
        math.log1p(max(0, len(rest) - 30)),
    ]


def _content(text: str) -> set[str]:
    """Stems (first 5 letters) of the words of `text` that carry content."""
    return {word[:5] for word in map(str.lower, _WORD.findall(text)) if word not in _COMMON}


def _number(text: str) -> float | None:
    """The number an option starts with, or None."""
    found = re.match(r"[^\w-]{0,2}(-?\d[\d,]*\.?\d*)", text)
    try:
        return None if found is None else float(found[1].replace(",", "").rstrip("."))
    except ValueError:
        return None
