"""What an annotator has judged already."""

from collections.abc import Sequence

from memstore.browse.brief_read import View


def left_to_judge(view: View, ids: Sequence[str], annotator: str, since: int) -> list[str]:
    """Those of some rollouts that the annotator did not judge after a batch, in their order."""
    rows = view.session.rows(
        "left_to_judge", **view.bounds, ids=list(ids), annotator=annotator, since=since
    )
    left = {id_ for (id_,) in rows}
    return [id_ for id_ in ids if id_ in left]


def compared_queries(view: View, annotator: str) -> set[str]:
    """Queries of which the annotator preferred a rollout to another."""
    rows = view.session.rows("compared", memory=view.state.name, annotator=annotator)
    return {id_ for (id_,) in rows}
