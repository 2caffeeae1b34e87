"""PyG's NodeLoader over a snapshot, against a sampler that loops."""

from collections import Counter, defaultdict
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from support.graph_factory import labelled, make_graph
from support.snapshot_factory import add_graph, new_snapshot, snapshot_of, with_real_ids

from gnn.data.hetero import to_hetero
from gnn.data.loader import node_loader
from gnn.data.pyg import (
    EdgeAttr,
    EdgeLayout,
    GATv2Conv,
    HeteroConv,
    HeteroData,
    NodeSamplerInput,
    TensorAttr,
)
from gnn.data.sampler import FanOut, SnapshotSampler
from gnn.data.snapshot_stores import SnapshotEdges, SnapshotFeatures
from gnn.models.published.network import EDGE_TYPES as PUBLISHED_EDGES
from memstore.snapshot.files import N_NUMBERS
from memstore.snapshot.snapshot import EdgeRows, NodeRows, Snapshot
from schema.graph import (
    ANSWER,
    EDGE_SPECS,
    EDGE_TYPES,
    GAVE,
    QUERY,
    REV_GAVE,
    SIMILAR,
    THINKING,
    EdgeType,
)
from schema.memory_graph import MemoryGraph

ALL = (-1, -1, -1)


def graph_of(n_queries: int = 20, k: int = 3) -> MemoryGraph:
    graph, truth_R = make_graph(n_queries, k=k)
    return with_real_ids(labelled(graph, truth_R))


@pytest.fixture(scope="module")
def graph() -> MemoryGraph:
    return graph_of()


@pytest.fixture
def snapshot(graph: MemoryGraph, tmp_path: Path) -> Snapshot:
    return snapshot_of(graph, tmp_path)


def with_embeddings(graph: MemoryGraph) -> HeteroData:
    """The graph with what the loaders read from a snapshot."""
    data = to_hetero(graph)
    member_CR = graph.conclusion_of_rollout_R == np.arange(len(graph.conclusion_id_C))[:, None]
    mean_CD = member_CR @ graph.answer_embedding_RD / member_CR.sum(axis=1, keepdims=True)
    for node, x in (
        (QUERY, graph.query_embedding_QD),
        (THINKING, graph.thinking_embedding_RD),
        (ANSWER, graph.answer_embedding_RD),
        ("conclusion", mean_CD),
        ("policy", np.zeros((1, 0))),
    ):
        data[node].x = torch.from_numpy(x.astype(np.float32))
    return data


def brute_force(
    data: HeteroData, seed_type: str, seeds: list[int], steps: int
) -> tuple[dict[str, set[int]], dict[EdgeType, Counter[tuple[int, int]]]]:
    """Every node within `steps` messages of the seeds and every edge on the way, by loops.

    Messages into hubs are left out, as by a fan-out that does not name them.
    """
    incoming: dict[tuple[EdgeType, int], list[int]] = defaultdict(list)
    for spec in EDGE_SPECS:
        edge = spec.triple
        for source, target in [] if spec.into_hub else data[edge].edge_index.T.tolist():
            incoming[edge, target].append(source)
    nodes = {node: set[int]() for node in data.node_types}
    nodes[seed_type] = set(seeds)
    frontier = {node: set(found) for node, found in nodes.items()}
    edges: dict[EdgeType, Counter[tuple[int, int]]] = {edge: Counter() for edge in EDGE_TYPES}
    for _ in range(steps):
        reached = {node: set[int]() for node in data.node_types}
        for edge in EDGE_TYPES:
            for target in frontier[edge[2]]:
                for source in incoming[edge, target]:
                    edges[edge][source, target] += 1
                    reached[edge[0]].add(source)
        frontier = {node: found - nodes[node] for node, found in reached.items()}
        nodes = {node: found | nodes[node] for node, found in reached.items()}
    return nodes, edges


def global_edges(batch: HeteroData, edge: EdgeType) -> Counter[tuple[int, int]]:
    source, target = batch[edge].edge_index
    pairs = zip(
        batch[edge[0]].n_id[source].tolist(), batch[edge[2]].n_id[target].tolist(), strict=True
    )
    return Counter(pairs)


