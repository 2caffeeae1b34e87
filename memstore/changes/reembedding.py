"""Re-embedding: every text of a memory gets a vector of another encoder.

The new vectors are stored next to the old ones, which stay in use, a page at a time, so that it can
be stopped and run again. Then, while nothing is accepted, one transaction puts them in their place,
stamps the memory and builds a new generation of similarity edges; the batch is published like
a link.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

from memstore.changes.relink import QUERIES_A_CHUNK
from memstore.db import MemoryState, SqlSession, Stores
from memstore.encoders import TextEncoder, caching
from memstore.outbox import (
    MemoryLock,
    OutboxBatch,
    begin_change,
    commit_long_change,
    hold,
    refuse_other_encoder,
)
from memstore.similarity import copy_edges, nearest
from schema import tables
from schema.batch import BatchKind
from schema.validation import check_vector

ROWS_A_PAGE: Final = 512

#: Called with what is done and how many of how many.
ReembedProgress = Callable[[str, int, int], None]


def reembed(
    stores: Stores,
    memory: str,
    encoder: TextEncoder,
    *,
    path: Path | None = None,
    progress: ReembedProgress = lambda what, done, total: None,
) -> int:
    """Give a memory another encoder; returns the number of texts that were embedded now.

    Args:
        stores: both databases.
        memory: whose texts.
        encoder: makes the vectors.
        path: where the encoder's model is; None: it is the default encoder.
        progress: told how far it is.

    Raises:
        UnknownMemoryError: if there is no such memory.
        InputError: if the encoder makes a vector that gives no cosine.
        StoreError: if Neo4j lacks a text.
    """
    begun = begin_change(stores, memory)
    if (begun.encoder, begun.dimension) == (encoder.name, encoder.dimension):
        return 0
    encoder = caching(encoder)
    made = 0

    def prepare(session: SqlSession, state: MemoryState) -> None:
        nonlocal made
        refuse_other_encoder(begun, state)
        sql = session.of("changes.sql")
        sql.run("drop_other_encoders", memory=memory, encoder=encoder.name)
        made += _embed(sql, memory, encoder, progress)
        hold(session, memory, MemoryLock.WRITER)
        made += _embed(sql, memory, encoder, progress)  # What arrived in the meantime.

    def write(batch: OutboxBatch) -> None:
        _switch(batch, encoder, path, progress)

    commit_long_change(
        stores, begun, BatchKind.REEMBED, write, locks=(MemoryLock.LINKER,), prepare=prepare
    )
    return made


def _embed(
    session: SqlSession,
    memory: str,
    encoder: TextEncoder,
    progress: ReembedProgress,
) -> int:
    """Embed what has no new vector yet, a page a transaction."""
    row = session.row("left", memory=memory)
    total = 0 if row is None else int(row[0])
    made = 0
    for kind, parts in (("queries", ("query",)), ("rollouts", ("thinking", "answer"))):
        while page := session.rows(f"{kind}_to_do", memory=memory, limit=ROWS_A_PAGE):
            vectors = encoder.encode([text for _, *texts in page for text in texts])
            for vector in vectors:
                check_vector(vector, "embedding", encoder.dimension)
            places = [(part, id_) for id_, *_ in page for part in parts]
            rows = (
                {"part": part, "id": id_, "embedding": vector}
                for (part, id_), vector in zip(places, vectors, strict=True)
            )
            session.copy(tables.NEW_EMBEDDING, rows, memory=memory, encoder=encoder.name)
            made += len(places)
            progress("embed texts", made, total)
    return made


def _switch(
    batch: OutboxBatch, encoder: TextEncoder, path: Path | None, progress: ReembedProgress
) -> None:
    """Put the new vectors in place and link by them."""
    memory, state, session = batch.memory, batch.state, batch.session.of("changes.sql")
    session.run("switch_queries", memory=memory)
    session.run("switch_rollouts", memory=memory)
    session.run(
        "switch_memory",
        memory=memory,
        encoder=encoder.name,
        dimension=encoder.dimension,
        path=None if path is None else str(path),
    )
    session.run("drop_new_embeddings", memory=memory)
    generation = state.generation + 1
    links = session.of("similarity.sql")
    links.run("drop_unfinished_generations", memory=memory)
    renewed = replace(state, encoder=encoder.name, dimension=encoder.dimension)
    ids = [row[0] for row in session.rows("query_ids", memory=memory)]
    for start in range(0, len(ids), QUERIES_A_CHUNK):
        chunk = ids[start : start + QUERIES_A_CHUNK]
        edges = nearest(session, renewed, chunk, state.neighbours)
        copy_edges(session, memory, generation, batch.seq, edges)
        progress("link queries", start + len(chunk), len(ids))
    links.run(
        "move_generation",
        memory=memory,
        generation=generation,
        neighbours=state.neighbours,
        linked_seq=batch.seq,
    )
    batch.tell({"generation": generation, "encoder": encoder.name, "seq": batch.seq})
