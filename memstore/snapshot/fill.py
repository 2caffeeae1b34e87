"""What the databases hold, on its way into a snapshot: a page at a time, in bounded memory.

All of it comes from Postgres. Edges are read from Neo4j only where it has others: some may have
been changed there by hand.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from memstore.db import GraphTransaction, SqlSession, Stores, vectors
from memstore.snapshot.files import EDGES, NAMED, NUMBERS_OF_ROLLOUT, ROLLOUT, TABLES, Stamp
from memstore.snapshot.snapshot import EdgeRows, NodeRows, Snapshot
from schema import tables
from schema.graph import SIMILAR, SOURCE, STORED_EDGES
from schema.memory_graph import Floats, Ints
from schema.tables import NUMBERS, Column, ColumnType

ROWS_A_PAGE: Final = 4_096
EDGES_A_PAGE: Final = 20_000
#: As many batches are read as a whole.
FEW_BATCHES: Final = 4


@dataclass(frozen=True, kw_only=True, slots=True)
class Span:
    """The batches of a memory, or of a shard, after one sequence number and up to another."""

    memory: str
    after: int
    upto: int


def together(spans: Iterable[Span]) -> list[list[Span]]:
    """The spans by what is read together: few batches of several memories, or one memory's."""
    spans = list(spans)
    few = [span for span in spans if span.after and span.upto - span.after <= FEW_BATCHES]
    return [*([few] if few else []), *([span] for span in spans if span not in few)]


def add_nodes(snapshot: Snapshot, session: SqlSession, spans: Sequence[Span]) -> None:
    """Append the nodes that batches brought; a name that several shards have, once."""
    manifest = snapshot.files.manifest
    for node, table in TABLES.items():
        kept = [table.column("kept_features")] if node == ROLLOUT else []
        key = table.column(table.key[0]), table.column("seq")
        columns = list(dict.fromkeys([*key, *table.in_snapshot, *kept]))
        sql = session.of_table(table, columns)
        for page in pages(sql, "between", ROWS_A_PAGE, spans):
            if node in NAMED:
                page = list({row[0]: row for row in reversed(page)}.values())[::-1]
                known = snapshot.find(node, [row[0] for row in page]) >= 0
                page = [row for row, is_known in zip(page, known, strict=True) if not is_known]
                if not page:
                    continue
            rows = _node_rows(columns, page, manifest.dimension)
            if node == ROLLOUT:
                rows.numbers["policy_embedding"] = _policy_embeddings(
                    session.of("snapshot.sql"), spans, manifest.stamp, rows.ids
                )
                rows.numbers["kept_features"] = _rows_of_numbers(
                    [row[-1] for row in page], len(manifest.kept_names)
                )
            snapshot.add_nodes(node, rows)


def pages(
    sql: SqlSession, name: str, size: int, spans: Sequence[Span], **more: Any
) -> Iterator[list[tuple[Any, ...]]]:
    """What batches brought, `size` rows at a time.

    A few batches, which are small, in one go: a cursor on the server costs more than they do. Of
    several memories it is read by a statement of its own, in the order of the batches' numbers.
    """
    if len(spans) > 1:
        bounds = {
            "memories": [span.memory for span in spans],
            "after": [span.after for span in spans],
            "upto": [span.upto for span in spans],
        }
        if rows := sql.rows(f"{name}_in_several", **bounds, **more):
            yield rows
        return
    (span,) = spans
    if span.upto - span.after > FEW_BATCHES:
        yield from sql.stream(name, size, **asdict(span), **more)
    elif rows := sql.rows(name, **asdict(span), **more):
        yield rows


def _node_rows(columns: Sequence[Column], page: list[tuple[Any, ...]], dimension: int) -> NodeRows:
    """Rows of a table, its id first, as rows of the snapshot; a text not given is empty there."""
    nothing = np.zeros(dimension, np.float32)  # A forgotten rollout's embedding.
    names = (column.name for column in columns)
    values_of = dict(zip(names, zip(*page, strict=True), strict=True))
    texts: dict[str, Sequence[str]] = {}
    numbers: dict[str, Floats | Ints] = {}
    side_by_side: list[Floats] = []
    for column in columns:
        values = values_of[column.name]
        if column.snapshot is None:
            continue
        if column.snapshot == NUMBERS:
            side_by_side.append(_numbers(column, values))
        elif column.type is ColumnType.VECTOR:
            numbers[column.snapshot] = vectors([nothing if v is None else v for v in values])
        elif column.type is ColumnType.INTEGER:
            numbers[column.snapshot] = np.asarray(values, np.int64)
        else:
            texts[column.snapshot] = [value or "" for value in values]
    if side_by_side:
        numbers[NUMBERS] = np.hstack(side_by_side)
    return NodeRows(
        ids=values_of[columns[0].name], seq=values_of["seq"], texts=texts, numbers=numbers
    )


