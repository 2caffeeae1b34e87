"""Attacks on `GraphStore.query`, and reads that must go on working."""

import pytest
from support.rollout_factory import make_rollouts
from support.store_fixtures import MemoryUnderTest

from memstore.db.query_guard import MAX_QUERY_CHARACTERS, check_plan
from memstore.db.stores import Stores
from schema.errors import QueryRefusedError, StoreError

SETTINGS = "CALL dbms.listConfig() YIELD name, value RETURN name"
PASSWD = "LOAD CSV FROM 'file:///etc/passwd' AS line RETURN line"
REMOTE = "LOAD CSV FROM 'http://127.0.0.1:1/x' AS line RETURN line"

ATTACKS = [
    # Writes, plain and disguised.
    "CREATE (n:Query) RETURN n",
    "MERGE (n:Query {memory: 'x', id: 'y'}) RETURN n",
    "MATCH (n) SET n.x = 1",
    "MATCH (n) REMOVE n.text",
    "MATCH (n) DETACH DELETE n",
    "MATCH (n) RETURN n UNION CREATE (m) RETURN m AS n",
    "MATCH (n) RETURN n UNION ALL MATCH (m) DELETE m RETURN m AS n",
    "FOREACH (x IN [1] | CREATE (n))",
    "CALL { CREATE (n) } RETURN 1",
    "CALL () { CREATE (n) } RETURN 1",
    "UNWIND [1] AS x CALL (x) { CREATE (n {x: x}) } RETURN x",
    "CALL { CREATE (n) } IN TRANSACTIONS",
    "MATCH (n) CALL (n) { DETACH DELETE n } IN CONCURRENT TRANSACTIONS RETURN 1",
    "RETURN [x IN [1] | COLLECT { CALL { CREATE (n) RETURN 1 AS one } RETURN one }] AS x",
    "/* a read */ CREATE (n)",
    "// a read\nCREATE (n)",
    "CREATE/**/(n)",
    "\u200bCREATE (n)",
    "\\u0043REATE (n)",
    # Quoting tricks: \u0060 is a backtick to the parser.
    "MATCH (n:`a\\u0060) DETACH DELETE n //`) RETURN n",
    "MATCH (n:`a``) DETACH DELETE n //`) RETURN 1 AS `x\\u0060 CREATE (m)",
    "RETURN 'a\\u0027 CREATE (n) RETURN \\u0027' AS x",
    # Prefixes and several statements.
    "EXPLAIN CREATE (n)",
    "PROFILE CREATE (n)",
    "PROFILE MATCH (n) RETURN n",
    "CYPHER runtime=slotted CREATE (n)",
    "CYPHER 5 planner=cost CREATE (n)",
    "RETURN 1; CREATE (n)",
    "RETURN 1; MATCH (n) DETACH DELETE n;",
    "",
    ";",
    # Schema and administration.
    "CREATE INDEX FOR (n:X) ON (n.y)",
    "DROP INDEX query_dataset",
    "DROP CONSTRAINT query_id",
    "SHOW USERS",
    "SHOW DATABASES",
    "SHOW INDEXES",
    "SHOW SETTINGS",
    "SHOW SETTINGS YIELD name, value RETURN name",
    "SHOW PROCEDURES YIELD name",
    "SHOW FUNCTIONS",
    "SHOW TRANSACTIONS",
    "SHOW TRANSACTIONS YIELD transactionId AS t TERMINATE TRANSACTION t YIELD message RETURN t",
    "TERMINATE TRANSACTION 'neo4j-transaction-1'",
    "CREATE USER eve SET PASSWORD 'password1'",
    "ALTER CURRENT USER SET PASSWORD FROM 'a' TO 'password1'",
    "USE system SHOW USERS",
    "USE system MATCH (n) RETURN n",
    # Files and the network, in the open and hidden in expressions.
    PASSWD,
    REMOTE,
    "LOAD CSV WITH HEADERS FROM $url AS line RETURN line",
    f"RETURN COLLECT {{ {PASSWD} }} AS x",
    f"RETURN EXISTS {{ {REMOTE} }} AS x",
    f"RETURN [x IN [1] | COLLECT {{ {PASSWD} }}] AS x",
    f"RETURN [x IN [1] | [(a:Query)-->(b) WHERE EXISTS {{ {REMOTE} }} | a]] AS x",
    f"RETURN reduce(s = 0, x IN [1] | s + COUNT {{ {PASSWD} }}) AS x",
    f"MATCH (n) WHERE any(x IN [1] WHERE EXISTS {{ {REMOTE} }}) RETURN n",
    f"RETURN {{a: [x IN [1] | COUNT {{ {PASSWD} }}]}} AS x",
    f"RETURN [x IN [1] | CASE WHEN EXISTS {{ {REMOTE} }} THEN 1 END] AS `COUNT`",
    f"MATCH (n) RETURN n ORDER BY reduce(s = 0, x IN [1] | s + COUNT {{ {PASSWD} }})",
    f"CALL () {{ {PASSWD} }} RETURN line",
    f"RETURN 1 AS line UNION {PASSWD}",
    # Procedures and functions that are not listed.
    SETTINGS,
    "CALL dbms.`listConfig`()",
    "CALL `dbms`.`listConfig`()",
    "CALL \\u0064bms.listConfig()",
    f"RETURN EXISTS {{ {SETTINGS} }} AS x",
    f"RETURN [x IN [1] | COLLECT {{ {SETTINGS} }}] AS x",
    "CALL dbms.components()",
    "CALL dbms.info()",
    "CALL db.info()",
    "CALL db.ping()",
    "CALL db.awaitIndexes()",
    "CALL db.clearQueryCaches()",
    "CALL db.createLabel('X')",
    "CALL db.index.fulltext.queryNodes('x', 'y')",
    "CALL apoc.load.json('http://127.0.0.1:1/')",
    "RETURN apoc.load.json('http://127.0.0.1:1/')",
    "RETURN genai.vector.encode('x', 'OpenAI', {token: 'x'})",
]

