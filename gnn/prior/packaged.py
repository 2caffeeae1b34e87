"""The priors that come with the package."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Final

from gnn.evidence import Prior
from gnn.prior.priors import Priors

#: Made by `memreward prior`; docs/quality.md says of which memories.
PACKAGED: Final = Path(__file__).parent / "priors.safetensors"


def prior_for(texts: Sequence[str]) -> Prior:
    """The packaged prior that was learned without any of the queries `texts`."""
    return _packaged().of(texts)


@cache
def _packaged() -> Priors:
    return Priors.load(PACKAGED)
