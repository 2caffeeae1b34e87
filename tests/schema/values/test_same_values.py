"""Equal values in other dress have one key; what differs in any sign has two."""

import pytest

from schema.answers.conclusion import conclusion_key

SAME = [
    ["0.25", "\\frac14", "\\dfrac{1}{4}", "\\boxed{\\frac{2}{8}}", "1/4", ".25", "{1}\\over{4}"],
    ["7.5", "7 1/2", "7\\frac{1}{2}", "\\boxed{7\\,\\frac12}", "15/2", "7½"],
    ["2,345,678", "2345678", "$2{,}345{,}678$", "2\\,345\\,678", "2345678.0"],
    ["$42", "42 dollars", "\\boxed{\\$42}", "€42", "42 EUR", "Rs. 42", "\\$42.00", "42"],
    ["60", "60^\\circ", "60°", "60 degrees", "\\boxed{60^{\\circ}}"],
    ["75%", "75 percent", "\\boxed{75\\%}"],
    ["2300", "2.3e3", "2.3 \\times 10^3", "2.3 x 10^{3}", "2.3 × 10³", "2.3 \\cdot 10^{3}"],
    ["0.001", "10^{-3}", "1e-3"],
    ["9", "about 9", "\\approx 9", "= 9", "nine", "**9**", "`9`", "<answer>9</answer>",
     "9.", "x = 9"],
    ["(2, 3.5)", "(2,\\frac{7}{2})", "\\left(2, 7/2\\right)"],
    ["[4, 5, 6]", "4, 5, 6", "(4,5,6)", "4, 5, and 6", "The answer is [4, 5, 6]."],
    ["\\{4, 5\\}", "{5, 4}", "\\boxed{\\left\\{5,4\\right\\}}"],
    ["x \\le 4", "x <= 4", "x ≤ 4"],
    ["(x-2)(x+2)", "x^2-4", "-4 + x^2", "\\boxed{x^{2} - 4}"],
    ["\\frac{1}{\\sqrt{3}}", "\\frac{\\sqrt{3}}{3}", "√3/3"],
    ["2^6", "64", "60 + 4", "4^3"],
    ["6π", "6\\pi", "6*pi", "6 \\pi \\text{ cm}"],
    ["1-2i", "-2i+1"],
    ["forty-two", "42", "４２", "٤٢", "四十二"],
    ["Caf\u00e9", "Cafe\u0301", "\\text{café}", "The answer is Café."],
    ["3 million", "3000000"],
    ["So the total is 12.\n\nI hope that helps!", "12", "Therefore, there are 12."],
]  # fmt: skip

DIFFERENT = [
    ("5 km", "5 m"), ("5 km", "5 miles"), ("3 hours", "3 minutes"), ("7 cents", "7"),
    ("4 feet 2 inches", "4 feet 3 inches"), ("2:30 PM", "2:30 AM"), ("3:4", "1:4"), ("3:4", "4"),
    ("4\\sqrt5", "4"), ("7x", "7"), ("7x", "7y"), ("\\pm 3", "3"), ("3", "-3"), ("3", "−3"),
    ("-∞", "∞"), ("[2,3]", "(2,3)"), ("[2,3)", "(2,3]"), ("(1,2)", "(2,1)"), ("{1, 2}", "{1, 3}"),
    ("[1,2]∪[3,4]", "[0,2]∪[3,4]"), ("x > 3", "x < 3"), ("x != 3", "x = 3"), ("x >= 3", "3"),
    ("x=1, y=2", "x=3, y=2"), ("x=1 or x=2", "x=2"), ("x^2+y=1", "x+y=1"),
    ("100, 200", "100200"), ("100,200", "100200"), ("0,7", "07"), ("(4,321)", "4,321"),
    ("6 1/2", "61/2"), ("6\\frac12", "3"), ("1 0\n0 1", "1 0 0\n1"), ("1 2\n3", "1 23"),
    ("May 4, 2021", "June 4, 2021"), ("2021-05-04", "2021-06-04"), ("May 4", "June 4"),
    ("Yes, there are 3 of them.", "No, there are 3 of them."), ("True", "False"),
    ("Neither one is red.", "The first one is red."), ("three quarters", "three"),
    ("twenty-one", "thirty-one"), ("0.1234567891", "0.1234567881"), ("900000000.5", "900000000"),
    ("\\boxed{2} and \\boxed{3}", "\\boxed{3}"), ("2^{-99}", "2^{-98}"), ("H2O", "HO2"),
    ('{"a": 1}', '{"a": 2}'), ("ab", "ba"), ("2 dozen", "2"), ("5 thousand", "5 million"),
    ("at least 4", "4"), ("more than 4", "4"), ("log 2", "ln 2"), ("5!", "5"), ("x_1", "x_2"),
]  # fmt: skip


def key(answer: str, query: str = "How much is it?", domain: str = "math") -> str | None:
    return conclusion_key(query, "", answer, domain)


@pytest.mark.parametrize("same", SAME, ids=lambda same: same[0][:20])
def test_equal_values_have_one_key(same: list[str]) -> None:
    keys = {answer: key(answer) for answer in same}
    assert None not in keys.values()
    assert len(set(keys.values())) == 1, keys


@pytest.mark.parametrize(("one", "other"), DIFFERENT, ids=range(len(DIFFERENT)))
def test_what_differs_has_two_keys(one: str, other: str) -> None:
    assert key(one) != key(other)
    assert key(f"The answer is {one}") != key(f"The answer is {other}")
    assert key(f"\\boxed{{{one}}}") != key(f"\\boxed{{{other}}}")


def test_long_texts_have_keys_that_differ_by_any_sign() -> None:
    text = "word " * 400
    assert key(text) not in (None, key(text + "more"))


def test_a_unit_goes_without_saying_where_the_query_asks_for_it() -> None:
    query = "How many minutes does the walk take?"
    assert key("45 minutes", query) == key("45", query)
    assert key("45 hours", query) != key("45", query)


def test_what_is_computed_is_its_result_whoever_is_named() -> None:
    query = "How many grams of flour are left of 50 g?"
    assert key("Ben still has 50 - 8 = 42 g of flour.", query) == key("42", query)
    assert key("Ben does not have 50 - 8 = 42 g of flour.", query) != key("42", query)
    assert key("Ben flies a Cessna 172.", query) != key("172", query)
    assert key("So T = 50 - 8 = 42", query) == key("S = 50 - 8 = 42", query) == key("42", query)


def test_a_number_may_be_called_at_length() -> None:
    label = "\\text{Total time that he spent on the garden in one week}"
    assert key(f"\\[ {label} = \\frac{{6}}{{5}} \\times 60 = 72 \\]") == key("72")
    assert key(f"\\[ {label} = 72 = 73 \\]") != key("72")
    assert key("The slope of the tangent of the curve y = 3x^2 + 1") != key("3x^2 + 1")


def test_generated_tasks_are_compared_as_they_are_written() -> None:
    for one, other in [
        ("t = 12", "12"),
        ("1,024", "1024"),
        ("7.0", "7"),
        ("1 2 \n3 4", "1 2\n3 4"),
    ]:
        assert key(one, domain="arithmetic") != key(other, domain="arithmetic")
    for one, other in [
        ("Red", "red"),
        ("2*x + 1", "1 + 2*x"),
        ("[[1, 2]]", "[[1,2]]"),
        ("a, b", "a,b"),
    ]:
        assert key(one, domain="algebra") == key(other, domain="algebra")