READS = [
    "MATCH (q:Query {memory: $memory}) RETURN q.id ORDER BY q.id LIMIT 3",
    "MATCH (n) RETURN count(n) AS n",
    "MATCH (a:Answer {memory: $memory}) WHERE a.verified_reward > 0.5 RETURN avg(a.place) AS x",
    "MATCH (q:Query {memory: $memory}) ((a)-[:SIMILAR_TO]->(b)){1,2} (z) RETURN count(*) AS n",
    "MATCH p = SHORTEST 1 (a:Query {memory: $memory})-[:SIMILAR_TO]->+(b:Query) "
    "WHERE a <> b RETURN length(p) AS n LIMIT 1",
    "MATCH p = shortestPath((a:Query)-[*..3]-(b:Run)) RETURN p LIMIT 1",
    "MATCH (a:Query {memory: $memory})-[:SIMILAR_TO*1..3]->(b) RETURN DISTINCT b.id",
    "MATCH (q:Query {memory: $memory}) WHERE EXISTS { (q)-[:GENERATED]->() } "
    "RETURN q.id, COUNT { (q)--() } AS degree",
    "MATCH (q:Query {memory: $memory}) RETURN q.id, "
    "COLLECT { MATCH (q)-[:SIMILAR_TO]->(n) RETURN n.id } AS near",
    "MATCH (q:Query {memory: $memory}) CALL (q) { MATCH (q)--(n) RETURN count(n) AS c } "
    "RETURN q.id, c",
    "MATCH (q:Query {memory: $memory}) OPTIONAL MATCH (q)-[s:SIMILAR_TO]->(n) "
    "WITH q, count(n) AS c RETURN q.dataset, avg(c), percentileCont(c, 0.5)",
    "MATCH (a:Query|Answer {memory: $memory}) RETURN labels(a)[0] AS label, count(*) AS n "
    "UNION ALL MATCH (r:Run) RETURN 'Run' AS label, count(r) AS n",
    "MATCH (m:Memory {memory: $memory}) "
    "MATCH (q:Query {memory: m.memory})-[s:SIMILAR_TO {generation: m.generation}]->(n) "
    "RETURN q.id, collect(n.id)[0..3] AS near",
    "MATCH (n:$($label) {memory: $memory}) RETURN count(n) AS n",
    "RETURN date.truncate('day', date()) AS d, vector.similarity.cosine([1.0], [1.0]) AS c",
    "RETURN 'LOAD CSV FROM ...; CREATE (n)' AS text, 'apoc.load.json(' AS more",
    "CYPHER runtime=slotted MATCH (n) RETURN count(n) AS n",
    "CALL db.labels()",
    "CALL db.relationshipTypes() YIELD relationshipType RETURN relationshipType",
    "CALL db.propertyKeys()",
    "CALL db.schema.visualization()",
]


