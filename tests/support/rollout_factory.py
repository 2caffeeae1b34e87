"""Small generated rollouts, with embeddings, for tests of the databases."""

import numpy as np

from memstore.encoders.default import DEFAULT_DIMENSION, DEFAULT_ENCODER
from schema.rollout import Rollout, Vector


def unit_vector(seed: int, dimension: int = DEFAULT_DIMENSION) -> Vector:
    """A random direction, the same for the same seed."""
    vector = np.random.default_rng(seed).normal(size=dimension)
    return (vector / np.linalg.norm(vector)).astype(np.float16).astype(np.float32)


def make_rollout(question: int, place: int = 0, **changes: object) -> Rollout:
    """Rollout `place` of the query with number `question`; right where both are even or odd."""
    seed = 1000 * question + 10 * place
    right = question % 2 == place % 2
    fields: dict[str, object] = {
        "query": f"What is {question} + {question}?",
        "thinking": f"I add them up, attempt {place}.",
        "answer": f"The answer is {2 * question + (not right)}.",
        "source_query_id": f"sum-{question}",
        "place": place,
        "dataset": "sums" if question % 3 else "doubles",
        "domain": "math",
        "policy": "tiny",
        "reward": float(right),
        "completion_tokens": 20 + place,
        "answer_given": place % 4 != 3,
        "truncated": False,
        "finish_reason": "stop",
        "policy_signals": (-0.5, -2.0, 0.4, 1.5, -0.3, 0.1 * (place % 8)),
        "policy_embedding": unit_vector(seed + 4, 16),
        "policy_layer": "3",
        "encoder": DEFAULT_ENCODER,
        "query_embedding": unit_vector(seed // 1000 + 7),
        "thinking_embedding": unit_vector(seed + 2),
        "answer_embedding": unit_vector(seed + 3),
    }
    return Rollout(**{**fields, **changes})  # pyright: ignore[reportArgumentType]


def make_rollouts(questions: int, places: int = 4, first: int = 0) -> list[Rollout]:
    """`places` rollouts of each of `questions` queries."""
    return [
        make_rollout(question, place)
        for question in range(first, first + questions)
        for place in range(places)
    ]
