"""The program in an answer, whatever is written around it. It is parsed, never run."""

import ast
import re
import warnings
from functools import lru_cache
from typing import Final

#: A longer program is not parsed: parsing is for answers, not for uploads.
LONGEST_CODE: Final = 20_000

_MARK = re.compile("```|~~~")
_OPENING = re.compile(r"[^\S\n]*(?P<mark>`{3,}|~{3,})[^\S\n]*(?P<language>[\w+#.-]*)[^\n]*\n")
#: The rest of a line that closes a fence.
_CLOSING = re.compile(r"(?:`{3,}|~{3,})[`~]*[^\S\n]*$", re.MULTILINE)
_LANGUAGES: Final = frozenset(["", "python", "py", "python3", "python2", "py3", "code", "pycon"])
_START = re.compile(r"(?m)^(?:def |class |import |from \w[\w.]* import |async def |@\w)")
_DEFINES = re.compile(r"(?m)^[^\S\n]*(?:async def|def|class)\s+\w|\blambda\b")
_SCRIPT = re.compile(r"(?m)^(?:print|for |while |if |\w+(?:, ?\w+)* = )")
#: What a parser may warn of: an odd escape, a number that a word follows.
_WARNS = re.compile(r"[0-9][A-Za-z]")
_MOST_BLOCKS: Final = 30
_MOST_CUTS: Final = 12


def has_code(text: str) -> bool:
    """Whether `text` seems to hold Python code."""
    return "```" in text or "~~~" in text or _START.search(text) is not None


def code_of(text: str) -> str | None:
    """The Python program in `text`: its solution, with the imports and helpers before it.

    The solution is the last fenced block that defines something, tests and examples aside; text
    without a fence is read from its first `def`, `class` or `import` on.
    """
    blocks = _blocks(text)
    if not blocks:
        return _bare(text)
    place = _solution(blocks)
    if place is None:
        return blocks[-1][0]
    code = blocks[place][0]
    if place == 0:
        return code
    names = _defined(code)
    parts = [part for part, _, _ in blocks[:place] if _helps(part) and not names & _defined(part)]
    return "\n\n".join([*parts, code])


def code_span(text: str) -> tuple[int, int] | None:
    """Begin and end in `text` of a program that defines something, fences included; or None."""
    blocks = _blocks(text)
    place = _solution(blocks)
    if place is not None:
        names = _defined(blocks[place][0])
        first = place
        while (
            first > 0
            and _helps(blocks[first - 1][0])
            and not names & _defined(blocks[first - 1][0])
        ):
            first -= 1
        return blocks[first][1], blocks[place][2]
    if blocks:
        return None
    code = _bare(text)
    if code is None or _DEFINES.search(code) is None or parse_code(code) is None:
        return None
    start = text.index(code)
    return start, start + len(code)


def parse_code(text: str) -> ast.Module | None:
    """Syntax tree of the program in `text`; None when there is none, or it does not parse."""
    code = code_of(text)
    return None if code is None else parsed_program(code)


def parsed_program(code: str) -> ast.Module | None:
    """Syntax tree of a program; None when it is too long, or does not parse."""
    if len(code) > LONGEST_CODE or "\0" in code:
        return None
    try:
        if "\\" not in code and not _WARNS.search(code):
            return ast.parse(code)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _blocks(text: str) -> list[tuple[str, int, int]]:
    """(code, begin, end) of the fenced blocks that may be Python."""
    found: list[tuple[str, int, int]] = []
    end = 0
    while len(found) <= _MOST_BLOCKS and (opening := _opening(text, end)) is not None:
        start, language = opening.end(), opening["language"]
        again = None if language else _OPENING.match(text, start)
        if again and again["language"]:
            # A prompt that ends with a fence, and a policy that opens it once more.
            start, language = again.end(), again["language"]
        inside, end = _closing(text, start, opening["mark"])
        code = _dedented(text[start:inside]).strip("\n")
        if language.lower() in _LANGUAGES and code.strip():
            found.append((code, opening.start(), end))
    return found


