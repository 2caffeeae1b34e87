"""Templates: whatever a text is, a page shows it and does nothing else."""

import re
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from support.look import HOSTILE

import memreward.look
from memreward.look.pages import _counted, address, page
from memstore.browse.brief_read import BrowsedMemory

FOLDER = Path(memreward.look.__file__).parent
TEMPLATES = sorted((FOLDER / "templates").iterdir())


class Elements(HTMLParser):
    """Names of the elements and attributes of a page, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names |= {tag, *(name for name, _ in attrs)}

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_text_adds_no_element_and_can_be_read(text: str) -> None:
    harmless = Elements(str(page("problem.html", problem("plain")).body, "utf-8"))
    shown = Elements(str(page("problem.html", problem(text)).body, "utf-8"))
    assert shown.names == harmless.names
    assert [word for word in re.findall(r"[a-z]+", text) if word not in shown.text] == []
    assert not re.search("[\x00-\x08\x0b-\x1f\u200f\u2028\u202e\u2066]", shown.text)


def problem(text: str) -> dict[str, object]:
    around = {"memory": text, "as_of": None, "last_seq": 1, "seq": 1, "where": ""}
    return {**around, "again": False, "detail": text}


def test_one_is_not_written_as_several() -> None:
    assert [_counted(n, "rollout") for n in (0, 1, 3152)] == [
        "0 rollouts",
        "1 rollout",
        "3,152 rollouts",
    ]


def test_a_hostile_name_of_a_memory_stays_a_name() -> None:
    for text in HOSTILE:
        item = BrowsedMemory(
            name=text, encoder=text, seq=3, published_seq=2, created_at=datetime.now(UTC)
        )
        shown = str(page("memories.html", {"memories": [item], "memory": None}).body, "utf-8")
        found = re.search(r'href="(/runs\?[^"]*)"', shown)
        assert found is not None
        assert parse_qs(urlsplit(found[1]).query)["memory"] == [text]


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_no_template_turns_escaping_off_or_has_what_the_policy_forbids(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"\|\s*safe|autoescape|Markup|javascript:|\son\w+=|\sstyle=|<style", text)
    assert not re.search(r"=\{\{", text), "quote the attribute"
    assert not re.search(r"<script(?! src=\"/static/)", text)


@pytest.mark.parametrize("path", sorted((FOLDER / "static").iterdir()), ids=lambda path: path.name)
def test_no_file_asks_for_anything_elsewhere(path: Path) -> None:
    text = path.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
    assert "://" not in text and "@import" not in text and "eval(" not in text


def test_an_address_has_what_is_given() -> None:
    assert address("groups") == "/groups"
    assert address("group", memory="a/b c", query="x", as_of=None, skip=0, conclusion="") == (
        "/group?memory=a%2Fb+c&query=x&skip=0&conclusion="
    )
