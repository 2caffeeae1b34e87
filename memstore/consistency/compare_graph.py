"""The part of a check that walks through nodes and edges, a page of ids at a time."""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from memstore.consistency.report import CheckContext
from memstore.outbox import current_verified, edges_of_rollouts
from schema.ids import content_hash, digest

PAGE: Final = 2_000
#: Rewards and scores are doubles in both stores.
TOLERANCE: Final = 1e-9

Row = Sequence[Any]
#: A page of rows after an id, in order of id; the id comes first.
Page = Callable[[str], Sequence[Row]]


def check_graph(check: CheckContext) -> None:
    """Compare all nodes and edges of both stores."""
    _same(check, "runs", check.sql("runs", seq=check.seq), check.cypher("runs"))
    _same(check, "policies", check.sql("policies", seq=check.seq), check.cypher("policies"))
    _same(check, "sources", check.sql("sources", seq=check.seq), check.cypher("sources"))
    _same(check, "models", check.sql("models", seq=check.seq), check.cypher("models"))
    for accepted, published in _pages(_sql(check, "queries"), _cypher(check, "queries")):
        _same(check, "queries", _digested(accepted, 4), _digested(published, 4))
        _check_similar(check, [row[0] for row in accepted])
        check.progress("check queries", len(accepted))
    for accepted, published in _pages(_sql(check, "rollouts"), _cypher(check, "thinkings")):
        _check_hashes(check, accepted)
        expected = [(row[0], row[1], [row[2]], [row[0]], row[5], row[7]) for row in accepted]
        kind = "thinkings, GENERATED, LEADS_TO"
        _same(check, kind, _digested(expected, 4), _digested(published, 4))
        check.progress("check thinkings", len(accepted))
    for accepted, published in _pages(_sql(check, "answers"), _cypher(check, "answers")):
        expected = [_answer(row) for row in accepted]
        kind = "answers, LEADS_TO, PRODUCED, CONCLUDES, GAVE"
        _same(check, kind, _digested(expected, 6), _digested([row[:7] for row in published], 6))
        _check_rewards(check, published)
        _check_sources(check, [row[0] for row in accepted])
        _check_preferences(check, [row[0] for row in accepted])
        check.progress("check answers", len(accepted))
    for accepted, published in _pages(_sql(check, "conclusions"), _cypher(check, "conclusions")):
        _same(check, "conclusions", accepted, [row[:3] for row in published])
        check.report.add_all("conclusions", (f"{r[0]}: no answer" for r in published if not r[3]))


def _answer(accepted: Row) -> Row:
    """An answer's row of Postgres as Neo4j should show it: the ends of its edges as lists."""
    id_, seq, run, conclusion, policy, step, checkpoint, text = accepted
    conclusions = [] if conclusion is None else [conclusion]
    given = [] if policy is None else [[policy, step, checkpoint]]
    return id_, seq, [id_], [run], conclusions, given, text


def _sql(check: CheckContext, name: str) -> Page:
    return lambda after: check.sql(name, seq=check.seq, after=after, limit=PAGE)


def _cypher(check: CheckContext, name: str) -> Page:
    return lambda after: check.cypher(name, after=after, limit=PAGE)


def _pages(left: Page, right: Page) -> Iterator[tuple[list[Row], list[Row]]]:
    """Rows of both sides over the same stretch of ids, at most `PAGE` of each."""
    after = ""
    while True:
        pages = left(after), right(after)
        full = [page[-1][0] for page in pages if len(page) == PAGE]
        if not full:
            yield list(pages[0]), list(pages[1])
            return
        last = min(full)
        kept = [[row for row in page if row[0] <= last] for page in pages]
        yield kept[0], kept[1]
        after = last


def _same(
    check: CheckContext, kind: str, accepted: Sequence[Row], published: Sequence[Row]
) -> None:
    """Note rows that only one side has, and those that differ."""
    left = {row[0]: list(row) for row in accepted}
    right = {row[0]: list(row) for row in published}
    report = check.report
    report.add_all(kind, (f"{id_}: not in Neo4j" for id_ in sorted(left.keys() - right.keys())))
    report.add_all(kind, (f"{id_}: not in Postgres" for id_ in sorted(right.keys() - left.keys())))
    for id_ in sorted(left.keys() & right.keys()):
        if left[id_] != right[id_]:
            report.add(kind, f"{id_}: {right[id_][1:]} in Neo4j, {left[id_][1:]} in Postgres")


