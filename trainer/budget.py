"""The label budget: which queries' verified rewards may be known."""

from collections import defaultdict
from collections.abc import Collection, Iterable

from schema.errors import InputError
from schema.ids import text_fraction


def choose_labelled_queries(
    queries: Iterable[tuple[str, str]],
    fraction: float,
    seed: int,
    *,
    never: Collection[str] = frozenset(),
) -> frozenset[str]:
    """Choose `fraction` of each dataset's distinct query texts.

    Of a dataset's n texts, round(fraction * n) are chosen: the first by a hash of text and seed.
    So the choice depends neither on the order nor on repetitions of `queries`, and with one seed
    a larger fraction contains every smaller one. A text that stands in several datasets counts in
    the one whose name sorts first, so that the budget is not spent twice.

    Args:
        queries: pairs (query text, dataset).
        fraction: F in (0, 1].
        seed: any integer.
        never: texts that are counted and not chosen; where too few others are left, all of those
            are.

    Raises:
        InputError: if `fraction` is not in (0, 1].
    """
    if not 0.0 < fraction <= 1.0:
        raise InputError(
            f"a label fraction of {fraction} cannot be used: give a number above 0 and at most 1"
        )
    dataset_of: dict[str, str] = {}
    for text, dataset in queries:
        dataset_of[text] = min(dataset, dataset_of.get(text, dataset))
    texts_of: defaultdict[str, list[str]] = defaultdict(list)
    for text, dataset in dataset_of.items():
        texts_of[dataset].append(text)
    chosen: set[str] = set()
    for texts in texts_of.values():
        candidates = [text for text in texts if text not in never]
        candidates.sort(key=lambda text: (text_fraction(text, f"label-{seed}"), text))
        chosen.update(candidates[: round(fraction * len(texts))])
    return frozenset(chosen)
