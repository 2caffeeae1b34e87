"""Units after a number: which of them may go without saying, and which change what is said."""

import re
from functools import lru_cache
from typing import Final

#: Dimension to units that are kept unless the query asks for them, with other ways to write them.
_KEPT: Final = {
    "length": "km kilometer kilometre kms;mm millimeter millimetre;dm;nm;foot feet ft;inch inches;"
    "mile mi;yard yd",
    "time": "minute min mins;hour hr hrs h;day;week;month;year yr yrs;"
    "ms millisecond;decade;century",
    "mass": "gram g gr;mg milligram;ton tons tonne;ounce oz",
    "volume": "ml milliliter millilitre;gallon gal;cup;pint;quart",
    "money": "cent cents penny pence",
    "speed": "km/h kph kmh;mph;ft/s",
    "temperature": "celsius;fahrenheit;kelvin",
    "angle": "radian rad radians",
    "energy": "kj kilojoule;kcal kilocalorie;kwh",
    "power": "kw kilowatt;megawatt;horsepower hp",
    "pressure": "kpa kilopascal;mpa megapascal;psi;mmhg",
    "frequency": "khz kilohertz;mhz megahertz;ghz gigahertz",
    "current": "ma milliamp milliampere",
    "voltage": "kv kilovolt;mv millivolt",
    "data": "kb kilobyte;mb megabyte;gb gigabyte;tb terabyte",
    "count": "dozen dozens;pair pairs",
}
_DROPPED: Final = frozenset(
    [
        "cm",
        "centimeter",
        "centimetre",
        "m",
        "meter",
        "metre",
        "s",
        "sec",
        "second",
        "m/s",
        "kg",
        "kilogram",
        "liter",
        "litre",
        "l",
        "lb",
        "degree",
        "deg",
        "percent",
        "pct",
        "dollar",
        "usd",
        "buck",
        "euro",
        "eur",
        "rupee",
        "rs",
        "inr",
        "pound",
        "gbp",
        "yen",
        "unit",
        "square",
        "cubic",
        "sq",
        "cu",
        "each",
    ]
)
_NAMES: Final[dict[str, tuple[str, str]]] = {
    name: (unit.split()[0], dimension)
    for dimension, units in _KEPT.items()
    for unit in units.split(";")
    for name in unit.split()
}
#: Words that change what a number says, or whose number is a name's.
TELLING: Final = frozenset(
    [
        "no",
        "not",
        "never",
        "none",
        "neither",
        "nor",
        "cannot",
        "can't",
        "isn't",
        "doesn't",
        "yes",
        "true",
        "false",
        "correct",
        "incorrect",
        "wrong",
        "more",
        "less",
        "fewer",
        "than",
        "least",
        "most",
        "minimum",
        "maximum",
        "am",
        "pm",
        "a.m",
        "p.m",
        "or",
        "plus",
        "minus",
        "negative",
        "squared",
        "cubed",
        "remainder",
        "january",
        "february",
        "march",
        "april",
        "may",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
        "jan",
        "feb",
        "mar",
        "apr",
        "jun",
        "jul",
        "aug",
        "sep",
        "sept",
        "oct",
        "nov",
        "dec",
        "monday",
        "tuesday",
        "wednesday",
        "thursday",
        "friday",
        "saturday",
        "sunday",
        "half",
        "quarter",
        "third",
        "thirds",
        "halves",
        "quarters",
        "undefined",
        "impossible",
        "infinite",
        "either",
        "unless",
        "except",
        "without",
        "step",
    ]
)
#: Those of them that tell only right before the number.
COMPARING: Final = frozenset(
    ["more", "less", "fewer", "than", "least", "most", "minimum", "maximum"]
)
SCALES: Final = {
    "hundred": 100, "thousand": 1_000, "million": 10**6, "billion": 10**9, "trillion": 10**12
}  # fmt: skip
#: The same with plurals.
_ALL_NAMES: Final = {f"{name}s": unit for name, unit in _NAMES.items()} | _NAMES
_WORD = re.compile(r"[^\W\d_]+(?:[./'][^\W\d_]+)*")
#: What is in no such word.
_BETWEEN: Final = {
    sign: chr(sign) if chr(sign).isalpha() or chr(sign) in "./'" else " " for sign in range(128)
}
_ASKED = re.compile(
    r"\b(?:how (?:many|much)|number of|in|measured in|to the nearest)\s+((?:[a-z/]+\s*){1,3})", re.I
)
_SPEED = re.compile(
    r"(kilomet(?:er|re)s?|km|miles?|met(?:er|re)s?|feet|ft) per (?:hour|second)", re.IGNORECASE
)
_SPEEDS: Final = {"ki": "km/h", "km": "km/h", "mi": "mph", "me": "m/s", "fe": "ft/s", "ft": "ft/s"}
_POWER = re.compile(r"\^\{?[23]\}?")


def named_unit(word: str) -> tuple[str, str] | None:
    """(unit, dimension) of a word that names a unit which is kept, or None."""
    return _ALL_NAMES.get(word.lower())


@lru_cache(maxsize=4_096)
def asked_units(query: str) -> frozenset[str]:
    """Units that the query asks for: the only one of its kind, or those after "how many"."""
    found: dict[str, set[str]] = {}
    for word in _ALL_NAMES.keys() & _words(query.lower()):
        unit, dimension = _ALL_NAMES[word]
        found.setdefault(dimension, set()).add(unit)
    asked = {unit for units in found.values() if len(units) == 1 for unit in units}
    if len(asked) < sum(map(len, found.values())):
        for match in _ASKED.finditer(query):
            named = (named_unit(word) for word in match[1].split())
            asked.update(unit[0] for unit in named if unit is not None)
    return frozenset(asked)


def _words(lower: str) -> set[str]:
    """The matches of `_WORD` in a text in lower case."""
    if not lower.isascii():
        return set(_WORD.findall(lower))
    words: set[str] = set()
    for part in lower.translate(_BETWEEN).split():
        if part.isalpha():
            words.add(part)
        else:
            words.update(_WORD.findall(part))
    return words


def unit_of(words: str) -> str | None:
    """What must be kept of the words after a number; None if they say more than a unit does.

    Returns:
        Units with `_` between them; "" where the words go without saying: a usual unit, things
        that are counted.
    """
    plain = _POWER.sub("", words).strip(" .,;:!")
    if " per " in plain:
        plain = _SPEED.sub(lambda match: _SPEEDS[match[1].lower()[:2]], plain)
    if not plain:
        return ""
    if plain.lower() in ("in", "sq in", "cu in"):
        plain = "inch"  # Only by itself: elsewhere it is the preposition.
    kept: list[str] = []
    for word in plain.lower().split():
        if word in ("per", "a", "an", "the", "of", "/", "square", "cubic", "sq", "cu"):
            continue
        if not _WORD.fullmatch(word):
            return None
        unit = named_unit(word)
        if unit is not None:
            kept.append(unit[0])
        elif "/" in word and any(named_unit(part) for part in word.split("/")):
            kept.append(word)  # A rate: `km/s`, `miles/gallon`.
        elif (
            word in SCALES
            or word in TELLING
            or (len(word) < 3 and word.removesuffix("s") not in _DROPPED)
        ):
            return None
    return "_".join(kept)
