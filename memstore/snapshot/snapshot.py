"""A memory's graph at one sequence number, as arrays on disk that are read where they are needed.

Rows keep their numbers as long as the base lives: nodes are in the order in which they arrived
(sequence number, then id). Nothing here looks at a whole array once a snapshot is open.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from memstore.snapshot.adjacency import Adjacency, csr
from memstore.snapshot.files import EDGES, NAMED, NODES, NUMBERS_OF_ROLLOUT, ROLLOUT, Files
from memstore.snapshot.id_index import IdBytes, IdIndex, id_bytes, id_texts
from schema.errors import StoreError
from schema.graph import SOURCE
from schema.ids import digest
from schema.memory_graph import Bools, Floats, Ints
from schema.tables import NUMBERS

#: Edges beyond the CSR on disk after which a new one is written: as many again, and these.
_SPARE_EDGES: Final = 50_000


@dataclass(frozen=True, kw_only=True)
class NodeRows:
    """Nodes that arrive: columns by name (without the node type), all of one length."""

    ids: Sequence[str]
    seq: Sequence[int]
    texts: dict[str, Sequence[str]]
    numbers: dict[str, NDArray[Any]] = field(default_factory=dict[str, NDArray[Any]])


@dataclass(frozen=True, kw_only=True)
class EdgeRows:
    """Edges that arrive: rows of both ends; cosines only for SIMILAR_TO, NaN where not given."""

    source: Ints
    target: Ints
    seq: Ints
    score: Floats | None = None


class Snapshot:
    """A whole memory by row numbers."""

    def __init__(self, files: Files) -> None:
        """Open the state that `files` describes."""
        self.files = files
        self._id_index = {node: IdIndex(files.numbers[f"{node}.id"].array[:0]) for node in NODES}
        self._counts = dict.fromkeys(NODES, 0)
        self._out, self._in = self._adjacencies("out"), self._adjacencies("in")
        self._verified_R = np.full(1024, np.nan, dtype=np.float32)
        self._source_R = np.full(1024, -1, dtype=np.int64)
        self._n_verified = 0
        #: Of rollouts of which several sources spoke: what each said last.
        self._said: dict[int, dict[int, float]] = {}
        self._n_said = 0
        self.take_up()

    def _adjacencies(self, way: str) -> dict[str, Adjacency]:
        numbers = self.files.numbers
        found = {}
        for edge in EDGES:
            starts = numbers[f"{edge}.{way}.starts"].array
            edges = numbers[f"{edge}.{way}.edges"].array
            found[edge] = Adjacency(starts if len(starts) else np.zeros(1, np.int64), edges)
        return found

    def take_up(self) -> None:
        """Bring what is kept in memory up to what the files hold."""
        numbers = self.files.numbers
        for node in NODES:
            self._take_up_ids(node)
        for edge in EDGES:
            ends = numbers[f"{edge}.ends"].array
            self._out[edge].add(ends[self._out[edge].n_edges :, 0])
            self._in[edge].add(ends[self._in[edge].n_edges :, 1])
        for column in self.files.columns:
            column.open()
        self._take_up_verified()
        self._take_up_said()

    def _take_up_ids(self, node: str) -> None:
        ids = self.files.numbers[f"{node}.id"].array
        self._id_index[node].add(ids[self._counts[node] :])
        self._counts[node] = len(ids)

    def _take_up_verified(self) -> None:
        n_rollouts = self._counts[ROLLOUT]
        if n_rollouts > len(self._verified_R):
            grown = np.full(2 * n_rollouts, np.nan, dtype=np.float32)
            grown[: len(self._verified_R)] = self._verified_R
            self._verified_R = grown
            longer = np.full(2 * n_rollouts, -1, dtype=np.int64)
            longer[: len(self._source_R)] = self._source_R
            self._source_R = longer
        rows = self.files.numbers["verified.rollout"].array[self._n_verified :]
        values = self.files.numbers["verified.value"].array[self._n_verified :]
        self._verified_R[rows] = values  # In order: what was said last stays.
        self._source_R[rows] = self.files.numbers["verified.source"].array[self._n_verified :]
        self._n_verified += len(rows)

    def _take_up_said(self) -> None:
        numbers, start = self.files.numbers, self._n_said
        said = [numbers[f"said.{part}"].array[start:] for part in ("rollout", "source", "value")]
        for rollout, source, value in zip(*(part.tolist() for part in said), strict=True):
            self._said.setdefault(rollout, {})[source] = value
        self._n_said += len(said[0])

    @property
    def memory(self) -> str:
        """Whose snapshot it is."""
        return self.files.manifest.memory

    @property
    def seq(self) -> int:
        """Last batch that it holds."""
        return self.files.manifest.seq

    def count(self, node: str) -> int:
        """Number of nodes of a type."""
        return self._counts[node]

    def n_edges(self, edge: str) -> int:
        """Number of edges of a type."""
        return self._out[edge].n_edges

    def find(self, node: str, ids: Sequence[str]) -> Ints:
        """Row of each id, -1 where there is none."""
        rows = self.files.numbers[f"{node}.id"].array
        return self._id_index[node].find(_keys(node, ids), rows)

    def ids(self, node: str, rows: Ints) -> list[str]:
        """Ids of some rows."""
        if node in NAMED:
            return self.texts(f"{node}.name", rows)
        return id_texts(self.files.numbers[f"{node}.id"].array[rows])

    def take(self, column: str, rows: Ints) -> NDArray[Any]:
        """Numbers of some rows, copied: of `query.embedding`, `answer.numbers` and so on."""
        return self.files.numbers[column].take(rows)

    def texts(self, column: str, rows: Ints) -> list[str]:
        """Texts of some rows: of `query.text`, `answer.thinking_text` and so on."""
        return self.files.texts[column].take(rows)

    def verified(self, rows: Ints) -> Floats:
        """Current verified reward of some rollouts, NaN where nothing is verified."""
        return self._verified_R[: self._counts[ROLLOUT]][rows]

    def sources(self, rows: Ints) -> Ints:
        """Source of the current verified reward of some rollouts, -1 where nothing is verified."""
        return self._source_R[: self._counts[ROLLOUT]][rows]

    def said(self, rows: Ints) -> tuple[Ints, Floats]:
        """What each source said last of those rollouts of which several spoke.

        Returns:
            Row of the source and place in `rows` of the rollout, [2, W], and the rewards, [W].
        """
        found = [
            (source, place, value)
            for place, row in enumerate(rows.tolist() if self._said else ())
            for source, value in sorted(self._said.get(row, {}).items())
        ]
        source_W, place_W, value_W = zip(*found, strict=True) if found else ((), (), ())
        return np.array([source_W, place_W], np.int64), np.array(value_W, np.float32)

    def labelled_rollouts(self) -> Ints:
        """Rollouts that have a verified reward, ascending."""
        rows = np.unique(self.files.numbers["verified.rollout"].array)
        return rows[~np.isnan(self.verified(rows))]

    def edges_from(self, edge: str, nodes: Ints) -> tuple[Ints, Ints]:
        """Edges that leave `nodes`: their numbers, and the place in `nodes` of each."""
        return self._out[edge].edges_of(nodes)

    def edges_to(self, edge: str, nodes: Ints) -> tuple[Ints, Ints]:
        """Edges that reach `nodes`: their numbers, and the place in `nodes` of each."""
        return self._in[edge].edges_of(nodes)

    def ends(self, edge: str, edges: Ints) -> tuple[Ints, Ints]:
        """Source and target of some edges, as Neo4j draws them."""
        pairs = self.files.numbers[f"{edge}.ends"].array[edges]
        return pairs[:, 0], pairs[:, 1]

    def forgotten(self, rollouts: Ints) -> Bools:
        """Whether the embeddings of each of these rollouts are gone, [N]."""
        numbers_NN = self.take(f"{ROLLOUT}.{NUMBERS}", rollouts)
        gone_N1 = ~np.isnan(numbers_NN[:, NUMBERS_OF_ROLLOUT["thinking_characters"]])
        return gone_N1[:, 0]

    def add_nodes(self, node: str, rows: NodeRows) -> None:
        """Append nodes, in order, with every column of their type; they are found from now on."""
        numbers, texts = self.files.numbers, self.files.texts
        numbers[f"{node}.id"].append(_keys(node, rows.ids))
        numbers[f"{node}.seq"].append(np.asarray(rows.seq, np.int64))
        for name, values in rows.numbers.items():
            numbers[f"{node}.{name}"].append(values)
        for name, values in rows.texts.items():
            texts[f"{node}.{name}"].append(values)
        self._take_up_ids(node)

    def add_edges(self, edge: str, rows: EdgeRows) -> None:
        """Append edges, ordered by sequence number and ends, so that equal contents look equal.

        They are found after `take_up`.
        """
        order = np.lexsort([rows.target, rows.source, rows.seq])
        ends_E2 = np.column_stack([rows.source, rows.target])[order]
        self.files.numbers[f"{edge}.ends"].append(ends_E2)
        self.files.numbers[f"{edge}.seq"].append(rows.seq[order])
        if rows.score is not None:
            score_E = self._filled(rows.score[order], ends_E2)
            self.files.numbers["similar.score"].append(score_E)

    def known(self, node: str, ids: Sequence[str]) -> Ints:
        """Row of each id.

        Raises:
            StoreError: if one is not there.
        """
        rows = self.find(node, ids)
        if (rows < 0).any():
            missing = ids[int(np.flatnonzero(rows < 0)[0])]
            raise StoreError(
                f"Postgres does not hold {node} {missing} of memory {self.memory!r}, which "
                f"an edge or a reward refers to: see `memreward check --memory {self.memory}`"
            )
        return rows

    def _filled(self, score_E: Floats, ends_E2: Ints) -> Floats:
        """Cosines; an edge that was drawn by hand without one gets it from the embeddings."""
        missing = np.isnan(score_E)
        if missing.any():
            source, target = (self.take("query.embedding", ends_E2[missing, i]) for i in (0, 1))
            norms = np.linalg.norm(source, axis=1) * np.linalg.norm(target, axis=1)
            score_E[missing] = (source * target).sum(axis=1) / norms
        return score_E

    def add_verified(
        self,
        ids: Sequence[str],
        values: Sequence[float],
        sources: Sequence[str],
        seq: Sequence[int],
    ) -> None:
        """Current verified rewards that are new or changed, each with the source that spoke last.

        Raises:
            StoreError: if a rollout or a source is not there.
        """
        self.files.numbers["verified.source"].append(self.known(SOURCE, sources))
        self.files.numbers["verified.rollout"].append(self.known(ROLLOUT, ids))
        self.files.numbers["verified.value"].append(np.asarray(values, np.float32))
        self.files.numbers["verified.seq"].append(np.asarray(seq, np.int64))

    def add_said(self, ids: Sequence[str], sources: Sequence[str], values: Sequence[float]) -> None:
        """What sources said last of rollouts of which several spoke, where it is new or changed.

        Raises:
            StoreError: if a rollout or a source is not there.
        """
        self.files.numbers["said.rollout"].append(self.known(ROLLOUT, ids))
        self.files.numbers["said.source"].append(self.known(SOURCE, sources))
        self.files.numbers["said.value"].append(np.asarray(values, np.float32))

    @property
    def wants_csr(self) -> bool:
        """Whether so many edges lie outside the CSR on disk that a new one should be written."""
        numbers = self.files.numbers
        return any(
            self.n_edges(edge) > 2 * len(numbers[f"{edge}.out.edges"].array) + _SPARE_EDGES
            for edge in EDGES
        )

    def write_csr(self, name: str) -> "Snapshot":
        """Write the edges by node as new files; returns a snapshot that uses them."""
        manifest = self.files.manifest
        manifest.csr = name
        files = Files(self.files.home, manifest, self.files.extents)
        for edge, node_types in EDGES.items():
            ends = files.numbers[f"{edge}.ends"].array
            for way, place in (("out", 0), ("in", 1)):
                starts, edges = csr(ends[:, place], self._counts[node_types[place]])
                files.numbers[f"{edge}.{way}.starts"].append(starts)
                files.numbers[f"{edge}.{way}.edges"].append(edges)
        return Snapshot(files)


def _keys(node: str, ids: Sequence[str]) -> IdBytes:
    """What rows of a type are found by, [N, 16]: their ids, or a digest of a name."""
    if node not in NAMED:
        return id_bytes(ids)
    key_of = {name: digest(node, name) for name in set(ids)}
    return id_bytes([key_of[name] for name in ids])
