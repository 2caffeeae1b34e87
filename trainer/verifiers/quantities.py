"""What is no plain mathematics in a result: units, times of day, numbers and answers in words."""

# ruff: noqa: RUF001 (people write these characters)

import re
from typing import Final


def _words(text: str) -> list[str]:
    return text.split()


_SMALL: Final = {
    word: value
    for value, word in enumerate(
        _words(
            "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
            "fifteen sixteen seventeen eighteen nineteen"
        )
    )
} | {
    word: 10 * value
    for value, word in enumerate(
        _words("twenty thirty forty fifty sixty seventy eighty ninety"), start=2
    )
}
_LARGE: Final = {"thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
_MULTIPLIERS: Final = _LARGE | {"hundred": 100, "dozen": 12}

#: Words after a number that change it, or begin something else: no units.
_NO_UNITS: Final = (
    frozenset(
        _words(
            "and or plus minus times over by divided squared cubed half halves third thirds "
            "quarter quarters fourth fourths to of is are was not than if when then mod pi sin cos "
            "tan log ln exp sqrt infinity inf cdot frac true false yes no remainder r score pair "
            "pairs choose factorial power negative positive per"
        )
    )
    | _SMALL.keys()
)
#: Units of one or two letters; each is one only after a space.
_SHORT_UNITS: Final = frozenset(
    _words(
        "m g s h l L J W N V K km cm mm kg mg ml mL ft in lb hr oz yd mi pm nm Hz kW kJ am AM PM"
    )
)
_SAME_UNIT: Final = {
    "$": "dollar usd buck dollar",
    "€": "euro eur",
    "£": "pound gbp",
    "°": "degree deg",
    "%": "percent pct percentage",
    "kilometer": "km kilometre",
    "meter": "m metre",
    "centimeter": "cm centimetre",
    "millimeter": "mm millimetre",
    "kilogram": "kg kilo",
    "gram": "g",
    "milligram": "mg",
    "liter": "l L litre",
    "milliliter": "ml mL millilitre",
    "second": "s sec",
    "minute": "min",
    "hour": "h hr",
    "foot": "ft feet",
    "inch": "in inche",
    "mile": "mi",
    "yard": "yd",
    "ounce": "oz",
    "lb": "pound",
    "person": "people",
    "child": "children",
}
_UNIT_NAMES: Final = {
    name: unit for unit, names in _SAME_UNIT.items() for name in (unit, *names.split())
}

#: Rates with a name of their own.
_RATES: Final = {"mph": "mile/hour", "kph": "kilometer/hour", "kmh": "kilometer/hour"}
_PER = re.compile(r"\s+per\s+", re.IGNORECASE)

_CLOCK = re.compile(r"(?:at )?(\d{1,2}):(\d{2})(?::(\d{2}))?\s*(?:([ap])\.?\s*m\b\.?)?", re.I)
_MONEY = re.compile(r"(-?)\s*(?:US)?(\\?\$|€|£|¥|₹)\s*(-?[\d.].*)", re.DOTALL)
_SIGN_UNIT = re.compile(
    r"(.*?[\d}).])\s*(\\?%|°|\^\s*\{?\s*\\circ\s*\}?|\\circ|\\degree|€|\\?\$)(.*)"
)
_WORDS_AFTER = re.compile(
    r"(?P<number>.*(?:[\d)}\]!]|\\pi))(?P<gap>\s*)(?P<unit>(?:[A-Za-z][A-Za-z.]*(?:\s*\^\s*\{?\d\}?|[²³])?"
    r"(?:\s*[-/\s]\s*|$)){1,4})",
    re.DOTALL,
)
_COMPOUND = re.compile(
    r"(-?\d+(?:\.\d+)?)\s*([A-Za-z]{1,12}|['\"′″])(?:\s*(?:,|and)?\s+|\s*)(?=\d)"
)


def number_in_words(text: str) -> int | None:
    """The whole number that `text` spells, or None if it says anything else."""
    words = [word for word in re.split(r"[\s-]+", text.lower()) if word]
    sign = -1 if words and words[0] in ("minus", "negative") else 1
    words = words[sign < 0 :]
    total, group, last = 0, 0, 1_000
    for place, word in enumerate(words):
        if word in _SMALL:
            value = _SMALL[word]
            if value >= last or (0 < last < 20) or (last < 100 and value > 9):
                return None
            group, last = group + value, value
        elif word == "hundred" and 0 < group < 10:
            group, last = group * 100, 100
        elif word in _LARGE and group:
            total, group, last = total + group * _LARGE[word], 0, 1_000
        elif not (word == "and" and place and place + 1 < len(words)):
            return None
    return sign * (total + group) if words else None


def time_of_day(text: str) -> tuple[int, bool] | None:
    """(seconds, whether morning or afternoon is said or clear) of a clock's time, or None."""
    found = _CLOCK.fullmatch(text.strip())
    if found is None:
        return None
    hours, half = int(found[1]), (found[4] or "").lower()
    if half and 1 <= hours <= 12:
        hours = hours % 12 + (12 if half == "p" else 0)
    return 3_600 * hours + 60 * int(found[2]) + int(found[3] or 0), bool(half)


def split_unit(text: str) -> tuple[str, str]:
    """(number or expression, its unit by one name; empty where there is none)."""
    if money := _MONEY.fullmatch(text):
        number, unit = split_unit(money[1] + money[3])
        number, factor = _multiplied(number, unit)
        return number, money[2].removeprefix("\\") if unit in (
            "",
            "$",
            "€",
            "£",
        ) or factor else unit
    if (sign := _SIGN_UNIT.fullmatch(text)) and re.fullmatch(r"[\sCFA-Za-z.]{0,12}", sign[3]):
        mark = sign[2].removeprefix("\\")
        mark = "°" if "circ" in mark or mark == "degree" else mark
        scale = sign[3].strip(" .")
        return sign[1], mark + scale if mark == "°" and scale in ("C", "F") else mark
    if (found := _WORDS_AFTER.fullmatch(text)) is None:
        return text, ""
    words = found["unit"].strip(" .-")
    number, rest = found["number"], words
    first, _, after = words.partition(" ")
    if first.lower() in _MULTIPLIERS:
        number, rest = rf"{number}\cdot {_MULTIPLIERS[first.lower()]}", after
        return (number, unit_name(rest)) if _is_unit(rest, " ") or not rest else (text, "")
    return (number, unit_name(rest)) if _is_unit(rest, found["gap"]) else (text, "")


def _multiplied(number: str, unit: str) -> tuple[str, bool]:
    factor = _MULTIPLIERS.get(unit)
    return (number, False) if factor is None else (rf"{number}\cdot {factor}", True)


def _is_unit(words: str, gap: str) -> bool:
    """Whether what follows a number names what was counted or measured."""
    parts = [re.sub(r"[\^{}²³\d.]", "", part) for part in re.split(r"[\s/-]+", words)]
    parts = [part for part in parts if part]
    if not parts or (len(parts) > 1 and "".join(parts).lower() in _NO_UNITS):
        return False
    if parts[0].lower() in _NO_UNITS or (len(parts[0]) < 3 and not gap):
        return False
    return all(len(part) >= 3 or part in _SHORT_UNITS or part in ("of", "per") for part in parts)


def unit_name(words: str) -> str:
    """One name for a unit, however it is written: `km/h`, `kilometers per hour`."""
    words = _PER.sub("/", _RATES.get(words.strip(" .").lower(), words))
    names = []
    for word in re.split(r"([\s/]+)", words.strip().replace("²", "^2").replace("³", "^3")):
        base, power, rest = word.partition("^")
        base = base.strip(". ")
        plural = base.lower()
        for name in (base, plural, plural.removesuffix("s"), plural.removesuffix("es")):
            if name in _UNIT_NAMES:
                base = _UNIT_NAMES[name]
                break
        else:
            base = plural.removesuffix("s")
        names.append(base + power + rest.strip("{}") if base else word.strip())
    return " ".join(" ".join(names).split())


def compound(text: str) -> list[tuple[str, str]] | None:
    """Number and unit of each part of `5 feet 3 inches`; None if it is no such quantity."""
    parts: list[tuple[str, str]] = []
    while found := _COMPOUND.match(text):
        parts.append((found[1], unit_name(found[2])))
        text = text[found.end() :]
    if not parts:
        return None
    last = re.fullmatch(r"(-?\d+(?:\.\d+)?)\s*([A-Za-z]{1,12}|['\"′″])\.?", text.strip())
    if last is None:
        return None
    parts.append((last[1], unit_name(last[2])))
    # 2x and 2y are no units, nor are words such as `half`.
    if any(unit.lower() in _NO_UNITS or (len(unit) == 1 and unit.isalpha()) for _, unit in parts):
        return None
    return parts
