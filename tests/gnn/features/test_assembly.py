"""Features: what they see, that they are local, and that nothing makes them fail."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.graph_factory import make_graph, without_queries

from gnn.features.arithmetic import query_value, statements
from gnn.features.assembly import TEXT_NAMES, rollout_features
from gnn.features.code import NAMES as CODE_NAMES
from gnn.features.code import code_features
from gnn.features.options import NAMES as OPTION_NAMES
from gnn.features.options import option_features
from gnn.features.text import text_features


@pytest.mark.parametrize(
    ("text", "right", "wrong"),
    [
        ("48 / 2 = 24", 1, 0),
        ("Total = 5 * 7 = 35 dollars", 1, 0),
        ("\\[ \\frac{20}{10} = 3 \\]", 0, 1),
        ("3x + 4 = 7", 0, 0),
        ("x = 12", 0, 0),
        ("5 books * $7/book = $35 and 3 + 4 = 8", 1, 1),
        ("(2 + 3) \\times 4 = 20", 1, 0),
        ("1,000 - 1 = 999", 1, 0),
        ("10 / 3 = 3.33", 1, 0),
        ("1 / 0 = 5", 0, 0),
        ("9 ^ 999999999 = 1", 0, 0),
    ],
)
def test_stated_arithmetic_is_checked(text: str, right: int, wrong: int) -> None:
    assert statements(text)[:2] == (right, wrong)


def test_the_last_statement_is_told() -> None:
    assert statements("1 + 1 = 2\n1 + 1 = 3")[2] == -1
    assert statements("1 + 1 = 3\n1 + 1 = 2")[2] == 1
    assert statements("nothing")[2] == 0


def test_a_query_that_is_an_expression_has_a_value() -> None:
    assert query_value("Calculate 775 * -986 - 30 / 1 + -315.") == -764495
    assert query_value("Tom has 3 apples and 1/2 of a pear.") is None


def test_the_chosen_option_is_compared_with_the_others() -> None:
    query = "Which one?\nA. x\nB. a much longer option than the others\nC. yy\nD. zzz"
    found = dict(zip(OPTION_NAMES, option_features(query, "B.", "option:B"), strict=True))
    assert (found["options"], found["letter_B"], found["longest"], found["length_rank"]) == (
        1, 1, 1, 1,
    )  # fmt: skip
    assert sum(option_features("no options", "B.", None)) == 0


def test_code_is_compared_with_what_is_asked() -> None:
    query = "Write a function.\nassert add(1, 2) == 3"
    good = "```python\ndef add(a, b):\n    return len(a)\n```"
    bad = "```python\ndef plus(a):\n    print(c)\n```"
    names = ("defines_asked", "arguments_fit", "undefined_names", "type_fits", "prints")
    seen = [
        tuple(dict(zip(CODE_NAMES, code_features(query, text), strict=True))[n] for n in names)
        for text in (good, bad)
    ]
    assert seen == [(1, 1, 0, 1, 0), (0, 0, 1, 0, 1)]


@settings(max_examples=100)
@given(query=st.text(max_size=80), thinking=st.text(max_size=80), answer=st.text(max_size=80))
def test_text_features_are_finite_and_always_the_same_ones(
    query: str, thinking: str, answer: str
) -> None:
    found = text_features(query, thinking, answer, None)
    assert list(found) == list(text_features("", "", "", "value:7"))
    assert np.isfinite(list(found.values())).all()
    assert len(code_features(query, f"```python\n{answer}")) == len(CODE_NAMES)


def test_features_depend_on_the_own_group_only() -> None:
    graph, _ = make_graph(12, signals=True, policy_dimension=3)
    removed_Q = np.arange(12) % 2 == 1
    smaller, kept_R = without_queries(graph, removed_Q)
    whole, part = rollout_features(graph), rollout_features(smaller)
    for name in ("text_RF", "signals_RS", "hidden_RH"):
        np.testing.assert_allclose(getattr(whole, name)[kept_R], getattr(part, name), atol=1e-5)


def test_missing_signals_are_zero_beside_a_flag() -> None:
    graph, _ = make_graph(6, signals=True, policy_dimension=3)
    signals_R6 = graph.policy_signals_R6.copy()
    signals_R6[0, 2] = np.nan
    found = rollout_features(replace(graph, policy_signals_R6=signals_R6))
    assert found.has_signals_R[0] == 0
    assert not found.signals_RS[0].any()
    assert found.has_signals_R[1:].all()
    assert np.isfinite(found.signals_RS).all()
    assert not rollout_features(make_graph(6)[0]).has_hidden_R.any()


def test_the_group_says_how_far_it_agrees() -> None:
    graph, truth_R = make_graph(6)
    found = rollout_features(graph)
    query_R = graph.query_of_rollout_R
    top_R = found.text_RF[:, TEXT_NAMES.index("top_share")]
    right_R = np.bincount(query_R, weights=truth_R)[query_R] / 4
    np.testing.assert_allclose(top_R, np.maximum(right_R, 0.25))
    entropy_R = found.text_RF[:, TEXT_NAMES.index("entropy")]
    assert (entropy_R[right_R == 1] == 0).all() and (entropy_R[right_R < 1] > 0).all()


def test_a_rollout_without_a_query_does_no_harm() -> None:
    graph, _ = make_graph(6)
    cut = replace(graph, generated_2E=graph.generated_2E[:, 1:])
    assert cut.query_of_rollout_R[0] == -1
    assert np.isfinite(rollout_features(cut).text_RF).all()
