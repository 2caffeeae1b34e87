"""The pages over the real databases."""

import re
import threading
import time
from collections.abc import Iterator
from html import unescape

import pytest
import requests
from support.look import HOSTILE, Pages, hostile_rollouts, looking
from support.rollout_factory import make_rollout, make_rollouts
from support.small_model import register, small_model
from support.store_fixtures import MemoryUnderTest

from gnn.jobs import NearbyExplainer, Why
from memreward.look.filters import FILTERS
from memstore.browse import verified_totals
from memstore.browse.brief_read import View
from memstore.browse.verified_totals import Totals, all_totals
from memstore.db.stores import Stores
from memstore.settings import Settings
from schema.errors import UnreachableError
from schema.ids import rollout_id


@pytest.fixture
def pages(stores: Stores) -> Iterator[Pages]:
    with looking(stores) as served:
        yield served


def links(text: str, start: str) -> list[str]:
    """Addresses in a page that begin so."""
    return [link for link in map(unescape, re.findall(r'href="([^"]+)"', text)) if start in link]


def test_from_the_first_page_to_a_rollout(lived: MemoryUnderTest, pages: Pages) -> None:
    assert f"memory={lived.name}" in pages.text("/")
    groups = pages.text("/groups", memory=lived.name)
    (found,) = [line for line in groups.splitlines() if "What is 1 + 1?" in line]
    group = pages.text(links(found, "/group?")[0])
    assert "The answer is 2." in group and "Nearest queries" in group
    assert "by ann" in group or "ann</bdi>" in group
    labelled = [item for item in links(group, "/rollout?") if item]
    shown = [pages.text(item) for item in labelled]
    assert any("better than" in text and "no opinion" in text for text in shown)
    assert any("I add them up, attempt 0." in text for text in shown)


def test_a_conclusion_with_many_rollouts_is_paged(memory: MemoryUnderTest, pages: Pages) -> None:
    rollouts = [make_rollout(1, place, answer="The answer is 2.") for place in range(30)]
    memory.add(rollouts)
    group = pages.text(links(pages.text("/groups", memory=memory.name), "/group?")[0])
    assert len(re.findall("<article", group)) == 6
    first = pages.text(links(group, "conclusion=")[0])
    assert len(re.findall("<article", first)) == 24
    second = pages.text(links(first, "skip=")[0])
    assert len(re.findall("<article", second)) == 6
    places = re.findall(r"rollout=([0-9a-f]+)", first + second)
    assert len(set(places)) == 30


def test_search_filters_and_time(memory: MemoryUnderTest, pages: Pages) -> None:
    memory.add(make_rollouts(5))
    memory.add([make_rollout(40, query="Something else <b>", reward=None)], run="run-2")
    found = pages.text("/groups", memory=memory.name, text="else <B>")
    assert found.count("<tr data-row>") == 1 and "&lt;b&gt;" in found
    for name in FILTERS:
        assert "queries were looked at" in pages.text("/groups", memory=memory.name, only=name)
    unverified = pages.text("/groups", memory=memory.name, only="unverified")
    assert unverified.count("<tr data-row>") == 1
    earlier = pages.text("/groups", memory=memory.name, as_of=1)
    assert "as of batch 1" in earlier and "Something else" not in earlier
    # A form sends empty fields.
    assert pages.get("/groups?memory=" + memory.name + "&as_of=&run=&only=").status_code == 200


def test_hostile_texts_are_inert_and_readable(memory: MemoryUnderTest, pages: Pages) -> None:
    memory.add(hostile_rollouts(), run="<script>window.ran=10</script>")
    groups = pages.text("/groups", memory=memory.name)
    for path in ("/runs", "/run"):
        run = "<script>window.ran=10</script>"
        text = pages.text(path, memory=memory.name, run=run)
        assert run not in text and "&lt;script&gt;window.ran=10" in text
    shown = [groups, *(pages.text(link) for link in links(groups, "/group?"))]
    shown += [pages.text(link) for link in set(links(groups, "/rollout?"))]
    assert len(shown) == 1 + 2 * (len(HOSTILE) + 1)
    for text in shown:
        assert re.findall(r"<script[^>]*>", text) == ['<script src="/static/look.js" defer>']
        assert not re.search(r"<(img|iframe|svg|base|style|textarea)\b", text)
        assert not re.search("[\x00-\x08\x0b-\x1f\u200f\u2028\u202e\u2066]", text)
        assert "1337" not in text  # 7 * 191: no template of theirs was run.
    assert any("gnp.exe" in text and "u202e" in text for text in shown)
    assert max(len(text) for text in shown) > 2_000_000  # The long rollout's own page has it all.
    assert all(len(text) < 400_000 for text in shown if "<h1>Groups" in text)


