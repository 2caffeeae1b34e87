r"""The key of a text that is one value as a whole: a number, a measure, a list, a set, a relation.

Equal values in other dress have one key. Where a text is not surely one of these it has no key
here, and `texts.text_key` keeps it as it is written.
"""

import json
import re
from fractions import Fraction
from functools import lru_cache
from typing import Final

from schema.answers.query import Asked
from schema.answers.texts import text_key, undressed
from schema.mathematics import (
    SCALES,
    expression_key,
    named_unit,
    number_of_words,
    plain_mathematics,
    plain_text,
    shortest,
    unit_of,
)

#: Longest text that is read as a value; a longer one is a text.
LONGEST: Final = 2_000
_MOST_DIGITS: Final = 200

_WHOLE = re.compile(r"-?(?:0|[1-9]\d{0,17})")
_CURRENCY = r"(?:[$€£¥₹]|(?:US\$|USD|EUR|GBP|INR|Rs)\.?(?![A-Za-z]))"
_MEASURED = re.compile(
    rf"(?P<sign>[-+]?)\s*(?P<before>{_CURRENCY}?)\s*(?P<minus>-?)"
    r"(?P<number>\d[\d,.]*(?:[eE][-+]?\d{1,3})?|\.\d+)(?P<after>\s*(?:%|°[CFK]?)?)"
    rf"(?P<words>\s*{_CURRENCY}|\s*-?[A-Za-z/][A-Za-z/.' -]*(?:\^\{{?[23]\}}?)?)?"
)
_THOUSANDS = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?")
_EUROPEAN = re.compile(r"\d{1,3}(?:\.\d{3})+,\d{1,2}")
_DECIMAL = re.compile(r"(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d{1,3})?")
_LEFT_SIDE = re.compile(
    r"(?:[A-Za-zα-ω]|[A-Za-z]\s*\(\s*[A-Za-z]\s*\)|[A-Za-z]{3,}(?: [A-Za-z]+){0,4})'?"
)
#: What a number may be called, at more length.
_LABEL = re.compile(rf"{_LEFT_SIDE.pattern}|[A-Za-z]{{3,}}(?: [A-Za-z]+){{0,9}}")
_UNIT_AFTER = re.compile(r"(.*[\d)}π])\s+([A-Za-z][A-Za-z/]*)((?:\^\{?[23]\}?)?)")
_RELATION = re.compile(r"(>=|<=|!=|=|<|>)")
_JOINT = re.compile(r"\s*,\s*(?:and|or|&)\s+|\s+(?:and|or)\s+", re.IGNORECASE)
_SEPARATES = re.compile(r",\s|;|\b(?:and|or)\b", re.IGNORECASE)
_CLAUSE = re.compile(
    r"\b(?:is|are|was|were|has|have|had|will|can|there|which|we|he|she|it|the|this|that|in|for|to|"
    r"let's|if|since|respectively)\b",
    re.IGNORECASE,
)
_COMMAND = re.compile(r"\\[A-Za-z]+")
_WORD = re.compile(r"[A-Za-z]{4,}")
_FUNCTION = re.compile(r"sqrt|frac|sin|cos|tan|log|exp")
_SIGN = re.compile(r"[\d^*/+π∞(\\]")
_LETTER = re.compile(r"-[a-z]")
_TIMES_X = re.compile(r"(?<=\d)\s*[xX]\s*(?=10\s*\^)")
_OPEN: Final = "([{"
_CLOSE: Final = ")]}"


def value_of(text: str, asked: Asked) -> str | None:
    """Key of `text` if it is a value as a whole, else None."""
    if len(text) > LONGEST:
        return _json_key(text)
    if "\n" in text:
        text = text.strip()
        if text.startswith(("\\[", "$", "\\(", "\\begin")):
            text = " ".join(text.split())
        elif "\n" in text:
            return _json_key(text)
    return _value(text, asked)


@lru_cache(maxsize=16_384)
def _value(text: str, asked: Asked) -> str | None:
    if _WHOLE.fullmatch(text):
        return f"value:{text}" if text != "-0" else "value:0"
    plain = undressed(plain_mathematics(undressed(plain_text(text))))
    if not plain:
        return None
    related = "=" in plain or "<" in plain or ">" in plain
    single = related and "=" in plain and not _SEPARATES.search(plain)
    return (
        _measure(plain, asked)
        or _word_number(plain)
        or (_relation(plain, asked) if single else None)
        or _collection(plain, asked)
        or (_relation(plain, asked) if related and not single else None)
        or _expression(plain, asked)
        or _json_key(plain)
    )


