"""Values in other dress once more: coordinates, sentences, several units, denials."""

import pytest

from schema.answers import conclusion_key

SAME = [
    [
        "$7.25", "7.25", "\\boxed{\\$7.25}", "7.25 dollars", "The total cost is $7.25.",
        "**$7.25**", "US$7.25", "7.25 USD", "$ 7.25",
    ],
    [
        "72 km/h", "72 kilometers per hour", "\\boxed{72 \\text{ km/h}}", "72\\,\\mathrm{km/h}",
    ],
    [
        "1/6", "\\frac16", "\\boxed{\\frac{1}{6}}", "The probability is 1/6.", "$\\frac{1}{6}$",
        "\\dfrac{1}{6}.", "2/12", "So the probability is \\(\\frac{1}{6}\\).",
    ],
    [
        "12,345,678", "12345678", "12{,}345{,}678",
    ],
    [
        "16", "4^2", "2^4", "16.00", "The area is 16 square units.", "16 units^2",
        "16 \\text{ square units}", "16 square units",
    ],
    [
        "x=4", "4", "x = 4.", "\\boxed{x=4}", "$x = 4$", "The solution is x = 4.", "\\[x = 4\\]",
    ],
    [
        "(-1, 2)", "(-1,2)", "\\left(-1, 2\\right)", "$(-1,2)$", "\\boxed{(-1,\\,2)}",
        "The point is (-1, 2).",
    ],
    [
        "a^2+2ab+b^2", "(a+b)^2", "a^2 + b^2 + 2ab", "(b+a)^2",
    ],
    [
        "\\frac{\\sqrt{2}}{2}", "\\frac{1}{\\sqrt{2}}", "\\sqrt{2}/2", "\\sqrt{\\frac{1}{2}}",
        "√2/2",
    ],
    [
        "True", "true", "TRUE", "**True**", "\\text{True}", "The answer is True.",
    ],
    [
        "knight", "Knight", "\"knight\"", "The answer is knight.", "\\boxed{\\text{knight}}",
    ],
    [
        "2:15", "02:15", "The time is 2:15.", "\\boxed{2:15}",
    ],
    [
        "9:05 AM", "9:05 am", "9:05 a.m.", "09:05 AM", "9:05AM",
    ],
    [
        "March 3, 2021", "march 3, 2021", "\\text{March 3, 2021}", "The date is March 3, 2021.",
        "The answer is March 3, 2021",
    ],
    [
        "[1, 4]", "\\left[1,4\\right]", "\\boxed{[1, 4]}", "$[1,4]$",
    ],
    [
        "\\{-2, 2\\}", "\\{2,-2\\}", "{2, -2}",
    ],
    [
        "x^2 + y^2 = 25", "x^2+y^2=25", "\\boxed{x^2 + y^2 = 25}", "$x^2+y^2=25$", "x² + y² = 25",
    ],
    [
        "x > -3", "x>-3", "\\boxed{x > -3}", "x > −3",
    ],
    [
        "0.05", "5/100", "1/20", ".05", "5 \\times 10^{-2}", "0.050",
    ],
    [
        "100", "100%", "100 percent", "100\\%",
    ],
    [
        "3.0 x 10^8", "3e8", "300000000", "3 \\times 10^8", "300,000,000", "3\\cdot10^{8}",
    ],
    [
        "-3", "−3", "\\boxed{-3}", "$-3$", "negative three", "x = -3", "- 3",
    ],
    [
        "1, 2, and 3", "1, 2, 3", "1, 2 and 3", "[1,2,3]",
    ],
    [
        "5 hours 30 minutes", "5 h 30 min", "5 hours and 30 minutes", "5 hours, 30 minutes",
    ],
    [
        "six", "6", "Six.", "The answer is six",
    ],
    [
        "eighty-one", "81", "eighty one",
    ],
    [
        "\\boxed{\\text{no solution}}", "No solution", "no solution.",
        "The answer is no solution.",
    ],
    [
        "２／３", "2/3",
    ],
    [
        "３．５", "3.5",
    ],
    [
        "四十二", "42",
    ],
    [
        "१२५", "125",
    ],
    [
        "{\"a\": [1, 2], \"b\": null}", "{\"b\":null,\"a\":[1,2]}",
    ],
    [
        "y = -2x + 5", "-2x+5", "5-2x", "y=5-2x",
    ],
    [
        "\\tan^{-1}(2)", "\\tan^{-1}(2)",
    ],
    [
        "6x^5", "6 x^5", "6x^{5}", "6*x^5", "6x⁵",
    ],
    [
        "\\frac{x+1}{x-1}", "(x+1)/(x-1)", "\\dfrac{x+1}{x-1}",
    ],
    [
        "2.25", "9/4", "2 1/4", "2\\frac{1}{4}",
    ],
]  # fmt: skip
DIFFERENT = [
    ("5 m/s", "5 km/s"), ("5 kJ", "5 J"), ("30 miles/gallon", "30"), ("2 kW", "2 W"),
    ("5 feet", "5 yards"), ("$5", "5 cents"), ("2 pairs", "2"), ("30 seconds", "30 minutes"),
    ("90 km", "90 miles"), ("15 kg", "15 g"), ("1 decade", "1 century"),
    ("3 hours 20 minutes", "3 hours 2 minutes"), ("2-1", "1-2"), ("x+1", "x-1"),
    ("sin 2x", "2 sin x"), ("log_2 8x", "log_2 8"), ("A", "B"), ("AB", "BA"),
    ("x=5 and y=6", "x=6 and y=5"), ("[3,1,2]", "[1,2,3]"), ("(1,2),(3,4)", "(1,3),(2,4)"),
    ("1;2", "12"), ("1 2", "12"), ("[0,1]", "{0,1}"), ("(0,1)", "[0,1]"), ("even", "odd"),
    ("12:30", "12:03"), ("12:30 AM", "12:30 PM"), ("2020-12-01", "2020-01-12"),
    ("01/02/2020", "02/01/2020"), ("Jan 5", "Feb 5"), ("Monday", "Sunday"), ("$1,000", "$10,00"),
    ("1.234.567", "1234.567"), ("0.1%", "10%"), ("\\sqrt{3}", "3"), ("\\sqrt{12}", "2\\sqrt{2}"),
    ("e", "\\pi"), ("5\\pi/6", "5/6"), ("3x^2", "3x"), ("x^2y", "xy^2"), ("a_1", "a_2"),
    ("|−3|", "-3"), ("n^2", "2^n"), ("f'(x)", "f(x)"), ("\\int x dx", "x"), ("7 and 9", "9"),
    ("6 or 7", "7"), ("at least 3", "3"), ("more than 5", "5"), ("about 5 or 6", "6"),
    ("5 not 6", "6"), ("all but 3", "3"), ("first 3", "last 3"),
    ("The red ball", "The blue ball"), ("Bob is older than Al", "Al is older than Bob"),
    ("1st", "2nd"), ("3rd", "3"), ("IV", "VI"), ("0x1F", "0x2F"), ("1011", "1101"),
    ("abc", "acb"), ("x<1 or x>3", "x>3"), ("x<1 or x>3", "1<x<3"), ("-5<x<5", "x<5"),
    ("No, 7 is prime", "Yes, 7 is prime"), ("H2O", "H2O2"), ("10^3", "10^4"), ("2e-3", "2e3"),
    ("1/3 cup", "3 cups"), ("(x-1)(x+2)", "(x+1)(x-2)"), ("x^3-1", "x^3+1"),
    ("[[1,0],[0,1]]", "[[0,1],[1,0]]"), ("1 0\n0 1", "0 1\n1 0"), ("5!", "120!"),
    ("C(5,2)", "C(5,3)"), ("P(A|B)", "P(B|A)"), ("i+j", "i-j"), ("3:4:5", "3:5:4"), ("é", "è"),
    ("ñ", "n"), ("上", "下"), ("true, false", "false, true"),
    ("Row 3, column 4", "Row 4, column 3"),
]  # fmt: skip