def test_from_the_runs_to_the_groups_of_one(lived: MemoryUnderTest, pages: Pages) -> None:
    runs = pages.text("/runs", memory=lived.name)
    assert "not named" in runs and runs.count("<tr data-row>") == 3
    run = pages.text(next(link for link in links(runs, "/run?") if "run-1" in link))
    assert re.search(r"\.\d\d \[\.\d\d, \.\d\d\]", run)
    (groups,) = links(run, "/groups?memory=" + lived.name + "&run=")
    assert pages.text(groups).count("<tr data-row>") == 10
    for dark in ("true", "false"):
        chart = pages.get("/run.svg", memory=lived.name, run="run-1", dark=dark)
        assert chart.headers["content-type"] == "image/svg+xml"
        assert ">verified<" in chart.text and ">completion tokens<" in chart.text


def test_two_rollouts_side_by_side(memory: MemoryUnderTest, pages: Pages) -> None:
    texts = ["I add <b>two</b>.", "I add <b>three</b>."]
    memory.add(
        [
            make_rollout(1, place, thinking=text, answer=f"The answer is {place}.")
            for place, text in enumerate(texts)
        ]
    )
    group = pages.text(links(pages.text("/groups", memory=memory.name), "/group?")[0])
    found = links(group, "/difference?")
    assert len(found) == 2
    text = pages.text(found[0])
    assert "<mark>&lt;b&gt;two&lt;/b&gt;.</mark>" in text
    assert "<mark>&lt;b&gt;three&lt;/b&gt;.</mark>" in text
    assert ">I add <mark>" in text and "<b>" not in text
    gone = pages.get("/difference", memory=memory.name, left="x", right="y")
    assert gone.status_code == 404