def _numbers(column: Column, values: Sequence[Any]) -> Floats:
    """[R, width] of one column of a rollout; NaN where it is not given."""
    place = NUMBERS_OF_ROLLOUT[column.name]
    width = place.stop - place.start
    if width == 1:
        values = [None if value is None else (value,) for value in values]
    return _rows_of_numbers(values, width)


def _rows_of_numbers(values: Sequence[Any], width: int) -> Floats:
    """[N, width]; NaN where nothing is given."""
    nothing = (np.nan,) * width
    rows = [nothing if value is None else value for value in values]
    return np.asarray(rows, np.float32).reshape(len(values), width)


def _policy_embeddings(
    session: SqlSession, spans: Sequence[Span], stamp: Stamp | None, ids: Sequence[str]
) -> Floats:
    """[R, P] of one stamp; NaN where a rollout came without, or with another."""
    if stamp is None:
        return np.zeros((len(ids), 0), np.float32)
    place = {id_: row for row, id_ in enumerate(ids)}
    embedding_RP = np.full((len(ids), stamp.dimension), np.nan, np.float32)
    for span in spans:
        found, values = session.embeddings(
            "policy_embeddings", memory=span.memory, ids=list(ids), **asdict(stamp)
        )
        if found:
            embedding_RP[[place[id_] for id_ in found]] = values
    return embedding_RP


def count_stamps(
    session: SqlSession, spans: Sequence[Span], known: Iterable[tuple[str, str, int, int]]
) -> list[tuple[str, str, int, int]]:
    """How many policy embeddings carry each stamp, given what was `known` before."""
    counts = {(policy, layer, dimension): n for policy, layer, dimension, n in known}
    for page in pages(session.of("snapshot.sql"), "stamps", ROWS_A_PAGE, spans):
        for policy, layer, dimension, n in page:
            key = (policy, layer, dimension)
            counts[key] = counts.get(key, 0) + n
    return [(*key, n) for key, n in sorted(counts.items())]


def commonest(stamps: Iterable[tuple[str, str, int, int]]) -> Stamp | None:
    """The stamp that most policy embeddings carry."""
    ranked = sorted(stamps, key=lambda row: (-row[3], row[:3]))
    if not ranked:
        return None
    policy, layer, dimension, _ = ranked[0]
    return Stamp(policy=policy, layer=layer, dimension=dimension)


def add_accepted_edges(snapshot: Snapshot, session: SqlSession, spans: Sequence[Span]) -> None:
    """Append the edges of rollouts from the rows of Postgres; Neo4j need not hold them yet."""
    brought = {name: spec.columns for name, spec in STORED_EDGES.items() if spec.columns}
    node_of = {
        column: node
        for name, columns in brought.items()
        for column, node in zip(columns, EDGES[name], strict=True)
    }
    sql = session.of_table(tables.ROLLOUT, [tables.ROLLOUT.column(n) for n in (*node_of, "seq")])

    def ends() -> Iterator[dict[str, Ints]]:
        for page in pages(sql, "between", EDGES_A_PAGE, spans):
            *ids, seqs = zip(*page, strict=True)
            yield {
                "seq": np.asarray(seqs, np.int64),
                **{
                    column: _rows_or_none(snapshot, node, values)
                    for (column, node), values in zip(node_of.items(), ids, strict=True)
                },
            }

    for part in whole_batches(ends()):
        for name, (start, end) in brought.items():
            source, target = part[start], part[end]
            both = (source >= 0) & (target >= 0)
            rows = EdgeRows(source=source[both], target=target[both], seq=part["seq"][both])
            snapshot.add_edges(name, rows)


