"""The key of a text as it is written, up to layout, letter case and what surrounds it."""

import hashlib
import re
from typing import Final

from schema.mathematics import plain_text

#: A longer text's key is a hash of it.
LONGEST: Final = 160

_DRESS: Final = " \t\r\n`*"
_PAIRS: Final = (("$$", "$$"), ("$", "$"), ('"', '"'), ("'", "'"), ("\\(", "\\)"), ("\\[", "\\]"))
_HEDGE = re.compile(
    r"(?:(?:so|therefore|thus|hence|finally|then|now|in total|in conclusion|overall),?\s+"
    r"|(?:it|this|that|the (?:date|day|time|point)) (?:is|was) |(?:it|that)'s |(?:[=-]>|[→⇒])\s*"
    r"|(?:is|was|are|equals|exactly|about|approximately|approx\.?|roughly|around|nearly|almost|"
    r"total|simply|just|only|indeed|equal to|a total of)\s+|[=≈~:]\s*|\\approx\s*)+",
    re.IGNORECASE,
)
_OPENS: Final = frozenset("$\"'\\`*")
_CLOSES: Final = frozenset(".$)]\"'`*")
_PAIR_OPENS: Final = frozenset(opening[0] for opening, _ in _PAIRS)
_LONE_ENDS: Final = frozenset(")]$")
#: What a hedge begins with.
_HEDGE_SIGNS: Final = frozenset("=≈~:\\-→⇒")
_HEDGE_STARTS: Final = frozenset(re.findall("..", "sothhefinoinovitiswaareqexabapronealtosijuona "))
_TEXT_COMMAND = re.compile(r"\\(?:text\w{0,2}|math(?:rm|bf|it|sf)|mbox)\s*\{([^{}]*)\}")
#: Signs around which spaces say nothing.
_TIGHT: Final = ",:;()[]{}|=+*/<>"
#: A letter, a digit, or a sign that is no punctuation.
_SAYS = re.compile(r"[^\W_]|[^\x00-\x7f]")
#: What says something without any: an operator, a grid of `#` and `.`.
_SIGNS = re.compile(r"[+/%^<>&|!]|[<>!=]=|&&|\|\||//|[#.@+]{2,}(?:\n[#.@+]{2,})+")
_FENCE = re.compile(r"\A\s*```[\w+-]*[^\S\n]*\n(.*?)\n?[^\S\n]*```\s*\Z", re.DOTALL)


def undressed(text: str) -> str:
    """`text` without the marks around it: dollars, bold, quotes, a full stop, "about"."""
    text = text.strip(_DRESS)
    if text[-1:] == "." and text[-2:-1].isalnum() and text[0] not in _OPENS:
        text = text[:-1]
    while text:
        before = text
        if text[0] in _OPENS or text[-1] in _CLOSES:
            text = _unmarked(text)
        if text[:1] in _HEDGE_SIGNS or text[:2].lower() in _HEDGE_STARTS:
            hedge = _HEDGE.match(text)
            if hedge and hedge.end() < len(text):
                text = text[hedge.end() :].strip(_DRESS)
        if text == before:
            break
    return text


def _unmarked(text: str) -> str:
    """`text` without one pair of marks around it, and a mark at its end that nothing opens."""
    if text[0] in _PAIR_OPENS:
        for opening, closing in _PAIRS:
            if text.startswith(opening) and text.endswith(closing) and len(text) > 2 * len(opening):
                inside = text[len(opening) : len(text) - len(closing)]
                if opening not in inside and closing not in inside:
                    text = inside.strip(_DRESS)
    if text[-1:] == "." and text[-2:] != "..":
        text = text[:-1].strip(_DRESS)
    if text[-1:] in _LONE_ENDS:
        for closing, opening in (("\\)", "\\("), ("\\]", "\\["), ("$", "$")):
            if text.endswith(closing) and opening not in text[:-1]:
                text = text[: -len(closing)].strip(_DRESS)
    return text


def unfenced(text: str) -> str:
    """What a fence around the whole text holds; else the text."""
    fenced = _FENCE.match(text) if "```" in text else None
    return fenced[1] if fenced else text


def text_key(text: str) -> str | None:
    """`text:<words>` of a text, with its punctuation and its lines; None if it holds no sign."""
    text = unfenced(plain_text(text))
    if "\\" in text:
        text = _TEXT_COMMAND.sub(lambda m: m[1], text)
    text = undressed(text).casefold()
    if "\n" in text:
        lines = [" ".join(line.split()) for line in text.split("\n")]
        text = "\n".join(line for line in lines if line)
    else:
        text = " ".join(text.split())
    for sign in _TIGHT:
        if sign in text:
            text = text.replace(f" {sign}", sign).replace(f"{sign} ", sign)
    if not _SAYS.search(text) and not _SIGNS.fullmatch(text):
        return None
    if len(text) <= LONGEST:
        return f"text:{text}"
    digest = hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=12).hexdigest()
    return f"text:#{digest}"
