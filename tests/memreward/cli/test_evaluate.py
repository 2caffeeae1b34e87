import json
from pathlib import Path

import pytest
from support.cli_fixtures import Cli, as_row, write_jsonl
from support.rollout_factory import make_rollout, make_rollouts

from gnn.base.splits import is_final
from memreward.jobs.hidden_rewards import BASELINES
from memstore.db.stores import Stores
from memstore.reads.stats import list_memories

#: None of them is about how good the default model is.
pytestmark = pytest.mark.usefixtures("short_training")


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    train = write_jsonl(tmp_path / "t.jsonl", [as_row(r) for r in make_rollouts(60, 4)])
    rows = [as_row(r) for r in make_rollouts(60, 2, first=40)]
    return train, write_jsonl(tmp_path / "other.jsonl", rows)


def test_figures_for_every_set_and_model(
    cli: Cli, files: tuple[Path, Path], tmp_path: Path, stores: Stores
) -> None:
    train, other = files
    options = ["--labels", 0.4, "--seeds", 2, "--final", "--json", "r.json", "--report", "page"]
    result = cli("evaluate", train, "--test", other, *options)
    assert result.exit_code == 0, result.output
    figures = json.loads((tmp_path / "r.json").read_text())
    assert set(figures["sets"]) == {"unlabelled", "final", "other"}
    for rows in figures["sets"].values():
        assert list(rows) == ["memreward", *BASELINES]
        for row in rows.values():
            assert {"auc", "within_query", "accuracy", "brier_skill", "ece"} <= set(row)
            assert set(row["by_domain"]) == {"math"}
    assert (figures["labels"], figures["seeds"]) == (0.4, 2)
    sizes = {name: rows["memreward"]["n_queries"] for name, rows in figures["sets"].items()}
    texts = {rollout.query for rollout in make_rollouts(60, 1)}
    final = sum(map(is_final, texts))
    labelled = round(0.4 * 20) + round(0.4 * 40)
    assert sizes == {"final": final, "unlabelled": 60 - final - labelled, "other": 60}
    counts = figures["queries"]
    assert (counts["labelled"], counts["held_out"]) == (labelled, 0)
    assert "24 queries labelled, " in result.output
    assert result.output.rstrip().splitlines()[-2].startswith("With 24 queries labelled, memreward")
    assert "unlabelled, math" not in result.output
    (page,) = (tmp_path / "page").glob("*.html")
    assert "<img" in page.read_text() or "<svg" in page.read_text()
    assert not any(name.startswith("scratch") for name in list_memories(stores))


def test_two_policies_in_one_file_are_told_apart(cli: Cli, tmp_path: Path) -> None:
    rows = []
    for question in range(60):
        for place in range(4):
            # `steady` is mostly right: the first two answers to every fifth question are swapped.
            right = question % 2 == place % 2
            slip = place < 2 and question % 5 == 0
            policy = "steady" if right != slip else "hasty"
            rows.append(as_row(make_rollout(question, place, policy=policy)))
    options = ["--seeds", 1, "--baselines", "votes,reliability,rule", "--by-domain", "--json"]
    train = write_jsonl(tmp_path / "two.jsonl", rows)
    result = cli("evaluate", train, "--labels", 0.5, *options)
    assert result.exit_code == 0, result.output
    figures = json.loads(result.stdout)["sets"]["unlabelled"]
    assert "unlabelled, math" in result.stderr and "held out and not scored" in result.stderr
    assert list(figures) == ["memreward", "votes", "reliability", "rule"]
    # Two of four agree, right or wrong, so only the policy's name tells.
    assert figures["rule"]["auc"] == 0.5
    assert figures["votes"]["auc"] > 0.85
    assert figures["reliability"]["auc"] > 0.85


def test_the_same_command_gives_the_same_figures(
    cli: Cli, files: tuple[Path, Path], tmp_path: Path
) -> None:
    def figures() -> object:
        options = ["--seeds", 1, "--baselines", "knn", "--json", "r.json"]
        result = cli("evaluate", files[0], "--labels", 0.4, *options)
        assert result.exit_code == 0, result.output
        return json.loads((tmp_path / "r.json").read_text())["sets"]

    assert figures() == figures()


def test_several_shares_score_the_same_queries(
    cli: Cli, files: tuple[Path, Path], tmp_path: Path
) -> None:
    options = ["--seeds", 1, "--baselines", "constant,majority", "--json", "r.json"]
    result = cli("evaluate", files[0], "--labels", "0.6,0.3", *options, "--report", "page")
    assert result.exit_code == 0, result.output
    budgets = json.loads((tmp_path / "r.json").read_text())["budgets"]
    assert [budget["labels"] for budget in budgets] == [0.3, 0.6]
    sizes = {budget["sets"]["unlabelled"]["memreward"]["n_queries"] for budget in budgets}
    counted = 60 - sum(is_final(rollout.query) for rollout in make_rollouts(60, 1))
    assert len(sizes) == 1
    assert abs(sizes.pop() - 0.4 * counted) <= 1
    assert "30%" in result.output
    assert (tmp_path / "page" / "budget.png").is_file()


