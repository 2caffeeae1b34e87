"""Multiple choice: the options that a query lists, as people list them."""

import json
import re
from functools import lru_cache
from typing import Final

from schema.mathematics import plain_text

Options = tuple[tuple[str, str], ...]

_LABEL = r"(?:(?:option|choice)[ \t]+)?"
#: One option a line: `A. x`, `(a) x`, `- **A)** x`, `[A] x`, `Option A: x`.
_LINE = re.compile(
    rf"(?mi)^[ \t>]*(?:[-*•+][ \t]+)?(?P<bold>\*\*|__)?{_LABEL}(?P<open>[(\[])?(?P<letter>[A-Z])"
    r"(?P<mark>[.):\]]|\*\*[.):]|[ \t]+[-=][ \t])(?:\*\*|__)?[.:]?[ \t]+(?P<text>\S.*)$"
)
_NUMBERED = re.compile(r"(?m)^[ \t>]*\(?(?P<letter>\d{1,2})[.):][ \t]+(?P<text>\S.*)$")
_INLINE = re.compile(
    r"(?:(?<=[\s,;?:])|^)(?P<open>[(\[])?(?P<letter>[A-J])(?P<mark>[.)\]:])\s+(?=\S)"
)
_TIGHT = re.compile(r"(?P<open>\()(?P<letter>[A-J])(?P<mark>\))\s*(?=\S)")
_JSON = re.compile(r"\{[^{}]*\}")
_LEADS = re.compile(r"(?:\?|options?|choices?|following|below|answers?)\W*$", re.IGNORECASE)
_CHOICE_QUERY = re.compile(r"\b(?:which|choose|select|pick|option|choice)", re.IGNORECASE)
#: After its last option a query has an instruction at most.
_LONGEST_TAIL: Final = 400
_INLINE_READ: Final = 2_000
_MOST: Final = 26


@lru_cache(maxsize=4_096)
def options_of(query: str) -> Options:
    """(letter, text) of the options in `query`, letters in upper case; () when it lists none."""
    if not query:
        return ()
    query = plain_text(query)
    lines = "\n" in query
    return (
        (_listed(query, _LINE, "A") if lines else ())
        or _in_json(query)
        or _in_one_line(query, _INLINE, 3)
        or _in_one_line(query, _TIGHT, 2)
        or (_numbered(query) if lines else ())
    )


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
    texts = [match["text"].strip().strip("*").strip() for match in found[start:end]]
    if not all(any(map(str.isalnum, text)) or len(text) <= 12 for text in texts):
        return ()
    before = query[: found[start].start()].rstrip()
    if pattern is _LINE and found[start]["mark"] in (":", "=") and not _LEADS.search(before):
        return ()
    return tuple(zip(labels[start:end], texts, strict=True))


def _after(label: str) -> str:
    return str(int(label) + 1) if label.isdigit() else chr(ord(label) + 1)


def _alike(found: list[re.Match[str]], start: int, place: int) -> bool:
    """Whether two labels are written alike: the same case, brackets and mark."""
    one, other = found[start], found[place]
    if one["letter"].isdigit():
        return True
    return one["letter"].isupper() == other["letter"].isupper() and one["mark"] == other["mark"]


def _in_json(query: str) -> Options:
    """Options as a JSON object or a Python dict: `{"A": "x", "B": "y"}`."""
    if '"A"' not in query and "'A'" not in query:
        return ()
    for match in reversed(list(_JSON.finditer(query))):
        text = match[0]
        if '"A"' not in text and "'A'" not in text:
            continue
        try:
            made = json.loads(text if '"A"' in text else text.replace("'", '"'))
        except ValueError:
            continue
        letters = [chr(ord("A") + place) for place in range(len(made))]
        if len(made) >= 2 and list(made) == letters:
            return tuple((letter, str(made[letter])) for letter in letters)
    return ()


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
            line[match.end() : stop].strip().rstrip(",;").strip()
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
