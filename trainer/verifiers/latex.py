r"""Mathematics as people write it, in LaTeX that a parser reads: `4*pi` is `4\cdot \pi`.

Nothing is dropped here but dress: delimiters, fonts, spacing, bold.
"""

# ruff: noqa: RUF001 (people write these characters)

import re
from typing import Final

from trainer.verifiers.final_answer import closing_brace

_FIRST = re.compile(r"^(?:[ ,;:`'\"]|\.(?!\d))+")
_FONT = re.compile(r"\\(?:text|textbf|textit|textrm|mathrm|mathbf|mathit|mbox|operatorname)\s*\{")
_SPACING = re.compile(
    r"\\(?:left|right|displaystyle|textstyle|limits|[bB]igg?[lr]?)(?![A-Za-z])|\\[!]|\{,\}(?=\d)"
)
_WIDE = re.compile(r"\\(?:quad|qquad)(?![A-Za-z])|\\[;: ]|~")
_DELIMITER = re.compile(r"\\[()\[\]](?!\s*\d*\s*pt)|(?<!\\)\$")
_GROUPED = re.compile(r"(?<![\d.,])\d{1,3}(?:,\d{3})+(?![\d,]|\.\d+,)(?:\.\d+)?")
_SPACED = re.compile(r"(?<![\d.,])\d{1,3}(?: \d{3})+(?![\d,])")
_EUROPEAN = re.compile(r"(?<![\d.,])(\d{1,3}(?:\.\d{3})+),(\d{1,2})(?![\d,])")
_MIXED = re.compile(r"(?<![\d.}/^_])(\d+)\s*\\[dtc]?frac\s*\{(\d+)\}\s*\{(\d+)\}")
_MIXED_SLASH = re.compile(r"(?<![\d./^_])(\d+)\s+(\d+)\s*/\s*(\d+)(?![\d/])")
_SCIENTIFIC = re.compile(r"(?<![\w.])(\d+(?:\.\d*)?|\.\d+)[eE]([-+]?\d{1,4})(?!\w)")
_TIMES_TEN = re.compile(r"(?<=[\d.])\s*[xX]\s*(?=10\s*\^)|(?<=\d)\s+[xX]\s+(?=\d)")
_POWER = re.compile(r"\^\s*(?:\(([^()]*)\)|([-+]?\d{2,}|[-+]\d))")
_ROOT = re.compile(r"\\?sqrt\s*\(|√\s*\(")
_BARE_ROOT = re.compile(r"\\sqrt\s*(\d)(?!\d)|√\s*(\d+|[a-z])")
_NAMES: Final = (
    (re.compile(r"(?i)(?<![\\A-Za-z])(?:pi(?![A-Za-z])|π)|π"), r"\\pi "),
    (re.compile(r"(?i)(?<![\\A-Za-z])(?:infinity|infty|inf|oo)(?![A-Za-z])|∞"), r"\\infty "),
    (re.compile(r">=|=>|≥|⩾|\\ge(?![A-Za-z])|\\geqslant"), r"\\geq "),
    (re.compile(r"<=|≤|⩽|\\le(?![A-Za-z])|\\leqslant"), r"\\leq "),
    (re.compile(r"!=|≠|\\ne(?![A-Za-z])"), r"\\neq "),
    (re.compile(r"±|\+/-|\+-"), r"\\pm "),
    (re.compile(r"∪"), r"\\cup "),
    (re.compile(r"∩"), r"\\cap "),
    (re.compile(r"∅"), r"\\emptyset "),
    (re.compile(r"×|·|⋅|\*|\\times(?![A-Za-z])"), r"\\cdot "),
    (re.compile(r"÷|\\div(?![A-Za-z])"), "/"),
    (re.compile(r"\\[dt]frac"), r"\\frac"),
    (
        re.compile(r"(?<![\\A-Za-z])((?:arc)?(?:sin|cos|tan)h?|cot|sec|csc|log|ln)(?![A-Za-z])"),
        r"\\\1 ",
    ),
)
_RAISED: Final = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")
_RAISED_RUN = re.compile(f"[{'⁰¹²³⁴⁵⁶⁷⁸⁹⁻'}]+")
_FRACTIONS: Final = {"½": (1, 2), "⅓": (1, 3), "⅔": (2, 3), "¼": (1, 4), "¾": (3, 4), "⅛": (1, 8)}


def undressed(text: str) -> str:
    r"""`text` without delimiters, fonts, bold and spacing; `\$` stays a dollar sign."""
    text = text.replace("\\,", "").replace("**", "\x00") if "\\" in text or "**" in text else text
    text = re.sub(r"(?<=[\w)])\x00(?=[\w(-])", "^", text).replace("\x00", "")
    text = _WIDE.sub(" ", _SPACING.sub("", text))
    if text.count("$") - text.count("\\$") == 1:
        text = re.sub(r"(?<!\\)\$(?=\s*-?[\d.])", r"\\$", text)  # Of money, not of mathematics.
    text = _DELIMITER.sub("", text)
    while start := _FONT.search(text):
        end = closing_brace(text, start.end() - 1)
        held = text[start.end() : len(text) if end is None else end - 1]
        rest = "" if end is None else text[end:]
        text = f"{text[: start.start()]} {held} {rest}"
    text = re.sub(r"(?<!\w)[*_`\"“”](?=\S)|(?<=\S)[*`\"“”](?!\w)", "", text)
    return bare_ends(" ".join(text.split()))


def bare_ends(text: str) -> str:
    """`text` without punctuation at its ends; the point of `.05` stays."""
    return _FIRST.sub("", text.rstrip(" .,;:`'\""))


def to_latex(text: str) -> str:
    """An undressed expression with the operators, names, roots and powers of LaTeX."""
    for character, (above, below) in _FRACTIONS.items():
        text = text.replace(character, rf"\frac{{{above}}}{{{below}}}")
    text = _RAISED_RUN.sub(lambda run: f"^{{{run[0].translate(_RAISED)}}}", text)
    text = _EUROPEAN.sub(lambda found: found[1].replace(".", "") + "." + found[2], text)
    text = _GROUPED.sub(_joined, text)
    text = _SPACED.sub(lambda found: found[0].replace(" ", ""), text)
    text = _TIMES_TEN.sub(r" \\cdot ", text)
    text = _SCIENTIFIC.sub(r"(\1\\cdot 10^{\2})", text)
    for pattern, name in _NAMES:
        text = pattern.sub(name, text)
    while start := _ROOT.search(text):
        end = _closing_bracket(text, start.end() - 1)
        if end is None:
            break
        inner = text[start.end() : end - 1]
        text = rf"{text[: start.start()]}\sqrt{{{inner}}}{text[end:]}"
    text = _BARE_ROOT.sub(lambda found: rf"\sqrt{{{found[1] or found[2]}}}", text)
    text = _POWER.sub(lambda found: f"^{{{found[1] or found[2]}}}", text)
    text = _MIXED.sub(r"(\1+\\frac{\2}{\3})", text)
    return _MIXED_SLASH.sub(r"(\1+\\frac{\2}{\3})", text).strip()


def _joined(found: re.Match[str]) -> str:
    """A number with thousands separators without them, unless it reads as a list as well."""
    first, *others = found[0].partition(".")[0].split(",")
    if len(first) == 3 and not any(group.startswith("0") for group in others):
        return found[0]
    return found[0].replace(",", "")


def _closing_bracket(text: str, start: int) -> int | None:
    depth = 0
    for place in range(start, len(text)):
        depth += {"(": 1, ")": -1}.get(text[place], 0)
        if depth == 0:
            return place + 1
    return None
