"""Charts of runs that are unusual."""

import re

from memreward.look.drawing import run_chart
from memstore.browse import MeanAt, RunSteps


def test_a_single_step_is_named_by_a_whole_number() -> None:
    one = (MeanAt(step=7, n=8, mean=0.5),)
    steps = RunSteps(verified=one, propagated=(), share=one, tokens=one)
    axes = re.findall(r"<text[^>]*>([^<]*)</text>", run_chart(steps, dark=False).decode())
    assert axes.count("7") == 3 and not [text for text in axes if re.match(r"[67]\.", text)]