def _measure(plain: str, asked: Asked) -> str | None:
    """A number with or without its unit."""
    match = _MEASURED.fullmatch(plain)
    if match is None:
        return None
    words = match["words"] or ""
    money = bool(match["before"]) or bool(re.fullmatch(rf"\s*{_CURRENCY}", words))
    if match["sign"] and match["minus"]:
        return None
    number = _number(match["number"].rstrip(".,"), money or bool(words), asked)
    if number is None:
        return None
    if (match["sign"] or match["minus"]) == "-":
        number = number.removeprefix("-") if number == "0" else f"-{number}"
    if match["after"].strip() in ("°C", "°F", "°K"):
        return f"value:{number} {match['after'].strip()[1]}"
    if money and (not words.strip() or match["before"] == ""):
        return f"value:{number}"
    return _with_unit(number, words, asked)


def _with_unit(number: str, words: str, asked: Asked) -> str | None:
    words = words.strip()
    if not words:
        return f"value:{number}"
    first, _, rest = words.partition(" ")
    if first.lower() in SCALES:
        scaled = str(Fraction(number) * SCALES[first.lower()])
        return _with_unit(scaled, rest, asked)
    if len(words) == 1 and words.islower() and named_unit(words) is None and words not in "ms":
        return None  # 5 x is a product.
    unit = unit_of(words, asked.units)
    if unit is None:
        return None
    return f"value:{number} {unit}" if unit else f"value:{number}"


def _number(text: str, surely: bool, asked: Asked) -> str | None:
    """Exact text of a written number. Thousands: `100,200` may be two numbers, unless `surely`."""
    if len(text) > _MOST_DIGITS:
        return None
    if "," in text:
        if _EUROPEAN.fullmatch(text):
            text = text.replace(".", "").replace(",", ".")
        elif _THOUSANDS.fullmatch(text):
            whole = text.partition(".")[0]
            if not surely and len(whole.split(",")[0]) == 3 and not whole.endswith("000"):
                return None
            text = text.replace(",", "")
        else:
            return None
    if not _DECIMAL.fullmatch(text):
        return None
    if text.isdigit():
        return text if asked.as_written else text.lstrip("0") or "0"
    if asked.as_written and not re.fullmatch(r"\d+\.\d+", text):
        return None
    return shortest(Fraction(text[:-1] if text.endswith(".") else text))


def _word_number(plain: str) -> str | None:
    if len(plain) > 80 or plain[0].isdigit():
        return None
    number = number_of_words(plain)
    return None if number is None else f"value:{number}"


def _collection(plain: str, asked: Asked) -> str | None:
    """A list, a tuple, an interval, a union of them, or a set."""
    if "∪" in plain:
        parts = [_value(part, asked) for part in plain.split("∪")]
        return None if None in parts else "union:" + "∪".join(map(str, parts))
    first, last = plain[0], plain[-1]
    if plain.startswith("\\{") and plain.endswith("\\}"):
        return _set(plain[2:-2], asked)
    if first == "{" and last == "}" and ":" not in plain and _encloses(plain) and "\\" not in plain:
        return _set(plain[1:-1], asked)
    if first in "([" and last in ")]" and _encloses(plain):
        items = _items(plain[1:-1])
        if len(items) == 2 and (first, last) != ("(", ")"):
            ends = [_value(item, asked) for item in items]
            if all(end is not None and end.startswith(("value:", "expr:")) for end in ends):
                return f"interval:{first}{ends[0]},{ends[1]}{last}"
        if len(items) > 1 or first == "[":
            return _list(items, asked)
        return None
    items = _items(plain)
    if len(items) > 1:
        return _list(items, asked)
    lower = plain.lower()
    joint = " and " in lower or " or " in lower or "&" in lower
    parts = _JOINT.split(plain) if joint else []
    if len(parts) > 1:
        keys = [_value(part, asked) for part in parts]
        return None if None in keys else _joined("list", [str(key) for key in keys])
    return None


