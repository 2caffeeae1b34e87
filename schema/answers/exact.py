"""Keys for generated tasks, whose scorers compare texts: `t = 36` is wrong where `36` is right.

Only what their scorers overlook is overlooked here: letter case, layout inside a line, spaces after
commas, zeros at the end of a fraction, the layout of JSON, how an expression with letters is
written.
"""

import hashlib
import json
import re
from typing import Final

from schema.mathematics import expression_key, plain_mathematics, plain_text

#: Domains of generated tasks: reasoning-gym's categories.
EXACT_DOMAINS: Final = frozenset(
    [
        "algebra",
        "algorithmic",
        "arc",
        "arithmetic",
        "code",
        "cognition",
        "games",
        "geometry",
        "graphs",
        "induction",
        "logic",
        "probability",
    ]
)
_LONGEST: Final = 160
_DECIMAL = re.compile(r"(-?\d+\.\d*[1-9])0*")
_AFTER_COMMA = re.compile(r"(?<=[^\s\d]),[^\S\n]+(?=[^\s\d])")
_SPACES = re.compile(r"[^\S\n]+")
_LETTER = re.compile(r"(?<![A-Za-z\\])[A-Za-z](?![A-Za-z])")


def exact_key(answer: str) -> str | None:
    """Key of an answer that is compared as it is written; None without a word or sign in it."""
    text = plain_text(answer).strip()
    if not text:
        return None
    decimal = _DECIMAL.fullmatch(text)
    if decimal:
        return f"value:{decimal[1]}"
    if text[0] in "[{":
        made = _json(text)
        if made is not None:
            return _text(made)
    if len(text) <= 200 and _LETTER.search(text) and re.search(r"[*^/+\\]", text):
        key = expression_key(plain_mathematics(text.strip("$")))
        if key is not None:
            return key
    if text.isdigit():
        return f"value:{text}"
    return _text(_AFTER_COMMA.sub(",", _SPACES.sub(" ", text)))


def _text(text: str) -> str:
    text = text.casefold()
    if len(text) <= _LONGEST:
        return f"text:{text}"
    digest = hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=12).hexdigest()
    return f"text:#{digest}"


def _json(text: str) -> str | None:
    """JSON in one layout; a flat list stays as it is written."""
    try:
        made = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if isinstance(made, list) and not any(isinstance(item, list | dict) for item in made):
        return None
    return json.dumps(made, sort_keys=True, ensure_ascii=False)
