"""Labels made wrong as a job: the same scratch memory and the same trials as an evaluation."""

from collections.abc import Sequence
from itertools import product

import numpy as np

from gnn.evaluation import FLIPS, Outcome, Spoiling, robustness
from gnn.models import reward_model
from memreward.base import Bars
from memreward.jobs.evaluate import trial
from memreward.jobs.hidden_rewards import MODEL, TRAIN_RUN, EvaluationRequest, read_files
from memstore.db import Stores
from schema.errors import InputError

MODELS = (MODEL, "logistic")
SHARES = (0.05, 0.1, 0.2)


def parse_spoiling(text: str) -> Spoiling:
    """`random:0.1` and the like.

    Raises:
        InputError: if it is of another form, or no such kind or share.
    """
    kind, _, share = text.partition(":")
    try:
        spoiling = Spoiling(kind=kind, share=float(share))
    except ValueError:
        spoiling = None
    if spoiling is None or kind not in FLIPS or not 0 < spoiling.share <= 1:
        raise InputError(
            f"--flip {text}: write KIND:SHARE, with a kind of {', '.join(FLIPS)} and a share "
            "above 0 and at most 1"
        )
    return spoiling


def spoil_files(
    stores: Stores,
    request: EvaluationRequest,
    spoilings: Sequence[Spoiling] | None,
    progress: Bars,
) -> list[Outcome]:
    """Ingest without a single reward, then label, spoil, fit and score for each seed.

    Args:
        stores: both databases.
        request: the file, the labels and the seeds.
        spoilings: what goes wrong; None: every kind at SHARES.
        progress: told how far it is.

    Raises:
        InputError: if the file or an option cannot be used.
    """
    (graph,), truth = read_files(stores, request, progress)
    rewards, (share,) = truth[TRAIN_RUN], request.labels
    if spoilings is None:
        spoilings = [Spoiling(kind=kind, share=part) for kind, part in product(FLIPS, SHARES)]
    return robustness(
        graph=graph,
        truth_R=np.array([rewards[id_] for id_ in graph.rollout_id_R], np.float32),
        trials=[trial(request, seed, share, graph, truth) for seed in range(request.seeds)],
        spoilings=spoilings,
        models={name: reward_model(name) for name in MODELS},
        progress=progress,
    )
