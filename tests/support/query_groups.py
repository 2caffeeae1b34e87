"""Small groups of stored rollouts, for tests of the data sets that are made of them."""

from memstore.reads.query_groups import QueryGroup, StoredRollout
from schema.reward import Preference


def stored(
    name: str,
    *,
    verified: float | None = None,
    propagated: float | None = None,
    conclusion: str | None = None,
    asked: bool = True,
    said: str | None = None,
) -> StoredRollout:
    """A rollout with these rewards; `asked`: whether a model was asked, with an opinion or none."""
    return StoredRollout(
        id=name,
        run="run-1",
        policy="tiny",
        step=3,
        thinking=f"I think of {name}." if said is None else "",
        answer=f"It is {name}." if said is None else said,
        conclusion_id=conclusion,
        verified=verified,
        propagated=propagated,
        model="m1" if asked or propagated is not None else None,
    )


def group(*rollouts: StoredRollout, text: str = "What is it?", preferred: str = "") -> QueryGroup:
    """A query with these rollouts, and preferences such as `a>b:ann b>a:bob`."""
    return QueryGroup(
        query_id=f"id of {text}",
        text=text,
        dataset="sums",
        domain="math",
        rollouts=rollouts,
        preferences=tuple(_preference(said) for said in preferred.split()),
    )


def _preference(said: str) -> Preference:
    pair, _, annotator = said.partition(":")
    better, _, worse = pair.partition(">")
    return Preference(better=better, worse=worse, annotator=annotator)


def preferred_groups(count: int) -> list[QueryGroup]:
    """Queries with two rollouts without a reward, of which one is preferred."""
    return [
        group(
            stored(f"{number}-a", asked=False),
            stored(f"{number}-b", asked=False),
            text=f"How is {number}?",
            preferred=f"{number}-b>{number}-a:ann",
        )
        for number in range(count)
    ]


def some_groups(count: int) -> list[QueryGroup]:
    """Queries with a right and a wrong verified rollout, and one of each propagated."""
    return [
        group(
            stored(f"{number}-a", verified=1.0, conclusion="a"),
            stored(f"{number}-b", verified=0.0, conclusion="b"),
            stored(f"{number}-c", propagated=0.9, conclusion="c"),
            stored(f"{number}-d", propagated=0.1, conclusion="d"),
            text=f"What is {number}?",
        )
        for number in range(count)
    ]