@pytest.mark.parametrize("seed_type", [ANSWER, QUERY, THINKING, "conclusion"])
@pytest.mark.parametrize("steps", [1, 3])
def test_all_neighbours_are_those_of_a_plain_search(
    graph: MemoryGraph, snapshot: Snapshot, seed_type: str, steps: int
) -> None:
    whole = with_embeddings(graph)
    seeds = [5, 2, 11]
    batch = next(iter(node_loader(snapshot, np.array(seeds), (-1,) * steps, seed_type=seed_type)))
    nodes, edges = brute_force(whole, seed_type, seeds, steps)
    assert batch[seed_type].n_id[: len(seeds)].tolist() == seeds
    for node in whole.node_types:
        found = batch[node].n_id.tolist()
        assert len(found) == len(set(found))
        assert set(found) == nodes[node]
        torch.testing.assert_close(batch[node].x, whole[node].x[batch[node].n_id])
    for edge in EDGE_TYPES:
        assert global_edges(batch, edge) == edges[edge]
    source, target = whole[SIMILAR].edge_index
    cosine = {
        (s, t): float(c)
        for s, t, c in zip(source.tolist(), target.tolist(), whole[SIMILAR].edge_attr, strict=True)
    }
    ends = batch[SIMILAR].edge_index
    for place, (s, t) in enumerate(ends.T.tolist()):
        pair = (int(batch[QUERY].n_id[s]), int(batch[QUERY].n_id[t]))
        assert float(batch[SIMILAR].edge_attr[place, 0]) == cosine[pair]


FEW: dict[str, FanOut] = {
    "same": (2, 1, 2),
    "by type": {
        SIMILAR: (1, 2),
        ("answer", "rev_leads_to", "thinking"): (-1, -1),
        ("thinking", "rev_generated", "query"): (3, 0),
    },
}


@pytest.mark.parametrize("name", FEW)
def test_a_fan_out_bounds_what_is_drawn(graph: MemoryGraph, snapshot: Snapshot, name: str) -> None:
    whole, fan_out = to_hetero(graph), FEW[name]
    sampler = SnapshotSampler(snapshot, fan_out)
    seeds = np.array([0, 7, 9])
    drawn = set()
    for repeat in range(5):
        torch.manual_seed(repeat)
        batch = next(iter(node_loader(snapshot, seeds, fan_out, seed_type=QUERY)))
        for edge in EDGE_TYPES:
            found = global_edges(batch, edge)
            assert set(found.values()) <= {1}
            assert set(found) <= set(map(tuple, whole[edge].edge_index.T.tolist()))
            most = max((c for c in sampler.fan_out[edge] if c >= 0), default=0)
            if -1 not in sampler.fan_out[edge]:
                assert max(Counter(t for _, t in found).values(), default=0) <= most
            elif edge in brute_force(whole, QUERY, [0], 1)[1]:
                assert set(sampler.fan_out[edge]) == {-1}
        drawn.add(frozenset(global_edges(batch, SIMILAR)))
        torch.manual_seed(repeat)
        again = next(iter(node_loader(snapshot, seeds, fan_out, seed_type=QUERY)))
        assert global_edges(again, SIMILAR) == global_edges(batch, SIMILAR)
    assert len(drawn) > 1


def test_messages_into_a_hub_are_drawn_where_they_are_named(snapshot: Snapshot) -> None:
    seeds = np.array([3, 7])
    (unnamed,) = node_loader(snapshot, seeds, (-1, -1))
    assert unnamed["policy"].num_nodes == 1
    assert unnamed[REV_GAVE].edge_index.shape[1] == 0
    (named,) = node_loader(snapshot, seeds, {GAVE: (-1, 0), REV_GAVE: (0, 5)})
    assert named[REV_GAVE].edge_index.shape[1] == 5
    assert named["policy"].x.shape == (1, 0)
    assert named[ANSWER].step.tolist() == [0] * named[ANSWER].num_nodes


def test_each_neighbour_is_drawn_equally_often(snapshot: Snapshot, graph: MemoryGraph) -> None:
    neighbours = graph.similar_2E[1, graph.similar_2E[0] == 4].tolist()
    sampler = SnapshotSampler(snapshot, {SIMILAR: (2,)})
    torch.manual_seed(0)
    index = NodeSamplerInput(None, torch.tensor([4]), input_type=QUERY)
    counts: Counter[int] = Counter()
    for _ in range(600):
        counts.update(sampler.sample_from_nodes(index).node[QUERY].tolist()[1:])
    assert set(counts) == set(neighbours)
    assert all(abs(count - 400) < 60 for count in counts.values())


