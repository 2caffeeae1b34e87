"""Hostile texts in every field, and every page that shows them: inert and readable."""

import re
from collections.abc import Iterator
from html import unescape
from html.parser import HTMLParser
from urllib.parse import parse_qs, urlsplit

import pytest
from support.look import HOSTILE, Pages, hostile_rollouts, looking
from support.rollout_factory import make_rollout, make_rollouts
from support.small_model import register, small_model
from support.store_fixtures import MemoryUnderTest

from memreward.base.terminal import visible
from memstore.changes.labels import add_labels
from memstore.db.stores import Stores
from memstore.home_names import HomeName
from memstore.settings import Settings
from schema.ids import rollout_id
from schema.reward import Preference, VerifiedReward

#: Attributes of which the value leads somewhere, or is run.
LEADS = frozenset({"href", "src", "srcset", "action", "formaction"})
#: Elements of our own templates.
OURS = re.compile(
    r"html|head|meta|title|link|script|noscript|body|a|header|nav|p|main|footer|kbd|h1|h2|h3|form|input|label|"
    r"select|option|output|button|ul|li|span|table|thead|tr|th|tbody|td|bdi|div|section|article|"
    r"details|summary|dl|dt|dd|code|strong|mark|textarea|svg|line|rect|text|picture|source|img"
)
#: The one with marks of direction.
BIDI = next(text for text in HOSTILE if "\u202e" in text)


class Inert(HTMLParser):
    """Reads a page, and asserts that each element and attribute in it is ours."""

    def __init__(self, page: str) -> None:
        super().__init__()
        #: Texts, fields and titles, as a person sees them.
        self.seen = ""
        self.scripts = 0
        self.feed(page)
        assert self.scripts == 1
        assert not re.search("[\x00-\x08\x0b-\x1f\u200f\u2028\u202e\u2066]", self.seen)
        assert "1337" not in self.seen, "7 * 191: a template of theirs was run"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert OURS.fullmatch(tag), tag
        self.scripts += tag == "script"
        assert tag != "img" or ("class", "chart") in attrs
        for name, value in attrs:
            assert not name.startswith("on") and name not in ("style", "autofocus", "srcdoc"), name
            if name in LEADS:
                assert re.match(r"/(?!/)|#main$", value or ""), value
            if name in ("value", "title", "content", "aria-label"):
                self.seen += f"{value}\n"

    def handle_data(self, data: str) -> None:
        self.seen += data

    def shows(self, text: str) -> bool:
        """Whether it can be read, but for spaces."""
        squeezed = re.sub(r"\s+", "", self.seen)
        return re.sub(r"\s+", "", visible(text)) in squeezed


@pytest.fixture
def pages(stores: Stores, server_settings: Settings) -> Iterator[Pages]:
    with looking(stores, settings=server_settings) as served:
        yield served


def links(text: str, start: str) -> list[str]:
    return [link for link in map(unescape, re.findall(r'href="([^"]+)"', text)) if start in link]


@pytest.mark.parametrize("bad", ["<b onclick=x>", "<a href='//203.0.113.9'>", "<img src='/x'>"])
def test_the_reader_itself_finds_what_is_not_ours(bad: str) -> None:
    with pytest.raises(AssertionError):
        Inert(f"<script></script>{bad}")
    assert Inert("<script></script><p title='a'>b").shows("a b")