@pytest.mark.parametrize("cypher", ATTACKS)
def test_refused(cypher: str, stores: Stores) -> None:
    parameters = {"url": "file:///etc/passwd", "memory": "x", "label": "Query"}
    with pytest.raises(QueryRefusedError):
        stores.graph.query(cypher, parameters, 10.0)


@pytest.mark.parametrize("cypher", READS)
def test_let_through(cypher: str, stores: Stores) -> None:
    stores.graph.query(cypher, {"memory": "x", "label": "Query"}, 30.0)


def test_attacks_leave_the_graph_as_it_was(memory: MemoryUnderTest) -> None:
    memory.add(make_rollouts(2))
    counts = "MATCH (n) OPTIONAL MATCH (n)-[r]->() RETURN count(DISTINCT n) AS n, count(r) AS r"
    before = memory.ask(counts)
    for cypher in ATTACKS:
        with pytest.raises(QueryRefusedError):
            memory.ask(cypher, url=PASSWD)
    assert memory.ask(counts) == before


def test_a_query_that_takes_too_long_is_given_up(stores: Stores) -> None:
    slow = "UNWIND range(1, 1000000000) AS x WITH x WHERE x % 7 = 8 RETURN count(x) AS n"
    with pytest.raises(QueryRefusedError, match=r"longer than 0\.5 s"):
        stores.graph.query(slow, {}, 0.5)


def test_a_query_that_is_too_long_is_not_planned(stores: Stores) -> None:
    with pytest.raises(QueryRefusedError, match="characters"):
        stores.graph.query("RETURN 1 AS x" + " " * MAX_QUERY_CHARACTERS, {}, 1.0)


def test_an_unknown_operator_deep_in_a_plan_is_refused() -> None:
    leaf = {"operatorType": "SetOwnerOfEverything@neo4j", "args": {}, "children": []}
    plan = {"operatorType": "ProduceResults@neo4j", "args": {}, "children": [leaf]}
    with pytest.raises(QueryRefusedError, match="SetOwnerOfEverything"):
        check_plan("r", plan)
    with pytest.raises(QueryRefusedError):
        check_plan("r", None)


@pytest.mark.parametrize("name", ["apoc.util.sleep", "`apoc`.`util`.`sleep`", "a . b"])
def test_a_function_of_a_plugin_is_refused(name: str) -> None:
    plan = {
        "operatorType": "Projection@neo4j",
        "args": {"Details": f"{name}(1) AS x"},
        "children": [],
    }
    with pytest.raises(QueryRefusedError, match="no function of a plugin"):
        check_plan("r", plan)


def test_a_forked_process_may_not_use_the_driver(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("os.getpid", lambda: -1)
        with pytest.raises(StoreError, match="forked"):
            stores.graph.query("RETURN 1 AS x", {}, 1.0)
        with pytest.raises(StoreError, match="forked"):
            stores.graph.read("reads.cypher", lambda tx: None)


@pytest.mark.parametrize(
    "greedy",
    [
        "UNWIND range(1, 1000000000) AS x RETURN collect(x) AS all",
        "UNWIND range(1, 100000000) AS x WITH x ORDER BY -x RETURN x LIMIT 100000001",
    ],
)
def test_a_query_that_wants_too_much_memory_is_given_up(greedy: str, stores: Stores) -> None:
    with pytest.raises(QueryRefusedError, match=r"too much memory|took longer"):
        stores.graph.query(greedy, {}, 60.0)
    assert stores.graph.query("RETURN 1 AS one", {}, 5.0).rows == [{"one": 1}]


def test_a_query_of_too_many_rows_is_given_up(stores: Stores) -> None:
    some = stores.graph.query("UNWIND range(1, 100) AS x RETURN x", {}, 5.0, 100)
    assert len(some.rows) == 100
    with pytest.raises(QueryRefusedError, match="more than 100 rows: give a LIMIT"):
        stores.graph.query("UNWIND range(1, 100000000) AS x RETURN x", {}, 60.0, 100)
