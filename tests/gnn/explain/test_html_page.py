import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from gnn.explain.attribution import Contribution, Explanation, Sender
from gnn.explain.html_page import explanation_page
from gnn.explain.influence import Influence

BAD = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'&"
FOUND = Explanation(
    rollout_id=BAD,
    query=BAD,
    answer=BAD * 40,
    logit=1.0,
    probability=0.7,
    baseline_logit=0.5,
    baseline_probability=0.6,
    contributions=(
        Contribution(
            kind="neighbour",
            logit=0.25,
            probability=0.05,
            logit_without=-0.2,
            probability_without=-0.04,
            senders=(
                Sender(
                    rollout_id=BAD, reward=1.0, answer=BAD, policy=BAD, logit=0.25, probability=0.05
                ),
            ),
            query_id=BAD,
            query=BAD,
            cosine=0.9,
        ),
        Contribution(
            kind="text",
            logit=0.25,
            probability=0.05,
            logit_without=-0.25,
            probability_without=-0.05,
        ),
    ),
)
LEARNED = Influence(rollout_id=BAD, query=BAD, answer=BAD, reward=0.0, logit=-0.01)


class Seen(HTMLParser):
    """Tags and attributes of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs


@pytest.fixture(scope="module")
def page() -> str:
    return explanation_page(FOUND, [LEARNED])


def test_no_text_becomes_markup(page: str) -> None:
    seen = Seen()
    seen.feed(page)
    assert not {"script", "img", "iframe", "link", "a"} & set(seen.tags)
    assert not [name for name, _ in seen.attributes if name.startswith("on") or name == "src"]
    assert "&lt;script&gt;" in page
    assert "default-src 'none'" in page


def test_nothing_is_fetched(page: str) -> None:
    assert not re.search(r"https?://|url\(|@import", page)


def test_the_trace_is_drawn_with_its_numbers(page: str) -> None:
    assert page.count("<path") == 3
    assert page.count("<rect") == 4
    assert "1 labels of mean 1.00" in page
    assert "+0.2500" in page
    assert "-0.0100" in page


def test_the_score_without_an_input_is_a_score_as_in_the_terminal(page: str) -> None:
    assert '<td class="n">+0.8000</td><td class="n">0.6600</td>' in page  # 1.0 - 0.2, 0.7 - 0.04


def test_drawing_and_tables_scroll_by_themselves_on_a_narrow_screen(page: str) -> None:
    assert "width=device-width" in page
    assert page.count("<svg") + page.count("<table") == page.count('<div class="wide">') == 3


def test_a_page_without_neighbours(page: str) -> None:
    bare = explanation_page(replace(FOUND, contributions=FOUND.contributions[1:]))
    assert bare.count("<path") == 1
    assert "Not looked at" in bare