def _encloses(plain: str) -> bool:
    """Whether the first bracket is closed by the last character."""
    depth = 0
    for place, character in enumerate(plain):
        depth += (character in _OPEN) - (character in _CLOSE)
        if depth == 0:
            return place == len(plain) - 1
    return False


def _items(plain: str) -> list[str]:
    """Parts between the commas (or semicolons) that are in no bracket."""
    if "," not in plain and ";" not in plain:
        return [plain]
    mark = ";" if ";" in plain else ","
    items, depth, start = list[str](), 0, 0
    for place, character in enumerate(plain):
        if character in _OPEN:
            depth += 1
        elif character in _CLOSE:
            depth -= 1
        elif character == mark and depth == 0:
            items.append(plain[start:place].strip())
            start = place + 1
    items.append(plain[start:].strip())
    last = _JOINT.split(f" {items[-1]}", maxsplit=1)
    if len(items) > 1 and len(last) == 2:
        items[-1:] = [part.strip() for part in last if part.strip()]
    return items if items[-1] else items[:-1]


def _list(items: list[str], asked: Asked) -> str | None:
    """Key of a list in its order; None if it is prose with commas."""
    if any(not item or item.count(" ") > 3 or _CLAUSE.search(item) for item in items):
        return None
    return _joined("list", [_item(item, asked) for item in items])


def _set(inside: str, asked: Asked) -> str | None:
    if not inside.strip():
        return "set:"
    items = _items(inside)
    if any(not item or "|" in item for item in items):
        return None
    return _joined("set", sorted(_item(item, asked) for item in items))


def _item(item: str, asked: Asked) -> str:
    return _value(item, asked) or text_key(item) or "text:"


def _joined(kind: str, keys: list[str]) -> str:
    return f"{kind}:" + "|".join(key.removeprefix("value:") for key in keys)


def _relation(plain: str, asked: Asked) -> str | None:
    """An equation or inequality; `x = 5` is 5 and a chain is its last value."""
    parts = _RELATION.split(plain)
    if len(parts) < 3 or not parts[-1].strip():
        return None
    signs = set(parts[1::2])
    sides = [side.strip() for side in parts[::2]]
    last = _value(sides[-1], asked)
    if last is None and expression_key(sides[-1]) is None:
        return None
    if last is not None and signs == {"="}:
        left = _LABEL if _is_number(last) else _LEFT_SIDE
        named = not sides[0] or left.fullmatch(sides[0])
        if all(_is_number(_value(side, asked)) for side in sides[1 if named else 0 : -1]):
            return last
    keys: list[str] = []
    for side in sides:
        key = _value(side, asked) or expression_key(side)
        if key is None or "text:" in key:
            return None
        keys.append(key.removeprefix("value:"))
    written = [key + sign for key, sign in zip(keys, [*parts[1::2], ""], strict=True)]
    return "relation:" + "".join(written)


def _is_number(key: str | None) -> bool:
    return key is not None and key.startswith("value:")


def _expression(plain: str, asked: Asked) -> str | None:
    """Mathematics that is computed, `∞`, or a single letter of it."""
    if plain.lstrip("+-") == "∞":
        return f"value:{plain.lstrip('+')}"
    number, _, word = plain.rpartition(" ")
    measured = number and word and (number[-1].isdigit() or number[-1] in ")}π")
    unit = _UNIT_AFTER.fullmatch(plain) if measured else None
    if unit and (len(unit[2]) > 1 or unit[3] or unit[2] == "m"):
        kept = unit_of(unit[2], asked.units)
        value = None if kept is None else _expression(unit[1], asked)
        if value is not None:
            return f"{value} {kept}" if kept else value
    percent = plain.rstrip(" %°")
    if asked.as_written or not _computes(percent):
        return None
    return expression_key(_TIMES_X.sub("*", percent))


def _computes(plain: str) -> bool:
    """Whether a text is mathematics and no word: it has a digit, a sign or a command in it."""
    if _WORD.search(_COMMAND.sub("", plain) if "\\" in plain else plain):
        return _FUNCTION.search(plain) is not None
    return _SIGN.search(plain) is not None or _LETTER.fullmatch(plain) is not None


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
