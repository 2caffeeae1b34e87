r"""Numbers and expressions in canonical form: 1,234 = 1234.0 = $1234, \frac{1}{2} = 0.5."""

import re
from fractions import Fraction
from functools import lru_cache
from typing import Final

_NUMBER = re.compile(
    r"(?<![\w.,])-?\s?\$?(?:\d{1,3}(?:,\d{3})+|\d{1,30})(?:\.\d{1,20})?(?![\d])"
    r"(?:\s*/\s*\d{1,15}(?![\d.]))?"
)
_PLAIN = re.compile(r"([-+]?)(\d{0,30})(?:\.(\d{0,20}))?(?:/(\d{1,15}))?")
_SCIENTIFIC = re.compile(r"([-+]?\d{1,15}(?:\.\d{1,15})?)\*10\^\(?([-+]?\d{1,3})\)?")
_WRAPPED = re.compile(
    r"\\(?:text|mathrm|mathbf|textbf|mbox|operatorname|mathit|textit)\s*\{([^{}]*)\}"
)
_OPEN_TEXT = re.compile(r"\\(?:text\w{0,2}|mathrm|mathbf|mbox)(?:\{[^{}]*)?(?:$|(?=\s))")
_FRACTION = re.compile(r"\\[dtc]?frac\{([^{}]*)\}\{([^{}]*)\}")
_SHORT_FRACTION = re.compile(r"\\[dtc]?frac(\d)(\d)")
_DROPPED = re.compile(
    r"\\(?:left|right|displaystyle|big|Big|bigg|Bigg|quad|qquad|limits)(?![A-Za-z])|\\[,!;: ]"
    r"|\\[()\[\]]|\$|\\%|%|°|\\circ|\^\\circ|\*\*|£|€"
)
#: What everything that is dropped begins with.
_DRESSING = re.compile(r"[\\$%°^*£€]")
_RAISED = re.compile(r"\^\{(\w+)\}")
_REPLACED: Final = (
    ("\\cdot", "*"),
    ("\\times", "*"),
    ("\u00d7", "*"),
    ("·", "*"),
    ("\\div", "/"),
    ("÷", "/"),
    ("\u2212", "-"),
    ("\u2013", "-"),
    ("{,}", ","),
    ("\\pi", "pi"),
    ("π", "pi"),
    ("\\sqrt", "sqrt"),
    ("√", "sqrt"),
    ("\\infty", "infinity"),
    ("∞", "infinity"),
)


def _canonical_number(compact: str) -> str | None:
    """Canonical form of one written number (no spaces in it), or None if it is something else."""
    scientific = _SCIENTIFIC.fullmatch(compact)
    if scientific:
        value = Fraction(scientific[1]) * Fraction(10) ** int(scientific[2])
        return _shortest(value)
    match = _PLAIN.fullmatch(_without_separators(compact).strip("()").rstrip("."))
    if not match or not (match[2] or match[3]):
        return None
    value = Fraction(f"{match[1]}{match[2] or 0}.{match[3] or 0}")
    if match[4] is not None:
        if int(match[4]) == 0:
            return None
        value /= int(match[4])
    return _shortest(value)


def last_number(text: str) -> str | None:
    """Canonical form of the last number written in `text`, or None if it holds none."""
    plain = plain_expression(text)
    numbers = _NUMBER.findall(plain)
    return _canonical_number(re.sub(r"[\s$]", "", numbers[-1])) if numbers else None


@lru_cache(maxsize=4_096)
def plain_expression(text: str) -> str:
    """`text` without LaTeX dressing, currency and markdown; fractions as (a)/(b)."""
    plain = text
    for old, new in _REPLACED:
        if old in plain:
            plain = plain.replace(old, new)
    # Most texts have no dressing: what could not match is not tried.
    if "\\" in plain:
        plain = _WRAPPED.sub(r" \1 ", plain)
    if _DRESSING.search(plain):
        plain = _OPEN_TEXT.sub(" ", _DROPPED.sub(" ", plain))
        plain = _SHORT_FRACTION.sub(r"\1/\2", plain)
    for _ in range(3):
        if "frac" not in plain:
            break
        plain = _FRACTION.sub(_slash, plain)
    if "^{" in plain:
        plain = _RAISED.sub(r"^\1", plain)
    return " ".join(plain.split()).strip(" .,;:`*\"'")


def _slash(match: re.Match[str]) -> str:
    r"""`\frac{a}{b}` as a/b, in brackets where a or b is more than a number or a name."""
    parts = [part.strip() for part in match.groups()]
    return "/".join(part if re.fullmatch(r"[-\w.]*", part) else f"({part})" for part in parts)


def _without_separators(compact: str) -> str:
    """`compact` without thousands separators, where its commas are such."""
    if re.fullmatch(r"[-+]?\d{1,3}(?:,\d{3})+(?:\.\d*)?", compact):
        return compact.replace(",", "")
    return compact


def _shortest(value: Fraction) -> str:
    """Exact text of an integer, else 9 significant digits."""
    if value.denominator == 1:
        return str(value.numerator)
    return f"{float(value):.9g}"