def key(answer: str) -> str | None:
    return conclusion_key("How much is it?", "", answer, "math")


@pytest.mark.parametrize("same", SAME, ids=range(len(SAME)))
def test_the_same_value_again(same: list[str]) -> None:
    keys = {answer: key(answer) for answer in same}
    assert None not in keys.values()
    assert len(set(keys.values())) == 1, keys


@pytest.mark.parametrize(("one", "other"), DIFFERENT, ids=range(len(DIFFERENT)))
def test_another_value_again(one: str, other: str) -> None:
    assert key(one) != key(other)
    assert key(f"The answer is {one}.") != key(f"The answer is {other}.")
    assert key(f"\\boxed{{{one}}}") != key(f"\\boxed{{{other}}}")


@pytest.mark.parametrize(
    ("answer", "value"),
    [
        ("54, not 56", "54"),
        ("The answer is 54, not 56.", "54"),
        ("\\begin{align*}\n6 \\cdot 9 &= 54\n\\end{align*}", "54"),
        ("\\begin{aligned}x &= 6 \\cdot 9 \\\\ &= 54\\end{aligned}", "54"),
    ],
)
def test_the_value_among_other_things(answer: str, value: str) -> None:
    assert key(answer) == key(value)


def test_a_step_that_goes_on_is_no_value() -> None:
    for cut_off in ("16 \\div", "[6 +", "3 =", "2^"):
        found = key(cut_off)
        assert found is None or not found.startswith("value:")


def test_a_rate_goes_without_saying_where_the_query_asks_for_it() -> None:
    query = "How fast is it, in km/s?"
    assert conclusion_key(query, "", "5 km/s", "math") == conclusion_key(query, "", "5", "math")
