import pytest
from support.full_memory import contents
from support.rollout_factory import make_rollout, make_rollouts
from support.store_fixtures import MemoryUnderTest

from memstore.archive.graph_loader import GraphCopy
from memstore.archive.graph_rebuild import rebuild_graph
from memstore.changes.relink import link
from memstore.consistency.check import check_memory
from memstore.outbox.deletion import delete_memory
from memstore.outbox.recovery import catch_up, catch_up_all
from memstore.reads.full_graph import read_graph
from schema.errors import StoreError, UnknownMemoryError


def test_a_lost_graph_comes_back_as_it_was(lived: MemoryUnderTest) -> None:
    before = contents(lived)
    lived.change("MATCH (n {memory: $memory}) DETACH DELETE n")
    told: list[str] = []
    assert rebuild_graph(lived.stores, lived.name, lambda table, rows: told.append(table)) == 42
    after = contents(lived)
    for part in before:
        assert after[part] == before[part], part
    report = check_memory(lived.stores, lived.name)
    assert report.ok, report.lines()
    assert {"queries", "rollouts", "similar"} <= set(told)


def test_an_older_backup_of_neo4j_catches_up(lived: MemoryUnderTest) -> None:
    """Postgres believes more to be published than Neo4j holds, of another memory of that name."""
    lived.change("MATCH (a:Answer {memory: $memory}) WHERE a.seq > 1 DETACH DELETE a")
    lived.change("MATCH (m:Memory {memory: $memory}) SET m.seq = 1, m.incarnation = 'old'")
    lived.change("MATCH (q:Query {memory: $memory}) SET q.text = 'x'")
    with pytest.raises(StoreError, match="repair --rebuild-neo4j"):
        lived.add([make_rollout(30)])
    rebuild_graph(lived.stores, lived.name)
    assert lived.add([make_rollout(30)]).new == 0
    assert check_memory(lived.stores, lived.name).ok
    assert lived.ask("MATCH (a:Answer {memory: $memory}) RETURN count(a) AS n") == [{"n": 43}]


def test_each_page_of_rewards_is_looked_up_by_its_ids(
    lived: MemoryUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A plan that serves any page would read all rewards of the memory for each."""
    monkeypatch.setattr("memstore.archive.graph_loader.ROWS_A_PAGE", 1)
    plans: list[tuple[int, int]] = []
    finish = GraphCopy.finish

    def finish_and_count(copy: GraphCopy) -> None:
        finish(copy)
        rows = copy.fence.session._connection.execute(
            "SELECT custom_plans, generic_plans FROM pg_prepared_statements "
            "WHERE statement LIKE '%memreward.%verified%(%'"
        )
        plans.extend(rows.fetchall())

    monkeypatch.setattr(GraphCopy, "finish", finish_and_count)
    rebuild_graph(lived.stores, lived.name)
    assert any(made_for_values > 5 for made_for_values, _ in plans)
    assert all(made_for_any == 0 for _, made_for_any in plans)


def test_what_waits_is_published_afterwards(memory: MemoryUnderTest) -> None:
    memory.add(make_rollouts(5))
    memory.accept(make_rollouts(3, first=10))
    memory.change("MATCH (n {memory: $memory}) DETACH DELETE n")
    assert rebuild_graph(memory.stores, memory.name) == 20
    assert check_memory(memory.stores, memory.name).ok
    assert len(read_graph(memory.stores, memory.name).rollout_id_R) == 32
    link(memory.stores, memory.name)


def test_one_that_was_cut_off_is_said_and_begun_anew(
    lived: MemoryUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = contents(lived)

    class Crash(Exception):
        pass

    def crash(*_: object) -> None:
        raise Crash

    with monkeypatch.context() as patch:
        patch.setattr(GraphCopy, "finish", crash)
        with pytest.raises(Crash):
            rebuild_graph(lived.stores, lived.name)
    for use in (read_graph, catch_up):
        with pytest.raises((StoreError, UnknownMemoryError), match="repair --rebuild-neo4j"):
            use(lived.stores, lived.name)
    with pytest.raises(StoreError, match="repair --rebuild-neo4j"):
        lived.add([make_rollout(1)])
    assert check_memory(lived.stores, lived.name).counts == {"unfinished": 1}
    assert len(catch_up_all(lived.stores)) == 1
    rebuild_graph(lived.stores, lived.name)
    assert contents(lived) == before


def test_no_other_memory_is_touched(lived: MemoryUnderTest) -> None:
    other = MemoryUnderTest(lived.stores, f"{lived.name}-other")
    other.add(make_rollouts(3))
    before = contents(other)
    rebuild_graph(lived.stores, lived.name)
    assert contents(other) == before
    delete_memory(other.stores, other.name)
    with pytest.raises(UnknownMemoryError, match="no memory"):
        rebuild_graph(lived.stores, "nobody")
