r"""One way of writing for what is written in many: digits of any script, wide signs, LaTeX.

Only dress goes: `\left`, `\,`, `\text{}`, dollars around mathematics, bold. No letter, digit, sign,
bracket or operator is lost.
"""

import re
import unicodedata
from functools import lru_cache
from typing import Final

_SUPERSCRIPTS: Final = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿ", "0123456789+-n")
_RAISED = re.compile(r"[⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿ]+")
_VULGAR: Final = {
    "½": "1/2",
    "⅓": "1/3",
    "⅔": "2/3",
    "¼": "1/4",
    "¾": "3/4",
    "⅕": "1/5",
    "⅖": "2/5",
    "⅗": "3/5",
    "⅘": "4/5",
    "⅙": "1/6",
    "⅚": "5/6",
    "⅛": "1/8",
    "⅜": "3/8",
    "⅝": "5/8",
    "⅞": "7/8",
}
_FRACTION_SIGN = re.compile(rf"(\d?)([{''.join(_VULGAR)}])")
_SIGNS: Final = {
    "−": "-", "–": "-", "﹣": "-", "‐": "-", "‑": "-", "×": "*", "⋅": "*", "·": "*", "÷": "/",
    "∕": "/", "⁄": "/", "≥": ">=", "⩾": ">=", "≤": "<=", "⩽": "<=", "≠": "!=", "∅": "{}",
    "，": ",", "。": ".", "：": ":", "；": ";", "（": "(", "）": ")", "“": '"',
    "”": '"', "‘": "'", "’": "'", "、": ",", "？": "?", "！": "!", "％": "%", "￥": "¥",
    "\u00a0": " ", "\u2009": " ", "\u202f": " ", "\u200b": "", "\u2061": "", "\ufeff": "",
}  # fmt: skip
_SIGN = re.compile(f"[{''.join(_SIGNS)}]")
_WIDE_STOP = re.compile(r"．(?=(\d)?)")
_OTHER_DIGIT = re.compile(r"(?![0-9])\d")
_FULL_WIDTH = re.compile(r"[\uff01-\uff5e]")
#: What a sign of its own does not say.
_RARE = re.compile(rf"[⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿ．{''.join(_VULGAR)}\uff01-\uff5e]|(?![0-9])\d")
#: LaTeX that only sets the type.
_LAYOUT = re.compile(
    r"\\(?:left|right|displaystyle|[bB]igg?[lr]?|quad|qquad|limits|hfill|rm|bf|it)(?![A-Za-z])"
    r"|\\[,!;: ]|~"
)
_SPACED_DIGITS = re.compile(r"(?<=\d)(?:\\[,; ]|\{,\})(?=\d{3}(?!\d))")
_TEXT_COMMAND = re.compile(
    r"\\(?:text\w{0,2}|math(?:rm|bf|it|sf|tt|cal|bb)|mbox|operatorname\*?|boldsymbol|bm)\s*"
    r"\{([^{}]*)\}"
)
#: One of these is in every match.
_TEXT_NAMES: Final = ("\\text", "\\math", "\\mbox", "\\operatorname", "\\bm", "\\boldsymbol")
_CUT_OFF = re.compile(r"\\(?:text\w*\s*(?:\{([^{}]*))?)?$")
_COMMANDS: Final = {
    "cdot": "*", "times": "*", "div": "/", "pi": "π", "infty": "∞", "geq": ">=", "ge": ">=",
    "geqslant": ">=", "leq": "<=", "le": "<=", "leqslant": "<=", "neq": "!=", "ne": "!=",
    "gt": ">", "lt": "<", "cup": "∪", "cap": "∩", "pm": "±", "mp": "∓", "emptyset": "{}",
    "varnothing": "{}", "approx": "≈", "dfrac": r"\frac ", "tfrac": r"\frac ", "cfrac": r"\frac ",
    "in": "∈", "theta": "θ", "alpha": "α", "beta": "β", "lambda": "λ", "degree": "°",
    "lbrace": r"\{", "rbrace": r"\}", "ldots": "...", "dots": "...", "to": "→", "rightarrow": "→",
}  # fmt: skip
_COMMAND = re.compile(r"\\([A-Za-z]+)")
_DEGREES = re.compile(r"\^\s*\{?\s*(?:\\circ|°|∘)\s*\}?|\\circ(?![A-Za-z])")
_OTHER_SPACE = re.compile(r"[^\S ]")
_WORD_PI = re.compile(r"(?<![A-Za-z])pi(?![A-Za-z])", re.IGNORECASE)
_WORD_INFINITY = re.compile(r"(?<![A-Za-z])(?:infinity|inf|oo)(?![A-Za-z])", re.IGNORECASE)