def test_full_neighbourhoods_give_exact_outputs(graph: MemoryGraph, snapshot: Snapshot) -> None:
    torch.manual_seed(0)
    layers = [
        HeteroConv(
            {edge: GATv2Conv((8, 8), 8, add_self_loops=False) for edge in PUBLISHED_EDGES},
            aggr="mean",
        ).eval()
        for _ in range(2)
    ]

    def outputs(data: HeteroData) -> torch.Tensor:
        x = {node: data[node].x for node in (QUERY, THINKING, ANSWER)}
        edges = {edge: data[edge].edge_index for edge in PUBLISHED_EDGES}
        for layer in layers:
            x = {node: state.relu() for node, state in layer(x, edges).items()}
        return x[ANSWER]

    with torch.no_grad():
        whole = outputs(with_embeddings(graph))
        for batch in node_loader(snapshot, np.arange(80), (-1, -1), batch_size=13):
            seeds = batch[ANSWER].n_id[: batch[ANSWER].batch_size]
            torch.testing.assert_close(
                outputs(batch)[batch[ANSWER].seed_mask], whole[seeds], atol=1e-5, rtol=0
            )


def test_rewards_are_shown_of_seeds_only(graph: MemoryGraph, snapshot: Snapshot) -> None:
    plain = snapshot.files.folder.parent / "plain"
    unlabelled = snapshot_of(
        replace(graph, verified_R=np.full_like(graph.verified_R, np.nan)), plain
    )
    seeds = np.array([1, 6, 70])
    for batch, bare in zip(
        node_loader(snapshot, seeds, ALL), node_loader(unlabelled, seeds, ALL), strict=True
    ):
        for node in batch.node_types:
            assert torch.equal(batch[node].x, bare[node].x)
        answers = batch[ANSWER]
        assert answers.labelled.tolist()[:3] == [True, True, False]
        assert not answers.labelled[3:].any() and not answers.y[3:].any()
        np.testing.assert_array_equal(answers.y[:2].numpy(), graph.verified_R[[1, 6]])
        assert answers.seed_mask.sum() == 3 and answers.seed_mask[:3].all()
    batch = next(iter(node_loader(snapshot, np.array([0]), ALL, seed_type=QUERY)))
    assert not batch[ANSWER].labelled.any()


def test_nothing_later_is_found(tmp_path: Path) -> None:
    graph = graph_of(30)
    back = graph.similar_2E[0] > graph.similar_2E[1]
    graph = replace(
        graph,
        similar_2E=graph.similar_2E[:, back],
        similar_score_E=graph.similar_score_E[back],
    )
    now = new_snapshot(tmp_path / "now", 8)
    for seq, queries in enumerate(np.array_split(np.arange(30), 5), start=1):
        add_graph(now, graph, queries, seq)
    then = new_snapshot(tmp_path / "then", 8)
    for seq, queries in enumerate(np.array_split(np.arange(30), 5)[:2], start=1):
        add_graph(then, graph, queries, seq)
    # A later answer to an early query, and an edge that was drawn later between early ones.
    late = replace(graph, rollout_id_R=[f"f{id_[1:]}" for id_ in graph.rollout_id_R])
    add_late_group(now, late, query=0, seq=5)
    seeds = np.arange(then.count(ANSWER))
    loaders = (node_loader(now, seeds, ALL, seq=2), node_loader(then, seeds, ALL))
    for batch, before in zip(*loaders, strict=True):
        for node in batch.node_types:
            assert set(batch[node].n_id.tolist()) == set(before[node].n_id.tolist())
            order, was = batch[node].n_id.argsort(), before[node].n_id.argsort()
            torch.testing.assert_close(batch[node].x[order], before[node].x[was])
        for edge in EDGE_TYPES:
            assert global_edges(batch, edge) == global_edges(before, edge)
    with pytest.raises(ValueError, match="arrived after batch 2"):
        next(iter(node_loader(now, np.array([119]), ALL, seq=2)))