def _opening(text: str, start: int) -> re.Match[str] | None:
    """The first line from `start` on that opens a fence."""
    while mark := _MARK.search(text, start):
        line = text.rfind("\n", start, mark.start()) + 1
        if line == 0 and start > 0 and text[start - 1] != "\n":
            line = -1  # The rest of a line.
        opening = _OPENING.match(text, max(line, start)) if line >= 0 else None
        if opening is not None:
            return opening
        start = text.find("\n", mark.start()) + 1
        if start == 0:
            break
    return None


def _closing(text: str, start: int, mark: str) -> tuple[int, int]:
    """Where the code ends that begins at `start`, and where its fence does."""
    place = start
    while (place := text.find(mark, place)) >= 0:
        closing = _CLOSING.match(text, place)
        if closing is not None:
            line = max(text.rfind("\n", 0, place) + 1, start)
            if not text[line:place].strip():
                return line, closing.end()
        after = text[place + len(mark) : place + len(mark) + 1]
        if not (after.isalnum() or after == "_"):
            return place, place + len(mark)
        place += 1
    return len(text), len(text)


def _dedented(code: str) -> str:
    """`code` without the indentation that all its lines share, and without prompts."""
    if ">>> " not in code and not code[:1].isspace():
        return code
    lines = code.split("\n")
    if any(line.startswith((">>> def", ">>> class")) for line in lines):
        code = "\n".join(line[4:] for line in lines if line[:4] in (">>> ", "... "))
        lines = code.split("\n")
    margin = min((len(line) - len(line.lstrip()) for line in lines if line.strip()), default=0)
    return "\n".join(line[margin:] for line in lines) if margin else code


def _solution(blocks: list[tuple[str, int, int]]) -> int | None:
    """Place of the last block that defines something and is not only tests or an example."""
    defining = [place for place, (code, _, _) in enumerate(blocks) if _DEFINES.search(code)]
    for place in reversed(defining):
        if not _only_tests(blocks[place][0]):
            return place
    return defining[-1] if defining else None


@lru_cache(maxsize=1_024)
def _defined(code: str) -> frozenset[str]:
    """Names of the functions and classes that `code` defines at its top."""
    return frozenset(re.findall(r"(?m)^(?:async def|def|class)\s+(\w+)", code))


def _only_tests(code: str) -> bool:
    """Whether all that a block defines are tests."""
    lower = code.lower()
    if "test" not in lower and "main" not in lower:
        return False
    names = _defined(code)
    return bool(names) and all(name.lower().startswith(("test", "main")) for name in names)


def _helps(code: str) -> bool:
    """Whether a block before the solution belongs to it: imports, helpers, constants."""
    tree = parsed_program(code)
    if tree is None or not tree.body:
        return False
    kept = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return all(isinstance(statement, (*kept, ast.Assign, ast.AnnAssign)) for statement in tree.body)


def _bare(text: str) -> str | None:
    """Code without a fence: from its first statement to where it stops being Python.

    Without a definition or an import, only a text that is a program as a whole is code.
    """
    start = _START.search(text)
    if start is None:
        return text.strip() if _is_script(text) else None
    code = text[start.start() :].split("```")[0].rstrip()
    shorter = code
    for _ in range(_MOST_CUTS):
        if parsed_program(shorter) is not None:
            return shorter
        cut = max((match.start() for match in re.finditer(r"\n\n(?=\S)", shorter)), default=-1)
        if cut < 0:
            break
        shorter = shorter[:cut].rstrip()
    return code


def _is_script(text: str) -> bool:
    """Whether a text is a program of statements, no sentence or value that is Python by chance."""
    if not _SCRIPT.search(text):
        return False
    tree = parsed_program(text.strip())
    return tree is not None and any(
        not isinstance(one, ast.Expr) or isinstance(one.value, ast.Call) for one in tree.body
    )