def plain_text(text: str) -> str:
    """`text` in NFC, with ASCII digits and signs; superscripts as `^2`."""
    if text.isascii():
        return text
    text = unicodedata.normalize("NFC", text)
    if not _RARE.search(text):
        return _SIGN.sub(_as_sign, text)
    text = _RAISED.sub(lambda m: "^" + _braced(m[0].translate(_SUPERSCRIPTS)), text)
    text = _FRACTION_SIGN.sub(lambda m: f"{m[1]}{' ' if m[1] else ''}{_VULGAR[m[2]]}", text)
    text = _WIDE_STOP.sub(lambda m: "." if m[1] else ". ", _SIGN.sub(_as_sign, text))
    text = _FULL_WIDTH.sub(lambda m: chr(ord(m[0]) - 0xFEE0), text)
    return _OTHER_DIGIT.sub(lambda m: str(unicodedata.digit(m[0])), text)


def _as_sign(match: re.Match[str]) -> str:
    return _SIGNS[match[0]]


@lru_cache(maxsize=4_096)
def plain_mathematics(text: str) -> str:
    r"""`text` without what only sets the type; commands with a sign of their own as that sign."""
    if "\\" in text:
        text = _without_commands(text)
    elif "^" in text or "{,}" in text:
        text = _SPACED_DIGITS.sub("", _DEGREES.sub("°", text))
    if "inf" in text.lower() or "oo" in text:
        text = _WORD_INFINITY.sub("∞", text)
    if "pi" in text or "Pi" in text:
        text = _WORD_PI.sub("π", text)
    if "  " in text or text[:1].isspace() or text[-1:].isspace() or _OTHER_SPACE.search(text):
        return " ".join(text.split())
    return text


def _without_commands(text: str) -> str:
    """`text` without LaTeX that only sets the type. What cannot match is not tried."""
    if "\\," in text or "\\;" in text or "\\ " in text or "{,}" in text:
        text = _SPACED_DIGITS.sub("", text)
    if "circ" in text or "^" in text:
        text = _DEGREES.sub("°", text)
    text = _LAYOUT.sub(" ", text)
    for _ in range(3):
        if "{" not in text or not _holds(text, _TEXT_NAMES):
            break
        text, count = _TEXT_COMMAND.subn(lambda m: f" {m[1]} ", text)
        if not count:
            break
    if text.endswith("\\") or "}" not in text[text.rfind("\\text") :]:
        text = _CUT_OFF.sub(lambda m: f" {m[1] or ''}", text)
    text = _COMMAND.sub(lambda m: _COMMANDS.get(m[1], m[0]), text)
    if "\\" not in text:
        return text
    text = text.replace(r"\$", "$").replace(r"\%", "%").replace(r"\_", "_")
    for bracket in (r"\(", r"\)", r"\[", r"\]"):
        text = text.replace(bracket, " ")
    return text


def _holds(text: str, words: tuple[str, ...]) -> bool:
    for word in words:  # noqa: SIM110 (a generator would take longer than the search)
        if word in text:
            return True
    return False


def _braced(raised: str) -> str:
    return raised if len(raised) == 1 else "{" + raised + "}"