def add_late_group(snapshot: Snapshot, graph: MemoryGraph, query: int, seq: int) -> None:
    """One more answer to a query that is there, reaching a conclusion that is there."""
    row = np.flatnonzero(graph.query_of_rollout_R == query)[1:2]
    snapshot.add_nodes(
        ANSWER,
        NodeRows(
            ids=[graph.rollout_id_R[row[0]]],
            seq=[seq],
            texts={"thinking_text": [""], "text": ["late"], "policy": [""]},
            numbers={
                "thinking_embedding": graph.thinking_embedding_RD[row],
                "embedding": -graph.answer_embedding_RD[row],
                "numbers": np.zeros((1, N_NUMBERS), np.float32),
                "step": np.zeros(1, np.int64),
                "policy_embedding": np.zeros((1, 0), np.float32),
            },
        ),
    )
    new = snapshot.known(ANSWER, [graph.rollout_id_R[row[0]]])
    stamp = np.array([seq])
    asked = snapshot.known(QUERY, [graph.query_id_Q[query]])
    said = graph.conclusion_id_C[graph.conclusion_of_rollout_R[row[0]]]
    snapshot.add_edges("generated", EdgeRows(source=asked, target=new, seq=stamp))
    snapshot.add_edges("leads_to", EdgeRows(source=new, target=new, seq=stamp))
    reached = snapshot.known("conclusion", [said])
    snapshot.add_edges("concludes", EdgeRows(source=new, target=reached, seq=stamp))
    snapshot.take_up()


def test_workers_give_the_same_batches(snapshot: Snapshot) -> None:
    seeds = np.arange(40)
    alone = list(node_loader(snapshot, seeds, ALL, batch_size=16))
    helped = list(node_loader(snapshot, seeds, ALL, batch_size=16, workers=2))
    assert [len(b[ANSWER].n_id) for b in alone] == [len(b[ANSWER].n_id) for b in helped]
    for batch, other in zip(alone, helped, strict=True):
        assert torch.equal(batch[ANSWER].x, other[ANSWER].x)
        assert torch.equal(batch[SIMILAR].edge_index, other[SIMILAR].edge_index)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_batches_reach_the_gpu(snapshot: Snapshot) -> None:
    for batch in node_loader(snapshot, np.arange(40), ALL, batch_size=16, workers=1):
        assert batch[ANSWER].x.is_cuda and batch[SIMILAR].edge_attr.is_cuda


def test_the_stores_speak_of_everything(graph: MemoryGraph, snapshot: Snapshot) -> None:
    whole = with_embeddings(graph)
    features, edges = SnapshotFeatures(snapshot), SnapshotEdges(snapshot)
    queries = features.get_tensor(TensorAttr(QUERY, "x", None))
    rewards = features.get_tensor(TensorAttr(ANSWER, "y", slice(0, 9)))
    torch.testing.assert_close(queries, whole[QUERY].x)
    np.testing.assert_array_equal(np.asarray(rewards), np.nan_to_num(graph.verified_R[:9]))
    assert features.get_tensor_size(features.get_all_tensor_attrs()[0]) == (20, 8)
    for attr in edges.get_all_edge_attrs():
        row, col = edges.get_edge_index(attr)
        pairs = sorted(zip(row.tolist(), col.tolist(), strict=True))
        assert pairs == sorted(map(tuple, whole[attr.edge_type].edge_index.T.tolist()))
    with pytest.raises(KeyError):
        edges.get_edge_index(EdgeAttr(edge_type=SIMILAR, layout=EdgeLayout.CSR))


@pytest.mark.parametrize(
    ("seeds", "fan_out", "message"),
    [
        ([1, 1], ALL, "occurs twice"),
        ([1], (), "at least one step"),
        ([1], {SIMILAR: (1,), ("thinking", "leads_to", "answer"): (1, 1)}, "as many steps"),
        ([1], {("a", "b", "c"): (1,)}, "no edge type"),
    ],
)
def test_what_cannot_be_sampled_is_refused(
    snapshot: Snapshot, seeds: list[int], fan_out: FanOut, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        next(iter(node_loader(snapshot, np.array(seeds), fan_out)))
