"""Multiple choice: where an answer says by its letter which option it chooses."""

import re
from typing import Final

from schema.answers.option_table import OptionTable, telling_words
from schema.values import matches_from

_DRESS = r"(?:\\[(\[])?[\s*_$`\"'({\[]*(?:\\(?:text|math|boxed|fbox)\w*\s*\{\s*)*[\s*_$`\"'({\[]*"
#: A letter that no index, power or value follows: `F_1`, `A = 3`.
_LETTER = (
    r"(?P<letter>[A-Z]|\d{1,2})"
    r"(?![A-Za-z0-9'(]|_[A-Za-z\d{]|\s*[\^=]|\s*(?:and|or|&)\s+\(?[A-Z]\b)"
)
_STATED = re.compile(
    r"(?:\b(?i:answer|choice|option|letter|solution|response)\b[\s*]*"
    r"(?i:is|was|would be|must be|should be|:|=|-)*[\s*:]*"
    r"(?i:(?:the\s+)?(?:indeed\s+)?(?:option|choice|letter)\s+)?"
    r"|(?i:\b(?:it is|it's|it must be|i (?:would )?(?:choose|chose|pick|select)|go with|"
    r"my choice|actually|therefore|thus|hence|so|is)[\s,:]+(?:option\s+|choice\s+)?)"
    r"|(?i:\b(?:no|wait|rather|sorry)\s*[,:]\s*(?:it is |it's )?)"
    r"|(?:答案|选择?|选项|正确)(?:是|为|:)?\s*)" + _DRESS + _LETTER
)
_RIGHT = re.compile(
    r"(?<![A-Za-z'])\(?(?P<letter>[A-Z])\)?\s+(?i:is|seems|looks|must be)\s+(?:the\s+)?"
    r"(?i:right|correct|best|true|answer|only)\b"
)
_RIGHT_WORDS: Final = ("right", "correct", "best", "true", "answer", "only")
_LOWER_STATED = re.compile(
    r"(?i:\b(?:answer|choice|option|letter)\b[\s*]*(?:is|:|=)*[\s*:]*)"
    + _DRESS
    + r"(?P<letter>[a-z])(?=[).\]}*]|\s*$)"
)
#: Words with which they begin.
_STATES = re.compile(
    r"\b(?:answer|choice|option|letter|solution|response)\b"
    r"|\b(?:it(?: is|'s| must be)|i (?:would )?(?:choose|chose|pick|select)|go with|my choice"
    r"|actually|therefore|thus|hence|so|is)[\s,:]+(?=[^a-z]|[a-z](?![a-z])|option|choice)"
    r"|\b(?:no|wait|rather|sorry)\s*[,:]|答案|选"
)
_LOWER_STATES = re.compile(r"\b(?:answer|choice|option|letter)\b")
_NEGATED = re.compile(
    r"(?:\bnot|n't|\bneither|\bnor|\bnever|\brather than|\binstead of)[\s(*]*$", re.I
)
#: Longest part of a text before a letter in which that is said.
_NEGATION: Final = 60
_VERB = re.compile(r"\s+(?:is|was|because|since|as|seems|would|must|and|but|for|in|with)\b")
_INITIAL = re.compile(r"\.\s[a-z]")
_DOT = re.compile(r"\.\s")
_SMALL_WORD = re.compile(r"\s+[a-z]")


def stated_letter(table: OptionTable, text: str, lower: str, lettered: bool) -> str | None:
    """The letter of the last statement that an option is the answer."""
    letters = table.texts
    matches: list[re.Match[str]] = []
    if lettered:
        if _holds(lower, _RIGHT_WORDS):
            matches += _RIGHT.finditer(text)
        if table.letter.search(text, 1):
            matches += matches_from(_STATES, _STATED, text, lower)
    if "answer" in lower or "choice" in lower or "option" in lower or "letter" in lower:
        matches += matches_from(_LOWER_STATES, _LOWER_STATED, text, lower)
    if len(matches) > 1:
        matches.sort(key=lambda match: match.start("letter"), reverse=True)
    for match in matches:
        letter, place = match["letter"].upper(), match.start("letter")
        if letter not in letters or _NEGATED.search(text, max(0, place - _NEGATION), place):
            continue
        after = text[match.end("letter") :]
        if not (after.lstrip(")*. ").startswith("?") or _is_article(letter, after, letters)):
            return letter
    return None


def _holds(text: str, words: tuple[str, ...]) -> bool:
    for word in words:  # noqa: SIM110 (a generator would take longer than the search)
        if word in text:
            return True
    return False


def _is_article(letter: str, after: str, letters: dict[str, str]) -> bool:
    """Whether `A` before a word is the article, `I` the pronoun, or `E.` an initial."""
    own = telling_words(letters[letter])
    if _INITIAL.match(after) and own != telling_words(after)[: len(own)]:
        return any(
            text.startswith(letter) and _DOT.match(text, len(letter)) for text in letters.values()
        )
    if letter not in ("A", "I") or not _SMALL_WORD.match(after) or _VERB.match(after):
        return False
    return not own or telling_words(after)[: len(own)] != own