def _digested(rows: Sequence[Row], column: int) -> list[Row]:
    """The rows with the digest of a text in place of the text."""
    return [(*row[:column], digest(row[column] or ""), *row[column + 1 :]) for row in rows]


def _check_hashes(check: CheckContext, accepted: Sequence[Row]) -> None:
    """Texts in Postgres are those that each rollout's hash was made of, unless it is forgotten."""
    check.report.add_all(
        "texts",
        (
            f"{row[0]}: its texts in Postgres are not those of its hash"
            for row in accepted
            if row[7] is None and content_hash(*row[4:7]) != row[3]
        ),
    )


def _check_similar(check: CheckContext, ids: list[str]) -> None:
    """Edges of the visible generation are the same, and there are no others."""
    expected = {
        (query, neighbour): (rank, score)
        for query, neighbour, rank, score in check.sql(
            "similar", generation=check.generation, seq=check.seq, ids=ids
        )
    }
    for query, neighbour, generation, rank, score in check.cypher("similar", ids=ids):
        name = f"{query} -> {neighbour}"
        if generation is not None and generation > check.generation and check.generation_waits:
            continue
        if generation != check.generation:
            check.report.add("SIMILAR_TO", f"{name}: of generation {generation}, not a current one")
            continue
        found = expected.pop((query, neighbour), None)
        if found is None:
            check.report.add("SIMILAR_TO", f"{name}: not in Postgres")
        elif found[0] != rank or not _close(found[1], score):
            check.report.add("SIMILAR_TO", f"{name}: {(rank, score)} in Neo4j, {found} in Postgres")
    check.report.add_all("SIMILAR_TO", (f"{q} -> {n}: not in Neo4j" for q, n in expected))


def _check_rewards(check: CheckContext, published: Sequence[Row]) -> None:
    """Verified and propagated values are the current ones of Postgres."""
    ids = [row[0] for row in published]
    rows = current_verified(check.session, check.memory, ids, check.seq)
    verified = {row["rollout_id"]: row["value"] for row in rows}
    propagated = {row[0]: row[1:] for row in check.sql("propagated", seq=check.seq, ids=ids)}
    for id_, *_, reward, value, confidence, model in published:
        if not _close(verified.get(id_), reward):
            check.report.add(
                "verified rewards",
                f"{id_}: {reward} in Neo4j, {verified.get(id_)} in Postgres",
            )
        expected = propagated.get(id_, (None, None, None))
        found = (value, confidence, model)
        numbers = zip(expected[:2], found[:2], strict=True)
        if expected[2] != model or not all(_close(left, right) for left, right in numbers):
            check.report.add(
                "propagated rewards", f"{id_}: {found} in Neo4j, {expected} in Postgres"
            )


def _check_sources(check: CheckContext, ids: list[str]) -> None:
    """Each source's last word on these answers is the same on both sides."""
    rows = edges_of_rollouts(check.session, check.memory, ids, check.seq)
    names = ("source", "rollout_id", "value", "seq", "same_as")
    expected = {tuple(row[name] for name in names) for row in rows}
    found = {tuple(row) for row in check.cypher("verified_by", ids=ids)}
    for words, where in ((expected - found, "Neo4j"), (found - expected, "Postgres")):
        check.report.add_all(
            "VERIFIED",
            (f"{who} gives {id_} {value}: not in {where}" for who, id_, value, *_ in words),
        )


def _check_preferences(check: CheckContext, ids: list[str]) -> None:
    expected = {tuple(row) for row in check.sql("preferred", seq=check.seq, ids=ids)}
    found = {tuple(row) for row in check.cypher("preferred", ids=ids)}
    for rows, where in ((expected - found, "Neo4j"), (found - expected, "Postgres")):
        check.report.add_all(
            "PREFERRED_TO", (f"{b} over {w} by {who}: not in {where}" for b, w, who in sorted(rows))
        )


def _close(left: float | None, right: float | None) -> bool:
    if left is None or right is None:
        return left is right
    return math.isclose(left, right, rel_tol=TOLERANCE, abs_tol=TOLERANCE)
