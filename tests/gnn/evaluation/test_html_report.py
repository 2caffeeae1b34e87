"""The report: one page, no other files."""

import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.container import BarContainer
from support.graph_factory import make_graph

from gnn.evaluation.figures import (
    coverage_figure,
    dataset_figure,
    reliability_figure,
    roc_figure,
    save_summary_figure,
)
from gnn.evaluation.html_report import report_page, write_report
from gnn.evaluation.protocol import Evaluation, Trial, evaluate
from gnn.evaluation.style import COLOURS, colour_of
from gnn.models.baselines.constant_majority_knn import ConstantModel, MajorityModel
from schema.errors import InputError


@pytest.fixture(scope="module")
def evaluation() -> Evaluation:
    """Two models on a set with a name to escape, and on one with a single class."""
    graph, truth_R = make_graph()
    truth_R[-4:] = 1.0
    last_R = np.arange(len(truth_R)) >= len(truth_R) - 4
    rest_R = (graph.query_of_rollout_R >= 6) & ~last_R
    trials = [
        Trial(
            seed=seed,
            labelled_query_ids=graph.query_id_Q[:6],
            sets={"a<b>&c": rest_R, "all right": last_R},
        )
        for seed in range(2)
    ]
    return evaluate(
        fit_graph=graph,
        predict_graph=graph,
        truth_R=truth_R,
        trials=trials,
        models={"constant": ConstantModel, "majority": MajorityModel},
        labels=0.5,
    )


class Page(HTMLParser):
    """Counts tags and collects what is linked."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("src", "href")]


def test_page_stands_alone(evaluation: Evaluation) -> None:
    page = Page()
    text = report_page(evaluation)
    page.feed(text)
    assert page.tags.count("img") == 2 * 5
    assert all(link.startswith("data:image/png;base64,") for link in page.links)
    assert not re.search(r"https?://|<script|<link", text)
    assert "a&lt;b&gt;&amp;c" in text
    assert "<b>&c" not in text
    assert "n/a" in text


def test_page_shows_the_figures_of_the_json(evaluation: Evaluation) -> None:
    row = evaluation.to_json()["sets"]["a<b>&c"]["majority"]
    page = report_page(evaluation)
    assert f"{row['auc']:.3f} ±{row['auc_spread']:.3f}" in page
    chosen = evaluation.to_json()["best_of"]["a<b>&c"]["4"]["majority"]
    assert f"<td>{chosen['accuracy']:.3f} ({chosen['regret']:.3f})</td>" in page


def test_page_says_what_it_is_of_and_ends_with_a_sentence(evaluation: Evaluation) -> None:
    page = report_page(evaluation, ["memreward evaluate 'a & b.jsonl'", "memreward 9.9, today"])
    counts = evaluation.to_json()["queries"]
    assert "memreward evaluate &#x27;a &amp; b.jsonl&#x27;" in page and "memreward 9.9" in page
    assert f"{counts['labelled']} labelled, {counts['scored']} scored" in page
    assert re.search(r"<b>With 6 queries labelled, [^<]*</b></p>\n</body></html>$", page)


def test_a_method_has_one_colour_and_a_band_over_seeds(evaluation: Evaluation) -> None:
    result, name = evaluation.to_json(), "a<b>&c"
    colours = {
        line.get_color()
        for figure in (roc_figure(evaluation, name), coverage_figure(evaluation, name))
        for line in figure.axes[0].lines
        if line.get_label() == "majority"
    }
    bars = dataset_figure(result["sets"][name], "auc", "AUROC").axes[0]
    container = next(one for one in bars.containers if one.get_label() == "majority")
    assert isinstance(container, BarContainer)
    assert colours == {COLOURS["majority"]}
    assert to_hex(container.patches[0].get_facecolor()) == COLOURS["majority"]
    assert bars.get_ylim() == (0, 1)
    assert len(roc_figure(evaluation, name).axes[0].collections) == 1
    assert colour_of("majority, 20 % of labels") == COLOURS["majority"]
    assert len(set(COLOURS[one] for one in ("memreward", "logistic", "majority", "published"))) == 4


def test_reliability_counts_the_rollouts_of_each_bin(evaluation: Evaluation) -> None:
    _, counts = reliability_figure(evaluation, "a<b>&c").axes
    row = evaluation.to_json()["sets"]["a<b>&c"]["majority"]
    (line,) = counts.lines
    assert np.nansum(np.asarray(line.get_ydata(), float)) == row["n_rollouts"]


def test_is_written_whole(evaluation: Evaluation, tmp_path: Path) -> None:
    path = write_report(evaluation, tmp_path / "reports")
    assert path.read_text(encoding="utf-8").endswith("</html>")
    assert {p.name for p in path.parent.iterdir()} == {"report.html", "result.png"}


def test_a_file_in_the_way_is_reported(evaluation: Evaluation, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    with pytest.raises(InputError, match="name another folder"):
        write_report(evaluation, tmp_path / "taken")


def test_readme_figure_is_a_png(evaluation: Evaluation, tmp_path: Path) -> None:
    save_summary_figure(evaluation.to_json(), "a<b>&c", tmp_path / "figure.png")
    assert (tmp_path / "figure.png").read_bytes().startswith(b"\x89PNG")
