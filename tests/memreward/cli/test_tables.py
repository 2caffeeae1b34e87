"""Every command that prints a table has `--json`, and cuts nothing at 80 columns or in a pipe.

Whoever adds a command adds it to `TABLES` or to `NO_TABLE`.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
import typer
from rich.table import Table

from gnn.base.metrics import MEASURES
from gnn.evaluation.best_of import SIZES
from gnn.evaluation.budget_curve import print_budgets
from gnn.evaluation.call_tables import print_calls
from gnn.evaluation.tables import print_evaluation
from gnn.explain.attribution import Contribution, Explanation, Sender
from gnn.explain.influence import Influence
from gnn.jobs.explain import Source, Suspicion, Why
from gnn.labelling.label_errors import Suspect
from memreward.base.tables import Excerpt
from memreward.base.terminal import SafeConsole, console, one_line
from memreward.bench.cli import HEADINGS
from memreward.bench.report import print_table
from memreward.cli.care import show_history
from memreward.cli.commands import COMMANDS
from memreward.cli.demo import show_answers
from memreward.cli.explain import show_suspects, show_why
from memreward.cli.formats import show_formats
from memreward.cli.grpo import comparison_table
from memreward.cli.label_noise import robustness_table
from memreward.cli.lazy_group import Branch, Tree
from memreward.cli.main import app
from memreward.cli.query import result_table, show_stats
from memreward.cli.rehearsal import show_row
from memreward.cli.runs import show_runs
from memreward.cli.suggest import Unit, suggestion_table
from memreward.runs.comparison_table import ArmResult, cells
from memstore.db.graph_store import QueryResult
from memstore.db.query_files import named_queries
from memstore.reads.history import History, Statement
from trainer.rewards import Arm

ID = "0123456789abcdef" * 2
OTHER = "fedcba9876543210" * 2
#: A policy, a dataset or a person may have such a name.
NAME = "a-policy-with-a-rather-long-name-7b-instruct"
TEXT = "How many apples does somebody have who bought seven and gave some away? " * 4


def figures(names: Sequence[str], **others: object) -> dict[str, Any]:
    """Measures of each model, with spreads."""
    row = {name: 0.123 for name in MEASURES} | {f"{name}_spread": 0.004 for name in MEASURES}
    counts = {"n_queries": 12345, "n_rollouts": 98765}
    return {name: {**row, **counts, **others} for name in names}


def evaluation() -> dict[str, Any]:
    models = ("memreward", "without own labels", "logistic", "published", "reliability")
    parts = {part: figures(["x"])["x"] for part in ("math", NAME)}
    selective = {f"risk_at_{share:g}": 0.123 for share in (0.2, 0.5, 0.8, 1.0)} | {"aurc": 0.123}
    selective |= {f"{side}_at_0.9": 0.987 for side in ("right", "wrong")}
    selective |= {f"{side}_at_0.9_coverage": 0.55 for side in ("right", "wrong")} | {"unlike": 0.1}
    chosen = {model: {"accuracy": 0.123, "regret": 0.456} for model in (*models, "oracle")}
    best_of = {**{str(size): chosen for size in SIZES}, "by_domain": {}}
    rows = figures(models, by_domain=parts, by_dataset=parts, selective=selective)
    return {
        "sets": {"unlabelled": rows, "final": rows},
        "best_of": {"unlabelled": best_of},
        "queries": {"labelled": 1234, "scored": 2345, "held_out": 0},
        "labels": 0.2,
        "seeds": 3,
        "seconds": 12.3,
    }


def print_demo() -> None:
    print_evaluation(evaluation(), console)
    rows = [{"a.id": ID, "policy": NAME, "reward": 0.123}]
    show_answers([("RETURN 1", QueryResult(columns=list(rows[0]), rows=rows))], console)


def print_evaluate() -> None:
    print_evaluation(evaluation(), console, in_parts=True)
    print_budgets({"budgets": [evaluation() | {"labels": n / 10} for n in range(1, 6)]}, console)
    row = figures(["memreward", "largest, counted"], calls=12345.0, saved=12345.0, agreement=0.99)
    for one in row.values():
        one["never_verified"], one["by_domain"] = dict(one), {NAME: dict(one)}
    shares = {f"{n / 10:g}": row for n in range(1, 6)}
    print_calls({"calls": shares, "rollouts": 9, "seeds": 3, "seconds": 1.0}, console)


def print_bench(name: str) -> Callable[[], None]:
    """Three rows of a benchmark, of figures as wide as they get."""
    texts = {"writer", "way", "model", "encoder"}
    row = {key: "sentence-transformers" if key in texts else 98765.4 for key in HEADINGS[name]}
    return lambda: print_table(console, 3 * [row], HEADINGS[name])


def print_compare() -> None:
    names = ("before", "after", "share", "unseen_before", "unseen_after", "labels", "calls")
    measures: dict[str, tuple[float | None, float | None]] = {
        name: (0.123, 0.004) for name in (*names, "reward_share")
    }
    arm = ArmResult(
        arm=Arm.MEMREWARD, labels=0.2, calls=0.1, budget="10% of calls", seeds=3, measures=measures
    )
    console.print(comparison_table(*cells([arm, arm])))


def print_robustness() -> None:
    rows = list(figures(["memreward"], kind="source-length", share=0.2).values())
    found = {"found_precision": 0.5, "found_precision_spread": 0.1, "found_auc": 0.9}
    console.print(robustness_table([{**rows[0], **found, "model": "logistic", "source_named": 1}]))


def print_stats() -> None:
    print_datasets({"domain": NAME, "dataset": NAME}, {"domain": "d", "dataset": NAME})


def print_datasets(*names: dict[str, str]) -> None:
    calls = {"made": 1, "saved": 2, "audited": 3, "agreed": 3}
    numbers = {"queries": 50_000, "rollouts": 400_000, "verified": 400_000, "mean_verified": 0.123}
    numbers |= {"propagated": 400_000, "mean_propagated": 0.123}
    datasets = [{**name, **numbers} for name in names]
    stat = {"counts": {"rollouts": 12345}, "calls": calls, "datasets": datasets}
    show_stats({"m": stat}, with_datasets=True)


def print_runs() -> None:
    run = {"run": NAME, "policies": NAME, "queries": 12345, "rollouts": 12345, "verified": 0.123}
    accuracy = {"run": NAME, "policy": NAME, "accuracy": 0.6, "low": 0.5, "high": 0.7}
    accuracy |= {"method": "prediction-powered", "n_verified_queries": 123, "n_queries": 1234}
    source = {"source": NAME, "labels": 12, "contradicted": 0.1, "reliability": 0.9}
    source["verdict"] = "believed: too little to judge it by"
    show_runs({"m": {"runs": [run], "accuracy": [accuracy], "sources": [source]}})


def print_history() -> None:
    at = datetime(2026, 1, 31, tzinfo=UTC)
    statements = [
        Statement(seq=12345, at=at, kind="verified", who=NAME, value=1.0, same_as=OTHER),
        Statement(seq=12345, at=at, kind="propagated", who=NAME, value=0.12345, confidence=0.5),
    ]
    found = History(
        rollout_id=ID,
        seq=12345,
        run=NAME,
        source_query_id=NAME,
        step=1,
        place=2,
        statements=statements,
        verified=1.0,
        propagated=0.12345,
    )
    show_history(found)


def print_suspects() -> None:
    suspect = Suspect(
        rollout_id=ID,
        reward=1.0,
        probability=0.123,
        contradiction=0.877,
        query=TEXT,
        conclusion="42",
        answer=TEXT,
    )
    source = Source(
        name=NAME,
        labels=12,
        contradiction=0.1,
        verdict="believed: too little to judge it by",
        contradicted=0.1,
        reliability=0.9,
    )
    said = {ID: {NAME: 1.0}}
    show_suspects(
        Suspicion(version=NAME, suspects=[suspect], said=said, sources=[source], id_length=12)
    )


def print_explain() -> None:
    sender = Sender(
        rollout_id=OTHER, reward=1.0, answer=TEXT, policy=NAME, logit=0.1, probability=0.02
    )
    item = Contribution(
        kind="neighbour",
        logit=0.1,
        probability=0.02,
        logit_without=-0.1,
        probability_without=-0.02,
        senders=(sender,),
        query_id=NAME,
        query=TEXT,
    )
    explanation = Explanation(
        rollout_id=ID,
        query=TEXT,
        answer=TEXT,
        logit=1.0,
        probability=0.7,
        baseline_logit=0.9,
        baseline_probability=0.6,
        contributions=(item,),
    )
    influence = Influence(rollout_id=OTHER, query=TEXT, answer=TEXT, reward=1.0, logit=0.1)
    show_why(
        Why(
            version=NAME,
            explanation=explanation,
            influences=[influence],
            verified=1.0,
            said={ID: {NAME: 1.0}, OTHER: {NAME: 1.0}},
            id_length=12,
        )
    )


def print_suggestions() -> None:
    query = {"query_id": NAME, "dataset": NAME, "why": "represents 12345", "query": TEXT}
    console.print(suggestion_table([{**query, "rollouts": [1, 2]}], Unit.QUERY))
    conclusion = {"rollouts": 12, "gain": 0.123, "conclusion": TEXT}
    console.print(suggestion_table([{**query, **conclusion}], Unit.CONCLUSION))


def print_query() -> None:
    rows = [{f"column_{n}": ID for n in range(3)} | {"reward": 0.123456, "text": TEXT}]
    console.print(result_table(rows))


#: Every command that prints a table, and something that prints one as it does.
TABLES: dict[str, Callable[[], None]] = {
    "demo": print_demo,
    "evaluate": print_evaluate,
    "robustness": print_robustness,
    "compare": print_compare,
    "stats": print_stats,
    "query": print_query,
    "runs": print_runs,
    "history": print_history,
    "suspects": print_suspects,
    "explain": print_explain,
    "suggest-labels": print_suggestions,
    "ingest": lambda: show_row({"query_id": NAME, "query": TEXT, "conclusion": ID}),
    "formats": show_formats,
    **{f"bench {name}": print_bench(name) for name in HEADINGS},
}
#: Commands that print lines, or nothing, but have facts that a program may want.
LINES = {"status", "doctor", "check", "config show"}
#: All other commands.
NO_TABLE = {
    *("up", "down", "migrate", "link", "collect", "verify", "train", "propagate", "grpo", "teach"),
    *("dataset", "prior", "delete", "label", "repair", "export", "import", "reembed", "rekey"),
    *("snapshot", "serve", "look", "rotate-secrets", "compact"),
}


def paths(tree: Tree = COMMANDS) -> Iterator[str]:
    """Every command of the command tree."""
    for name, entry in tree.items():
        if isinstance(entry, Branch):
            yield from (f"{name} {path}" for path in paths(entry.entries))
        else:
            yield name


def printed(
    monkeypatch: pytest.MonkeyPatch, show: Callable[[], None], *, terminal: bool
) -> tuple[str, list[Table]]:
    """What is printed, and the tables that it is made of."""
    tables: list[Table] = []
    whole = SafeConsole._whole

    def kept(self: SafeConsole, table: Table) -> Any:
        tables.append(table)
        return whole(self, table)

    monkeypatch.setattr(SafeConsole, "_whole", kept)
    monkeypatch.setattr(console, "_force_terminal", terminal)
    monkeypatch.setattr(console, "_width", 80)
    monkeypatch.setattr(console, "_height", 25)
    with console.capture() as found:
        show()
    assert tables
    return found.get(), tables


@pytest.mark.parametrize("path", sorted(TABLES))
def test_at_80_columns_no_word_of_a_table_is_cut(
    monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    text, tables = printed(monkeypatch, TABLES[path], terminal=True)
    assert max(map(len, text.splitlines())) <= 80
    words = set(text.split())
    for table in tables:
        for column in table.columns:
            headings = [column.header] if table.show_header else []
            for cell in (*headings, *column.cells):
                long = {word for word in str(cell).split() if len(word) > 60}
                assert set(str(cell).split()) - long <= words
                assert all(word in "".join(text.split()) for word in long)
                assert "…" not in str(cell) or isinstance(cell, Excerpt)


@pytest.mark.parametrize("path", sorted(TABLES))
def test_in_a_pipe_each_row_is_a_whole_line(monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    text, tables = printed(monkeypatch, TABLES[path], terminal=False)
    assert "…" not in text and "│" not in text
    lines = text.splitlines()
    for table in tables:
        headings = [str(column.header) for column in table.columns]
        assert not table.show_header or "\t".join(headings) in lines
        for row in zip(*(column.cells for column in table.columns), strict=True):
            whole = (cell.whole if isinstance(cell, Excerpt) else str(cell) for cell in row)
            assert "\t".join(map(one_line, whole)) in lines


def test_the_demo_prints_cypher_that_can_be_copied() -> None:
    for cypher in named_queries("demo.cypher").values():
        assert max(map(len, cypher.splitlines())) <= 80


def test_data_sets_of_one_domain_are_lines_of_a_table(monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("rg_prime_factorization", "rg_gcd")
    rows = [{"domain": "gym", "dataset": name} for name in names]
    text, _ = printed(monkeypatch, lambda: print_datasets(*rows), terminal=True)
    for name in names:
        (line,) = (line for line in text.splitlines() if name in line)
        assert line.split() == [name, "50000", *2 * ["400000"], "0.123", "400000", "0.123"]


def test_every_command_is_listed() -> None:
    assert sorted(paths()) == sorted([*TABLES, *LINES, *NO_TABLE])


@pytest.mark.parametrize("path", sorted([*TABLES, *LINES]))
def test_every_command_with_a_table_prints_json(path: str) -> None:
    command: Any = typer.main.get_command(app)
    for name in path.split():
        command = command.commands[name]
    assert any("--json" in param.opts for param in command.params), path