def test_a_file_of_another_shape_is_read_as_ingest_reads_it(
    cli: Cli, files: tuple[Path, Path], tmp_path: Path
) -> None:
    """The same rows under other names, with rewards from -1 to 1, are as many queries."""
    names = {"q": "query", "qid": "query_id", "out": "answer"}
    other = []
    for line in files[0].read_text().splitlines():
        row = json.loads(line)
        scores = [2 * row.pop("reward") - 1]
        other.append({new: row.pop(old) for new, old in names.items()} | row | {"scores": scores})
    path = write_jsonl(tmp_path / "other-shape.jsonl", other)
    columns = ",".join(f"{old}={new}" for new, old in names.items()) + ",reward=scores[0]"
    options = ["--labels", 0.4, "--seeds", 1, "--baselines", "majority", "--json", "r.json"]
    found = {}
    for file, shape in ((files[0], []), (path, ["--map", columns, "--reward-range=-1:1"])):
        result = cli("evaluate", file, *options, *shape)
        assert result.exit_code == 0, result.output
        figures = json.loads((tmp_path / "r.json").read_text())
        row = figures["sets"]["unlabelled"]["majority"]
        found[file] = row["auc"], row["accuracy"], row["n_queries"]
    assert found[files[0]] == found[path]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "memreward evaluate"),
        (["--format", "verl", "--reward-range", "1"], "--reward-range"),
        (["--format", "preferences"], "preferences say which of two is better"),
    ],
)
def test_shapes_that_cannot_be_evaluated(
    cli: Cli, tmp_path: Path, stores: Stores, options: list[str], said: str
) -> None:
    rows: list[dict[str, object]] = [
        {"input": f"user\nWhat is {n} + 2?\nassistant\n", "output": f"#### {n}", "score": 1.0}
        for n in range(5)
    ]
    if "preferences" in options:
        rows = [{"prompt": "2 + 2?", "chosen": "4", "rejected": "5"}]
    result = cli("evaluate", write_jsonl(tmp_path / "t.jsonl", rows), *options)
    assert result.exit_code == 2
    assert said in " ".join(result.output.split())
    assert not any(name.startswith("scratch") for name in list_memories(stores))


def test_one_class_is_not_available(cli: Cli, tmp_path: Path) -> None:
    train = write_jsonl(tmp_path / "t.jsonl", [as_row(r) for r in make_rollouts(40, 4)])
    rows = [{**as_row(r), "reward": 0.0} for r in make_rollouts(5, 2, first=90)]
    wrong = write_jsonl(tmp_path / "wrong.jsonl", rows)
    result = cli(
        *("evaluate", train, "--test", wrong, "--labels", 0.5, "--seeds", 1),
        *("--baselines", "constant", "--json", "r.json"),
    )
    assert result.exit_code == 0, result.output
    row = json.loads((tmp_path / "r.json").read_text())["sets"]["wrong"]["constant"]
    assert row["auc"] is None
    assert "n/a" in result.output


@pytest.mark.parametrize(
    "arguments",
    [
        ("--labels", 0),
        ("--labels", 1.5),
        ("--labels", "0.2,1"),
        ("--labels", "a few"),
        ("--seeds", 0),
        ("--baselines", "oracle"),
    ],
    ids=str,
)
def test_options_that_cannot_be(
    arguments: tuple[object, ...], cli: Cli, files: tuple[Path, Path], stores: Stores
) -> None:
    assert cli("evaluate", files[0], *arguments).exit_code == 2
    assert not any(name.startswith("scratch") for name in list_memories(stores))


@pytest.mark.parametrize(
    ("rewards", "share", "said"),
    [
        ((None, None), "0.5", "no row has a `reward`"),
        ((1.0, 0.0), "0.1", "3 of 30 queries, and memreward learns from"),
        ((1.0, 0.0), "0.12,0.9", "queries outside the final set, and memreward"),
    ],
)
def test_too_few_rewards_are_refused_before_anything_is_stored(
    cli: Cli,
    tmp_path: Path,
    stores: Stores,
    rewards: tuple[float | None, ...],
    share: str,
    said: str,
) -> None:
    rows = [
        as_row(make_rollout(question, place, reward=reward))
        for question in range(30)
        for place, reward in enumerate(rewards)
    ]
    result = cli("evaluate", write_jsonl(tmp_path / "t.jsonl", rows), "--labels", share)
    assert result.exit_code == 2
    assert said in " ".join(result.output.split())
    assert not any(name.startswith("scratch") for name in list_memories(stores))


def test_budgets_of_calls(
    cli: Cli, files: tuple[Path, Path], tmp_path: Path, stores: Stores
) -> None:
    options = ["--calls", "0.1,0.3", "--seeds", 1, "--strategies", "largest"]
    result = cli("evaluate", files[0], *options, "--json", "r.json", "--report", "page")
    assert result.exit_code == 0, result.output
    figures = json.loads((tmp_path / "r.json").read_text())
    assert figures["rollouts"] == 240
    for share, calls in (("0.1", 24), ("0.3", 72)):
        rows = figures["calls"][share]
        assert list(rows) == ["memreward", "largest", "largest, counted"]
        assert rows["memreward"]["calls"] == calls
    assert "With 10% of the rollouts verified" in result.output
    assert (tmp_path / "page" / "calls.html").exists()
    assert not any(name.startswith("scratch") for name in list_memories(stores))


def test_budgets_of_calls_that_cannot_be(cli: Cli, files: tuple[Path, Path]) -> None:
    for options, said in (
        (["--calls", "2"], "--calls 2: give shares above 0"),
        (["--calls", "0.1", "--strategies", "best"], "no strategy is called best"),
        (["--calls", "0.1", "--test", files[1]], "leave out --test"),
    ):
        result = cli("evaluate", files[0], *options)
        assert result.exit_code == 2
        assert said in " ".join(result.output.split())
