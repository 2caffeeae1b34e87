"""Multiple choice: the options that a query lists, as people list them."""

import re
from functools import lru_cache
from typing import Final

from schema.answers.json_options import options_in_json
from schema.mathematics import plain_text

#: (letter, text) of each option of a query.
Options = tuple[tuple[str, str], ...]

_LABEL = r"(?:(?:option|choice)[ \t]+)?"
#: One option a line: `A. x`, `(a) x`, `- **A)** x`, `[A] x`, `Option A: x`.
_LINE = re.compile(
    rf"(?mi)^[ \t>]*(?:[-*•+][ \t]+)?(?P<bold>\*\*|__)?{_LABEL}(?P<open>[(\[])?(?P<letter>[A-Z])"
    r"(?P<mark>[.):\]]|\*\*[.):]|[ \t]+[-=](?=[ \t]))(?:\*\*|__)?[.:]?[ \t]+(?P<text>\S.*)$"
)
#: The same, with other marks or no space; read only where no other way finds options.
_LOOSE_LINE = re.compile(
    rf"(?m)^[ \t>|]*(?:[-*•+][ \t]+|#{{1,6}} |\\item[ \t]*)?(?P<bold>[*_`$]{{0,2}}){_LABEL}"
    r"(?P<open>[(\[<])?(?P<letter>[A-Z])"
    r"(?P<mark>[*_`$]{0,2}[.):,\]>]+|\t)[*_`$]{0,2}[ \t]*(?P<text>\S.*)$"
)
_TYPESET = re.compile(r"\$?\\(?:text|math)(?:bf|rm|it)?\{\s*\(([A-J])\)\s*\}(?:\\[ ,;])?\s*\$?")
_WIDE_SPACE = re.compile(r"\\q?quad(?![A-Za-z])|\\hspace\{[^{}]*\}")
_NUMBERED = re.compile(r"(?m)^[ \t>]*\(?(?P<letter>\d{1,2})[.):][ \t]+(?P<text>\S.*)$")
_INLINE = re.compile(
    r"(?:(?<=[\s,;?:])|^)(?P<open>[(\[])?(?P<letter>[A-J])(?P<mark>[.)\]:])\s+(?=\S)"
)
_TIGHT = re.compile(r"(?P<open>\()(?P<letter>[A-J])(?P<mark>\))\s*(?=\S)")
_LEADS = re.compile(r"(?:\?|options?|choices?|following|below|answers?)\W*$", re.IGNORECASE)
_CHOICE_QUERY = re.compile(r"\b(?:which|choose|select|pick|option|choice)", re.IGNORECASE)
#: After its last option a query has an instruction at most.
_SECOND = re.compile(r"\n[^A-Za-z\d\n]{0,6}(?:item[^A-Za-z\d\n]*)?B[^A-Za-z\d]")
_FEWEST_LOOSE: Final = 3
_LONGEST_TAIL: Final = 400
_INLINE_READ: Final = 2_000
_MOST: Final = 26


@lru_cache(maxsize=4_096)
def options_of(query: str) -> Options:
    """(letter, text) of the options in `query`, letters in upper case; () when it lists none."""
    if not query:
        return ()
    query = plain_text(query)
    if "(A)" in query and "\\" in query:
        query = _WIDE_SPACE.sub(" ", _TYPESET.sub(r"(\1) ", query))
    lines = "\n" in query
    return (
        (_listed(query, _LINE, "A") if lines else ())
        or options_in_json(query)
        or _in_one_line(query, _INLINE, 3)
        or _in_one_line(query, _TIGHT, 2)
        or (_numbered(query) if lines else ())
        or (_loosely_listed(query) if lines else ())
    )


def _loosely_listed(query: str) -> Options:
    """Options of one line each with marks that are rare, at least three."""
    options = _listed(query, _LOOSE_LINE, "A") if _SECOND.search(query) else ()
    return options if len(options) >= _FEWEST_LOOSE else ()


def _listed(query: str, pattern: re.Pattern[str], first: str) -> Options:
    """Options of one line each; the last run of labels that begins with `first`."""
    found = list(pattern.finditer(query))
    labels = [match["letter"].upper() for match in found]
    if first not in labels:
        return ()
    start = len(labels) - 1 - labels[::-1].index(first)
    end = start + 1
    while end < len(found) and labels[end] == _after(labels[end - 1]) and _alike(found, start, end):
        end += 1
    if end - start < 2 or len(query) - found[end - 1].end() > _LONGEST_TAIL:
        return ()
    if end < len(found) and pattern is _LINE and found[start]["mark"] == ":":
        return ()
    texts = [_text(match) for match in found[start:end]]
    if not all([len(text) <= 12 or any(map(str.isalnum, text)) for text in texts]):
        return ()
    before = query[: found[start].start()].rstrip()
    unsure = pattern is _LOOSE_LINE or (
        pattern is _LINE and found[start]["mark"].strip() in (":", "=", "-")
    )
    if unsure and not _LEADS.search(before):
        return ()
    return tuple(zip(labels[start:end], texts, strict=True))


def _text(match: re.Match[str]) -> str:
    """An option's text without the marks of bold around it, unless it is nothing else: `**`."""
    text = match["text"].strip().rstrip("|").rstrip()
    return text.strip("*").strip() or text


def _after(label: str) -> str:
    return str(int(label) + 1) if label.isdigit() else chr(ord(label) + 1)


def _alike(found: list[re.Match[str]], start: int, place: int) -> bool:
    """Whether two labels are written alike: the same case, brackets and mark."""
    one, other = found[start], found[place]
    if one["letter"].isdigit():
        return True
    return one["letter"].isupper() == other["letter"].isupper() and one["mark"] == other["mark"]


def _in_one_line(query: str, pattern: re.Pattern[str], fewest: int) -> Options:
    """Options that follow one another in a line: `A) x, B) y`."""
    for line in reversed(query[-_INLINE_READ:].split("\n")):
        if "A" not in line or "B" not in line:
            continue
        found = list(pattern.finditer(line))
        labels = [match["letter"] for match in found]
        if len(found) < fewest or "A" not in labels:
            continue
        start = len(labels) - 1 - labels[::-1].index("A")
        end = start + 1
        while (
            end < len(found)
            and labels[end] == _after(labels[end - 1])
            and (
                found[end]["mark"] == found[start]["mark"]
                and found[end]["open"] == found[start]["open"]
            )
        ):
            end += 1
        if end - start < fewest or len(labels) > _MOST:
            continue
        stops = [match.start() for match in found[start + 1 : end]] + [len(line)]
        texts = [
            line[match.end() : stop].strip().rstrip(",;|").strip()
            for match, stop in zip(found[start:end], stops, strict=True)
        ]
        if all(any(map(str.isalnum, text)) for text in texts) and max(map(len, texts)) <= 200:
            return tuple(zip(labels[start:end], texts, strict=True))
    return ()


def _numbered(query: str) -> Options:
    """A numbered list, where the query asks which of it and ends with it."""
    options = _listed(query, _NUMBERED, "1")
    if not options:
        return ()
    before, _, _ = query.rpartition(options[0][1])
    before = re.sub(r"\(?1[.):]\s*$", "", before.rstrip()).rstrip()
    question = before.rsplit("\n", 1)[-1]
    if not _CHOICE_QUERY.search(question) or not _LEADS.search(before):
        return ()
    return options if len(options) <= 10 else ()
