"""Dates: `2024-03-05`, `March 5, 2024`, `5 March 2024`; their figures are not to be computed."""

import re
from typing import Final

_MONTHS: Final = {
    name: number
    for number, name in enumerate(
        [
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
        ],
        1,
    )
}
_FIGURES = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})")
_SLASHES = re.compile(r"(\d{1,2})[/.](\d{1,2})[/.](\d{4})")
_MONTH_FIRST = re.compile(r"([A-Za-z]{3,9})\.?\s+(\d{1,2})(?:st|nd|rd|th)?,?\s+(\d{4})")
_DAY_FIRST = re.compile(r"(\d{1,2})(?:st|nd|rd|th)?\s+(?:of\s+)?([A-Za-z]{3,9})\.?,?\s+(\d{4})")

#: Year, month, day; where the order of month and day is not clear, they are as written, after 0.
Date = tuple[int, ...]


def date(text: str) -> Date | None:
    """The day that `text` is as a whole, or None."""
    text = text.strip()
    if found := _FIGURES.fullmatch(text):
        return int(found[1]), int(found[2]), int(found[3])
    if found := _SLASHES.fullmatch(text):
        return 0, int(found[3]), int(found[1]), int(found[2])
    if found := _MONTH_FIRST.fullmatch(text):
        month, day, year = found.groups()
    elif found := _DAY_FIRST.fullmatch(text):
        day, month, year = found.groups()
    else:
        return None
    number = _month(month.lower())
    return None if number is None else (int(year), number, int(day))


def _month(name: str) -> int | None:
    """Number of a month by its name or the beginning of it, of three letters or more."""
    return next((number for full, number in _MONTHS.items() if full.startswith(name)), None)
