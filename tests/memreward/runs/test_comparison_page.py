from dataclasses import replace

import pytest

from memreward.runs.comparison_page import latex, page
from memreward.runs.comparison_table import ArmResult, table
from memreward.runs.intervals import Intervals
from trainer.rewards import Arm

MEASURES = {
    **{name: (0.5, 0.01) for name in ("before", "after", "share", "unseen_before")},
    **{name: (0.25, None) for name in ("unseen_after", "reward_share", "coverage", "auc")},
    **{name: (None, None) for name in ("within_query", "ece", "propagated")},
    **{name: (1234.4, 3.0) for name in ("labels", "calls", "seconds")},
}
OURS = ArmResult(
    arm=Arm.MEMREWARD,
    labels=0.2,
    budget="20%",
    seeds=3,
    measures=MEASURES,
    intervals=Intervals(after=(0.41, 0.59), share=None, visible=0.07),
)
SHARED = Intervals(after=(0.41, 0.59), share=(0.75, 1.125), visible=0.07)


def test_the_latex_table_has_a_line_an_arm_with_interval_spend_and_seconds() -> None:
    lines = latex(
        [
            replace(OURS, intervals=SHARED),
            OURS,
            replace(OURS, calls=0.05, budget="5% of calls", intervals=None),
        ]
    )
    rows = [line for line in lines.splitlines() if line.startswith("memreward")]
    assert rows == [
        r"memreward & 20\% & 3 & 0.500 $\pm$0.010 & 0.500 $\pm$0.010 & 0.410 to 0.590 & "
        r"0.500 $\pm$0.010 & 0.750 to 1.125 & 1234 & 1234 & 1234 \\",
        r"memreward & 20\% & 3 & 0.500 $\pm$0.010 & 0.500 $\pm$0.010 & 0.410 to 0.590 & "
        r"0.500 $\pm$0.010 & n/a & 1234 & 1234 & 1234 \\",
        r"memreward & 5\% of calls & 3 & 0.500 $\pm$0.010 & 0.500 $\pm$0.010 & n/a & "
        r"0.500 $\pm$0.010 & n/a & 1234 & 1234 & 1234 \\",
    ]
    assert lines.count(r"\begin{tabular}{llrrrrrrrrr}") == 1


def test_page_and_markdown_have_the_interval_of_a_share() -> None:
    results = [replace(OURS, intervals=SHARED)]
    assert "<td>0.750 to 1.125</td>" in page(results, [], b"")
    assert "| 0.410 to 0.590 | 0.750 to 1.125 | 0.070 |" in table(results)


@pytest.mark.parametrize("intervals", [None, OURS.intervals])
def test_the_page_needs_no_other_file(intervals: Intervals | None) -> None:
    made = page([replace(OURS, intervals=intervals)], ["memreward compare --name <b>"], b"\x89PNG")
    assert 'src="data:image/png;base64,iVBORw=="' in made and "http" not in made
    assert "--name &lt;b&gt;" in made and "0.500 ±0.010" in made
    assert ("least visible" in made.partition("<p>Mean")[0]) is (intervals is not None)


def test_the_page_tells_drift_where_there_is_some() -> None:
    moved = replace(OURS, measures=MEASURES | {"ece_1": (0.1, None), "ece_4": (0.75, None)})
    assert "by quarter" not in page([OURS], [], b"")
    shown = page([moved], [], b"")
    assert "within-query by quarter: 1st" in shown and "<td>0.750</td></tr>" in shown
