"""The label budget: which queries' rewards may be verified, and which of them are audited."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from schema.errors import InputError
from schema.ids import text_fraction

#: Share of the budget that goes to the audit, always chosen at random.
AUDIT_SHARE: Final = 0.25


@dataclass(frozen=True, kw_only=True, slots=True)
class LabelPlan:
    """Texts of the queries that a run may verify."""

    labelled: frozenset[str]
    #: Some of those: the memory's rewards for them are compared with the truth.
    audited: frozenset[str]


def plan_labels(
    queries: Sequence[tuple[str, str]],
    fraction: float,
    seed: int,
    *,
    paid: Collection[str] = (),
    suggested: Sequence[str] = (),
) -> LabelPlan:
    """Spend a budget of `fraction` of each dataset's queries.

    First on what is paid for already, which costs nothing; then on the audit; then on what is
    suggested, in that order; then at random.

    Args:
        queries: pairs (query text, dataset).
        fraction: in [0, 1]; 0: nothing is verified, not even what is paid for.
        seed: of what is chosen at random.
        paid: texts that any run has had verified.
        suggested: texts that the memory, or a person, would have verified next, best first.

    Raises:
        InputError: if `fraction` is not in [0, 1].
    """
    if fraction == 0.0:
        return LabelPlan(labelled=frozenset(), audited=frozenset())
    queries = list(queries)
    known = sorted(set(paid))
    audited = choose_labelled_queries(queries, AUDIT_SHARE * fraction, seed, never=set(known))
    labelled = choose_labelled_queries(
        queries, fraction, seed, first=[*known, *sorted(audited), *suggested]
    )
    return LabelPlan(labelled=labelled, audited=audited & labelled)


def choose_labelled_queries(
    queries: Iterable[tuple[str, str]],
    fraction: float,
    seed: int,
    *,
    never: Collection[str] = frozenset(),
    first: Sequence[str] = (),
) -> frozenset[str]:
    """Choose `fraction` of each dataset's distinct query texts.

    Of a dataset's n texts, round(fraction * n) are chosen: the first by a hash of text and seed.
    So the choice depends neither on the order nor on repetitions of `queries`, and with one seed
    a larger fraction contains every smaller one. A text that is in several datasets counts in
    the one whose name sorts first, so that the budget is not spent twice.

    Args:
        queries: pairs (query text, dataset).
        fraction: F in (0, 1].
        seed: any integer.
        never: texts that are counted and not chosen; where too few others are left, all of those
            are.
        first: texts that are chosen before all others, in this order.

    Raises:
        InputError: if `fraction` is not in (0, 1].
    """
    if not 0.0 < fraction <= 1.0:
        raise InputError(
            f"a label fraction of {fraction} cannot be used: give a number above 0 and at most 1"
        )
    rank = {text: place for place, text in reversed(list(enumerate(first)))}
    chosen: set[str] = set()
    for texts in _by_dataset(queries):
        candidates = [text for text in texts if text not in never]
        candidates.sort(
            key=lambda text: (
                rank.get(text, len(first)),
                text_fraction(text, f"label-{seed}"),
                text,
            )
        )
        chosen.update(candidates[: round(fraction * len(texts))])
    return frozenset(chosen)


def _by_dataset(queries: Iterable[tuple[str, str]]) -> Iterable[list[str]]:
    """Distinct texts of each dataset; a text of several counts in the one that sorts first."""
    dataset_of: dict[str, str] = {}
    for text, dataset in queries:
        dataset_of[text] = min(dataset, dataset_of.get(text, dataset))
    texts_of: defaultdict[str, list[str]] = defaultdict(list)
    for text, dataset in dataset_of.items():
        texts_of[dataset].append(text)
    return texts_of.values()
