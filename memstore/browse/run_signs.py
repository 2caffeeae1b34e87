"""What the begin and the end of a run look like, for whoever judges whether it collapses."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from memstore.browse.brief_read import View

#: Of how many of a run's steps the first and the last are wanted, given the queries of each step.
ChooseEnds = Callable[[Sequence[int]], tuple[int, int]]


@dataclass(frozen=True, kw_only=True, slots=True)
class SignsAt:
    """One step of a run; None: cannot be told."""

    step: int
    n_queries: int
    #: Mean length of a completion.
    tokens: float | None
    #: Share of a group's most frequent conclusion, mean over the groups of at least two.
    in_groups: float | None
    #: Share of the most frequent conclusion of the step.
    everywhere: float | None
    #: Means of rewards, verified or else propagated, and of verified ones.
    reward: float | None
    verified: float | None


def signs_of_ends(view: View, run: str, ends: ChooseEnds) -> list[SignsAt]:
    """The first and the last steps of a run, as many as `ends` says; they do not overlap."""
    bounds = {**view.bounds, "run": run}
    asked = view.session.rows("run_queries", **bounds)
    first, last = ends([queries for _, queries in asked])
    steps = [step for step, _ in (*asked[:first], *asked[len(asked) - last :])]
    ids = [id_ for (id_,) in view.session.rows("rollouts_of_steps", **bounds, steps=steps)]
    return [
        SignsAt(
            step=step,
            n_queries=queries,
            tokens=tokens,
            in_groups=in_groups,
            everywhere=everywhere,
            reward=reward,
            verified=verified,
        )
        for step, queries, tokens, in_groups, everywhere, reward, verified in view.session.rows(
            "signs_of_steps", **bounds, steps=steps, ids=ids
        )
    ]
