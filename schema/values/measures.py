"""The key of a number, with or without a unit: `$18`, `1,234.5 km`, `5 feet 3 inches`, `forty`."""

import re
from fractions import Fraction
from typing import Final

from schema.mathematics import SCALES, named_unit, number_of_words, shortest, unit_of
from schema.values.query import Asked

_MOST_DIGITS: Final = 200

_CURRENCY = r"(?:[$€£¥₹]|(?:US\$|USD|EUR|GBP|INR|Rs)\.?(?![A-Za-z]))"
_MEASURED = re.compile(
    rf"(?P<sign>[-+]?)\s*(?P<before>{_CURRENCY}?)\s*(?P<minus>-?)"
    r"(?P<number>\d[\d,.]*(?:[eE][-+]?\d{1,3})?|\.\d+)(?P<after>\s*(?:%|°[CFK]?)?)"
    rf"(?P<words>\s*{_CURRENCY}|\s*-?[A-Za-z/][A-Za-z/.' -]*(?:\^\{{?[23]\}}?)?)?"
)
_CURRENCY_AFTER = re.compile(rf"\s*{_CURRENCY}")
_THOUSANDS = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?")
_EUROPEAN = re.compile(r"\d{1,3}(?:\.\d{3})+,\d{1,2}")
_DECIMAL = re.compile(r"(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d{1,3})?")
_TWO_PLACES = re.compile(r"\d+\.\d+")
_PART = re.compile(r"(\d+(?:\.\d+)?)\s*([A-Za-z]+)\.?(?:,?\s+and\s+|\s*,\s*|\s+|$)")


def measure(plain: str, asked: Asked) -> str | None:
    """Key of a number with or without its unit."""
    match = _MEASURED.fullmatch(plain)
    if match is None:
        return None
    sign, before, minus, written, after, words = match.groups("")
    if (sign and minus) or (words and written[-1] in ".,"):
        return None  # `2. The denominator` counts nothing.
    money = bool(before) or _CURRENCY_AFTER.fullmatch(words) is not None
    number = _number(written.rstrip(".,"), money or bool(words), asked)
    if number is None:
        return None
    if (sign or minus) == "-":
        number = number if number == "0" else f"-{number}"
    after = after.strip()
    if after in ("°C", "°F", "°K"):
        return f"value:{number} {after[1]}"
    if money and (not words.strip() or not before):
        return f"value:{number}"
    return _with_unit(number, words.strip(), asked)


def _with_unit(number: str, words: str, asked: Asked) -> str | None:
    if not words:
        return f"value:{number}"
    first, _, rest = words.partition(" ")
    if first.lower() in SCALES:
        scaled = str(Fraction(number) * SCALES[first.lower()])
        return _with_unit(scaled, rest.strip(), asked)
    if len(words) == 1 and words.islower() and named_unit(words) is None and words not in "ms":
        return None  # 5 x is a product.
    unit = kept_unit(words, asked)
    if unit is None:
        return None
    return f"value:{number} {unit}" if unit else f"value:{number}"


def kept_unit(words: str, asked: Asked) -> str | None:
    """What must be kept of the words after a number, the units aside that the query asks for."""
    unit = unit_of(words)
    if not unit:
        return unit
    kept = [one for one in unit.split("_") if one not in asked.units]
    return "_".join([one for one in kept if "/" not in one or one not in asked.lower])


def _number(text: str, surely: bool, asked: Asked) -> str | None:
    """Exact text of a written number. Thousands: `100,200` may be two numbers, unless `surely`."""
    if text.isdigit() and len(text) <= _MOST_DIGITS:
        return text if asked.as_written else text.lstrip("0") or "0"
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
    if asked.as_written and not _TWO_PLACES.fullmatch(text):
        return None
    return shortest(Fraction(text[:-1] if text.endswith(".") else text))


def compound(plain: str) -> str | None:
    """Key of a measure in several units, the larger first: `5 feet 3 inches`, `2 h 30 min`."""
    place = 0
    parts: list[str] = []
    while part := _PART.match(plain, place):
        unit = named_unit(part[2])
        if unit is None:
            return None
        parts.append(f"{shortest(Fraction(part[1]))} {unit[0]}")
        place = part.end()
    return "value:" + " ".join(parts) if len(parts) > 1 and place == len(plain) else None


def word_number(plain: str) -> str | None:
    """Key of a number in words."""
    if len(plain) > 80:
        return None
    number = number_of_words(plain)
    return None if number is None else f"value:{number}"
