"""Everything that both databases hold of a memory, in a form that can be compared."""

from collections import Counter
from typing import Any

from faults.workload import sql

from memstore.db.stores import Stores

#: Table to its columns; times are left out, scores are rounded to what a float32 carries.
TABLES = {
    "memory": "name, encoder, dimension, neighbours, seq, published_seq, linked_seq, generation, "
    "published_generation, deleted_at, keys_version, feature_names",
    "batch": "seq, kind, payload::text, published_at IS NOT NULL, quarantined_at, tries",
    "run": "name, policy, checkpoint, seq",
    "policy": "name, seq",
    "source": "name, seq",
    "query": "id, dataset, domain, md5(embedding::text), seq, text",
    "conclusion": "id, key, seq",
    "rollout": "id, query_id, run, source_query_id, step, place, content_hash, policy, checkpoint, "
    "conclusion_id, completion_tokens, answer_given, truncated, finish_reason, "
    "policy_signals::text, md5(thinking_embedding::text), md5(answer_embedding::text), seq, "
    "thinking, answer, forgotten_seq, kept_features::text, thinking_characters",
    "policy_embedding": "rollout_id, policy, layer, md5(embedding::text), seq",
    "verified_reward": "rollout_id, seq, source, value, run",
    "model": "version, manifest::text, seq",
    "propagated_reward": "rollout_id, seq, value, confidence, model",
    "to_forget": "rollout_id, kept_features::text, thinking_characters, keeps_thinking",
    "new_key": "rollout_id, version, conclusion_id, key",
    "similar_to": "generation, query_id, neighbour_id, rank, round(score::numeric, 6)::text, seq",
}
NODES = "MATCH (n {memory: $memory}) RETURN labels(n)[0] AS label, properties(n) AS properties"
EDGES = (
    "MATCH (a {memory: $memory})-[e]->(b) RETURN labels(a)[0] AS source, a.id AS a, type(e) AS "
    "type, labels(b)[0] AS target, b.id AS b, b.memory AS memory, properties(e) AS properties"
)
DRIFTING = ("incarnation", "verified_at", "propagated_at", "at")

Dump = dict[str, list[Any]]


def dump(stores: Stores, memory: str) -> Dump:
    """Rows of every table, nodes and relationships, each sorted."""
    found: Dump = {}
    with stores.vectors.transaction("reads.sql") as session:
        for table, columns in TABLES.items():
            key = "name" if table == "memory" else "memory"
            rows = sql(session, f"SELECT {columns} FROM memreward.{table} WHERE {key} = %s", memory)
            found[table] = sorted(rows, key=repr)
    for name, cypher in {"nodes": NODES, "edges": EDGES}.items():
        rows = stores.graph.query(cypher, {"memory": memory}, 60.0).rows
        found[name] = sorted((_plain(row) for row in rows), key=repr)
    return found


def _plain(row: dict[str, Any]) -> list[tuple[str, Any]]:
    properties = {
        name: round(value, 6) if name == "score" else value
        for name, value in row["properties"].items()
        if name not in DRIFTING
    }
    return sorted({**row, "properties": sorted(properties.items())}.items())


def assert_equal(found: Dump, expected: Dump, what: str = "") -> None:
    """Nothing lost, doubled, dangling or torn: every row is where it should be."""
    for name in expected:
        have, want = Counter(map(repr, found[name])), Counter(map(repr, expected[name]))
        missing, surplus = list(want - have)[:3], list(have - want)[:3]
        assert have == want, f"{what}: {name}: missing {missing}, surplus {surplus}"


def is_gone(found: Dump) -> bool:
    """Whether nothing at all is left."""
    return not any(found.values())


def assert_consistent(found: Dump) -> None:
    """Both databases say the same, without an expectation: everything accepted is published."""
    (memory,) = found["memory"]
    assert memory[4] == memory[5], "not everything accepted is published"
    nodes = [dict(node) for node in found["nodes"]]
    ids = {
        label: Counter(dict(node["properties"])["id"] for node in nodes if node["label"] == label)
        for label in ("Query", "Thinking", "Answer")
    }
    assert ids["Query"] == Counter(row[0] for row in found["query"])
    assert ids["Answer"] == ids["Thinking"] == Counter(row[0] for row in found["rollout"])
    edges = [dict(edge) for edge in found["edges"]]
    assert {edge["memory"] for edge in edges} <= {memory[0]}
    pairs = {
        kind: Counter((edge["a"], edge["b"]) for edge in edges if edge["type"] == kind)
        for kind in ("GENERATED", "LEADS_TO", "PRODUCED", "SIMILAR_TO", "CONCLUDES")
    }
    assert pairs["GENERATED"] == Counter((row[1], row[0]) for row in found["rollout"])
    assert pairs["LEADS_TO"] == Counter((row[0], row[0]) for row in found["rollout"])
    assert pairs["PRODUCED"] == Counter((row[2], row[0]) for row in found["rollout"])
    assert pairs["CONCLUDES"] == Counter((row[0], row[9]) for row in found["rollout"] if row[9])
    similar = [row for row in found["similar_to"] if row[0] == memory[7]]
    assert similar == found["similar_to"], "edges of another generation are left"
    assert pairs["SIMILAR_TO"] == Counter((row[1], row[2]) for row in similar)