def test_why_a_rollout_is_scored_so(
    memory: MemoryUnderTest,
    stores: Stores,
    server_settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("memreward.look.drawing.bars.LEAST", 0.0)  # A small model moves little.
    memory.add(make_rollouts(24))
    memory.add([make_rollout(901, place, answer=HOSTILE[0], policy=HOSTILE[1]) for place in (0, 1)])
    asked = rollout_id(memory.name, "run-1", "sum-901", 0, 0)
    with looking(stores, settings=server_settings) as pages:
        refused = pages.get("/why", memory=memory.name, rollout=asked)
        assert refused.status_code == 404 and "memreward train" in refused.text
        version = register(memory, server_settings, small_model())
        rollout = pages.text("/rollout", memory=memory.name, rollout=asked)
        why = pages.text(*links(rollout, "/why?"))
        for known in ("0" * 64, "<script>"):
            assert pages.get("/why", memory=memory.name, rollout=known).status_code == 404
        early = pages.text("/rollout", memory=memory.name, rollout=asked, as_of=2)
    assert version in why and "without all inputs" in why
    assert why.count("<details data-row>") >= 2 and "a neighbour</a>, cosine" in why
    assert why.count("<script") == 1 and "onerror=&#39;" in why
    assert why.count('<svg class="drawing"') == why.count("<details data-row>")
    assert not links(early, "/why?")


def test_why_does_not_wait_for_the_explanation(
    memory: MemoryUnderTest,
    stores: Stores,
    server_settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ready, explain = threading.Event(), NearbyExplainer.explain
    explained: list[str] = []

    def when_ready(explainer: NearbyExplainer, rollout: str) -> Why:
        assert ready.wait(120)
        explained.append(rollout)
        return explain(explainer, rollout)

    monkeypatch.setattr(NearbyExplainer, "explain", when_ready)
    monkeypatch.setattr("memreward.look.why.PATIENCE_S", 0.01)
    memory.add(make_rollouts(24))
    register(memory, server_settings, small_model())
    asked = rollout_id(memory.name, "run-1", "sum-0", 0, 0)
    with looking(stores, settings=server_settings) as pages:
        for _ in range(2):
            early = pages.text("/why", memory=memory.name, rollout=asked)
            assert "is being computed" in early and "data-again" in early
        ready.set()
        monkeypatch.setattr("memreward.look.why.PATIENCE_S", 120.0)
        why = pages.text("/why", memory=memory.name, rollout=asked)
        assert "without all inputs" in why and "data-again" not in why
        # A run that writes does not take from the page what it waits for.
        memory.add(make_rollouts(1, first=40))
        later = pages.text("/why", memory=memory.name, rollout=asked)
        assert "as of batch" in later and "as of batch" not in why and len(explained) == 1
        monkeypatch.setattr("memreward.look.why.KEPT_S", 0.0)
        anew = pages.text("/why", memory=memory.name, rollout=asked)
        assert "as of batch" not in anew and len(explained) == 2
        assert pages.text("/why", memory=memory.name, rollout=asked) == anew
    assert len(explained) == 2


def test_what_is_not_there_is_said(lived: MemoryUnderTest, pages: Pages) -> None:
    for path, values in (
        ("/groups", {"memory": "guessed"}),
        ("/groups", {}),
        ("/groups", {"memory": lived.name, "only": "nonsense"}),
        ("/groups", {"memory": lived.name, "after": "x"}),
        ("/group", {"memory": lived.name, "query": "unknown"}),
        ("/run", {"memory": lived.name, "run": "unknown"}),
        ("/rollout", {"memory": lived.name, "rollout": "unknown"}),
        ("/nothing", {}),
        ("/static/../app.py", {}),
    ):
        answer = pages.get(path, **values)
        assert answer.status_code == 404, path
        assert "This cannot be shown" in answer.text
    assert pages.get("/groups", memory=lived.name, as_of="soon").status_code == 422
    assert pages.session.post(pages.url + "/groups", timeout=60).status_code == 403


def test_a_database_that_is_away_is_said_and_the_page_tries_again(
    lived: MemoryUnderTest, pages: Pages, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> None:
        raise UnreachableError("Postgres at 127.0.0.1:1 is <b>away</b>")

    with monkeypatch.context() as patch:
        patch.setattr("memreward.look.request.open_view", away)
        answer = pages.get("/groups", memory=lived.name)
        assert pages.get("/seq", memory=lived.name).status_code == 503
    assert answer.status_code == 503
    assert '<meta http-equiv="refresh" content="3">' in answer.text
    assert "is &lt;b&gt;away&lt;/b&gt;" in answer.text
    assert "<h1>Groups" in pages.text("/groups", memory=lived.name)


def test_one_memory_alone_is_shown(
    lived: MemoryUnderTest, memory_name: str, stores: Stores
) -> None:
    with looking(stores, only=lived.name) as pages:
        assert "<h1>Runs" in pages.text("/")
        assert "What is 1 + 1?" in pages.text("/groups")
        answer = pages.get("/groups", memory=memory_name)
        assert answer.status_code == 404 and "only memory" in answer.text


def test_without_the_token_nothing_is_shown(lived: MemoryUnderTest, pages: Pages) -> None:
    for path in ("/", f"/groups?memory={lived.name}", "/static/page.css", "/seq"):
        answer = requests.get(pages.url + path, timeout=60)
        assert answer.status_code == 401 and lived.name not in answer.text
    assert pages.get("/seq", memory=lived.name).json()["seq"] > 0


def test_runs_are_shown_before_what_is_verified_is_read(
    memory: MemoryUnderTest, pages: Pages, monkeypatch: pytest.MonkeyPatch
) -> None:
    may = threading.Event()

    def slow(view: View) -> Totals:
        assert may.wait(60)
        return all_totals(view)

    monkeypatch.setattr(verified_totals, "all_totals", slow)
    memory.add(make_rollouts(3))
    for path in ("/runs", "/run"):
        text = pages.text(path, memory=memory.name, run="run-1")
        assert "are being read" in text and '<noscript><meta http-equiv="refresh"' in text
    may.set()
    for _ in range(600):
        text = pages.text("/runs", memory=memory.name)
        if "are being read" not in text:
            break
        time.sleep(0.1)
    assert 'http-equiv="refresh"' not in text
    assert re.search(r'<td class="n">12</td>\s*<td class="n">12</td>', text)
