"""The key of a date or a time of day in figures: numbers that are not to be computed."""

import re

_DATE = re.compile(r"\d{4}-\d{1,2}-\d{1,2}|\d{1,2}[/.]\d{1,2}[/.](?:\d{4}|\d{2})")
_TIME = re.compile(r"(\d{1,2})((?::[0-5]\d){1,2})\s*([AaPp])?(?(3)\.?\s?[Mm]\.?)")


def moment(plain: str) -> str | None:
    """`text:2024-03-05`, `text:16:45` or `text:4:45 am`; None if the text is neither.

    An hour of the afternoon is counted from midnight where that says the same: 4:45 PM is 16:45.
    """
    if plain[:1].isdigit() and _DATE.fullmatch(plain):
        return f"text:{plain}"
    match = _TIME.fullmatch(plain)
    if match is None:
        return None
    hour, half = int(match[1]), (match[3] or "").lower()
    if half == "p" and 1 <= hour < 12:
        return f"text:{hour + 12}{match[2]}"
    return f"text:{hour}{match[2]} {half}m" if half else f"text:{hour}{match[2]}"
