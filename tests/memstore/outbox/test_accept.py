from datetime import datetime

import pytest
from support.rollout_factory import make_rollout, make_rollouts, unit_vector
from support.store_fixtures import MemoryUnderTest

from memstore.db.stores import get_memory
from memstore.outbox.publication import publish
from schema.errors import EncoderMismatchError, InputError, KeysVersionError, UnknownMemoryError


def test_the_same_rollouts_again_add_nothing(memory: MemoryUnderTest) -> None:
    first = memory.add(make_rollouts(5))
    again = memory.add(make_rollouts(5))
    assert (first.new, first.existing, first.new_queries, first.labels) == (20, 0, 5, 20)
    assert (again.new, again.existing, again.new_queries, again.labels) == (0, 20, 0, 0)
    assert get_memory(memory.stores, memory.name).seq == 1


def test_accepted_is_not_visible_until_published(memory: MemoryUnderTest) -> None:
    assert memory.accept(make_rollouts(2)) == 1
    state = get_memory(memory.stores, memory.name)
    assert (state.seq, state.published_seq) == (1, 0)
    assert memory.ask("MATCH (a:Answer {memory: $memory}) RETURN a") == []
    assert publish(memory.stores, memory.name) == 1
    assert len(memory.ask("MATCH (a:Answer {memory: $memory}) RETURN a.id")) == 8


def test_changed_content_under_one_id_is_refused(memory: MemoryUnderTest) -> None:
    memory.add([make_rollout(1)])
    with pytest.raises(InputError, match="query_id 'sum-1', step 0, rollout 0"):
        memory.add([make_rollout(1, answer="Something else."), make_rollout(2)])
    assert memory.ask("MATCH (q:Query {memory: $memory}) RETURN count(q) AS n") == [{"n": 1}]


def test_another_encoder_is_refused(memory: MemoryUnderTest) -> None:
    memory.add([make_rollout(1)])
    with pytest.raises(EncoderMismatchError, match="all-MiniLM-L6-v2"):
        memory.accept(make_rollouts(3), encoder="another-encoder")


def test_conclusion_keys_of_another_version_are_refused(
    memory: MemoryUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory.add([make_rollout(1)])
    for version, advice in ((99, "`memreward rekey --memory"), (-1, "Update memreward")):
        monkeypatch.setattr("memstore.outbox.locks.KEYS_VERSION", version)
        with pytest.raises(KeysVersionError, match=advice):
            memory.add(make_rollouts(3))
    assert memory.ask("MATCH (q:Query {memory: $memory}) RETURN count(q) AS n") == [{"n": 1}]


def test_a_query_of_two_runs_is_one_node(memory: MemoryUnderTest) -> None:
    memory.add(make_rollouts(3), run="run-1")
    memory.add(make_rollouts(3), run="run-2")
    rows = memory.ask(
        "MATCH (r:Run {memory: $memory})-[:PRODUCED]->(a) RETURN r.id AS run, count(a) AS n "
        "ORDER BY run"
    )
    assert rows == [{"run": "run-1", "n": 12}, {"run": "run-2", "n": 12}]
    assert memory.ask("MATCH (q:Query {memory: $memory}) RETURN count(q) AS n") == [{"n": 3}]


def test_equal_texts_steps_and_source_ids_stay_separate_rollouts(memory: MemoryUnderTest) -> None:
    twin = make_rollout(1).answer
    rollouts = [
        make_rollout(1, 0),
        make_rollout(1, 1, answer=twin, thinking=make_rollout(1, 0).thinking),
        make_rollout(1, 0, source_query_id="another"),
        make_rollout(1, 0, step=1),
    ]
    assert memory.add(rollouts).new == 4
    assert memory.ask("MATCH (q:Query {memory: $memory}) RETURN count(q) AS n") == [{"n": 1}]


def test_answers_that_say_the_same_meet_in_one_conclusion(memory: MemoryUnderTest) -> None:
    texts = ["The answer is 1,234.", "#### 1234", r"So it is \boxed{1234}.", "The answer is 7."]
    memory.add([make_rollout(1, place, answer=text) for place, text in enumerate(texts)])
    rows = memory.ask(
        "MATCH (a:Answer {memory: $memory})-[:CONCLUDES]->(c:Conclusion {memory: $memory}) "
        "RETURN c.id AS c, count(a) AS n ORDER BY n"
    )
    assert [row["n"] for row in rows] == [1, 3]


def test_only_chosen_rewards_are_stored_anywhere(memory: MemoryUnderTest) -> None:
    chosen = make_rollout(1).query
    report = memory.add(make_rollouts(3), labelled=frozenset({chosen}))
    assert report.labels == 4
    rows = memory.ask(
        "MATCH (q:Query {memory: $memory})-[:GENERATED]->()-[:LEADS_TO]->(a:Answer) "
        "WHERE a.verified_reward IS NOT NULL "
        "RETURN q.text AS q, a.verified_source AS source, a.verified_at AS at"
    )
    assert {row["q"] for row in rows} == {chosen}
    assert len(rows) == 4
    assert rows[0]["source"] == "file"
    assert datetime.fromisoformat(str(rows[0]["at"])[:19]) is not None
    with memory.stores.vectors.transaction("reads.sql") as session:
        stored = session.rows("current_verified_rewards", memory=memory.name, seq=99)
    assert len(stored) == 4


def test_rewards_that_come_later_are_added(memory: MemoryUnderTest) -> None:
    memory.add(make_rollouts(2), labelled=frozenset())
    report = memory.add(make_rollouts(2))
    assert (report.new, report.existing, report.labels) == (0, 8, 8)
    assert memory.add(make_rollouts(2)).labels == 0


def test_embeddings_that_are_not_given_are_computed(memory: MemoryUnderTest) -> None:
    bare = dict.fromkeys(("query_embedding", "thinking_embedding", "answer_embedding", "encoder"))
    memory.add([make_rollout(1, 0, **bare), make_rollout(2, 0)])
    with memory.stores.vectors.transaction("reads.sql") as session:
        ids, embeddings = session.embeddings("query_embeddings", memory=memory.name, seq=99)
    given = unit_vector(2 + 7)
    assert len(ids) == 2
    assert sorted(float(abs(row @ given)) > 0.99 for row in embeddings) == [False, True]


def test_an_unknown_memory_is_named(memory: MemoryUnderTest) -> None:
    with pytest.raises(UnknownMemoryError, match=memory.name):
        get_memory(memory.stores, memory.name)


def test_queries_that_become_neighbours_are_not_written_to(memory: MemoryUnderTest) -> None:
    """With each batch, hundreds of pages all over a large table would be."""

    def versions() -> dict[str, tuple[str, ...]]:
        with memory.stores.vectors.reading("outbox.sql") as session:
            rows = session._connection.execute(  # pyright: ignore
                "SELECT id, ctid::text, xmin::text, xmax::text FROM memreward.query "
                "WHERE memory = %s",
                [memory.name],
            ).fetchall()
        return {row[0]: row[1:] for row in rows}

    memory.add(make_rollouts(10, 1))
    before = versions()
    memory.add(make_rollouts(10, 1, first=10))
    after = versions()
    assert {id_: after[id_] for id_ in before} == before
    edges = memory.ask(
        "MATCH (:Query {memory: $memory})-[s:SIMILAR_TO]->(n) WHERE s.seq = 2 RETURN n.id AS id"
    )
    assert {edge["id"] for edge in edges} & before.keys()
