"""What is said on the command line becomes rows of the input format, or is refused."""

from collections import Counter
from typing import Any

import pytest

from memstore.mapping.options import ShapeOptions
from schema.errors import InputError


def mapped(row: dict[str, Any], **said: Any) -> list[dict[str, Any]]:
    mapping = ShapeOptions(**said).mapping()
    assert mapping is not None
    return list(mapping.rows(row, Counter()))


def test_columns_are_renamed_and_given_constants() -> None:
    row = {"p": "q", "out": {"text": ["a", "b"]}, "score": 1, "x": 2}
    found = mapped(row, map="query=p, completion=out.text[1],policy='a, b',step=3,dataset=\"d\"")
    assert found == [{"query": "q", "completion": "b", "policy": "a, b", "step": 3, "dataset": "d"}]
    assert found == mapped(
        row,
        map={
            "query": "p",
            "completion": "out.text[1]",
            "policy": "'a, b'",
            "step": "3",
            "dataset": "'d'",
        },
    )


def test_columns_with_our_names_are_read_unless_they_are_mapped_or_left_out() -> None:
    row = {"query": "q", "answer": "4", "thinking": "t", "score": 1, "reward": 0, "step": 2}
    assert mapped(row, map="reward=score") == [
        {"query": "q", "answer": "4", "thinking": "t", "reward": 1, "step": 2}
    ]
    assert mapped(row, map="reward=")[0].keys() == {"query", "answer", "thinking", "step"}
    # What the policy wrote is mapped: `answer` may be the expected one.
    assert mapped({**row, "out": "5"}, map="completion=out") == [
        {"query": "q", "completion": "5", "reward": 0, "step": 2}
    ]


@pytest.mark.parametrize(
    "said",
    [
        {"map": "query=p,completion=gens[],reward=right[],finish_reason=why[].reason"},
        {
            "map": "query=p,completion=gens,reward=right,finish_reason=why[].reason",
            "explode": "gens,right",
        },
    ],
)
def test_parallel_lists_are_a_rollout_an_element(said: dict[str, str]) -> None:
    row = {"p": "q", "gens": ["a", "b"], "right": [True, False], "why": [{"reason": "stop"}, {}]}
    assert mapped(row, **said) == [
        {"query": "q", "completion": "a", "reward": True, "finish_reason": "stop"},
        {"query": "q", "completion": "b", "reward": False},
    ]
    assert len(mapped({**row, "right": None, "why": None}, **said)) == 2
    with pytest.raises(InputError, match=r"differ in length .*`gens\[\]` 2, `right\[\]` 1"):
        mapped({**row, "right": [True]}, **said)
    with pytest.raises(InputError, match="empty"):
        mapped({"p": "q", "gens": [], "right": [], "why": []}, **said)
    with pytest.raises(InputError, match="none is a list"):
        mapped({"p": "q"}, **said)


def test_our_own_columns_can_be_lists() -> None:
    row = {"query": "q", "completion": ["a", "b"], "reward": [1, 0], "step": 4}
    assert mapped(row, explode="completion,reward") == [
        {"query": "q", "completion": "a", "reward": 1, "step": 4},
        {"query": "q", "completion": "b", "reward": 0, "step": 4},
    ]


def test_only_the_rows_with_a_value_are_used() -> None:
    said = {"map": "query=p,answer=a", "where": "filter=strict, ok=true"}
    assert mapped({"p": "q", "a": "4", "filter": "strict", "ok": True}, **said)
    assert not mapped({"p": "q", "a": "4", "filter": "strict", "ok": False}, **said)
    assert not mapped({"p": "q", "a": "4", "ok": True}, **said)


def test_numbers_in_texts_are_numbers_where_a_column_holds_them() -> None:
    assert mapped({"p": "q", "o": "4", "s": "12"}, map="query=p,answer=o,step=s")[0]["step"] == 12


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"map": "prompt=p"}, "no column of the input format"),
        ({"map": "query"}, "write column=path"),
        ({"map": "query=p,query=r"}, "given twice"),
        ({"map": "query=a[["}, "no path"),
        ({"map": "query=p", "explode": "gens"}, "nothing is mapped to it"),
        ({"format": "nothing"}, "not known"),
        ({"where": "filter"}, "write path=value"),
    ],
)
def test_what_cannot_be_meant_is_refused(said: dict[str, Any], why: str) -> None:
    with pytest.raises(InputError, match=why):
        ShapeOptions(**said).mapping()


def test_a_map_after_a_format_replaces_what_it_names() -> None:
    row = {"input": "q", "output": "a", "gts": "4", "score": -1, "step": 2, "acc": True}
    found = mapped(row, format="verl", map="reward=acc,policy='p'")
    assert found == [{"query": "q", "completion": "a", "step": 2, "reward": True, "policy": "p"}]
    (found,) = mapped({**row, "answer": "b"}, format="verl", map="answer=answer")
    assert (found["answer"], "completion" in found) == ("b", False)


def test_several_rewards_ask_for_one_name() -> None:
    row = {"step": 1, "prompt": "q", "completion": "a", "advantage": 0, "right": 1.0, "form": None}
    with pytest.raises(InputError, match=r"reward=form, reward=right.*--map reward="):
        mapped(row, format="trl")
    assert mapped(row, format="trl", map="reward=right")[0]["reward"] == 1.0
    assert "reward" not in mapped(row, format="trl", map="reward=")[0]
    assert mapped({**row, "form": "a text"}, format="trl")[0]["reward"] == 1.0


def test_one_metric_of_several_answers_is_refused() -> None:
    row: dict[str, Any] = {
        "arguments": {"gen_args_0": {"arg_0": "q"}},
        "resps": [["a", "b"]],
        "metrics": ["exact_match"],
        "exact_match": 1.0,
    }
    with pytest.raises(InputError, match="has 2 elements, 1 are expected"):
        mapped(row, format="lm-eval")
    (found,) = mapped({**row, "resps": [["a"]]}, format="lm-eval")
    assert found["reward"] == 1.0
    both = {**row, "resps": [["a"]], "metrics": ["exact_match", "f1"], "f1": 0.5}
    with pytest.raises(InputError, match="reward=exact_match, reward=f1"):
        mapped(both, format="lm-eval")
