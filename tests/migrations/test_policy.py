"""Answers from before there were policies get their edges in Neo4j, and nothing else changes."""

from support.rollout_factory import make_rollout
from support.store_fixtures import MemoryUnderTest

from memstore.consistency.check import check_memory
from memstore.db.addresses import Addresses
from memstore.db.graph_store import open_driver
from migrations.runner import FOLDER, statements

POLICIES = (
    "MATCH (p:Policy {memory: $memory})-[e:GAVE]->(a) "
    "RETURN p.id AS policy, p.seq AS seq, properties(e) AS edge, a.id AS answer ORDER BY answer"
)


def test_answers_of_an_older_version_are_tied_to_their_policies(
    memory: MemoryUnderTest, servers: Addresses
) -> None:
    memory.add([make_rollout(1, 0), make_rollout(1, 1, policy="big", checkpoint="9", step=3)])
    memory.add([make_rollout(2, 0, policy="big"), make_rollout(2, 1, policy=None)])
    before = memory.ask(POLICIES)
    assert len(before) == 3
    memory.change("MATCH (p:Policy {memory: $memory}) DETACH DELETE p")
    text = (FOLDER / "0006_policy.cypher").read_text(encoding="utf-8")
    with (
        open_driver(servers.neo4j_uri, servers.neo4j_user, servers.neo4j_password) as driver,
        driver.session() as session,
    ):
        for _ in range(2):
            for statement in statements(text):
                session.run(statement).consume()  # pyright: ignore[reportArgumentType]
            assert memory.ask(POLICIES) == before
    report = check_memory(memory.stores, memory.name)
    assert report.ok, report.lines()
