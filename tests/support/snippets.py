"""Blocks of code in README.md and docs/, as they are written."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent

#: What is run; other languages (json, toml, mermaid, text) only show something.
SHELL = ("sh", "bash", "console")
RUNNABLE = (*SHELL, "python", "cypher")

_FENCE = re.compile(r"( *)```(\w*)")
#: A word on a line of its own that stands for more: such a command cannot be run as it is.
ELISION = "..."


@dataclass(frozen=True, kw_only=True)
class Snippet:
    """A fenced block."""

    document: str
    line: int
    language: str
    text: str

    @property
    def name(self) -> str:
        """Document and line."""
        return f"{self.document}:{self.line}"


def documents() -> list[str]:
    """README.md and the pages of docs/, as paths from the root."""
    return ["README.md", *(f"docs/{path.name}" for path in sorted(ROOT.glob("docs/*.md")))]


def snippets(document: str) -> list[Snippet]:
    """The fenced blocks of a document, in order."""
    return list(_snippets(document))


def runnable(document: str) -> list[Snippet]:
    """Those in a language that is run."""
    return [snippet for snippet in snippets(document) if snippet.language in RUNNABLE]


def commands(snippet: Snippet) -> list[str]:
    """The commands of a block of shell, each on one line, without comments."""
    joined = re.sub(r"\\\n\s*", " ", snippet.text)
    return [line for line in joined.splitlines() if line.strip() and not line.startswith("#")]


def _snippets(document: str) -> Iterator[Snippet]:
    lines = (ROOT / document).read_text(encoding="utf-8").splitlines()
    start: int | None = None
    indent = language = ""
    for number, line in enumerate(lines):
        if start is None:
            if found := _FENCE.match(line):
                start, (indent, language) = number, found.groups()
        elif line.strip() == "```":
            inside = [text.removeprefix(indent) for text in lines[start + 1 : number]]
            text = "\n".join(inside) + "\n"
            yield Snippet(document=document, line=start + 1, language=language, text=text)
            start = None
