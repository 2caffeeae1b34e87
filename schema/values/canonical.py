r"""The key of a text that is one value as a whole: a number, a measure, a list, a set, a relation.

Equal values in other dress have one key. Where a text is not surely one of these it has no key
here, and `texts.text_key` keeps it as it is written.
"""

import json
import re
from fractions import Fraction
from functools import lru_cache
from typing import Final

from schema.mathematics import expression_key, plain_mathematics, plain_text, shortest
from schema.values.lists import several
from schema.values.measures import compound, kept_unit, measure, word_number
from schema.values.moments import moment
from schema.values.query import Asked
from schema.values.relations import relation
from schema.values.sentences import is_plain_prose, is_prose
from schema.values.texts import text_key, undressed, unfenced

#: Longest text that is read as a value; a longer one is a text.
LONGEST: Final = 2_000

_WHOLE = re.compile(r"-?(?:0|[1-9][0-9]{0,17})")
#: What a measure may begin with: a sign, a currency.
_BEFORE_NUMBER: Final = frozenset("+-.$€£¥₹UEGIR")
#: What most values are: a fraction of whole numbers, a number with words after it.
_FRACTION = re.compile(
    r"(-?)(?:([0-9]{1,9})/([0-9]{1,9})|\\[dt]?frac\{([0-9]{1,9})\}\{([0-9]{1,9})\})"
)
_COUNTED = re.compile(r"[-$]?[0-9][0-9.,]*(?: [A-Za-z]+)*\.?")
_LINES = re.compile(
    r"\\begin\{((?:align|equation|gather|split|eqnarray)(?:ed|at)?\*?)\}(.*)\\end\{\1\}", re.DOTALL
)
_MINUS = re.compile(r"^(?:minus|negative)\s+(?=\d)", re.IGNORECASE)
_UNIT = re.compile(r"([A-Za-z][A-Za-z/]*)((?:\^\{?[23]\}?)?)")
_SEPARATES = re.compile(r",\s|;|\b(?:and|or)\b", re.IGNORECASE)
_COMMAND = re.compile(r"\\[A-Za-z]+")
_WORD = re.compile(r"[A-Za-z]{4,}")
#: What no value ends with.
_GOES_ON: Final = frozenset("+*/^=<>({[")
#: A command that no expression is read with.
_UNREAD = re.compile(
    r"\\(?!(?:frac|over|sqrt|(?:arc)?(?:sin|cos|tan)h?|cot|sec|csc|ln|log|exp)(?![A-Za-z]))[A-Za-z]"
)
_FUNCTION = re.compile(r"sqrt|frac|sin|cos|tan|log|exp")
_OF_LETTER = re.compile(r"(?:sin|cos|tan|ln|log|exp)\s+[a-z]")
_SIGN = re.compile(r"[\d^*/+π∞(\\]")
_LETTER = re.compile(r"-[a-z]")
#: A number that begins with 0, in a longer text: part of a date, of a telephone number.
_LEADING_ZERO = re.compile(r"(?<![\d.])0\d")
_TIMES_X = re.compile(r"(?<=\d)\s*[xX]\s*(?=10\s*\^)")


def value_of(text: str, asked: Asked) -> str | None:
    """Key of `text` if it is a value as a whole, else None."""
    if len(text) > LONGEST:
        return _json_key(text)
    if "\\begin{" in text:
        text = _last_line(text)
    if "\n" in text:
        text = unfenced(text).strip()
        if text.startswith(("\\[", "$", "\\(", "\\begin")):
            text = " ".join(text.split())
        elif "\n" in text:
            return _json_key(text)
    return None if is_prose(text) else _value(text, asked)


def _last_line(text: str) -> str:
    """The last line of mathematics that is set in several; any other text as it is."""
    found = _LINES.search(text)
    if found is None:
        return text
    lines = [line.replace("&", " ").strip() for line in found[2].split("\\\\")]
    return next((line for line in reversed(lines) if line), "")


@lru_cache(maxsize=16_384)
def _value(text: str, asked: Asked) -> str | None:
    if _WHOLE.fullmatch(text):
        return f"value:{text}" if text != "-0" else "value:0"
    common = _common(text, asked)
    if common is not None:
        return common
    plain = undressed(plain_mathematics(undressed(plain_text(text))))
    if not plain:
        return None
    if is_plain_prose(plain):
        return None
    if plain[0] in "mMnN":
        plain = _MINUS.sub("-", plain)

    def part(text: str) -> str | None:
        return _value(text, asked)

    if plain[-1] in _GOES_ON or ("\\" in plain and _UNREAD.search(plain)):
        return several(plain, part)
    related = "=" in plain or "<" in plain or ">" in plain
    single = related and "=" in plain and not _SEPARATES.search(plain)
    return (
        _begun_by_number(plain, asked)
        or word_number(plain)
        or (relation(plain, part) if single else None)
        or several(plain, part)
        or (relation(plain, part) if related and not single else None)
        or _expression(plain, asked)
        or _json_key(plain)
    )


def _begun_by_number(plain: str, asked: Asked) -> str | None:
    """Key of a measure, a date or a time of day."""
    if plain[0].isdigit():
        return measure(plain, asked) or moment(plain) or compound(plain)
    return measure(plain, asked) if plain[0] in _BEFORE_NUMBER else None


def _common(text: str, asked: Asked) -> str | None:
    """Key of a text without dress that is a fraction or a measure, found in the shortest way."""
    if _COUNTED.fullmatch(text):
        lower = text.lower()
        if not ("pi" in lower or "inf" in lower or "oo" in lower):
            return measure(text, asked)
    fraction = _FRACTION.fullmatch(text)
    if fraction is None or asked.as_written:
        return None
    sign, above, below = fraction[1], fraction[2] or fraction[4], fraction[3] or fraction[5]
    if not int(below):
        return None
    return f"value:{shortest(Fraction(int(sign + above), int(below)))}"


def _expression(plain: str, asked: Asked) -> str | None:
    """Mathematics that is computed, `∞`, or a single letter of it."""
    if plain.lstrip("+-") == "∞":
        return f"value:{plain.lstrip('+')}"
    number, _, word = plain.rpartition(" ")
    measured = number and word and (number[-1].isdigit() or number[-1] in ")}π")
    unit = _UNIT.fullmatch(word) if measured else None
    if unit and (len(unit[1]) > 1 or unit[2] or unit[1] == "m"):
        kept = kept_unit(unit[1], asked)
        value = None if kept is None else _expression(number, asked)
        if value is not None:
            return f"{value} {kept}" if kept else value
    percent = plain.rstrip(" %°")
    if asked.as_written or not _computes(percent):
        return None
    return expression_key(_TIMES_X.sub("*", percent) if "10" in percent else percent)


def _computes(plain: str) -> bool:
    """Whether a text is mathematics and no word: it has a digit, a sign or a command in it."""
    if _WORD.search(_COMMAND.sub("", plain) if "\\" in plain else plain):
        return _FUNCTION.search(plain) is not None
    if _LEADING_ZERO.search(plain):
        return False
    return (
        _SIGN.search(plain) is not None
        or _LETTER.fullmatch(plain) is not None
        or _OF_LETTER.fullmatch(plain) is not None
    )


def _json_key(text: str) -> str | None:
    """Key of a JSON object or a list of them, whatever its layout."""
    text = text.strip()
    if text[:1] not in ("{", "[") or '"' not in text or ":" not in text or len(text) > 100_000:
        return None
    try:
        made = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return text_key(json.dumps(made, sort_keys=True, ensure_ascii=False))