def test_labels_and_queues(memory: MemoryUnderTest, pages: Pages) -> None:
    """Names of annotators, both queues that go query by query, and the history."""
    rivals = [
        make_rollout(901 + number, place, query=text, source_query_id=text, reward=None,
                     thinking=text, answer=f"{text} The answer is {place}.", policy=text)
        for number, text in enumerate(HOSTILE)
        for place in (0, 1)
    ]  # fmt: skip
    memory.add(rivals, run=HOSTILE[0])
    ids = {
        (item.source_query_id, item.place): rollout_id(
            memory.name, HOSTILE[0], item.source_query_id, item.step, item.place
        )
        for item in rivals
    }
    for queue in ("unverified", "pairs"):
        for text in HOSTILE:
            asked = {"memory": memory.name, "annotator": text, "queue": queue}
            both = f"{ids[text, 0]}.{ids[text, 1]}"
            one = both if queue == "pairs" else ids[text, 0]
            page = Inert(pages.text("/label", **asked, rollout=one))
            assert page.shows(text) and page.shows(f"as {text}"), text
    names = [visible(text) for text in HOSTILE]
    verdicts = [
        VerifiedReward(rollout_id=ids[text, 0], value=1.0, source=name)
        for text, name in zip(HOSTILE, names, strict=True)
    ]
    prefer = [
        Preference(better=ids[text, 0], worse=ids[text, 1], annotator=name)
        for text, name in zip(HOSTILE, names, strict=True)
    ]
    add_labels(memory.stores, memory.name, verdicts, prefer)
    for text, name in zip(HOSTILE, names, strict=True):
        rollout = pages.text("/rollout", memory=memory.name, rollout=ids[text, 0])
        group = pages.text(links(rollout, "/group?")[0])
        assert all(Inert(page).shows(f"{kind}{name}") for page in (rollout, group)
                   for kind in ("verified", "preferred"))  # fmt: skip
        (difference, *_) = links(group, "/difference?")
        shown = Inert(pages.text(difference))
        assert shown.shows(text) and shown.shows(f"run {HOSTILE[0]}")


def test_the_addresses_themselves(memory: MemoryUnderTest, pages: Pages) -> None:
    memory.add([make_rollout(1)])
    text = "\n".join(HOSTILE)
    for field in ("text", "dataset", "run", "policy"):
        page = Inert(pages.text("/groups", memory=memory.name, **{field: text}))
        assert page.shows("No query fits")
        assert page.shows(text) == (field == "text")
    for path, field in (
        ("/groups", "memory"),
        ("/groups", "only"),
        ("/groups", "after"),
        ("/run", "run"),
        ("/group", "query"),
        ("/rollout", "rollout"),
        ("/why", "rollout"),
        ("/label", "queue"),
    ):
        answer = pages.get(path, **{"memory": memory.name, field: text[:200]})
        assert answer.status_code in (404, 422), path
        assert Inert(answer.text).shows("This cannot be shown")


def test_questions_their_names_and_their_answers(
    memory: MemoryUnderTest, pages: Pages, server_settings: Settings
) -> None:
    rollouts = hostile_rollouts()
    memory.add(rollouts)
    found = Inert(
        pages.text(
            "/ask",
            memory=memory.name,
            cypher="MATCH (q:Query {memory: $memory}) RETURN q.text AS `<b onclick=x>`",
        )
    )
    assert found.shows("15 rows") and found.shows("<b onclick=x>")
    assert all(found.shows(text) for text in HOSTILE)
    assert len(found.seen) < 20_000, "a line of 1 MB is cut"
    headers = {"Origin": pages.url}
    for text in HOSTILE:
        form = {"memory": memory.name, "name": text, "cypher": text}
        answer = pages.session.post(pages.url + "/ask", data=form, headers=headers, timeout=60)
        assert answer.status_code == 200 and Inert(answer.text).shows(text)
    shown = pages.text("/ask", memory=memory.name)
    assert all(Inert(shown).shows(f"{text} Remove") for text in HOSTILE)
    saved = [parse_qs(urlsplit(link).query).get("cypher") for link in links(shown, "/ask?")]
    assert all([text.strip()] in saved for text in HOSTILE)
    (server_settings.home / HomeName.QUESTIONS).unlink()


def test_why_and_its_path(
    memory: MemoryUnderTest,
    pages: Pages,
    server_settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("memreward.look.drawing.bars.LEAST", 0.0)  # A small model moves little.
    memory.add(make_rollouts(24))
    memory.add([
        make_rollout(901 + number, place, query=text, thinking=text, answer=text, policy=text)
        for number, text in enumerate(HOSTILE)
        for place in (0, 1)
    ])  # fmt: skip
    register(memory, server_settings, small_model())
    rollout = rollout_id(memory.name, "run-1", f"sum-{901 + HOSTILE.index(BIDI)}", 0, 0)
    page = pages.text("/why", memory=memory.name, rollout=rollout)
    assert Inert(page).shows(BIDI) and '<svg class="drawing"' in page
