"""Questions in Cypher from the browser."""

from collections.abc import Iterator

import pytest
import requests
from support.look import HOSTILE, Pages, looking
from support.rollout_factory import make_rollout, make_rollouts
from support.store_fixtures import MemoryUnderTest

from memstore.db.stores import Stores
from memstore.settings import Settings

TEXTS = "MATCH (q:Query {memory: $memory}) RETURN q.text AS text ORDER BY text"


@pytest.fixture
def pages(stores: Stores, server_settings: Settings) -> Iterator[Pages]:
    with looking(stores, settings=server_settings) as served:
        yield served


def keep(pages: Pages, origin: str | None = None, **form: str) -> requests.Response:
    headers = {"Origin": origin or pages.url}
    return pages.session.post(pages.url + "/ask", data=form, headers=headers, timeout=60)


def test_an_answer_is_a_table(memory: MemoryUnderTest, pages: Pages) -> None:
    memory.add([make_rollout(1), make_rollout(2, query=HOSTILE[0])])
    shown = pages.text("/ask", memory=memory.name, cypher=TEXTS)
    assert "2 rows" in shown and "What is 1 + 1?" in shown
    assert HOSTILE[0] not in shown and "&lt;script&gt;window.ran" in shown
    nothing = pages.text("/ask", memory=memory.name, cypher="RETURN null AS x")
    assert "<td><bdi></bdi></td>" in nothing
    mixed = pages.text("/ask", memory=memory.name, cypher="RETURN [1, 'a'] AS list, 2.5 AS n")
    assert "[1, &#34;a&#34;]" in mixed and "2.5" in mixed


@pytest.mark.parametrize(
    ("cypher", "said"),
    [
        ("CREATE (n) RETURN n", "lets reads through only"),
        ("LOAD CSV FROM 'file:///etc/passwd' AS row RETURN row", "lets reads through only"),
        ("RETURN 1 +", "Neo4j refused the query"),
        ("UNWIND range(1, 501) AS n RETURN n", "more than 500 rows: give a LIMIT"),
    ],
)
def test_what_the_guard_refuses_is_said(
    memory: MemoryUnderTest, pages: Pages, cypher: str, said: str
) -> None:
    memory.add([make_rollout(1)])
    shown = pages.text("/ask", memory=memory.name, cypher=cypher)
    assert said in shown and "<table>" not in shown
    assert cypher.split()[0] in shown  # It can be corrected.


def test_a_link_on_another_site_asks_nothing(memory: MemoryUnderTest, pages: Pages) -> None:
    memory.add(make_rollouts(1))
    pages.session.headers["Sec-Fetch-Site"] = "cross-site"
    shown = pages.text("/ask", memory=memory.name, cypher=TEXTS)
    assert "ORDER BY text" in shown and "<table>" not in shown


def test_questions_are_kept_for_others_and_can_be_removed(
    memory: MemoryUnderTest, pages: Pages, server_settings: Settings
) -> None:
    memory.add([make_rollout(1)])
    form = {"memory": memory.name, "name": "all <b>texts</b>"}
    assert keep(pages, "http://example.org", **form, cypher=TEXTS).status_code == 403
    assert "1 row<" in keep(pages, **form, cypher=TEXTS).text
    with looking(memory.stores, settings=server_settings) as other:
        assert "all &lt;b&gt;texts&lt;/b&gt;" in other.text("/ask", memory=memory.name)
    for wrong in ({"name": " "}, {"name": "x" * 101}, {"cypher": "x" * 8_001}):
        assert keep(pages, **{**form, "cypher": TEXTS, **wrong}).status_code == 404
    assert "texts&lt;" not in keep(pages, **form).text
    file = server_settings.home / "questions.json"
    file.write_text("[1]")
    assert "correct or remove it" in pages.get("/ask", memory=memory.name).text
    file.unlink()


def test_one_memory_alone_cannot_be_left_by_a_question(
    memory: MemoryUnderTest, stores: Stores, server_settings: Settings
) -> None:
    memory.add([make_rollout(1)])
    with looking(stores, only=memory.name, settings=server_settings) as pages:
        assert "without --memory" in pages.get("/ask", cypher=TEXTS).text
        assert keep(pages, name="x", cypher="RETURN 1").status_code == 404
