"""How long a completion is."""

from typing import Final

import numpy as np

from schema.memory_graph import Floats, MemoryGraph

#: Tokens a character makes, for rollouts whose length in tokens is not given.
TOKENS_PER_CHARACTER: Final = 0.3


def log_length(graph: MemoryGraph) -> Floats:
    """Logarithm of 1 + the completion's tokens, estimated from its text where not given: [R]."""
    texts = zip(graph.thinking_text_R, graph.answer_text_R, strict=True)
    characters_R = np.fromiter((len(t) + len(a) for t, a in texts), np.float32)
    if graph.thinking_characters_R is not None:
        characters_R += np.nan_to_num(graph.thinking_characters_R)
    given_R = ~np.isnan(graph.completion_tokens_R)
    tokens_R = np.where(given_R, graph.completion_tokens_R, characters_R * TOKENS_PER_CHARACTER)
    return np.log1p(tokens_R).astype(np.float32)