def whole_batches(parts: Iterable[dict[str, NDArray[Any]]]) -> Iterator[dict[str, NDArray[Any]]]:
    """The same rows, in order of `seq`, of which no batch comes in two parts.

    So what is sorted within each part is sorted as a whole, in the memory of one part.
    """
    held: list[dict[str, NDArray[Any]]] = []
    for part in parts:
        seq = part["seq"]
        if not len(seq):
            continue
        last = int(np.searchsorted(seq, seq[-1]))  # Where the last batch of the part begins.
        if last or (held and held[-1]["seq"][-1] != seq[0]):
            yield _joined([*held, {name: rows[:last] for name, rows in part.items()}])
            held = []
        held.append({name: rows[last:] for name, rows in part.items()})
    if held:
        yield _joined(held)


def _joined(parts: list[dict[str, NDArray[Any]]]) -> dict[str, NDArray[Any]]:
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _rows_or_none(snapshot: Snapshot, node: str, ids: Sequence[str | None]) -> Ints:
    """Row of each id; -1 where there is no id."""
    rows = np.full(len(ids), -1, np.int64)
    given = [place for place, id_ in enumerate(ids) if id_ is not None]
    rows[given] = snapshot.known(node, [id_ for id_ in ids if id_ is not None])
    return rows


def add_accepted_similar(snapshot: Snapshot, session: SqlSession, span: Span) -> None:
    """Append the edges between queries from Postgres; Neo4j need not hold them yet."""
    generation = snapshot.files.manifest.generation
    sql = session.of("snapshot.sql")
    add_similar(snapshot, pages(sql, "similar", EDGES_A_PAGE, [span], generation=generation))


def add_similar(snapshot: Snapshot, found: Iterable[list[Any]]) -> None:
    """Append edges between queries, given page by page in the order of their batches."""
    rows = (edge_rows(snapshot, SIMILAR[1], page) for page in found)
    for part in whole_batches(vars(page) for page in rows):
        snapshot.add_edges(SIMILAR[1], EdgeRows(**part))


def published_edges(
    stores: Stores, snapshot: Snapshot, edge: str, seq: int, generation: int
) -> EdgeRows:
    """All edges of one type of the published graph up to a sequence number, from Neo4j."""

    def read(tx: GraphTransaction) -> list[EdgeRows]:
        bounds: dict[str, Any] = {"memory": snapshot.memory, "seq": seq}
        if edge == SIMILAR[1]:
            bounds["generation"] = generation
        pages = tx.stream(edge, EDGES_A_PAGE, **bounds)
        return [edge_rows(snapshot, edge, page) for page in pages]

    pages = stores.graph.read("edges.cypher", read)
    pages.append(edge_rows(snapshot, edge, []))
    scores = [page.score for page in pages if page.score is not None]
    return EdgeRows(
        source=np.concatenate([page.source for page in pages]),
        target=np.concatenate([page.target for page in pages]),
        seq=np.concatenate([page.seq for page in pages]),
        score=np.concatenate(scores) if scores else None,
    )


def edge_rows(snapshot: Snapshot, edge: str, rows: list[Any]) -> EdgeRows:
    """Edges by ids of their ends, sequence number and, where they have one, cosine."""
    source_type, target_type = EDGES[edge]
    score = None
    if edge == SIMILAR[1]:
        score = np.asarray([np.nan if row[3] is None else row[3] for row in rows], np.float32)
    return EdgeRows(
        source=snapshot.known(source_type, [row[0] for row in rows]),
        target=snapshot.known(target_type, [row[1] for row in rows]),
        seq=np.asarray([row[2] for row in rows], np.int64),
        score=score,
    )


def add_verified(snapshot: Snapshot, session: SqlSession, spans: Sequence[Span]) -> None:
    """Append the current verified rewards of which something was said in between.

    A few batches say something of few rollouts, which are looked up one by one. Of more, all that
    the memory has is read: its labels may be so new that Postgres, which has not counted them yet,
    would look through all of them for each.
    """
    sql, first = session.of("snapshot.sql"), spans[0]  # Several are of few batches each.
    since = "_since" if first.after and first.upto - first.after <= FEW_BATCHES else ""
    for page in pages(sql, f"verified{since}", EDGES_A_PAGE, spans):
        snapshot.add_verified(*zip(*page, strict=True))
    if snapshot.count(SOURCE) < 2:
        return
    for page in pages(sql, f"several_said{since}", EDGES_A_PAGE, spans):
        snapshot.add_said(*zip(*page, strict=True))
