"""Re-embedding: every text of a memory gets a vector of another encoder.

The new vectors are made beside the old ones, which stay in force, a page at a time, so that it can
be stopped and run again. Then, while nothing is accepted, one transaction puts them in their place,
stamps the memory and builds a new generation of similarity edges; the batch is published like
a link.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

from memstore.changes.relink import QUERIES_A_CHUNK
from memstore.db import MemoryState, SqlSession, Stores, get_memory, new_token, retried
from memstore.encoders import TextEncoder, remembering
from memstore.outbox import add_batch, catch_up, lock_existing, publish, settled, take_seq
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
    catch_up(stores, memory)
    begun = get_memory(stores, memory)
    if (begun.encoder, begun.dimension) == (encoder.name, encoder.dimension):
        return 0
    token = new_token()
    encoder = remembering(encoder)
    made = 0

    def attempt() -> None:
        nonlocal made
        with stores.vectors.session("reembed.sql") as session:
            session.of("link.sql").run("lock_linker", memory=memory)
            if settled(session, memory, token) is None:
                session.run("drop_other_encoders", memory=memory, encoder=encoder.name)
                made += _embed(session, memory, encoder, progress)
                session.of("delete_run.sql").run("lock_writer", memory=memory)
                made += _embed(session, memory, encoder, progress)  # What arrived meanwhile.
                _switch(session, begun, encoder, path, token, progress)
            publish(stores, memory)

    retried(attempt)
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
    session: SqlSession,
    begun: MemoryState,
    encoder: TextEncoder,
    path: Path | None,
    token: str,
    progress: ReembedProgress,
) -> None:
    """Put the new vectors in place and link by them, all or nothing."""
    memory = begun.name
    with session.transaction():
        state = lock_existing(session, begun)
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
        seq = take_seq(session, memory)
        generation = state.generation + 1
        session.of("link.sql").run("drop_unfinished_generations", memory=memory)
        renewed = replace(state, encoder=encoder.name, dimension=encoder.dimension)
        ids = [row[0] for row in session.rows("query_ids", memory=memory)]
        for start in range(0, len(ids), QUERIES_A_CHUNK):
            chunk = ids[start : start + QUERIES_A_CHUNK]
            edges = nearest(session, renewed, chunk, state.neighbours)
            copy_edges(session, memory, generation, seq, edges)
            progress("link queries", start + len(chunk), len(ids))
        session.of("link.sql").run(
            "move_generation",
            memory=memory,
            generation=generation,
            neighbours=state.neighbours,
            linked_seq=seq,
        )
        payload = {"generation": generation, "encoder": encoder.name, "seq": seq}
        add_batch(session, memory, seq, BatchKind.REEMBED, payload, token)
