"""Re-embedding: every text of a memory gets a vector of another encoder.

The new vectors are stored next to the old ones, which stay in use, a page at a time, so that it can
be stopped and run again. Then, while nothing is accepted, one transaction puts them in their place,
stamps the memory and builds a new generation of similarity edges; the batch is published like
a link.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
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
from schema.memory_graph import Floats
from schema.validation import check_vector

ROWS_A_PAGE: Final = 512

#: Part of a query or rollout (`query`, `thinking`, `answer`), and its id.
_Place = tuple[str, str]

#: Vectors [N, D] of each of some pages of N texts, in their order; pages may be read ahead.
EmbedPages = Callable[[Iterable[list[str]]], Iterator[Floats]]

#: Called with what is done and how many of how many.
ReembedProgress = Callable[[str, int, int], None]


def reembed(
    stores: Stores,
    memory: str,
    encoder: TextEncoder,
    *,
    path: Path | None = None,
    progress: ReembedProgress = lambda what, done, total: None,
    elsewhere: EmbedPages | None = None,
) -> int:
    """Give a memory another encoder; returns the number of texts that were embedded now.

    Args:
        stores: both databases.
        memory: whose texts.
        encoder: makes the vectors.
        path: where the encoder's model is; None: it is the default encoder.
        progress: told how far it is.
        elsewhere: has the encoder make vectors in other processes; None: this one makes them.

    Raises:
        UnknownMemoryError: if there is no such memory.
        InputError: if the encoder makes a vector that gives no cosine.
        StoreError: if Neo4j lacks a text.
    """
    begun = begin_change(stores, memory)
    if (begun.encoder, begun.dimension) == (encoder.name, encoder.dimension):
        return 0
    work = _Embedding(encoder, elsewhere or partial(_here, caching(encoder)), progress)
    made = 0

    def prepare(session: SqlSession, state: MemoryState) -> None:
        nonlocal made
        refuse_other_encoder(begun, state)
        sql = session.of("changes.sql")
        sql.run("drop_other_encoders", memory=memory, encoder=encoder.name)
        made += work.embed(sql, memory)
        hold(session, memory, MemoryLock.WRITER)
        made += work.embed(sql, memory)  # What arrived in the meantime.

    def write(batch: OutboxBatch) -> None:
        _switch(batch, encoder, path, progress)

    commit_long_change(
        stores, begun, BatchKind.REEMBED, write, locks=(MemoryLock.LINKER,), prepare=prepare
    )
    return made


@dataclass(frozen=True)
class _Embedding:
    """How texts get their new vectors."""

    encoder: TextEncoder
    embed_pages: EmbedPages
    progress: ReembedProgress

    def embed(self, session: SqlSession, memory: str) -> int:
        """Embed what has no new vector yet, a page a transaction; the number of texts."""
        row = session.row("left", memory=memory)
        total = 0 if row is None else int(row[0])
        made = 0
        for kind, parts in (("queries", ("query",)), ("rollouts", ("thinking", "answer"))):
            waiting: deque[list[_Place]] = deque()
            for vectors in self.embed_pages(_texts(session, memory, kind, parts, waiting)):
                for vector in vectors:
                    check_vector(vector, "embedding", self.encoder.dimension)
                places = waiting.popleft()
                rows = (
                    {"part": part, "id": id_, "embedding": vector}
                    for (part, id_), vector in zip(places, vectors, strict=True)
                )
                name = self.encoder.name
                session.copy(tables.NEW_EMBEDDING, rows, memory=memory, encoder=name)
                made += len(places)
                self.progress("embed texts", made, total)
        return made


def _here(encoder: TextEncoder, pages: Iterable[list[str]]) -> Iterator[Floats]:
    for page in pages:
        yield encoder.encode(page)


def _texts(
    session: SqlSession, memory: str, kind: str, parts: Sequence[str], waiting: deque[list[_Place]]
) -> Iterator[list[str]]:
    """Texts to embed, a page at a time; where their vectors belong is put at the end of `waiting`.

    Pages follow each other by id, so that one can be read before the vectors of another are stored.
    """
    after = ""
    while page := session.rows(f"{kind}_to_do", memory=memory, after=after, limit=ROWS_A_PAGE):
        after = page[-1][0]
        waiting.append([(part, id_) for id_, *_ in page for part in parts])
        yield [text for _, *texts in page for text in texts]


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
